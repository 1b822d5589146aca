// What is done about personal data: the rules of one way changed, once it was seen what they would have changed; a text tried on
// them and forgotten; a token revealed under an override, for a reason.

import assert from "node:assert/strict";
import { test } from "node:test";

import { look } from "../lib/look.mjs";
import { api, first, owner, signIn } from "../lib/people.mjs";
import { server, visiting } from "../lib/visit.mjs";

const ADDRESS = "ada.canary@example.com";

/** Puts the mode of mail addresses on the way to a model into force. */
async function change(visit, mode) {
  await visit.goto("/privacy");
  await visit.headed("Privacy");
  await visit.page.getByRole("link", { name: /^To a model/ }).click();
  await visit.headed("Rules: To a model");
  await visit.page.getByLabel("EMAIL", { exact: true }).selectOption(mode);
  await visit.press("See what it would change");
  await visit.headed("Before you save");
}

test("rules are put into force once it was seen what they would have changed", () =>
  visiting(async (visit) => {
    await owner(visit);
    await change(visit, "Counted");
    await visit.sees("There are no calls yet to try it on.");
    await look(visit, "privacy-confirm");
    await visit.press("Put into force");
    await visit.sees("The rules are in force.");
    await visit.sees("pii@1");
    await look(visit, "privacy-changed");
    await visit.goto("/privacy/edit?channel=prompt");
    assert.equal(await visit.page.getByLabel("EMAIL", { exact: true }).inputValue(), "flag_only");
    await visit.page.getByLabel(/^Least confidence for EMAIL/).fill("2");
    visit.expect(422);
    await visit.press("See what it would change");
    await visit.page.getByRole("alert").first().waitFor();
    await look(visit, "privacy-edit-refused");
  }));

test("deep reading is refused where the server has no model, with what to do about it", () =>
  visiting(async (visit) => {
    await owner(visit);
    await visit.goto("/privacy");
    const box = visit.page.getByLabel("Read uncertain sentences twice");
    assert.equal(await box.isChecked(), false);
    await visit.sees("This server does not have the model");
    await box.check();
    visit.expect(422);
    await visit.press("Save deep reading");
    await visit.page.getByRole("alert").first().waitFor();
    await visit.sees("portcullis pii fetch-model");
    await look(visit, "privacy-deep-refused");
    await visit.page.getByLabel("Read uncertain sentences twice").uncheck();
    await visit.press("Save deep reading");
    await visit.sees("The rules are in force.");
  }));

test("a text is looked through and forgotten", () =>
  visiting(async (visit) => {
    await owner(visit);
    await visit.goto("/privacy");
    await visit.follow("Try a text");
    await visit.headed("Try a text");
    await visit.page.getByLabel("Text", { exact: true }).fill(`Write to ${ADDRESS} today.`);
    await visit.press("Look");
    await visit.sees("One finding");
    assert.match(await visit.page.locator("mark").innerText(), new RegExp(ADDRESS.replaceAll(".", "\\.")));
    await look(visit, "privacy-playground-looked");
  }));

test("a token is revealed under an override, for a reason, and not without one", { timeout: 120_000 }, () =>
  visiting(async (visit) => {
    await signIn(visit, first);
    await visit.headed(server.organization.name);
    await change(visit, "Put back");
    await visit.press("Put into force");
    await visit.sees("The rules are in force.");
    const body = { text: `Write to ${ADDRESS}`, channel: "prompt", conversation: "browser" };
    const cleaned = await api("POST", "/api/v1/pii/redact", { key: server.admin.api_key, body });
    assert.equal(cleaned.status, 200);
    const token = cleaned.body.text.match(/<EMAIL_\w+>/)[0];
    const ask = async () => {
      await visit.goto("/privacy/reveal");
      await visit.page.getByLabel("Token", { exact: true }).fill(token);
      await visit.page.getByLabel("Reason", { exact: true }).fill("The customer must be called back.");
      await visit.press("Reveal");
    };
    visit.expect(403);
    await ask();
    await visit.sees("pii:reveal");
    await visit.goto("/break-glass");
    await visit.page.getByLabel("Reason", { exact: true }).fill("The customer must be called back.");
    await visit.press("Break the glass");
    await visit.sees("The glass is broken.");
    await ask();
    await visit.sees(ADDRESS);
    await look(visit, "privacy-revealed");
    await visit.goto("/privacy");
    await visit.sees("What is kept");
    await look(visit, "privacy-kept");
    await visit.goto("/audit?kind=pii.revealed");
    await visit.sees("was shown what a token stands for");
  }));
