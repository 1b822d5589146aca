// An evidence pack: chosen, looked at, made, taken away, handed on, and deleted.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { look } from "../lib/look.mjs";
import { owner } from "../lib/people.mjs";
import { visiting } from "../lib/visit.mjs";

test("a pack is made of a period, downloaded, linked to and deleted", () =>
  visiting(async (visit) => {
    await owner(visit);
    await visit.goto("/evidence");
    await visit.follow("Make the first pack");
    await visit.headed("New evidence pack");
    const today = new Date().toISOString().slice(0, 10);
    await visit.choose("SOC 2, common criteria CC4 to CC8");
    await visit.fill({ From: today, To: today });
    await visit.choose("All of the period");
    await visit.press("Show what it would hold");
    await visit.page.getByRole("button", { name: "Make the pack" }).waitFor();
    await look(visit, "evidence-of-today");
    await visit.press("Make the pack");
    await visit.sees("The pack is made and signed.");
    await look(visit, "evidence-pack");
    const coming = visit.page.waitForEvent("download");
    await visit.follow("Download");
    const zip = await readFile(await (await coming).path());
    assert.equal(zip.subarray(0, 2).toString(), "PK");

    await visit.follow("Make a link");
    await visit.headed("Make a link?");
    await look(visit, "evidence-link");
    await visit.press("Make the link");
    await visit.headed("Here is the link");
    await look(visit, "evidence-link-made");
    const link = await visit.page.locator(".secret code").innerText();
    const taken = await fetch(link);
    assert.equal(taken.status, 200);
    assert.deepEqual(Buffer.from(await taken.arrayBuffer()), zip, "the same bytes");
    await visit.follow("Done");

    const dialog = await visit.ask("Delete");
    await look(visit, "evidence-delete");
    await dialog.getByRole("button", { name: "Delete it" }).click();
    await visit.sees("The pack is deleted.");
    await visit.sees("No packs yet");
    assert.equal((await fetch(link)).status, 404);
  }));
