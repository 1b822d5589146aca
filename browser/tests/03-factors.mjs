// Passkeys, an authenticator app, recovery codes, and being asked once more before something dangerous.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Device } from "../lib/authenticator.mjs";
import { codes, enrol, offered } from "../lib/factors.mjs";
import { look } from "../lib/look.mjs";
import { link } from "../lib/mail.mjs";
import { api, owner, PASSWORD, signIn, signOut, somebody } from "../lib/people.mjs";
import { server, visiting } from "../lib/visit.mjs";

test("a passkey is made and signs in, by autofill and by the button", () =>
  visiting(async (visit) => {
    const person = await owner(visit);
    const device = await Device.plug(visit.page);
    await visit.goto("/security/passkeys/new");
    await look(visit, "passkey-new");
    await visit.fill({ "Name for it": "My device" });
    await visit.press("Create passkey");
    await visit.sees("Your passkey is ready to use.");
    const credentials = await device.credentials();
    assert.equal(credentials.length, 1);
    // The first factor brings recovery codes, shown until they are stored.
    await visit.headed("Keep these codes");
    const shown = await codes(visit);
    await visit.page.reload();
    assert.deepEqual(await codes(visit), shown);
    await look(visit, "recovery-codes-passkey");
    await visit.press("I have stored them");
    await visit.arrive("/security");
    await visit.sees("10 of 10 left");
    await visit.sees("My device");
    const row = visit.page.locator("main [data-credential]");
    assert.match(await row.innerText(), /never used/);
    await look(visit, "security-passkey");
    await visit.follow("Rename My device");
    await visit.headed("Rename");
    await look(visit, "passkey-rename");
    await visit.page.getByRole("textbox").fill("The other name");
    await visit.press("Save");
    await visit.sees("The passkey has its new name.");
    // The page asks by itself, and the device answers: nothing is typed and nothing is pressed.
    await visit.goto("/sign-out");
    await visit.press("Sign out");
    await visit.headed(person.organization);
    await visit.goto("/security");
    assert.match(await row.innerText(), /last used just now/);
    await visiting(async (other) => {
      // A browser that offers no passkeys by itself.
      await other.context.addInitScript(() => {
        PublicKeyCredential.isConditionalMediationAvailable = async () => false;
      });
      await Device.plug(other.page, await device.credentials());
      await other.goto("/sign-in?return=/sessions");
      await other.press("Sign in with a passkey");
      await other.headed("Sessions");
      await other.sees("two factors");
    });
  }));

test("a passkey is the second step of a password, and can be removed", () =>
  visiting(async (visit) => {
    const person = await owner(visit);
    const device = await Device.plug(visit.page);
    await visit.goto("/security/passkeys/new");
    await visit.fill({ "Name for it": "My device" });
    await visit.press("Create passkey");
    await visit.sees("Your passkey is ready to use.");
    const credentials = await device.credentials();
    await visiting(async (other) => {
      await signIn(other, person);
      await other.headed("One more step");
      await look(other, "second-passkey");
      await Device.plug(other.page, credentials);
      await other.press("Use a passkey");
      await other.headed(person.organization);
    });
    await visit.goto("/security");
    await visit.follow("Remove My device");
    await visit.page.getByRole("dialog").getByRole("button", { name: "Remove the passkey" }).click();
    await visit.sees("The passkey is removed.");
  }));

test("an authenticator app and its recovery codes are the second step", () =>
  visiting(async (visit) => {
    const person = await owner(visit);
    await visit.goto("/security/totp");
    await visit.headed("Authenticator app");
    await offered(visit);
    await look(visit, "totp");
    await visit.fill({ Code: "000000" });
    visit.expect(401);
    await visit.press("Turn on");
    await visit.page.getByRole("alert").first().waitFor();
    await look(visit, "totp-refused");
    const app = await offered(visit);
    await visit.fill({ Code: await app.code() });
    await visit.press("Turn on");
    await visit.headed("Keep these codes");
    await look(visit, "recovery-codes-new");
    const recovery = await codes(visit);
    await visit.press("I have stored them");
    await visit.sees("Each recovery code works once.");
    await look(visit, "security-totp");
    await signOut(visit);
    await signIn(visit, person);
    await visit.headed("One more step");
    await look(visit, "second-app");
    await visit.fill({ Code: "000000" });
    visit.expect(401);
    await visit.press("Continue");
    await visit.page.getByRole("alert").first().waitFor();
    await visit.fill({ Code: await app.code() });
    await visit.press("Continue");
    await visit.headed(person.organization);
    // The phone is lost.
    await signOut(visit);
    await signIn(visit, person, "/sign-in?return=/security");
    await visit.headed("One more step");
    await visit.page.locator("main").getByRole("link", { name: /recovery/i }).click();
    await visit.page.getByLabel("Recovery code", { exact: true }).waitFor();
    await look(visit, "second-recovery");
    await visit.fill({ "Recovery code": recovery[0] });
    await visit.press("Continue");
    await visit.headed(/My security|House of/);
    await visit.goto("/security");
    await visit.sees("9 of 10 left");
    // A code works once.
    await signOut(visit);
    await signIn(visit, person);
    await visit.page.locator("main").getByRole("link", { name: /recovery/i }).click();
    await visit.fill({ "Recovery code": recovery[0] });
    visit.expect(401);
    await visit.press("Continue");
    await visit.page.getByRole("alert").first().waitFor();
    await visit.fill({ "Recovery code": recovery[1] });
    await visit.press("Continue");
    await visit.headed(person.organization);
    // New ones take the place of the rest.
    await visit.goto("/security/recovery-codes");
    await visit.press("Make new codes");
    await visit.headed("Keep these codes");
    const anew = await codes(visit);
    assert.ok(anew.every((code) => !recovery.includes(code)));
    await visit.press("I have stored them");
    await visit.sees("10 of 10 left");
  }));

test("who proved less than they could is asked once more before making a key", () =>
  visiting(async (visit) => {
    const person = await owner(visit);
    await visiting(async (other) => {
      await signIn(other, person);
      await other.headed(person.organization);
      const { app } = await enrol(other);
      // The first window has proved a password only.
      await visit.goto("/keys/new");
      await visit.fill({ Name: "Build server" });
      await visit.press("Make the key");
      await visit.headed("Confirm it is you");
      await look(visit, "step-up");
      await visit.page.getByText("change API keys").waitFor();
      await visit.fill({ "Code from your authenticator app": "000000" });
      visit.expect(401);
      await visit.press("Confirm");
      await visit.page.getByRole("alert").first().waitFor();
      await visit.fill({ "Code from your authenticator app": await app.code() });
      await visit.press("Confirm");
      await visit.headed("New API key");
      await visit.sees("For the next ten minutes you will not be asked again.");
      await visit.fill({ Name: "Build server" });
      await visit.press("Make the key");
      await visit.headed("Here is the key");
      await other.goto("/security");
      await other.follow("Turn off authenticator app");
      await other.page.getByRole("dialog").waitFor();
      await look(other, "totp-remove");
      await other.page.getByRole("dialog").getByRole("button", { name: "Remove the app" }).click();
      await other.sees("Your authenticator app is removed.");
    });
  }));

test("an organization that asks for a second factor gets one before anything else", () =>
  visiting(async (visit) => {
    const [key, path] = [server.admin.api_key, "/api/v1/organization/settings"];
    const { changed_at: _, ...settings } = (await api("GET", path, { key })).body;
    const put = await api("PUT", path, { key, body: { ...settings, second_factor_roles: ["viewer"] } });
    assert.equal(put.status, 200, JSON.stringify(put.body));
    const address = somebody().email;
    const invited = await api("POST", "/api/v1/invitations", { key, body: { address, role: "viewer" } });
    assert.equal(invited.status, 201, JSON.stringify(invited.body));
    await visit.goto(await link(address, "invitation"));
    await visit.fill({ "Your name": "Careful Viewer", Password: PASSWORD });
    await visit.press("Join with the password");
    await visit.headed(`${server.organization.name} asks for a second factor`);
    await look(visit, "enrol");
    await visit.follow("Use an app");
    const app = await offered(visit);
    await look(visit, "enrol-app");
    await visit.fill({ Code: await app.code() });
    await visit.press("Turn on");
    await visit.headed("Keep these codes");
    await look(visit, "enrol-codes");
    await codes(visit);
    await visit.press("I have stored them");
    await visit.headed(server.organization.name);
  }));
