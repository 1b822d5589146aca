// Starts the server, runs the tests against it, and stops it, whatever happens. Called by `cargo xtask browser`, which holds
// the other end of our standard input: when that closes, whoever started us is gone, and everything ends.

import { spawn } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { screenshots } from "./lib/place.mjs";
import { log, start } from "./lib/server.mjs";

rmSync(screenshots, { recursive: true, force: true });
mkdirSync(screenshots, { recursive: true });

let tests = null;
let told = false;
const end = () => {
  told = true;
  tests?.kill("SIGKILL");
};
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, end);
process.stdin.on("end", end).on("error", end).resume();

const server = await start();
console.log(`browser: the server is at ${server.said.url}`);
let code = 1;
if (!told) {
  const suite = fileURLToPath(new URL("suite.mjs", import.meta.url));
  const options = ["--test-reporter=spec", ...process.argv.slice(2)];
  const env = { ...process.env, BROWSER_TESTS_SERVER: JSON.stringify(server.said) };
  tests = spawn(process.execPath, [...options, suite], { stdio: ["ignore", "inherit", "inherit"], env });
  code = await new Promise((resolve) => tests.once("exit", (exit) => resolve(exit ?? 1)));
}
const how = await server.stop();
if (told) console.error("browser: stopped before the end");
if (how !== 0) console.error(`browser: the server ended with ${how}`);
console.log(`browser: screenshots are in ${screenshots}, the server's log is ${log}`);
process.exit(told || how !== 0 ? 1 : code);
