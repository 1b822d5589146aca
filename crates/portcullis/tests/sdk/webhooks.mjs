// The JavaScript libraries of Standard Webhooks and of Svix, unmodified, on messages as a receiver got them.
// Takes a file of messages; prints one line per check and fails on the first that does not hold.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

const libraries = [];
for (const name of ["standardwebhooks", "svix"]) {
  const module = await import(name);
  libraries.push([name, module.Webhook ? module : module.default]);
}

for (const message of JSON.parse(readFileSync(process.argv[2], "utf8"))) {
  for (const [name, library] of libraries) {
    let believed = true;
    try {
      new library.Webhook(message.secret).verify(message.body, message.headers);
    } catch (error) {
      assert.ok(error instanceof library.WebhookVerificationError, String(error));
      believed = false;
    }
    assert.equal(believed, message.believed, `${name}: ${message.name}`);
    console.log(`ok ${name}: ${message.name}`);
  }
}
