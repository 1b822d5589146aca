// Sessions: seen, and ended from elsewhere.

import assert from "node:assert/strict";
import { test } from "node:test";

import { look } from "../lib/look.mjs";
import { owner, signIn } from "../lib/people.mjs";
import { visiting } from "../lib/visit.mjs";

const PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Version/17.0 Mobile/15E148 Safari/604.1";

test("another session is ended, and then all others", () =>
  visiting(async (visit) => {
    const person = await owner(visit);
    await visiting(async (phone) => {
      await signIn(phone, person);
      await phone.headed(person.organization);
      await visiting(async (third) => {
        await signIn(third, person);
        await third.headed(person.organization);
        await visit.goto("/sessions");
        await visit.headed("Sessions");
        await visit.sees("This device");
        await look(visit, "sessions");
        const row = visit.page.getByRole("listitem").filter({ hasText: "iPhone" });
        await row.getByRole("link", { name: /^Sign out/ }).click();
        const dialog = visit.page.getByRole("dialog");
        await dialog.waitFor();
        await look(visit, "session-revoke");
        await dialog.getByRole("button", { name: "End this session" }).click();
        await visit.sees("That session has ended.");
        assert.equal(await row.count(), 0);
        await phone.goto("/sessions");
        await phone.headed("Sign in");
        await third.goto("/sessions");
        await third.headed("Sessions");
        await visit.follow("Sign out all others");
        await dialog.getByRole("link", { name: "Cancel" }).click();
        await dialog.waitFor({ state: "hidden" });
        await visit.follow("Sign out all others");
        await dialog.getByRole("button", { name: "End all other sessions" }).click();
        await visit.sees("All other sessions have ended.");
        await third.goto("/sessions");
        await third.headed("Sign in");
      });
    }, { userAgent: PHONE });
    await visit.goto("/sessions");
    assert.equal(await visit.page.locator("main .rows > li").count(), 1);
  }));
