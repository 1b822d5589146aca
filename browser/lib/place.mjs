// Where things are; `cargo xtask browser` says so in the environment.

import { join } from "node:path";

function told(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: start these tests with \`cargo xtask browser\``);
  return value;
}

/** The folder below `target` that is ours: packages and screenshots. */
export const home = told("BROWSER_TESTS_HOME");

/** The program under test. */
export const program = told("PORTCULLIS_BIN");

/** The browser. */
export const browser = told("CHROMIUM_BIN");

export const screenshots = join(home, "screenshots");

/** Longest wait for anything, in milliseconds: machines that test are slow and shared. */
export const WAIT = 30_000;
