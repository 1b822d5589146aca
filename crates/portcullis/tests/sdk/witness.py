"""Somebody else's witness and its client (aics-witness), beside ours.

  serve FOLDER LOG_VKEY         their witness, watching one log; says where it is and its key, then serves
  feed LOG LOG_VKEY URL VKEY    their client shows an exported log to our witness, and checks what it says
"""

import json
import pathlib
import sys

import aics_tlog as tlog
import aics_witness


def serve(folder: str, vkey: str) -> None:
    place = pathlib.Path(folder)
    place.mkdir(parents=True)
    key, _, _ = aics_witness.load_or_create_key(place / "witness.key", create=True)
    log = aics_witness.LogConfig(origin=vkey.split("+", 1)[0], vkeys=(tlog.parse_vkey(vkey),))
    store = aics_witness.WitnessStore(place / "witness.db", create=True)
    witness = aics_witness.Witness("witness.example.net/theirs", key, store, [log])
    store.bind_witness_vkey(witness.vkey_text)
    server = aics_witness.make_server(witness)
    print(json.dumps({"url": server.url, "vkey": witness.vkey_text}), flush=True)
    server.serve_forever()


def feed(log: str, log_vkey: str, url: str, vkey: str) -> None:
    folder = pathlib.Path(log)
    reader = tlog.FileSystemTileReader(folder)
    signed = (folder / "checkpoint").read_bytes()
    size = tlog.parse_checkpoint(tlog.parse_note(signed).text).size
    with aics_witness.WitnessClient(url, vkey) as client:
        lines = client.submit(signed, lambda old, new: tlog.consistency_proof_from_tiles(reader, old, new, size))
    merged = tlog.parse_note(aics_witness.merge_cosignatures(signed, lines))
    result = tlog.verify_checkpoint(merged, tlog.parse_vkey(log_vkey), [tlog.parse_vkey(vkey)], quorum=1)
    assert result.ok, result
    print(f"ok cosigned {size}")


{"serve": serve, "feed": feed}[sys.argv[1]](*sys.argv[2:])
