"""Somebody else's transparency-log tool (aics-tlog) verifies an exported log.

Arguments: the folder and its verifier key. Checks the signed checkpoint, every tile and entry bundle, and the
inclusion of the first and last entry; then damages a copy of one entry and expects that to be noticed.
"""

import pathlib
import shutil
import sys
import tempfile

import aics_tlog as tlog

folder, vkey = pathlib.Path(sys.argv[1]), tlog.parse_vkey(sys.argv[2].strip())
note = tlog.parse_note((folder / "checkpoint").read_bytes())
result = tlog.verify_checkpoint(note, vkey)
assert result.ok, result
checkpoint = tlog.parse_checkpoint(note.text)
reader = tlog.FileSystemTileReader(folder)
tlog.audit_tiles(reader, checkpoint.size, checkpoint.root)
for index in (0, checkpoint.size - 1):
    leaf = tlog.read_entry(reader, index, checkpoint.size)
    proof = tlog.inclusion_proof_from_tiles(reader, index, checkpoint.size)
    assert tlog.verify_leaf_inclusion(leaf, index, checkpoint.size, proof, checkpoint.root), index
print(f"ok {checkpoint.size} entries")

with tempfile.TemporaryDirectory() as scratch:
    copy = pathlib.Path(scratch) / "log"
    shutil.copytree(folder, copy)
    bundle = next(path for path in sorted((copy / "tile" / "entries").rglob("*")) if path.is_file())
    damaged = bytearray(bundle.read_bytes())
    damaged[10] ^= 1
    bundle.write_bytes(damaged)
    try:
        tlog.audit_tiles(tlog.FileSystemTileReader(copy), checkpoint.size, checkpoint.root)
    except tlog.TileVerificationError:
        print("ok a damaged entry is noticed")
    else:
        raise AssertionError("a damaged entry went unnoticed")
