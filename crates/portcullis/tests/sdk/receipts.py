"""Receipts, checked by JOSE libraries that know nothing of the server.

Arguments: a JSON Web Key, then receipts. Every line printed is a check that held.
"""

import json
import sys

import jwt
from joserfc import jws
from joserfc.jwk import OKPKey

key, receipts = json.loads(sys.argv[1]), sys.argv[2:]
for receipt in receipts:
    header = jwt.get_unverified_header(receipt)
    assert header["typ"] == "receipt+jwt" and header["kid"] == key["kid"], header
    claims = jwt.decode(receipt, jwt.PyJWK(key), algorithms=["EdDSA"], leeway=5)
    assert set(claims) == {"at", "entry", "iat", "iss", "leaf"}, claims
    print("ok PyJWT", claims["entry"])
    read = jws.deserialize_compact(receipt, OKPKey.import_key(key), algorithms=["EdDSA"])
    assert json.loads(read.payload) == claims
    print("ok joserfc", claims["entry"])
    forged = receipt[:-8] + ("AAAAAAAA" if receipt[-8:] != "AAAAAAAA" else "BBBBBBBB")
    try:
        jwt.decode(forged, jwt.PyJWK(key), algorithms=["EdDSA"])
        sys.exit("a forged receipt was accepted")
    except jwt.InvalidSignatureError:
        print("ok forged", claims["entry"])
