// Somebody else's JOSE library (npm jose) verifies the signature of an evidence pack. Argument: the unpacked pack.

import { readFileSync } from "node:fs";
import { createLocalJWKSet, flattenedVerify } from "jose";

const read = (name) => readFileSync(`${process.argv[2]}/${name}`);
const keys = createLocalJWKSet(JSON.parse(read("jwks.json")));
const [header, middle, signature] = read("manifest.json.jws").toString().split(".");
if (middle !== "") throw new Error("the signature is not detached");
const verify = (payload) => flattenedVerify({ protected: header, payload, signature }, keys, { crit: { b64: true } });

const manifest = read("manifest.json");
await verify(manifest);
console.log("ok jose verifies the manifest");

const other = Buffer.from(manifest);
other[other.length - 2] ^= 1;
try {
  await verify(other);
} catch (error) {
  if (error.code !== "ERR_JWS_SIGNATURE_VERIFICATION_FAILED") throw error;
  console.log("ok jose refuses another one");
}
