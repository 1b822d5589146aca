// The log explored: searched while one types and without scripts, counted in a chart, one request walked through, one entry
// told in words.

import assert from "node:assert/strict";
import { test } from "node:test";

import { look } from "../lib/look.mjs";
import { api, owner } from "../lib/people.mjs";
import { visiting } from "../lib/visit.mjs";

/** Somebody with an agent whose key did something, and tried what is not open to it. */
async function busy(visit) {
  const person = await owner(visit);
  const { email: address, password } = person;
  const { body: tokens } = await api("POST", "/api/v1/auth/sign-in", { body: { address, password } });
  const token = tokens.access_token;
  const project = (await api("GET", "/api/v1/projects", { key: token })).body.items[0].id;
  const agent = (await api("POST", "/api/v1/agents", { key: token, body: { name: "Invoice reader", project } })).body;
  const body = { name: "Its key", role: "editor", agent: agent.id, project };
  const made = await api("POST", "/api/v1/keys", { key: token, body });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  const key = made.body.secret;
  for (let call = 0; call < 55; call += 1) {
    const listed = await api("GET", "/v1/models", { key });
    assert.equal(listed.status, 200, JSON.stringify(listed.body));
  }
  assert.equal((await api("GET", "/api/v1/members", { key })).status, 403);
  return agent;
}

const rows = (visit) => visit.page.locator("#found table.log tbody tr");

/** Waits for a row that says this: the menu of kinds says it all the time. */
const shows = (visit, text) => rows(visit).filter({ hasText: text }).first().waitFor();

test("the log is searched while one types, and the address says what for", { timeout: 120_000 }, () =>
  visiting(async (visit) => {
    const agent = await busy(visit);
    await visit.goto("/audit");
    await visit.headed("Audit log");
    await look(visit, "explorer");
    await visit.page.keyboard.press("/");
    await visit.page.keyboard.type("models");
    await visit.page.waitForURL(/q=models/);
    await visit.page.locator("#found .part").filter({ hasText: "models" }).waitFor();
    assert.equal(await rows(visit).count(), 50);
    // Nothing that is empty stands in the address.
    assert.equal(visit.at, "/audit?q=models&range=7d");
    await visit.page.getByLabel("Who", { exact: true }).selectOption("Invoice reader");
    await visit.page.waitForURL(/actor=agent/);
    await visit.page.locator("#found .part").filter({ hasText: "Invoice reader" }).waitFor();
    await look(visit, "explorer-narrow");
    await visit.follow("Older");
    await visit.page.getByRole("link", { name: "Newer" }).waitFor();
    assert.equal(await rows(visit).count(), 5);
    await visit.follow("Newer");
    await visit.sees("The newest");
    assert.equal(await rows(visit).count(), 50);
    // The same as a table is the way for keys; a bar is the way for a mouse.
    await visit.page.locator("summary", { hasText: "The same as a table" }).click();
    await look(visit, "explorer-table");
    await visit.page.locator("#found table.counts tbody a").first().click();
    await visit.page.waitForURL(/range=custom/);
    await visit.page.getByLabel("From (UTC)").waitFor();
    await look(visit, "explorer-between");
    await visit.page.locator("#found svg.chart a").first().click({ force: true });
    await visit.page.waitForURL(/range=custom/);
    assert.ok((await rows(visit).count()) > 0);
    await visit.page.locator("#found .part").filter({ hasText: "models" }).click();
    await visit.page.waitForURL((url) => !url.searchParams.has("q"));
    await visit.goto(`/audit?range=1h&subject=agent:${agent.id}`);
    await shows(visit, "created an agent");
    assert.ok(await visit.page.locator(".rare").evaluate((details) => details.open));
  }));

test("what cannot be searched, and what finds nothing, says what to do", () =>
  visiting(async (visit) => {
    await owner(visit);
    visit.expect(422);
    await visit.goto("/audit?range=custom&from=2026-11-22T10:00&to=2026-11-22T09:00&project=billing");
    await visit.sees("It ends before it begins.");
    await look(visit, "explorer-malformed");
    await visit.goto("/audit?range=1h&kind=KEY_REVOKED");
    await visit.sees("No entry matches");
    await look(visit, "explorer-nothing");
    await visit.follow("Last 24 hours");
    await visit.page.waitForURL(/range=24h/);
    // In a page that is open, too: the list says what is wrong with the field.
    await visit.page.locator("summary", { hasText: "More filters" }).click();
    await visit.page.getByLabel("Project", { exact: true }).fill("billing");
    await visit.page.locator("#found .complaints").getByText("This is no id of a project.").waitFor();
    await visit.goto("/audit/requests/no-such-request");
    await visit.sees("It left nothing here");
    await look(visit, "explorer-request-none");
  }));

test("one request is walked through, and an entry is told in words", () =>
  visiting(async (visit) => {
    const agent = await busy(visit);
    await visit.goto("/audit?outcome=refused");
    await visit.page.locator("#found table.log tbody a.mono").first().click();
    await visit.headed("One request");
    await visit.page.locator("svg.graph").waitFor();
    await visit.sees("Gate 1, identity");
    await look(visit, "explorer-request");
    await visit.page.locator(".walk a.name").first().click();
    await visit.sees("A known caller asked for something that is not open to it");
    await look(visit, "explorer-entry");
    await visit.page.locator(`a[href="/agents/${agent.id}"]`).click();
    await visit.headed("Invoice reader");
    await visit.follow("What it did");
    await shows(visit, "listed the models");
  }));

test("the log is explored without scripts", () =>
  visiting(async (visit) => {
    await busy(visit);
    await visit.goto("/audit");
    await visit.page.getByLabel("Text, action or id").fill("models");
    await visit.page.getByLabel("When", { exact: true }).selectOption("Last 24 hours");
    await visit.press("Search");
    await visit.page.waitForURL(/range=24h/);
    assert.equal(await rows(visit).count(), 50);
    await visit.page.locator("summary", { hasText: "The same as a table" }).click();
    await visit.page.locator("#found table.counts tbody a").first().waitFor();
    await visit.page.locator("#found .part").filter({ hasText: "models" }).click();
    await shows(visit, "asked for something that is not open to them");
    await visit.page.getByLabel("When", { exact: true }).selectOption("Between two times");
    await visit.page.getByLabel("From (UTC)").fill("2020-01-01T10:00");
    await visit.page.getByLabel("To (UTC)").fill("2020-01-02T10:00");
    await visit.press("Search");
    await visit.sees("Nothing happened here");
    await visit.goto("/audit?outcome=refused");
    await visit.page.locator("#found table.log tbody a.mono").first().click();
    await visit.headed("One request");
    assert.equal(await visit.page.locator(".needs-js:visible").count(), 0);
  }, { javaScriptEnabled: false }));
