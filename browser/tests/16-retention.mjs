// How long the log is kept: looked at, changed; a legal hold placed and lifted; a receipt of an entry, checked as somebody else
// would; and what is there to see once the beginning of a log is in an archive.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createPublicKey, verify } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";

import { sql } from "../lib/database.mjs";
import { enrol } from "../lib/factors.mjs";
import { look } from "../lib/look.mjs";
import { api, owner, signIn } from "../lib/people.mjs";
import { program } from "../lib/place.mjs";
import { server, visiting } from "../lib/visit.mjs";

const REASON = "A court has asked for the records of this year.";
const AUDIT = "The authority audits the years from 2020 on.";
const CLOSED = "The court has closed the case.";
/** More than one bundle of entries, which is the least that is archived. */
const READS = 300;
const READS_AT_ONCE = 10;

const reason = (visit) => visit.page.getByLabel("Reason", { exact: true });

/** Asks until it is so. */
async function until(so) {
  while (!(await so())) await pause(100);
}

/** Places a hold from a day on, from the page of the retention. */
async function place(visit, from, why = REASON) {
  await visit.follow("Place a hold");
  await visit.headed("Place a legal hold");
  await reason(visit).fill(why);
  await visit.page.getByLabel("From").fill(from);
  await visit.press("Place the hold");
  await visit.sees("The hold stands");
}

test("a legal hold is placed and lifted, each for a reason", { timeout: 120_000 }, () =>
  visiting(async (visit) => {
    await owner(visit);
    await visit.goto("/audit");
    await visit.follow("Retention and holds");
    await visit.headed("Retention and legal holds");
    await visit.sees("No legal hold stands");
    await visit.sees("Nothing is archived");
    await look(visit, "retention-young");
    await visit.follow("Place a hold");
    await visit.headed("Place a legal hold");
    await look(visit, "hold-new");
    await reason(visit).fill("too short");
    visit.expect(422);
    await visit.press("Place the hold");
    await visit.page.getByRole("alert").first().waitFor();
    await look(visit, "hold-refused");
    await reason(visit).fill(REASON);
    await visit.page.getByLabel("To").fill("2030-12-31");
    await visit.press("Place the hold");
    await visit.sees("The hold stands");
    await visit.sees("Entries from the first to 31 Dec 2030, that day included");
    await place(visit, "2020-01-01", AUDIT);
    await look(visit, "retention-held");

    const dialog = await visit.ask(`Lift… the hold: ${AUDIT}`);
    await dialog.getByLabel("Why it is lifted").waitFor();
    await look(visit, "hold-lift-dialog");
    await dialog.getByLabel("Why it is lifted").fill("Because.");
    visit.expect(422);
    await dialog.getByRole("button", { name: "Lift the hold" }).click();
    await visit.headed("Lift this legal hold?");
    await look(visit, "hold-lift-refused");
    await visit.page.getByLabel("Why it is lifted").fill(CLOSED);
    await visit.press("Lift the hold");
    await visit.sees("The hold is lifted.");
    await visit.sees(CLOSED);
    await look(visit, "retention-lifted");
    await visit.goto("/audit/checkpoints");
    await visit.sees("one legal hold stands");
    await look(visit, "heads-held");
  }));

test("entries are kept for longer at once, and for less after a while in which it can be taken back", () =>
  visiting(async (visit) => {
    await owner(visit);
    await visit.goto("/audit/retention");
    const days = visit.page.getByLabel("Days", { exact: true });
    await days.fill("365");
    await visit.press("Change the time");
    await visit.headed("Keep entries for a shorter time?");
    await visit.sees("It counts from");
    await look(visit, "retention-shorter");
    await visit.press("Shorten it to 365 days");
    await visit.sees("The shorter time waits.");
    await visit.sees("A shorter time waits.");
    await look(visit, "retention-waits");
    await visit.press("Keep the 2557 days");
    await visit.sees("is changed, and in force");
    assert.equal(await visit.page.getByText("A shorter time waits.").count(), 0);
    await days.fill("3650");
    await visit.press("Change the time");
    await visit.sees("about 10 years");
    assert.equal(await days.inputValue(), "3650");
  }));

test("both ask who one is, and need no scripts", { timeout: 120_000 }, () =>
  visiting(async (visit) => {
    const person = await owner(visit);
    await visiting(async (other) => {
      await signIn(other, person);
      await other.headed(person.organization);
      const { app } = await enrol(other);
      await visit.goto("/audit/retention");
      await visit.page.getByLabel("Days", { exact: true }).fill("365");
      await visit.press("Change the time");
      await visit.headed("Confirm it is you");
      await visit.fill({ "Code from your authenticator app": await app.code() });
      await visit.press("Confirm");
      await visit.headed("Keep entries for a shorter time?");
      await visit.press("Shorten it to 365 days");
      await visit.sees("The shorter time waits.");
      await place(visit, "2026-01-01");
      await visit.page.locator("main").getByRole("link", { name: /^Lift/ }).click();
      await visit.headed("Lift this legal hold?");
      // While the reason is written the confirmation runs out.
      await sql(
        `update session set auth_time = auth_time - interval '1 hour'; insert into cache_epoch as c (tenant_id, epoch)
          select id, 1 from instance on conflict (tenant_id) do update set epoch = c.epoch + 1`,
      );
      await until(async () => (await visit.page.request.get("/audit/holds/new")).url().includes("/step-up"));
      await visit.page.getByLabel("Why it is lifted").fill(CLOSED);
      visit.expect(401);
      await visit.press("Lift the hold");
      await visit.sees("Confirm that it is you first.");
      assert.equal(await visit.page.getByLabel("Why it is lifted").inputValue(), CLOSED);
      assert.equal(await visit.page.locator(".needs-js:visible").count(), 0);
    });
  }, { javaScriptEnabled: false }));

test("a receipt of an entry is taken away, and holds for whoever has the key", () =>
  visiting(async (visit) => {
    await owner(visit);
    await visit.goto("/audit?range=1h");
    await visit.page.locator("#found table.log tbody a.name").first().click();
    await visit.follow("Receipt");
    await visit.headed("Receipt of an entry");
    await look(visit, "audit-receipt");
    const jwk = JSON.parse(await visit.page.locator("#jwk").innerText());
    const coming = visit.page.waitForEvent("download");
    await visit.follow("Download");
    const download = await coming;
    assert.match(download.suggestedFilename(), /^receipt-[0-9a-f-]{36}\.txt$/);
    const [head, claims, signature] = (await readFile(await download.path(), "utf8")).trim().split(".");
    const key = createPublicKey({ key: jwk, format: "jwk" });
    const bytes = (text) => Buffer.from(text, "base64url");
    assert.ok(verify(null, Buffer.from(`${head}.${claims}`), key, bytes(signature)), "signed with the key of the page");
    const entry = JSON.parse(bytes(claims)).entry;
    assert.ok(visit.at.includes(entry), entry);
    await visit.context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await visit.press("Copy the receipt");
    await visit.page.getByRole("status").filter({ hasText: "Copied" }).waitFor();
    const copied = await visit.page.evaluate(() => navigator.clipboard.readText());
    assert.equal(copied.split(".").length, 3);
    await visit.follow("The entry");
    await visit.arrive(`/audit/${entry}`);
  }));

test("what is archived says where it is", { timeout: 180_000 }, () =>
  visiting(async (visit) => {
    const person = await owner(visit);
    const { email: address, password } = person;
    const { body: tokens } = await api("POST", "/api/v1/auth/sign-in", { body: { address, password } });
    const key = tokens.access_token;
    const read = async () => {
      for (let call = 0; call < READS / READS_AT_ONCE; call += 1) await api("GET", "/api/v1/projects", { key });
    };
    await Promise.all(Array.from({ length: READS_AT_ONCE }, read));
    assert.equal((await api("POST", "/api/v1/audit/checkpoints", { key })).status, 201);
    const oldest = await api("GET", "/api/v1/audit/events?limit=1&format=jsonl", { key });
    const { id } = oldest.body.entry;
    await visit.goto("/settings");
    const organization = await visit.page.locator("main [data-copy]").first().getAttribute("data-copy");
    // Everything is old at once.
    await sql(`insert into audit_retention (tenant_id, days, changed_at) values ('${organization}', 0, now())`);
    const shelf = mkdtempSync(join(tmpdir(), "archive-"));
    try {
      const args = ["audit", "archive", "--archive-dir", shelf, "--organization", organization, "--data-dir", server.data_dir];
      const { stdout } = await promisify(execFile)(program, [...args, "--json"]);
      assert.equal(JSON.parse(stdout).logs[0].removed, true, stdout);
    } finally {
      rmSync(shelf, { recursive: true, force: true });
    }
    await sql(`update audit_retention set days = 2557 where tenant_id = '${organization}'`);
    await visit.goto("/audit/retention");
    await visit.page.locator(".timeline .archived").first().waitFor();
    await visit.sees("These entries are gone from it");
    await place(visit, "2026-01-01");
    await look(visit, "retention-archived");
    await visit.goto(`/audit/${id}`);
    await visit.headed("An archived entry");
    await look(visit, "audit-archived");
    await visit.follow("The entry that says so");
    await visit.sees("archived the beginning of the log");
  }));
