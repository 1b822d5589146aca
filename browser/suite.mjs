// Every file of `tests`, one after the other in one process: they share one browser and one server.

import { readdirSync } from "node:fs";
import { after, afterEach } from "node:test";

import { close } from "./lib/visit.mjs";

// When only some tests are asked for, the runner takes the end of the skipped ones of the first file for the end of all, and
// runs what shall come after them before the browser is there; it would keep the process from ending.
const filtered = process.execArgv.some((option) => option.startsWith("--test-name-pattern"));
if (filtered) afterEach(close);
else after(close);
const tests = new URL("tests/", import.meta.url);
for (const file of readdirSync(tests).sort()) await import(new URL(file, tests));
