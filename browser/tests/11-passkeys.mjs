// Passkeys in the rest of their ways: instead of a password from the first click on, several of one person, as a
// confirmation, and taken away.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Device } from "../lib/authenticator.mjs";
import { codes, makePasskey } from "../lib/factors.mjs";
import { look } from "../lib/look.mjs";
import { link } from "../lib/mail.mjs";
import { invite, owner, PASSWORD, signIn, signOut, somebody } from "../lib/people.mjs";
import { WAIT } from "../lib/place.mjs";
import { anotherServer, visiting } from "../lib/visit.mjs";

/** Waits until the device holds this many passkeys: what a page signals is heard a moment later. */
async function holds(visit, device, count) {
  const end = Date.now() + WAIT;
  while ((await device.credentials()).length !== count) {
    assert.ok(Date.now() < end, `the device does not hold ${count} passkeys`);
    await visit.page.waitForTimeout(50);
  }
}

test("the first administrator comes in with a passkey, and sets a password later", () =>
  visiting(async (visit) => {
    const device = await Device.plug(visit.page);
    await visit.goto(anotherServer.admin.sign_in_url);
    await visit.headed("Welcome to your Portcullis");
    const person = somebody("Administrator");
    await visit.fill({ "Your name": person.name, "E-mail address": person.email });
    await visit.press("Continue with a passkey");
    await visit.headed("Keep these codes");
    await codes(visit);
    await visit.press("I have stored them");
    await visit.sees("None: you sign in with passkeys only");
    await look(visit, "security-passkey-only");
    await visit.follow("Set one password");
    await look(visit, "security-password-first");
    await visit.fill({ "New password": PASSWORD });
    await visit.press("Save");
    await visit.sees("Your password is changed.");
    await visit.page.locator("main").getByRole("link", { name: "Change password" }).waitFor();
    assert.equal((await device.credentials()).length, 1);
  }, { baseURL: anotherServer.url }));

test("an invited person joins with a passkey and has no password", () =>
  visiting(async (visit) => {
    const { organization } = await owner(visit);
    const { name, email } = somebody();
    await invite(visit, email, "Member");
    const there = await link(email, "invitation");
    await visiting(async (other) => {
      await Device.plug(other.page);
      await other.goto(there);
      await other.fill({ "Your name": name });
      await other.press("Continue with a passkey");
      await other.headed("Keep these codes");
      await other.press("I have stored them");
      await other.goto("/");
      await other.headed(organization);
      await other.goto("/sign-out");
      await other.press("Sign out");
      // The page asks by itself, and the device answers.
      await other.headed(organization);
    });
  }));

test("somebody has two passkeys, each signs in, and one that is removed is forgotten by its device", () =>
  visiting(async (visit) => {
    const person = await owner(visit);
    const first = await Device.plug(visit.page);
    await makePasskey(visit, "Laptop", { first: true });
    const [laptop] = await first.credentials();
    // The same device makes no second one.
    await visit.goto("/security/passkeys/new");
    await visit.fill({ "Name for it": "Laptop again" });
    await visit.press("Create passkey");
    await visit.sees("This device has a passkey for your account already.");
    await look(visit, "passkey-refused");
    await first.unplug();
    const second = await Device.plug(visit.page);
    await makePasskey(visit, "Key in the drawer");
    const [drawer] = await second.credentials();
    await visit.arrive("/security");
    await look(visit, "security-two-passkeys");
    for (const credential of [laptop, drawer]) {
      await visiting(async (other) => {
        await signIn(other, person);
        await other.headed("One more step");
        await Device.plug(other.page, [credential]);
        await other.press("Use a passkey");
        await other.headed(person.organization);
      });
    }
    await second.unplug();
    const lost = await Device.plug(visit.page, [laptop]);
    await visit.goto("/security");
    const dialog = await visit.ask("Remove Laptop");
    await look(visit, "passkey-remove");
    await dialog.getByRole("button", { name: "Remove the passkey" }).click();
    await visit.sees("The passkey is removed.");
    await holds(visit, lost, 0);
    await lost.unplug();
    const kept = await Device.plug(visit.page, [drawer]);
    await visit.goto("/security");
    await visit.page.waitForTimeout(300);
    await holds(visit, kept, 1);
    // Somebody else in the same window: what is not on their list is none of their business.
    await kept.unplug();
    await signOut(visit);
    await owner(visit);
    const same = await Device.plug(visit.page, [drawer]);
    await visit.goto("/security");
    await visit.sees("No passkey yet");
    await visit.page.waitForTimeout(300);
    await holds(visit, same, 1);
  }));

test("a passkey is the confirmation before something dangerous", () =>
  visiting(async (visit) => {
    const person = await owner(visit);
    await visiting(async (other) => {
      await signIn(other, person);
      await other.headed(person.organization);
      const device = await Device.plug(other.page);
      await makePasskey(other, "My device", { first: true });
      await visit.goto("/keys/new");
      await visit.fill({ Name: "Build server" });
      await visit.press("Make the key");
      await visit.headed("Confirm it is you");
      await look(visit, "step-up-passkey");
      await Device.plug(visit.page, await device.credentials());
      await visit.press("Use a passkey");
      await visit.headed("New API key");
      await visit.sees("For the next ten minutes you will not be asked again.");
      await visit.fill({ Name: "Build server" });
      await visit.press("Make the key");
      await visit.headed("Here is the key");
    });
  }));
