// The first administrator, by the link the server prints. Later tests use this person for the organization that `up` made.

import assert from "node:assert/strict";
import { test } from "node:test";

import { look } from "../lib/look.mjs";
import { link } from "../lib/mail.mjs";
import { api, first, PASSWORD } from "../lib/people.mjs";
import { server, visiting } from "../lib/visit.mjs";

const path = server.admin.sign_in_url.slice(server.url.length);

test("the first administrator comes in by the printed link", () =>
  visiting(async (visit) => {
    assert.ok(server.admin.sign_in_url.startsWith(server.url));
    await visit.goto(path);
    await visit.headed("Welcome to your Portcullis");
    await look(visit, "welcome");
    await visit.fill({ "Your name": first.name, "E-mail address": first.email, Password: "short" });
    visit.expect(422);
    await visit.press("Continue with the password");
    await visit.sees("One thing needs another look:");
    assert.equal(await visit.page.getByLabel("Your name").inputValue(), first.name, "what was typed is kept");
    await look(visit, "welcome-refused");
    await visit.fill({ Password: first.password });
    await visit.press("Continue with the password");
    await visit.arrive("/security/passkeys/new");
    await visit.goto("/");
    await visit.headed(server.organization.name);
    await look(visit, "home-first");
  }));

test("the link works once", () =>
  visiting(async (visit) => {
    visit.expect(404);
    await visit.goto(path);
    await visit.headed("This link does not work any more");
    await look(visit, "link-spent");
    await visit.follow("Sign in");
    await visit.headed("Sign in");
  }));

test("a wrong password is refused, the right one opens, and signing out closes", () =>
  visiting(async (visit) => {
    await visit.goto("/agents?q=first");
    await visit.headed("Sign in");
    await look(visit, "sign-in");
    await visit.fill({ "E-mail address": first.email, Password: "not the password at all" });
    visit.expect(401);
    await visit.press("Continue");
    await visit.page.getByRole("alert").first().waitFor();
    assert.equal(await visit.page.getByLabel("E-mail address").inputValue(), first.email);
    await look(visit, "sign-in-refused");
    await visit.fill({ Password: first.password });
    await visit.press("Continue");
    await visit.headed("Agents");
    assert.equal(visit.at, "/agents?q=first", "back where one wanted to go");
    await visit.page.getByRole("button", { name: /^Account:/ }).click();
    await visit.page.locator("#account").getByRole("button", { name: "Sign out" }).click();
    await visit.sees("You are signed out.");
    await visit.goto("/agents");
    await visit.headed("Sign in");
  }));

test("an invited person joins by the letter and is a member", () =>
  visiting(async (visit) => {
    const email = "invited@example.com";
    const key = server.admin.api_key;
    const made = await api("POST", "/api/v1/invitations", { key, body: { address: email, role: "member" } });
    assert.equal(made.status, 201, JSON.stringify(made.body));
    const invitation = await link(email, "invitation");
    await visit.goto(invitation);
    await visit.headed(`Join ${server.organization.name}`);
    await look(visit, "invitation");
    await visit.fill({ "Your name": "Invited Person", Password: PASSWORD });
    await visit.press("Join with the password");
    await visit.sees("Welcome: you are a member now.");
    await visit.headed(server.organization.name);
    // A member makes no agents.
    await visit.goto("/agents");
    assert.equal(await visit.page.getByRole("link", { name: "New agent" }).count(), 0);
    visit.expect(404);
    await visit.goto(invitation);
    await visit.headed("This link does not work any more");
  }));
