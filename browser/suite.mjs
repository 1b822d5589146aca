// Every file of `tests`, one after the other in one process: they share one browser and one server.

import { readdirSync } from "node:fs";
import { after } from "node:test";

import { close } from "./lib/visit.mjs";

after(close);
const tests = new URL("tests/", import.meta.url);
for (const file of readdirSync(tests).sort()) await import(new URL(file, tests));
