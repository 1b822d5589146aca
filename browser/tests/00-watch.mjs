// The watch itself: a visit fails when its page complains. Without this, silence would prove nothing.

import assert from "node:assert/strict";
import { test } from "node:test";

import { look } from "../lib/look.mjs";
import { Visit } from "../lib/visit.mjs";

/** What a visit complains about after `work`. */
async function complaints(work, fits) {
  const visit = await Visit.open();
  try {
    await visit.goto("/sign-in");
    await work(visit);
    while (!visit.complaints.some((one) => fits.test(one))) await visit.page.waitForTimeout(20);
  } finally {
    await assert.rejects(visit.close(), /complained about/);
  }
}

const inline = () => {
  const style = document.createElement("style");
  style.textContent = "a { color: red }";
  document.head.append(style);
};

test("a breach of the content policy is noticed", () =>
  complaints((visit) => visit.page.evaluate(inline), /content policy: /));

test("an exception and an error on the console are noticed", async () => {
  await complaints((visit) => visit.page.evaluate(() => void setTimeout(() => { throw new Error("x"); })), /exception/);
  await complaints((visit) => visit.page.evaluate(() => console.error("x")), /console: x/);
});

test("a status nobody expects is noticed, and one that does not come", async () => {
  await complaints((visit) => visit.goto("/no-such-page"), /404/);
  const visit = await Visit.open();
  visit.expect(404);
  await assert.rejects(visit.close(), /no answer had status 404/);
});

test("what keeps people out is noticed", async () => {
  const visit = await Visit.open();
  await visit.goto("/sign-in");
  await visit.page.evaluate(() => {
    document.querySelector("label").remove();
    document.querySelector("form").style.width = "2000px";
  });
  await assert.rejects(look(visit, "not-a-page"), (error) => /critical label/.test(error.message) && /px wide/.test(error.message));
  await visit.close();
});
