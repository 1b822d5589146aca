// Somebody else's JOSE library (npm jose) verifies the signature of a policy pack, with nothing but the file and the public key.
// Arguments: the signed pack, the file with the public key.

import { readFileSync } from "node:fs";
import { flattenedVerify, importJWK } from "jose";

const [signed, vkey] = process.argv.slice(2).map((path) => readFileSync(path));

// What is signed are the bytes of the document as they stand in the file.
const payload = signed.subarray('{"document":'.length, signed.lastIndexOf(',"signature":"'));
const [header, middle, signature] = JSON.parse(signed).signature.split(".");
if (middle !== "") throw new Error("the signature is not detached");

// name+id+base64 of one byte for Ed25519 and the key itself.
const [name, kid, ...rest] = vkey.toString().trim().split("+");
const x = Buffer.from(rest.join("+"), "base64").subarray(1).toString("base64url");
const key = await importJWK({ kty: "OKP", crv: "Ed25519", kid, x }, "EdDSA");
const verify = (bytes) => flattenedVerify({ protected: header, payload: bytes, signature }, key, { crit: { b64: true } });

const { protectedHeader } = await verify(payload);
if (protectedHeader.kid !== kid) throw new Error("another key is named");
console.log(`ok jose verifies what ${name} signed`);

const other = Buffer.from(payload);
other[other.length >> 1] ^= 1;
try {
  await verify(other);
} catch (error) {
  if (error.code !== "ERR_JWS_SIGNATURE_VERIFICATION_FAILED") throw error;
  console.log("ok jose refuses one with a byte changed");
}
