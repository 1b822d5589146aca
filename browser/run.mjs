// Starts the servers, runs the tests against them, and stops them, whatever happens. Called by `cargo xtask browser`, which holds
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

// The second one is for whoever comes into a new house: a first administrator is the first but once.
const servers = [];
let code = 1;
try {
  for (const name of ["server", "another-server"]) servers.push(await start(name));
  console.log(`browser: the servers are at ${servers.map((server) => server.said.url).join(" and ")}`);
  if (!told) {
    const suite = fileURLToPath(new URL("suite.mjs", import.meta.url));
    const options = ["--test-reporter=spec", ...process.argv.slice(2)];
    const [server, another] = servers.map((one) => JSON.stringify(one.said));
    const env = { ...process.env, BROWSER_TESTS_SERVER: server, BROWSER_TESTS_ANOTHER_SERVER: another };
    tests = spawn(process.execPath, [...options, suite], { stdio: ["ignore", "inherit", "inherit"], env });
    code = await new Promise((resolve) => tests.once("exit", (exit) => resolve(exit ?? 1)));
  }
} catch (error) {
  console.error(`browser: ${error.message}`);
}
const ends = await Promise.all(servers.map((server) => server.stop()));
if (told) console.error("browser: stopped before the end");
const bad = ends.filter((how) => how !== 0);
if (bad.length > 0) console.error(`browser: a server ended with ${bad.join(" and ")}`);
console.log(`browser: screenshots are in ${screenshots}, the servers' logs beside it, such as ${log("server")}`);
process.exit(told || bad.length > 0 ? 1 : code);
