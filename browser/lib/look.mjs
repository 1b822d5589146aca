// What holds for every page, however it was reached: a title, one main heading, nothing that sticks out on a phone, nothing
// that keeps people with other senses out; and a picture of it, so that a person can look too.

import assert from "node:assert/strict";
import { join } from "node:path";

import { axe } from "./packages.mjs";
import { screenshots } from "./place.mjs";
import { looked as seen } from "./seen.mjs";

const SIZES = [
  { name: "wide", width: 1280, height: 900 },
  { name: "phone", width: 390, height: 844 },
];
const SCHEMES = ["light", "dark"];
/** What axe calls a fault that matters. */
const GRAVE = ["serious", "critical"];

const looked = new Set();

/** Looks at the open page in each size and scheme, as it is: nothing is loaded again. `name` is the name of its pictures. */
export async function look(visit, name) {
  assert.ok(!looked.has(name), `two pages are called ${name}`);
  looked.add(name);
  const { page } = visit;
  seen.add(new URL(page.url()).pathname);
  // What a dialog asks is a page of its own, too.
  const asked = await page.evaluate(() => document.querySelector("dialog[open] form")?.getAttribute("action"));
  if (asked) seen.add(asked);
  const faults = [];
  const title = await page.title();
  if (!/^.+ · .+$/.test(title)) faults.push(`the title is “${title}”`);
  const headings = await page.locator("h1:visible").count();
  if (headings !== 1) faults.push(`${headings} main headings`);
  await page.evaluate(axe);
  for (const { name: size, ...viewport } of SIZES) {
    await page.setViewportSize(viewport);
    for (const colorScheme of SCHEMES) {
      await page.emulateMedia({ colorScheme });
      const found = await page.evaluate(inside, colorScheme === "dark");
      const where = `${size} ${colorScheme}`;
      if (found.wide > found.screen) faults.push(`${where}: ${found.wide} px wide (${found.out.join(", ")})`);
      for (const { id, impact, nodes } of found.violations.filter((one) => GRAVE.includes(one.impact))) {
        faults.push(`${where}: ${impact} ${id}: ${nodes.join(" | ")}`);
      }
      const path = join(screenshots, `${name}-${size}-${colorScheme}.png`);
      await page.screenshot({ path, fullPage: true });
    }
  }
  await page.setViewportSize(SIZES[0]);
  await page.emulateMedia({ colorScheme: null });
  assert.deepEqual(faults, [], `${name} at ${visit.at}`);
}

/** Runs in the page. */
async function inside(dark) {
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  await frame();
  await frame();
  const root = document.documentElement;
  const screen = root.clientWidth;
  const out = [...document.querySelectorAll("body *")].filter((one) => one.getBoundingClientRect().right > screen + 1);
  const { violations } = await window.axe.run(document, {
    resultTypes: ["violations"],
    // Only colours differ in the dark.
    ...(dark && { runOnly: ["color-contrast", "link-in-text-block"] }),
  });
  return {
    wide: root.scrollWidth,
    screen,
    out: out.slice(0, 5).map((one) => `${one.localName}.${one.className}`),
    violations: violations.map(({ id, impact, nodes }) => ({
      id,
      impact,
      nodes: nodes.map((node) => `${node.target} ${node.failureSummary.replaceAll(/\s+/g, " ")}`),
    })),
  };
}
