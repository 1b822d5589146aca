// Hands that stay on the keyboard.

import assert from "node:assert/strict";
import { test } from "node:test";

import { first, signIn } from "../lib/people.mjs";
import { server, visiting } from "../lib/visit.mjs";

/** What has the focus, as a screen reader would name it. */
function focused(visit) {
  return visit.page.evaluate(() => {
    const one = document.activeElement;
    return one.getAttribute("aria-label") || one.labels?.[0]?.innerText || one.id || one.innerText.trim();
  });
}

/** Presses a key until something has the focus; gives up where the order of the page does not lead there. */
async function pressUntil(visit, key, name, most = 30) {
  const passed = [];
  for (let times = 0; times < most; times += 1) {
    await visit.page.keyboard.press(key);
    passed.push(await focused(visit));
    if (passed.at(-1) === name) return passed;
  }
  return assert.fail(`${key} does not lead to ${name}: ${passed.join(" > ")}`);
}

test("the keyboard leads through sign-in, from the skip link to the main action", () =>
  visiting(async (visit) => {
    await visit.goto("/sign-in");
    // A browser gives the focus with its first frame, which may come after the page is loaded.
    await visit.page.locator("input:focus").waitFor();
    assert.equal(await focused(visit), "E-mail address", "typing starts there");
    await pressUntil(visit, "Shift+Tab", "Skip to content");
    const box = await visit.page.getByRole("link", { name: "Skip to content" }).boundingBox();
    assert.ok(box.y >= 0 && box.height > 0, "it is seen when it has the focus");
    await visit.page.keyboard.press("Enter");
    assert.equal(await focused(visit), "main");
    assert.deepEqual(await pressUntil(visit, "Tab", "Continue"), [
      "E-mail address",
      "Password",
      "Show password",
      "Continue",
    ]);
    await pressUntil(visit, "Shift+Tab", "E-mail address");
    await visit.page.keyboard.type(first.email);
    await visit.page.keyboard.press("Tab");
    await visit.page.keyboard.type(first.password);
    await visit.page.keyboard.press("Enter");
    await visit.headed(server.organization.name);
  }));

test("inside, shortcuts and dialogs are reached and left by keys", () =>
  visiting(async (visit) => {
    await signIn(visit, first);
    await visit.headed(server.organization.name);
    await visit.page.keyboard.press("Tab");
    assert.equal(await focused(visit), "Skip to content");
    await visit.page.keyboard.press("?");
    await visit.page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
    await visit.page.keyboard.press("Escape");
    await visit.page.keyboard.press("g");
    await visit.page.keyboard.press("a");
    await visit.headed("Agents");
    await visit.page.keyboard.press("/");
    assert.equal(await focused(visit), "Name");
    await visit.page.keyboard.type("first");
    await visit.page.waitForURL(/q=first/);
    await visit.follow(server.agent.name);
    await visit.headed(server.agent.name);
    await visit.page.getByRole("link", { name: "Stop it" }).focus();
    await visit.page.keyboard.press("Enter");
    await visit.page.getByRole("dialog").waitFor();
    await visit.page.keyboard.press("Escape");
    await visit.page.getByRole("dialog").waitFor({ state: "hidden" });
    assert.match(await focused(visit), /Stop it/, "back where one came from");
  }));
