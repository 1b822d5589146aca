"""Somebody else's transparency-log tool (aics-tlog) proves every entry of an evidence pack from the pack's tiles.

Arguments: the folder of an unpacked pack, and the log's verifier key.
"""

import csv
import pathlib
import sys

import aics_tlog as tlog

pack, vkey = pathlib.Path(sys.argv[1]), tlog.parse_vkey(sys.argv[2].strip())
note = tlog.parse_note((pack / "log" / "checkpoint").read_bytes())
result = tlog.verify_checkpoint(note, vkey)
assert result.ok, result
checkpoint = tlog.parse_checkpoint(note.text)
reader = tlog.FileSystemTileReader(pack / "log")
leaves = (pack / "events.jsonl").read_bytes().split(b"\n")[:-1]
with (pack / "events.csv").open(newline="", encoding="utf-8") as table:
    indices = [int(row["index"]) for row in csv.DictReader(table)]
assert len(leaves) == len(indices) > 0
for leaf, index in zip(leaves, indices):
    proof = tlog.inclusion_proof_from_tiles(reader, index, checkpoint.size)
    assert tlog.verify_leaf_inclusion(leaf, index, checkpoint.size, proof, checkpoint.root), index
    assert not tlog.verify_leaf_inclusion(leaf + b" ", index, checkpoint.size, proof, checkpoint.root), index
print(f"ok {len(leaves)} entries are proven")
