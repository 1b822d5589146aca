// An agent that acts for a person, and a person who ends that.

import assert from "node:assert/strict";
import { test } from "node:test";

import { look } from "../lib/look.mjs";
import { api, owner } from "../lib/people.mjs";
import { server, visiting } from "../lib/visit.mjs";

/** Exchanges a person's token for one of the agent's own that names both, as an OAuth client would. */
async function exchange(agent, secret, token) {
  const body = new URLSearchParams({
    grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
    subject_token: token,
    subject_token_type: "urn:ietf:params:oauth:token-type:access_token",
  });
  const authorization = `Basic ${Buffer.from(`${agent}:${secret}`).toString("base64")}`;
  const answer = await fetch(`${server.url}/oauth/token`, { method: "POST", headers: { authorization }, body });
  const said = await answer.json();
  assert.equal(answer.status, 200, JSON.stringify(said));
  return said.access_token;
}

test("an agent acts for somebody until they end it", () =>
  visiting(async (visit) => {
    const person = await owner(visit);
    const { email: address, password } = person;
    const { body: tokens } = await api("POST", "/api/v1/auth/sign-in", { body: { address, password } });
    const key = tokens.access_token;
    const project = (await api("GET", "/api/v1/projects", { key })).body.items[0].id;
    const named = { name: "Invoice reader", project };
    const agent = (await api("POST", "/api/v1/agents", { key, body: named })).body;
    const wanted = { name: "Its key", role: "editor", agent: agent.id, project };
    const made = await api("POST", "/api/v1/keys", { key, body: wanted });
    assert.equal(made.status, 201, JSON.stringify(made.body));
    const acting = await exchange(agent.id, made.body.secret, key);
    const whoami = () => api("GET", "/api/v1/whoami", { key: acting });
    assert.equal((await whoami()).status, 200);
    await visit.goto("/security");
    await visit.sees("Invoice reader");
    await look(visit, "security-delegation");
    const dialog = await visit.ask("End what Invoice reader does for you");
    await look(visit, "delegation-end");
    await dialog.getByRole("button", { name: "End it" }).click();
    await visit.sees("The agent does nothing on your behalf any more.");
    while ((await whoami()).status !== 401) await visit.page.waitForTimeout(100);
  }));
