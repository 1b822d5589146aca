"""A collector of syslog messages over TLS, as strict as RFC 5425 and RFC 5424 allow, on a free port of loopback.

    syslog.py <folder> [flaky]

Writes an authority to ca.pem, and another one to other.pem, in the folder; says its URL as a JSON object; and appends each
message, as a JSON string, to the file `messages` there. Flaky, it resets every second connection after a part of it.
"""

import json
import re
import socket
import ssl
import struct
import sys
import threading
from pathlib import Path

import trustme

HEADER = re.compile(
    rb"<(1[01]\d)>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) ([!-~]{1,255}) portcullis - ([!-~]{1,32}) - (.+)", re.DOTALL
)
FRAME_MAX = 200_000


def frames(received):
    """Every frame of a connection; nothing may be left over."""
    at = 0
    while at < len(received):
        length = re.match(rb"[1-9][0-9]{0,5} ", received[at : at + 8])
        assert length, f"no length at {at}: {received[at:at + 40]!r}"
        at += length.end()
        size = int(length.group())
        assert size <= FRAME_MAX and at + size <= len(received), "a frame ends too early"
        yield received[at : at + size]
        at += size


def serve(connection, context, out, lock, reset):
    with context.wrap_socket(connection, server_side=True, suppress_ragged_eofs=False) as secure:
        if reset:
            secure.recv(10)
            # Closing with this option sends a reset, as a machine that dies does.
            secure.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        received = b""
        while piece := secure.recv(65536):
            received += piece
        lines = []
        for message in frames(received):
            header = HEADER.fullmatch(message)
            assert header, message[:200]
            assert 104 <= int(header.group(1)) <= 111, message[:20]
            lines.append(json.dumps(message.decode("utf-8")) + "\n")
        with lock, out.open("a") as file:
            file.write("".join(lines))
        secure.unwrap()


def main():
    folder, flaky = Path(sys.argv[1]), sys.argv[2:] == ["flaky"]
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    trustme.CA().cert_pem.write_to_path(folder / "other.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    authority.issue_cert("localhost").configure_cert(context)
    listener = socket.create_server(("127.0.0.1", 0))
    print(json.dumps({"url": f"tls://localhost:{listener.getsockname()[1]}"}), flush=True)
    lock, number = threading.Lock(), 0
    while True:
        connection, _ = listener.accept()
        number += 1

        def handle(connection=connection, reset=flaky and number % 2 == 0):
            try:
                serve(connection, context, folder / "messages", lock, reset)
            except (ssl.SSLError, ConnectionError) as error:
                print(f"connection: {error}", file=sys.stderr, flush=True)

        threading.Thread(target=handle, daemon=True).start()


main()
