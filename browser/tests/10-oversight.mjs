// The rules of an organization, going beyond them with a reason, and the mail of the instance.

import assert from "node:assert/strict";
import { test } from "node:test";

import { sql } from "../lib/database.mjs";
import { enrol } from "../lib/factors.mjs";
import { look } from "../lib/look.mjs";
import { link } from "../lib/mail.mjs";
import { colleague, first, invite, owner, signIn, somebody } from "../lib/people.mjs";
import { visiting } from "../lib/visit.mjs";

const SAVED = "The settings are saved and in force.";

test("an organization gets another name, and rules", () =>
  visiting(async (visit) => {
    const person = await owner(visit);
    await visit.goto("/settings");
    const name = `Renamed ${person.organization}`;
    await visit.fill({ "Name of the organization": name });
    await visit.press("Save name");
    await visit.sees(SAVED);
    await visit.page.getByRole("button", { name: `Organization: ${name}` }).waitFor();
    await visit.fill({ "At most, in hours": "8" });
    await visit.press("Save length");
    await visit.sees(SAVED);
    assert.equal(await visit.page.getByLabel("At most, in hours").inputValue(), "8");
    await visit.page.getByLabel("Viewer", { exact: true }).check();
    await visit.press("Save");
    await visit.sees(SAVED);
    assert.ok(await visit.page.getByLabel("Viewer", { exact: true }).isChecked());
    // Everyone: the owner as well, who has none yet and would stand before the door.
    await visit.page.getByLabel("Everyone must use a second factor").check();
    visit.expect(422);
    await visit.press("Save");
    await visit.sees("This would shut you out: set up a second factor of your own first.");
    await look(visit, "settings-shut-out");
    await enrol(visit);
    await visit.goto("/settings");
    await visit.page.getByLabel("Everyone must use a second factor").check();
    await visit.press("Save");
    await visit.sees(SAVED);
  }));

test("a change of the rules waits until its sender has confirmed who they are", () =>
  visiting(async (visit) => {
    const person = await owner(visit);
    await visiting(async (other) => {
      await signIn(other, person);
      await other.headed(person.organization);
      const { app } = await enrol(other);
      await visit.goto("/settings");
      await visit.fill({ "At most, in hours": "9" });
      await visit.press("Save length");
      await visit.headed("Confirm it is you");
      await visit.fill({ "Code from your authenticator app": await app.code() });
      await visit.press("Confirm");
      await visit.sees("This is not saved yet.");
      await look(visit, "settings-unsaved");
      await visit.press("Save length");
      await visit.sees(SAVED);
      assert.equal(await visit.page.getByLabel("At most, in hours").inputValue(), "9");
    });
  }));

/** Breaks the glass. */
async function open(visit, reason) {
  await visit.goto("/break-glass");
  await visit.page.getByLabel("Reason", { exact: true }).fill(reason);
  await visit.page.getByLabel("For how long").selectOption("1 hour");
  await visit.press("Break the glass");
  await visit.sees("The glass is broken.");
}

/** Ends the open one of `name`, from the list. */
async function end(visit, name) {
  const dialog = await visit.ask(`End now the break-glass of ${name}`);
  return dialog.getByRole("button", { name: "End it now" });
}

test("the glass is broken, mended and looked at; and the owners hear when nobody does", { timeout: 120_000 }, () =>
  visiting(async (visit) => {
    const { organization } = await owner(visit);
    await visiting(async (other) => {
      const person = await colleague(visit, other, "Admin", organization);
      await other.goto("/break-glass");
      await other.page.getByLabel("Reason", { exact: true }).fill("too short");
      other.expect(422);
      await other.press("Break the glass");
      await other.page.getByRole("alert").first().waitFor();
      await look(other, "break-glass-refused");
      await open(other, "An invoice must be traced before the bank closes.");
      await look(other, "break-glass-open");
      await other.follow("What is done");
      await other.headed(`Break-glass of ${person.name}`);
      await other.sees("It is open still.");
      await look(other, "break-glass-one-open");
      await other.goto("/break-glass");
      const button = await end(other, person.name);
      await look(other, "break-glass-end");
      await button.click();
      await other.sees("The break-glass is closed.");

      await visit.goto("/break-glass");
      await visit.page.getByRole("link", { name: `${person.name}, ` }).click();
      await visit.headed(`Break-glass of ${person.name}`);
      await visit.sees("opened break-glass");
      await look(visit, "break-glass-review");
      await visit.choose("In order");
      await visit.page.getByLabel("Note", { exact: true }).fill("The invoice was found; nothing else was opened.");
      await visit.press("Close the review");
      await visit.sees("The review is written down.");
      await look(visit, "break-glass-reviewed");

      await open(other, "The same invoice once more, for the second bank.");
      await (await end(other, person.name)).click();
      await other.sees("The break-glass is closed.");
      await sql(
        `update break_glass set opened_at = opened_at - interval '9 days', until = until - interval '9 days',
          closed_at = closed_at - interval '9 days', review_due_at = review_due_at - interval '9 days'
          where reviewed_at is null and closed_at is not null`,
      );
      await visit.goto("/break-glass");
      await visit.sees("Review overdue");
      await look(visit, "break-glass-list");
      await visit.page.locator("main li").filter({ hasText: "Review overdue" }).getByRole("link").click();
      await visit.headed(`Break-glass of ${person.name}`);
      await look(visit, "break-glass-overdue");
      await visit.goto("/");
      await visit.page.locator("main").getByText("Overdue").first().waitFor();
      await look(visit, "home-overdue");
    });
  }));

test("going beyond one's role asks who one is, before anything is written", () =>
  visiting(async (visit) => {
    const person = await owner(visit);
    await visiting(async (other) => {
      await signIn(other, person);
      await other.headed(person.organization);
      const { app } = await enrol(other);
      await visit.goto("/break-glass");
      await visit.sees("Confirm that it is you first.");
      await look(visit, "break-glass-confirm");
      await visit.follow("Confirm");
      await visit.headed("Confirm it is you");
      await visit.fill({ "Code from your authenticator app": await app.code() });
      await visit.press("Confirm");
      await visit.headed("Break-glass");
      await visit.page.getByLabel("Reason", { exact: true }).waitFor();
    });
  }));

test("a letter in the outbox is read, and its link handed over by another way", () =>
  visiting(async (visit) => {
    await signIn(visit, first, "/instance/outbox");
    await visit.headed("Mail outbox");
    const address = somebody().email;
    await invite(visit, address, "Viewer");
    const there = await link(address, "invitation");
    await visit.goto("/instance/outbox");
    await visit.page.locator("main li").filter({ hasText: address }).getByRole("link").click();
    await visit.page.locator("main").getByText(`To`, { exact: true }).waitFor();
    await look(visit, "outbox-letter");
    await visit.context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await visit.press("Copy the link");
    await visit.page.getByRole("status").filter({ hasText: "Copied" }).waitFor();
    const copied = await visit.page.evaluate(() => navigator.clipboard.readText());
    assert.ok(copied.endsWith(there), copied);
  }));
