"""Other people's tools read an evidence pack: jwcrypto and PyJWT its signature, compliance-trestle its assessment results,
and hashlib its files and the leaves of its log. None of them knows this product.

Argument: the folder of an unpacked pack. Every line it prints is a check that held.
"""

import base64
import csv
import hashlib
import json
import pathlib
import sys

import jwt
from jwcrypto import jwk, jws
from trestle.oscal.assessment_results import AssessmentResults

pack = pathlib.Path(sys.argv[1])
document = (pack / "manifest.json").read_bytes()
manifest = json.loads(document)
signature = (pack / "manifest.json.jws").read_text()
key = json.loads((pack / "jwks.json").read_text())["keys"][0]
other = document.replace(b'"included":', b'"included":1', 1)
assert other != document

files = {path.relative_to(pack).as_posix() for path in pack.rglob("*") if path.is_file()}
assert files == {line["name"] for line in manifest["files"]} | {"manifest.json", "manifest.json.jws"}
for line in manifest["files"]:
    content = (pack / line["name"]).read_bytes()
    assert (len(content), hashlib.sha256(content).hexdigest()) == (line["bytes"], line["sha256"]), line
print("ok every file is the one in the manifest")


def with_jwcrypto(payload):
    token = jws.JWS()
    token.deserialize(signature)
    token.verify(jwk.JWK(**key), detached_payload=payload)


def with_pyjwt(payload):
    algorithm = jwt.PyJWK(key)
    jwt.api_jws.decode(signature, algorithm.key, algorithms=["EdDSA"], detached_payload=payload)


for name, verify in (("jwcrypto", with_jwcrypto), ("pyjwt", with_pyjwt)):
    verify(document)
    try:
        verify(other)
    except Exception as refused:  # Each library has an error of its own.
        assert "nvalid" in repr(refused) or "erif" in repr(refused), refused
    else:
        raise AssertionError(f"{name} accepted another manifest")
    print(f"ok {name} verifies the manifest and refuses another one")

results = AssessmentResults.oscal_read(pack / "oscal-assessment-results.json")
assert len(results.results[0].findings) == len(manifest["controls"])
print("ok compliance-trestle reads the assessment results")

leaves = [
    base64.b64encode(hashlib.sha256(b"\0" + line).digest()).decode()
    for line in (pack / "events.jsonl").read_bytes().split(b"\n")[:-1]
]
with (pack / "events.csv").open(newline="", encoding="utf-8") as table:
    assert [row["leaf_hash"] for row in csv.DictReader(table)] == leaves
assert len(leaves) == manifest["range"]["included"] > 0
print("ok the lines, the table and the leaves of the log are the same")
