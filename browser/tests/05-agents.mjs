// An agent, its key, a call of a model with it, what the log says of that, and the switch that stops the agent.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

import { look } from "../lib/look.mjs";
import { api, first, signIn } from "../lib/people.mjs";
import { visiting } from "../lib/visit.mjs";

/** Calls the built-in model, as an SDK would. */
function call(key) {
  const body = { model: "loopback-echo", messages: [{ role: "user", content: "Write to someone@example.com" }] };
  return api("POST", "/v1/chat/completions", { key, body });
}

/** The entry's proof, verified by the page itself: it holds, and one altered byte of it does not. */
async function provesItself(visit) {
  const verify = visit.page.getByRole("button", { name: "Verify in my browser" });
  const said = visit.page.locator("#verified > li");
  await verify.click();
  await said.nth(3).waitFor();
  assert.deepEqual(await said.evaluateAll((lines) => lines.map((line) => line.className)), ["good", "good", "good", "good"]);
  assert.match(await said.nth(2).innerText(), /signed with the key of the log portcullis\//);
  await look(visit, "audit-entry-verified");
  const alter = (from, to) => async (route) => {
    const answer = await route.fetch();
    const text = await answer.text();
    const altered = text.replace(from, to);
    assert.notEqual(altered, text);
    await route.fulfill({ response: answer, body: altered });
  };
  const forgeries = [
    [/^index \d+$/m, "index 0", /does not lead to the signed root|too (many|few) hashes/],
    [/^extra .{40}/m, `extra ${"A".repeat(40)}`, /not the one that is proven/],
    [/(\u2014 \S+ .{60})../, "$1AA", /signature under the root does not hold/],
  ];
  for (const [from, to, words] of forgeries) {
    const handler = alter(from, to);
    await visit.page.route("**/proof", handler);
    await verify.click();
    const bad = visit.page.locator("#verified > li.bad");
    await bad.waitFor();
    assert.match(await bad.innerText(), words);
    await visit.page.unroute("**/proof", handler);
  }
}

/** Access to the MCP endpoint, given on the page that is open and taken back there. */
async function givenAndTaken(visit, picture) {
  await visit.sees("Nothing was given.");
  await visit.page.getByLabel("Give", { exact: true }).selectOption({ label: "Access to the MCP endpoint" });
  await visit.press("Give it");
  await visit.sees("They have it");
  await look(visit, picture);
  await visit.press("Take back Access to the MCP endpoint");
  await visit.sees("It is taken back");
}

/** Calls until the answer has this status: what is revoked stops within a second, not at once. */
async function callUntil(key, status) {
  for (;;) {
    const answer = await call(key);
    if (answer.status === status) return answer;
    await pause(100);
  }
}

test("an agent calls a model, is found in the log, and is stopped", { timeout: 120_000 }, () =>
  visiting(async (visit) => {
    await signIn(visit, first, "/sign-in?return=/agents/new");
    await visit.headed("New agent");
    await look(visit, "agent-new");
    await visit.fill({ Name: "Invoice reader" });
    await visit.page.getByLabel(/What it is for/).fill("Reads invoices and asks when in doubt.");
    await visit.press("Create agent");
    await visit.sees("The agent is created. Give it a key next.");
    await visit.headed("Invoice reader");
    await look(visit, "agent-fresh");
    const agent = visit.at;
    await visit.follow("New key");
    await visit.headed("New API key");
    assert.equal(await visit.page.getByLabel("Agent", { exact: true }).locator("option:checked").innerText(), "Invoice reader");
    await visit.page.getByText("Narrow it to single permissions").click();
    await look(visit, "key-new");
    await visit.fill({ Name: "Build server" });
    await visit.press("Make the key");
    await visit.headed("Here is the key");
    await look(visit, "key-created");
    const key = await visit.page.locator(".secret code").innerText();
    assert.match(key, /^pcl_/);
    await visit.press("I have stored it");
    await visit.arrive(agent);
    await visit.sees("Build server");
    await look(visit, "agent");
    assert.ok(!(await visit.page.content()).includes(key), "it is shown once");

    const answer = await call(key);
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    assert.ok(!answer.body.choices[0].message.content.includes("someone@example.com"), "personal data stays here");
    await visit.goto("/audit");
    await visit.page.locator("summary", { hasText: "More filters" }).click();
    await visit.page.getByLabel("Request", { exact: true }).fill(answer.headers.get("x-request-id"));
    const rows = visit.page.locator("#found table.log tbody tr");
    await rows.filter({ hasText: "called a model" }).waitFor();
    await visit.page.waitForURL(/request=/);
    assert.equal(await rows.filter({ hasNotText: "Invoice reader" }).count(), 0, "only what this request did");
    await look(visit, "audit-filtered");
    await visit.follow("called a model");
    await visit.headed("called a model");
    await visit.sees("loopback-echo");
    await look(visit, "audit-entry");
    await provesItself(visit);

    await visit.goto(agent);
    await givenAndTaken(visit, "agent-given");
    await visit.goto(agent);
    await visit.follow("Build server");
    await visit.headed("Build server");
    await visit.sees("Invoice reader");
    await givenAndTaken(visit, "key-given");
    await look(visit, "key");

    await visit.goto(agent);
    await visit.follow("Stop it");
    const dialog = visit.page.getByRole("dialog");
    await dialog.waitFor();
    await look(visit, "agent-suspend-dialog");
    await dialog.getByRole("button", { name: "Suspend the agent" }).click();
    await visit.sees("The agent is suspended");
    await look(visit, "agent-suspended");
    await callUntil(key, 401);
    await visit.press("Let it work again");
    await visit.sees("The agent may work again.");
    await callUntil(key, 200);

    await visit.goto("/keys");
    await visit.page.getByLabel(/^Name, agent or beginning/).fill("Build");
    await visit.page.waitForURL(/q=Build/);
    await visit.follow("Rotate Build server");
    await dialog.waitFor();
    await look(visit, "key-rotate");
    await dialog.getByRole("button", { name: "Rotate Build server" }).click();
    await visit.headed("Here is the key");
    const next = await visit.page.locator(".secret code").innerText();
    await visit.press("I have stored it");
    assert.equal((await call(next)).status, 200);
    assert.equal((await call(key)).status, 200, "both work for a while");
    await visit.goto("/keys?status=live");
    await look(visit, "keys-rotated");
    const row = visit.page.getByRole("row").filter({ hasText: next.slice(0, 12) });
    await row.getByRole("link", { name: "Revoke Build server" }).click();
    await dialog.waitFor();
    await look(visit, "key-revoke");
    await dialog.getByRole("button", { name: "Revoke Build server" }).click();
    await visit.sees("The key is revoked.");
    await callUntil(next, 401);
    await visit.goto("/keys?status=ended");
    await visit.sees("Revoked");
    await visit.goto("/keys?q=nothing-like-it");
    await visit.sees("No key matches");
    await look(visit, "keys-none");
  }));
