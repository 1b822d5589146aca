// The people of an organization: asked in, given roles, shut out, let in, sent away; and an organization that is handed over.

import assert from "node:assert/strict";
import { test } from "node:test";

import { sql } from "../lib/database.mjs";
import { look } from "../lib/look.mjs";
import { link } from "../lib/mail.mjs";
import { colleague, found, invite, owner, signIn, somebody } from "../lib/people.mjs";
import { visiting } from "../lib/visit.mjs";

/** The link of an invitation leads nowhere, for whoever follows it. */
async function leadsNowhere(there) {
  await visiting(async (other) => {
    other.expect(404);
    await other.goto(there);
    await other.headed("This link does not work any more");
  });
}

/** The page of a member, from the list. */
async function member(visit, person) {
  await visit.goto("/members");
  await visit.page.getByRole("link", { name: person.name }).click();
  await visit.headed(person.name);
}

test("an invitation is written, sent again and withdrawn", () =>
  visiting(async (visit) => {
    const person = await owner(visit);
    const address = somebody().email;
    await visit.goto("/members");
    await visit.follow("Invite");
    await visit.headed("Invite somebody");
    await visit.fill({ "E-mail address": person.email });
    await visit.choose("Viewer");
    visit.expect(409);
    await visit.press("Send invitation");
    await visit.sees("This person is a member already.");
    await look(visit, "invite-refused");
    await visit.fill({ "E-mail address": address });
    await visit.press("Send invitation");
    await visit.sees("The invitation is on its way.");
    await look(visit, "members-invited");
    const first = await link(address, "invitation");
    await visit.press(`Send again to ${address}`);
    await visit.sees("That address was invited a moment ago.");
    await sql(`update invitation set made_at = made_at - interval '2 minutes' where address = '${address}'`);
    await visit.press(`Send again to ${address}`);
    await visit.sees("The invitation is on its way.");
    await leadsNowhere(first);
    const second = await link(address, "invitation");
    assert.notEqual(second, first);
    const dialog = await visit.ask(`Withdraw the invitation of ${address}`);
    await look(visit, "invitation-withdraw");
    await dialog.getByRole("button", { name: "Withdraw" }).click();
    await visit.sees("The invitation is withdrawn");
    await visit.sees("Nobody is invited at the moment.");
    await leadsNowhere(second);
  }));

test("whoever has an account joins with it: by signing in, by the letter, by its code", () =>
  visiting(async (visit) => {
    const host = await owner(visit);
    await visiting(async (guest) => {
      const person = await owner(guest);
      await invite(visit, person.email, "Member");
      const there = await link(person.email, "invitation");
      await visiting(async (other) => {
        await other.goto(there);
        await look(other, "invitation-known");
        await other.press("Sign in and join");
        await other.headed("Sign in");
        await other.fill({ "E-mail address": person.email, Password: person.password });
        await other.press("Continue");
        await other.headed(`Join ${host.organization}`);
        await look(other, "invitation-signed-in");
        await other.press("Join");
        await other.sees("Welcome: you are a member now.");
        await other.headed(host.organization);
      });
      await guest.goto("/switch");
      await guest.headed("Choose an organization");
      await look(guest, "switch-two");
      await guest.page.locator("main").getByRole("button", { name: host.organization }).click();
      await guest.headed(host.organization);
      await guest.page.getByRole("button", { name: /^Organization:/ }).click();
      await guest.page.locator("#organizations").getByRole("button", { name: person.organization }).click();
      await guest.headed(person.organization);
    });
    await visiting(async (guest) => {
      const person = await owner(guest);
      await invite(visit, person.email, "Member");
      const there = await link(person.email, "invitation");
      await visit.goto(there);
      await visit.sees("You are signed in with another address.");
      await look(visit, "invitation-other");
      await guest.goto("/onboarding");
      await guest.fill({ "Invitation code": there.split("?t=")[1] });
      await guest.press("Join");
      await guest.sees("Welcome: you are a member now.");
      await guest.headed(host.organization);
    });
  }));

test("a role is changed, sessions are ended, and a member is suspended, let in and removed", { timeout: 120_000 }, () =>
  visiting(async (visit) => {
    const { organization } = await owner(visit);
    await visiting(async (other) => {
      const person = await colleague(visit, other, "Member", organization);
      await member(visit, person);
      await look(visit, "member");
      await visit.choose("Admin");
      await visit.press("Change role");
      await visit.sees("The role is changed");
      await other.goto("/members");
      await other.follow("Invite");
      await other.headed("Invite somebody");

      let dialog = await visit.ask(/^Sign out (?!everywhere)/);
      await look(visit, "member-session-revoke");
      await dialog.getByRole("button", { name: "End the session" }).click();
      await visit.sees("The member is signed out of this organization there.");
      await visit.sees("Nowhere at the moment.");
      await look(visit, "member-no-sessions");
      await signIn(other, person, "/members");
      await other.headed("Members");
      await visit.page.reload();
      dialog = await visit.ask("Sign out everywhere");
      await look(visit, "member-sessions-revoke-all");
      await dialog.getByRole("button", { name: "Sign them out" }).click();
      await visit.sees("The member is signed out of this organization there.");
      await signIn(other, person, "/members");
      await other.headed("Members");

      dialog = await visit.ask("Suspend…");
      await look(visit, "member-suspend");
      await dialog.getByRole("button", { name: "Suspend" }).click();
      await visit.sees("The member is suspended and signed out");
      await look(visit, "member-suspended");
      await signIn(other, person);
      await other.headed("Now, where do you belong?");
      await visit.press("Let them in again");
      await visit.sees("The member may come in again.");
      dialog = await visit.ask("Remove…");
      await look(visit, "member-remove");
      await dialog.getByRole("button", { name: "Remove" }).click();
      await visit.sees("The member is removed");
      assert.equal(await visit.page.getByText(person.email).count(), 0);
    });
  }));

test("an organization is handed over, and whoever had it leaves", () =>
  visiting(async (visit) => {
    const person = await owner(visit);
    await member(visit, person);
    await visit.sees("The organization needs an owner: hand it over first");
    await look(visit, "member-owner");
    await visiting(async (other) => {
      const heir = await colleague(visit, other, "Admin", person.organization);
      await member(visit, heir);
      const dialog = await visit.ask("Hand over…");
      await look(visit, "member-transfer");
      await dialog.getByRole("button", { name: "Hand it over" }).click();
      await visit.sees("The organization is handed over.");
      await visit.sees("Owner");
      await member(other, person);
      await other.page.getByRole("link", { name: "Hand over…" }).waitFor();
      // With another organization to go to, leaving one closes nothing but that.
      await found(visit, `Second ${person.organization}`);
      await visit.goto("/switch");
      await visit.page.locator("main").getByRole("button", { name: new RegExp(`^House of ${person.name}`) }).click();
      await visit.headed(person.organization);
      await member(visit, person);
      const leaving = await visit.ask("Leave…");
      await look(visit, "member-leave");
      await leaving.getByRole("button", { name: "Leave" }).click();
      await visit.sees("You have left the organization.");
      await other.goto("/members");
      assert.equal(await other.page.getByText(person.email).count(), 0);
      await signIn(visit, person);
      await visit.headed(`Second ${person.organization}`);
    });
  }));

test("a member sees colleagues and changes nobody", () =>
  visiting(async (visit) => {
    const person = await owner(visit);
    await visiting(async (other) => {
      await colleague(visit, other, "Viewer", person.organization);
      await member(other, person);
      await look(other, "member-seen-by-viewer");
      assert.equal(await other.page.getByRole("button", { name: "Change role" }).count(), 0);
      await other.goto("/settings");
      await other.sees("You can look.");
      assert.ok(await other.page.getByLabel("Name of the organization").isDisabled());
      await look(other, "settings-viewer");
    });
  }));
