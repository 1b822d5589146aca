// Every page is whole without JavaScript.

import assert from "node:assert/strict";
import { test } from "node:test";

import { enrol } from "../lib/factors.mjs";
import { link } from "../lib/mail.mjs";
import { first, owner, signIn, signOut } from "../lib/people.mjs";
import { server, visiting } from "../lib/visit.mjs";

const options = { javaScriptEnabled: false };

test("signing in, reading and signing out need no scripts", () =>
  visiting(async (visit) => {
    visit.expect(401);
    await signIn(visit, { ...first, password: "not the password at all" });
    await visit.page.getByRole("alert").first().waitFor();
    await visit.fill({ Password: first.password });
    await visit.press("Continue");
    await visit.headed(server.organization.name);
    for (const [path, heading] of [
      ["/roles", "Roles"],
      ["/agents", "Agents"],
      ["/keys", "API keys"],
      ["/audit", "Audit log"],
      ["/audit/checkpoints", "Checkpoints and witnesses"],
      ["/security", "My security"],
      ["/sessions", "Sessions"],
      ["/members", "Members"],
      ["/settings", "Organization"],
      ["/break-glass", "Break-glass"],
      ["/instance/outbox", "Mail outbox"],
    ]) {
      await visit.goto(path);
      await visit.headed(heading);
      assert.equal(await visit.page.locator(".needs-js:visible, .needs-passkey:visible").count(), 0, path);
    }
    await visit.goto("/agents");
    await visit.page.getByLabel("Name", { exact: true }).fill("first");
    await visit.press("Filter");
    await visit.arrive("/agents");
    await visit.follow(server.agent.name);
    await visit.headed(server.agent.name);
    await visit.follow("Stop it");
    await visit.headed(`Suspend ${server.agent.name}`);
    await visit.follow("Cancel");
    await visit.headed(server.agent.name);
    await visit.goto("/members?q=First");
    await visit.follow(`${first.name} (you)`);
    await visit.headed(first.name);
    assert.equal(await visit.page.locator(".needs-js:visible, .needs-passkey:visible").count(), 0);
    await visit.goto("/instance/outbox");
    await visit.page.locator("main .rows a").first().click();
    await visit.page.getByRole("region", { name: "Text of the message" }).waitFor();
    assert.equal(await visit.page.locator(".needs-js:visible").count(), 0);
    await visit.goto("/audit");
    await visit.page.locator("table.log tbody th a").first().click();
    await visit.page.getByRole("heading", { name: "As hashed" }).waitFor();
    await visit.page.getByRole("button", { name: /^Account:/ }).click();
    await visit.page.locator("#account").getByRole("button", { name: "Dark" }).click();
    await visit.page.locator("html[data-theme=dark]").waitFor();
    await visit.page.getByRole("button", { name: /^Account:/ }).click();
    await visit.page.locator("#account").getByRole("button", { name: "Sign out" }).click();
    await visit.sees("You are signed out.");
  }, options));

test("an account and a new password need no scripts", () =>
  visiting(async (visit) => {
    const person = await owner(visit);
    await visit.goto("/sign-out");
    await visit.press("Sign out");
    await visit.follow("I cannot sign in");
    await visit.fill({ "E-mail address": person.email });
    await visit.press("Send the link");
    await visit.headed("Look into your mail");
    await visit.goto(await link(person.email, "reset_password"));
    const password = "nine quiet harbours wait";
    await visit.fill({ Password: password });
    await visit.press("Save");
    await visit.sees("Your new password is set");
    await signIn(visit, { ...person, password });
    await visit.headed(person.organization);
  }, options));

test("a second factor by code needs no scripts, from its picture to the step-up", () =>
  visiting(async (visit) => {
    const person = await owner(visit);
    await visiting(async (other) => {
      await signIn(other, person);
      await other.headed(person.organization);
      const { app, codes } = await enrol(visit);
      await signOut(visit);
      await signIn(visit, person);
      await visit.headed("One more step");
      await visit.fill({ Code: await app.code() });
      await visit.press("Continue");
      await visit.headed(person.organization);
      await signOut(visit);
      await signIn(visit, person);
      await visit.page.locator("main").getByRole("link", { name: /recovery/i }).click();
      await visit.fill({ "Recovery code": codes[0] });
      await visit.press("Continue");
      await visit.headed(person.organization);
      // Another window, which proved a password only.
      await other.goto("/break-glass");
      await other.follow("Confirm");
      await other.headed("Confirm it is you");
      await other.fill({ "Code from your authenticator app": await app.code() });
      await other.press("Confirm");
      await other.headed("Break-glass");
      await other.page.getByLabel("Reason", { exact: true }).fill("An invoice must be traced before the bank closes.");
      await other.press("Break the glass");
      await other.sees("The glass is broken.");
      await other.follow(`End now the break-glass of ${person.name}`);
      await other.headed("End this break-glass?");
      await other.press("End it now");
      await other.sees("The break-glass is closed.");
    }, options);
  }, options));
