// An account for oneself: sign-up, the letter, the first organization; and a forgotten password.

import assert from "node:assert/strict";
import { test } from "node:test";

import { look } from "../lib/look.mjs";
import { letter, link } from "../lib/mail.mjs";
import { owner, PASSWORD, signIn, signUp, somebody } from "../lib/people.mjs";
import { visiting } from "../lib/visit.mjs";

test("sign-up, the letter, and an organization of one's own", () =>
  visiting(async (visit) => {
    const person = somebody();
    await visit.goto("/sign-in");
    await visit.follow("Create an account");
    await visit.headed("Create an account");
    await look(visit, "sign-up");
    await visit.fill({ "Your name": person.name, "E-mail address": person.email, Password: "passwordpassword" });
    visit.expect(422);
    await visit.press("Continue");
    await visit.sees("One thing needs another look:");
    await look(visit, "sign-up-refused");
    await signUp(visit, person);
    await look(visit, "mail-sent");
    visit.expect(403);
    await signIn(visit, person);
    await visit.page.getByRole("alert").first().waitFor();
    const there = await link(person.email, "verify_address");
    await visit.goto(there);
    await visit.headed("Confirm your address");
    await look(visit, "verify");
    await visit.fill({ Password: person.password });
    await visit.press("Confirm and sign in");
    await visit.arrive("/onboarding");
    await visit.headed("Now, where do you belong?");
    await look(visit, "onboarding");
    await visit.fill({ "Name of the organization": "Example Works" });
    await visit.press("Create");
    await visit.sees("Your organization is ready.");
    await visit.headed("Example Works");
    await visit.goto("/onboarding");
    await visit.fill({ "Invitation code": "no such code" });
    visit.expect(404);
    await visit.press("Join");
    await visit.page.getByRole("alert").first().waitFor();
    await look(visit, "onboarding-refused");
    await visit.goto("/sign-out");
    await look(visit, "sign-out");
    await visit.press("Sign out");
    await visit.arrive("/sign-in");
    // The link was used.
    await visit.goto(there);
    await visit.fill({ Password: person.password });
    visit.expect(404);
    await visit.press("Confirm and sign in");
    await visit.headed("This link does not work any more");
  }));

test("an address that has an account is told so by mail, not on the page", () =>
  visiting(async (visit) => {
    const person = await owner(visit);
    await visit.goto("/sign-out");
    await visit.press("Sign out");
    await signUp(visit, { ...person, name: "Somebody else" });
    assert.match(await letter(person.email, "account_exists"), /account/);
  }));

test("a forgotten password is set anew by the letter, and ends what was open", () =>
  visiting(async (visit) => {
    const person = await owner(visit);
    await visiting(async (elsewhere) => {
      await elsewhere.goto("/sign-in");
      await elsewhere.follow("I cannot sign in");
      await elsewhere.headed("Set a new password");
      await look(elsewhere, "reset");
      await elsewhere.fill({ "E-mail address": person.email });
      await elsewhere.press("Send the link");
      await elsewhere.headed("Look into your mail");
      await look(elsewhere, "reset-sent");
      const there = await link(person.email, "reset_password");
      await elsewhere.goto(there);
      await elsewhere.headed("New password");
      await look(elsewhere, "reset-new");
      const password = "nine quiet harbours wait";
      await elsewhere.fill({ Password: password });
      await elsewhere.press("Save");
      await elsewhere.sees("Your new password is set");
      await look(elsewhere, "sign-in-after-reset");
      elsewhere.expect(401);
      await signIn(elsewhere, { ...person, password: PASSWORD });
      await elsewhere.page.getByRole("alert").first().waitFor();
      await elsewhere.fill({ Password: password });
      await elsewhere.press("Continue");
      await elsewhere.headed(person.organization);
      elsewhere.expect(404);
      await elsewhere.goto(there);
      await elsewhere.headed("This link does not work any more");
      await look(elsewhere, "reset-spent");
    });
    await visit.goto("/security");
    await visit.headed("Sign in");
  }));

test("a new address counts when its letter was followed", () =>
  visiting(async (visit) => {
    const person = await owner(visit);
    const next = somebody().email;
    await visit.goto("/security/email");
    await visit.fill({ "New e-mail address": next });
    await visit.press("Send the mail");
    await visit.headed("Look into your mail");
    await look(visit, "security-email-sent");
    const withdrawn = await link(next, "address_change_requested");
    await visit.goto("/security/email");
    await visit.sees("waits to be confirmed");
    await look(visit, "security-email-pending");
    await visit.press("Withdraw");
    await visit.sees("The change is withdrawn");
    visit.expect(404);
    await visit.goto(withdrawn);
    await visit.headed("This link does not work any more");
    await visit.follow("Change e-mail address");
    await visit.fill({ "New e-mail address": next });
    await visit.press("Send the mail");
    await visit.headed("Look into your mail");
    const there = await link(next, "address_change_requested");
    // Somebody else who is signed in is asked nothing: the address would go to another account than theirs.
    await visiting(async (other) => {
      await owner(other);
      other.expect(403);
      await other.goto(there);
      await other.sees("Another account asked for this address.");
    });
    await visit.goto(there);
    await visit.headed("Confirm your new address");
    await visit.page.locator("main").getByText(person.email).first().waitFor();
    await look(visit, "security-email-confirm");
    await visit.press("Confirm the address");
    await visit.sees("Your address is changed.");
    await visit.sees(next);
    assert.match(await letter(person.email, "address_changed"), /address/);
  }));
