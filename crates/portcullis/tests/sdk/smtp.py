"""A real mail server (aiosmtpd) on a free port of loopback. One JSON object a line: first the port, then each letter.

    smtp.py plain|auth|starttls|smtps|alone [folder for certificates]      `alone` is STARTTLS with a self-signed one

What becomes of a letter is said by the address: refuse@ is unknown, busy@ is asked to come back (once), broken@ is
refused for its content, slow@ is not answered for a minute. Everybody else's letters are taken.
"""

import asyncio
import datetime
import email
import email.policy
import json
import logging
import ssl
import sys
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

logging.disable(logging.CRITICAL)
USER, PASSWORD = "portcullis", "p@ss:w/rd"


def say(what):
    print(json.dumps(what), flush=True)


def certificates(folder):
    """An authority with a certificate for localhost, and a self-signed one that is no authority."""
    import trustme
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    authority = trustme.CA()
    issued = authority.issue_cert("localhost", "127.0.0.1")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    trustme.CA().cert_pem.write_to_path(folder / "other.pem")

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    alone = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "alone.pem").write_bytes(alone.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    (folder / "alone.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))
    return issued


class Handler:
    def __init__(self):
        self.busy = set()

    async def handle_RCPT(self, server, session, envelope, address, options):
        local = address.split("@")[0]
        if local == "refuse":
            return f"550 5.1.1 <{address}>: Recipient address rejected"
        if local == "busy" and address not in self.busy:
            self.busy.add(address)
            return "451 4.7.1 Come back later"
        if local == "slow":
            await asyncio.sleep(60)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if envelope.rcpt_tos[0].startswith("broken@"):
            return "554 5.6.0 Not with this content"
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        parts = [[part.get_content_type(), part.get_content()] for part in message.iter_parts()]
        say({
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "hello": session.host_name,
            "login": session.auth_data.login.decode() if session.auth_data else None,
            "encrypted": session.ssl is not None or isinstance(
                server.transport.get_extra_info("sslcontext"), ssl.SSLContext),
            "headers": {name: str(value) for name, value in message.items()},
            "parts": parts,
            "faults": [str(fault) for fault in message.defects],
        })
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=good, handled=False, auth_data=data if good else None)


async def serve(mode, folder):
    settings, outer = {}, None
    if mode in ("starttls", "smtps", "alone"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        issued = certificates(folder)
        if mode == "alone":
            context.load_cert_chain(folder / "alone.pem", folder / "alone.key")
        else:
            issued.configure_cert(context)
        if mode == "smtps":
            outer = context
        else:
            settings.update(tls_context=context, require_starttls=True)
    if mode != "plain":
        settings.update(authenticator=authenticate, auth_required=True,
                        auth_require_tls=mode in ("starttls", "alone"))
    handler, loop = Handler(), asyncio.get_running_loop()

    def session():
        return SMTP(handler, hostname="localhost", loop=loop, **settings)

    server = await loop.create_server(session, "127.0.0.1", 0, ssl=outer)
    say({"port": server.sockets[0].getsockname()[1]})
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], Path(sys.argv[2]) if len(sys.argv) > 2 else None))
