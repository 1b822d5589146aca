// A webhook from its first configuration to its end, with a service that takes messages and one that does not.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";

import { look } from "../lib/look.mjs";
import { owner } from "../lib/people.mjs";
import { WAIT } from "../lib/place.mjs";
import { Receiver } from "../lib/receiver.mjs";
import { visiting } from "../lib/visit.mjs";

/** Whether a message is signed with this secret (Standard Webhooks 1.0); one header may hold several signatures. */
function signed({ headers, body }, secret) {
  const key = Buffer.from(secret.replace("whsec_", ""), "base64");
  const signature = createHmac("sha256", key).update(`${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`);
  return headers["webhook-signature"].split(" ").includes(`v1,${signature.digest("base64")}`);
}

/** Waits until this holds. */
async function soon(visit, holds) {
  const end = Date.now() + WAIT;
  while (!holds()) {
    assert.ok(Date.now() < end, `${holds} came not true`);
    await visit.page.waitForTimeout(50);
  }
}

/** Loads the page until a badge says this; the menu of states has the same words. */
async function until(visit, text) {
  const end = Date.now() + WAIT;
  while ((await visit.page.locator("main .badge").getByText(text, { exact: true }).count()) === 0) {
    assert.ok(Date.now() < end, `nowhere stands ${text}`);
    await visit.page.waitForTimeout(200);
    await visit.page.reload();
  }
}

/** The secret that is shown once. */
const secretOf = (visit) => visit.page.locator(".secret code").innerText();

test("a webhook is configured, tried, given up, replayed, rotated, changed and removed", () =>
  visiting(async (visit) => {
    const receiver = await Receiver.start();
    try {
      await owner(visit);
      await visit.goto("/webhooks/new");
      await visit.fill({ Address: "nowhere" });
      visit.expect(422);
      await visit.press("Make the webhook");
      await visit.page.getByRole("alert").first().waitFor();
      await look(visit, "webhook-refused");
      await visit.fill({ Address: receiver.url });
      await visit.page.getByLabel("What it is for").fill("Tells the duty officer");
      await visit.page.getByLabel("agent", { exact: true }).check();
      await visit.press("Make the webhook");
      await visit.headed("Here is the secret");
      await look(visit, "webhook-secret");
      const secret = await secretOf(visit);
      await visit.follow("I have stored it");
      await visit.headed(receiver.url);
      await look(visit, "webhook-fresh");
      const home = visit.at;

      await visit.press("Send a test");
      await visit.sees("The test is on its way.");
      await until(visit, "Delivered");
      await look(visit, "webhook-tested");
      assert.ok(signed(receiver.got.at(-1), secret));

      // A service that is broken: what was given up can be sent once more, all of it or one by one.
      receiver.status = 500;
      await visit.press("Send a test");
      await until(visit, "Given up");
      await look(visit, "webhook-failing");
      let dialog = await visit.ask("Replay what was given up");
      await look(visit, "webhook-replay-all");
      receiver.status = 204;
      await dialog.getByRole("button", { name: "Send them once more" }).click();
      await visit.sees("It is on its way once more.");
      await soon(visit, () => receiver.got.length === 3);
      assert.equal(receiver.got[2].headers["webhook-id"], receiver.got[1].headers["webhook-id"], "known by its id");
      await visit.goto(home);
      await visit.page.locator("#delivery-rows").getByRole("link", { name: "webhook.tested" }).first().click();
      await visit.headed("webhook.tested");
      await until(visit, "Delivered");
      await look(visit, "webhook-delivery");
      dialog = await visit.ask("Send it once more");
      await look(visit, "webhook-replay");
      await dialog.getByRole("button", { name: "Send it" }).click();
      await visit.sees("It is on its way once more.");
      await soon(visit, () => receiver.got.length === 4);

      await visit.goto(home);
      dialog = await visit.ask("Rotate the secret");
      await look(visit, "webhook-rotate");
      await dialog.getByRole("button", { name: "Make a new secret" }).click();
      await visit.headed("Here is the secret");
      await look(visit, "webhook-secret-rotated");
      const next = await secretOf(visit);
      assert.notEqual(next, secret);
      await visit.follow("I have stored it");
      // An event of the log, signed with both.
      await visit.goto("/agents/new");
      await visit.fill({ Name: "Night watch" });
      await visit.press("Create agent");
      await visit.headed("Night watch");
      const created = () => receiver.got.find(({ body }) => JSON.parse(body).type === "agent.created");
      await soon(visit, created);
      assert.ok(signed(created(), secret) && signed(created(), next));

      await visit.goto(home);
      await visit.follow("Change");
      await visit.headed("Change the webhook");
      await look(visit, "webhook-edit");
      await visit.page.getByLabel("Send events there").uncheck();
      await visit.press("Save");
      await visit.sees("The webhook is saved and in force.");
      await visit.sees("Switched off.");
      await look(visit, "webhook-off");
      dialog = await visit.ask("Remove");
      await look(visit, "webhook-delete");
      await dialog.getByRole("button", { name: "Remove it" }).click();
      await visit.sees("The webhook is removed");
      await visit.sees("Nobody is told yet");
    } finally {
      receiver.stop();
    }
  }));
