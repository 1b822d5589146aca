// At the end: every page of the console was looked at, and every form of it was sent and taken. A page or a form that is new
// fails here until a test goes there. What the console has, the program itself says.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";

import { program } from "../lib/place.mjs";
import { looked, patternOf, taken } from "../lib/seen.mjs";
import { server } from "../lib/visit.mjs";

/** What is there to be read and is no page to look at, with the reason. */
const NO_PAGES = new Map([
  ["/audit/{id}/proof", "a file"],
  ["/audit/{id}/receipt/file", "a file"],
  ["/audit/checkpoints/note", "a file"],
  ["/audit/checkpoints/anchor", "a file"],
  ["/evidence/{id}/download", "a file"],
  ["/relations/{store}/review/file", "a file"],
]);

/** The methods a path takes, as the server says when it is asked with one that no page takes. */
async function methods(pattern) {
  const answer = await fetch(server.url + pattern.replaceAll(/{\w+}/g, "x"), { method: "PUT" });
  assert.equal(answer.status, 405, pattern);
  return answer.headers.get("allow").split(",");
}

test("no page was forgotten, and no form", async () => {
  const { stdout } = await promisify(execFile)(program, ["dev", "pages"]);
  const patterns = stdout.trim().split("\n");
  assert.ok(patterns.length > 50, "the console has pages");
  const reached = (paths) => new Set([...paths].map((path) => patternOf(path, patterns)));
  const [pages, forms] = [reached(looked), reached(taken)];
  const missing = [];
  for (const pattern of patterns) {
    const allowed = await methods(pattern);
    if (allowed.includes("GET") && !NO_PAGES.has(pattern) && !pages.has(pattern)) missing.push(`nobody looked at ${pattern}`);
    if (allowed.includes("POST") && !forms.has(pattern)) missing.push(`nobody sent ${pattern}`);
  }
  const gone = [...NO_PAGES.keys()].filter((pattern) => !patterns.includes(pattern));
  assert.deepEqual([missing, gone], [[], []]);
});
