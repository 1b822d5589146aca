// Second factors as a person sets them up.

import assert from "node:assert/strict";

import { App } from "./authenticator.mjs";

/** The secret of an authenticator app that the page offers; its picture must be there too. */
export async function offered(visit) {
  const picture = visit.page.getByRole("img", { name: "QR code for your authenticator app" });
  assert.ok((await picture.boundingBox()).width > 100, "a picture to scan");
  await visit.page.getByText("I cannot scan it").click();
  return new App(await visit.page.locator(".secret code").innerText());
}

/** Recovery codes a page shows. */
export async function codes(visit) {
  const shown = await visit.page.locator("#codes li").allInnerTexts();
  assert.equal(shown.length, 10);
  return shown;
}

/** Sets up an authenticator app from the security page. */
export async function enrol(visit) {
  await visit.goto("/security/totp");
  const app = await offered(visit);
  await visit.fill({ Code: await app.code() });
  await visit.press("Turn on");
  await visit.headed("Keep these codes");
  const shown = await codes(visit);
  await visit.press("I have stored them");
  await visit.arrive("/security");
  return { app, codes: shown };
}

/** Makes a passkey on the device that is plugged in. The first factor of somebody brings recovery codes. */
export async function makePasskey(visit, name, { first = false } = {}) {
  await visit.goto("/security/passkeys/new");
  await visit.fill({ "Name for it": name });
  await visit.press("Create passkey");
  await visit.sees("Your passkey is ready to use.");
  if (!first) return;
  await codes(visit);
  await visit.press("I have stored them");
  await visit.arrive("/security");
}
