// Signed policy packs: a key is trusted, a pack that the command signed is uploaded, tried, put into force and felt, and taken
// back; with scripts, and the first part without them.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { look } from "../lib/look.mjs";
import { owner } from "../lib/people.mjs";
import { program, WAIT } from "../lib/place.mjs";
import { visiting } from "../lib/visit.mjs";

const run = promisify(execFile);

const POLICIES = `@id("no-agents-today")
forbid (principal is User, action == Action::"agent.list", resource);
`;
const TESTS = JSON.stringify([{
  name: "nobody lists agents",
  principal: { type: "User", role: "owner" },
  action: "agent.list",
  expect: "forbid",
  policies: ["no-agents-today"],
}]);

/** Its other parts, each with a test of its own. */
const PARTS = {
  "roles.json": { templates: [{
    name: "night-auditor", holders: "person", title: "Night auditor", says: "Sees the log.", permissions: ["audit:read"],
  }] },
  "tests/roles.json": [{ name: "it sees", template: "night-auditor", has: ["audit:read"], lacks: ["keys:manage"] }],
  "limits.json": { limits: [{ for: ["Agent"], model_calls_per_minute: 30 }] },
  "tests/limits.json": [{ name: "thirty", principal: "Agent", limit: "model_calls_per_minute", asks: 31, expect: "deny" }],
  "tools.json": { rules: [{ deny: ["shell*"] }] },
  "tests/tools.json": [{ name: "no shell", principal: "Agent", tool: "shell_exec", expect: "deny" }],
};

/** A folder with a pack and a key; how to sign a version of it, and the public key. */
async function author() {
  const folder = mkdtempSync(join(tmpdir(), "pack-"));
  const [pack, secret] = [join(folder, "no-agents"), join(folder, "policy.key")];
  await run(program, ["policy", "init", pack]);
  writeFileSync(join(pack, "policies/main.cedar"), POLICIES);
  writeFileSync(join(pack, "tests/main.json"), TESTS);
  for (const [name, content] of Object.entries(PARTS)) writeFileSync(join(pack, name), JSON.stringify(content));
  const made = await run(program, ["policy", "key", "new", "--name", "policy.example.com", "--out", secret]);
  const sign = async () => {
    const file = join(folder, "signed.pack.json");
    await run(program, ["policy", "sign", pack, "--key", secret, "--out", file]);
    return file;
  };
  return { vkey: made.stdout.trim(), sign };
}

/** Trusts the key of an author by the form. */
async function trust(visit, vkey) {
  await visit.goto("/policies/keys/new");
  await visit.headed("Trust a key");
  await visit.fill({ Name: "The key of the tests", "Public key": vkey });
  await visit.press("Trust the key");
  await visit.sees("The key is trusted");
}

/** Waits until a page answers so, asked beside the window. */
async function until(visit, path, status) {
  const end = Date.now() + WAIT;
  while ((await visit.page.request.get(path)).status() !== status) assert.ok(Date.now() < end, `${path} never answered ${status}`);
}

test("a pack is signed, uploaded, tried, put into force, felt and rolled back", { timeout: 180_000 }, () =>
  visiting(async (visit) => {
    await owner(visit);
    const { vkey, sign } = await author();
    const file = await sign();
    await visit.goto("/roles");
    await visit.page.locator("main").getByRole("link", { name: "Policy packs", exact: true }).click();
    await visit.headed("Policy packs");
    await visit.sees("No pack is in force");
    await visit.sees("portcullis policy init office-hours");

    // A key that is none comes back with what is wrong; then the real one.
    await visit.follow("Trust a key");
    await look(visit, "pack-key-new");
    await visit.fill({ Name: "The key of the tests", "Public key": "no key" });
    visit.expect(422);
    await visit.press("Trust the key");
    await visit.sees("name+id+base64, as");
    await look(visit, "pack-key-refused");
    await trust(visit, vkey);

    // One byte more than was signed, then the pack as it is, by the file.
    await visit.follow("Upload the first pack");
    await visit.headed("Upload a policy pack");
    const changed = JSON.parse(readFileSync(file, "utf8"));
    changed.document.files["README.md"] += " ";
    await visit.fill({ "Signed pack": JSON.stringify(changed) });
    visit.expect(422);
    await visit.press("Upload");
    await visit.sees("something in it was changed after it was signed");
    await look(visit, "pack-new-refused");
    await visit.page.getByLabel("Choose the file").setInputFiles(file);
    await visit.page.waitForFunction(() => document.querySelector("textarea").value.includes("\"signature\""));
    await visit.press("Upload");
    await visit.sees("The pack is uploaded and sound.");
    await visit.headed("no-agents 1");
    await visit.sees("4 of 4 end as expected");
    await visit.sees("Night auditor");
    await visit.sees("30 calls of models a minute");
    await visit.sees("refused: shell*");
    await look(visit, "pack");
    await visit.page.getByText("1 action", { exact: true }).click();
    await visit.sees("agents:read");

    // Tried: what was done a moment ago would have been refused.
    await visit.goto("/agents");
    await visit.headed("Agents");
    await visit.goto("/policies/packs");
    await visit.follow("no-agents 1");
    const pack = visit.at;
    await visit.goto(`${pack}/dry-run`);
    await visit.sees("Not tried yet");
    await look(visit, "pack-dry-run-young");
    await visit.press("Run it now");
    await visit.sees("Allowed before, refused after");
    await visit.page.getByRole("row", { name: /agent\.list/ }).getByText("no-agents-today").first().waitFor();
    await visit.page.getByRole("row", { name: /night-auditor/ }).getByText("New").first().waitFor();
    await visit.sees("limits.1 for Agent");
    await look(visit, "pack-dry-run");
    await visit.press("Put no-agents 1 into force");
    await visit.sees("The pack is in force");
    await look(visit, "packs-in-force");

    // Felt within a second, and on record with the pack.
    await until(visit, "/agents", 403);
    visit.expect(403);
    await visit.goto("/agents");
    await visit.sees("policy pack does not let this pass");
    await look(visit, "pack-refusal");
    await visit.goto(`${pack}/dry-run`);
    await visit.sees("It is in force already.");

    // The template it brought is there to be given, and the pack's alone.
    await visit.goto("/roles");
    await visit.sees("Came with the policy pack no-agents");
    await look(visit, "roles-from-pack");
    await visit.goto("/roles/templates/night-auditor");
    visit.expect(409);
    await visit.press("Change the template");
    await visit.sees("comes with the policy pack no-agents 1");
    await look(visit, "role-template-from-pack");

    // Back in one step, after a question.
    await visit.goto("/policies/packs");
    const dialog = await visit.ask("Roll back…");
    await look(visit, "pack-roll-back");
    await dialog.getByRole("button", { name: "Roll back" }).click();
    await visit.sees("Rolled back, in every process");
    await visit.sees("No pack is in force");
    await until(visit, "/agents", 200);
    await visit.goto("/agents");
    await visit.headed("Agents");

    await visit.goto("/policies/packs");
    const question = await visit.ask("Revoke…");
    await look(visit, "pack-key-revoke");
    await question.getByRole("button", { name: "Revoke" }).click();
    await visit.sees("The key is revoked.");
    await look(visit, "packs-history");
    await visit.goto("/audit?kind=policy_pack.activated");
    await visit.sees("put a policy pack into force");
  }));

test("without scripts a pack is pasted, tried and put into force as well", { timeout: 120_000 }, () =>
  visiting(async (visit) => {
    await owner(visit);
    const { vkey, sign } = await author();
    const file = await sign();
    await trust(visit, vkey);
    await visit.goto("/policies/packs/new");
    assert.equal(await visit.page.getByLabel("Choose the file").isVisible(), false, "nothing that does nothing");
    await visit.fill({ "Signed pack": readFileSync(file, "utf8") });
    await visit.press("Upload");
    await visit.sees("The pack is uploaded and sound.");
    await visit.press("See what it would refuse");
    await visit.headed("Dry run");
    await visit.press("Put no-agents 1 into force");
    await visit.sees("The pack is in force");
    await visit.follow("Roll back…");
    await visit.headed("Roll back?");
    await visit.press("Roll back");
    await visit.sees("Rolled back, in every process");
  }, { javaScriptEnabled: false }));
