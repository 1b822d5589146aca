// Other people's packages. They lie in the build folder, not beside the tests, so node must be told where.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

import { home } from "./place.mjs";

const require = createRequire(join(home, "package.json"));

export const { chromium } = require("playwright-core");

/** The text of axe-core, to be run inside a page. */
export const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
