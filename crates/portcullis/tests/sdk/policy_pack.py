"""Somebody else's JOSE libraries (joserfc, PyJWT) verify the signature of a policy pack, with nothing but the file and the
public key. Arguments: the signed pack, the file with the public key.
"""

import base64
import hashlib
import json
import sys

import jwt
from joserfc import jws
from joserfc.errors import BadSignatureError
from joserfc.jwk import OKPKey

signed, vkey = (open(path, "rb").read() for path in sys.argv[1:3])

# What is signed are the bytes of the document as they stand in the file.
head, tail = b'{"document":', b',"signature":"'
assert signed.startswith(head)
document = signed[len(head) : signed.rindex(tail)]
signature = json.loads(signed)["signature"]

# name+id+base64 of one byte for Ed25519 and the key itself.
name, kid, public = vkey.decode().strip().split("+", 2)
x = base64.urlsafe_b64encode(base64.b64decode(public)[1:]).rstrip(b"=").decode()
key = {"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": x}


def with_joserfc(payload):
    registry = jws.JWSRegistry(algorithms=["EdDSA"])
    registry.max_payload_length = len(payload)
    return jws.deserialize_compact(signature, OKPKey.import_key(key), payload=payload, registry=registry)


def with_pyjwt(payload):
    algorithm = jwt.PyJWK(key, algorithm="EdDSA")
    return jwt.api_jws.decode(signature, algorithm.key, algorithms=["EdDSA"], detached_payload=payload)


header = json.loads(base64.urlsafe_b64decode(signature.split(".")[0] + "=="))
assert header == {"alg": "EdDSA", "b64": False, "crit": ["b64"], "kid": kid}, header
print("ok the header asks for an unencoded payload and says so")

at = len(document) // 2
changed = document[:at] + bytes([document[at] ^ 1]) + document[at + 1 :]
for library, verify, refusal in [
    ("joserfc", with_joserfc, BadSignatureError),
    ("PyJWT", with_pyjwt, jwt.exceptions.InvalidSignatureError),
]:
    verify(document)
    print(f"ok {library} verifies the pack")
    for other in [changed, document + b" ", document[:-1]]:
        try:
            verify(other)
        except refusal:
            continue
        raise AssertionError(f"{library} took another document")
    print(f"ok {library} refuses one with a byte changed")

print(f"{name} signed the pack whose SHA-256 is {hashlib.sha256(document).hexdigest()}")
