// The real server, in a process of its own with a PostgreSQL of its own: `portcullis up`.

import { spawn } from "node:child_process";
import { chmodSync, createWriteStream, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";

import { home, program } from "./place.mjs";

/** Longest wait for the server: the first start may fetch PostgreSQL. */
const READY_MILLISECONDS = 180_000;
/** Longest wait for its end. */
const STOP_MILLISECONDS = 60_000;
/** Where what it writes to standard error is kept. */
export const log = (name) => join(home, `${name}.log`);

// Everything comes from one address here, so what is counted per address is not counted. Hashing passwords is as slow as it
// should be, and with a build without optimisation slower: the tests take the least that is allowed.
const SETTINGS = [
  ...["--rate-standard", "off", "--rate-auth", "off", "--rate-llm", "off", "--password-hash", "bcrypt:10"],
  // The receivers of webhooks are on this machine, too.
  "--webhooks-allow-private",
];

/** Whether other accounts can pass through to this folder: PostgreSQL is not root, even where the server is. */
function isOpen(folder) {
  if (process.getuid?.() !== 0) return true;
  const above = dirname(folder);
  return (statSync(folder).mode & 0o001) !== 0 && (above === folder || isOpen(above));
}

/** The wheel with PostgreSQL that the other tests have fetched, if they did. */
function wheel() {
  const cache = join(home, "../pg-cache");
  try {
    const name = readdirSync(cache).find((file) => file.endsWith(".whl"));
    return name ? ["--pg-wheel", join(cache, name)] : [];
  } catch {
    return [];
  }
}

/** Starts one; `name` is that of its log. `said` is what it printed, `stop` ends it and removes its data. */
export async function start(name) {
  const folder = mkdtempSync(join(isOpen(home) ? home : tmpdir(), "server-"));
  chmodSync(folder, 0o711);
  const args = ["up", "--json", "--listen", "127.0.0.1:0", "--data-dir", folder, ...SETTINGS, ...wheel()];
  // In a group of its own: Ctrl-C is ours to handle, so that the data is removed after the end and not under its hands.
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], detached: true });
  child.stderr.pipe(createWriteStream(log(name)));
  const ended = new Promise((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) => resolve(signal ?? code));
  });
  const stop = async () => {
    child.kill("SIGTERM");
    const late = setTimeout(() => child.kill("SIGKILL"), STOP_MILLISECONDS);
    const how = await ended;
    clearTimeout(late);
    rmSync(folder, { recursive: true, force: true });
    return how;
  };
  const line = new Promise((resolve) => createInterface({ input: child.stdout }).once("line", resolve));
  const late = new Promise((resolve) => setTimeout(resolve, READY_MILLISECONDS, "late").unref());
  const first = await Promise.race([line, ended.then((how) => ({ how })), late]);
  if (typeof first !== "string" || first === "late") {
    await stop();
    throw new Error(`the server did not become ready; see ${log(name)}`);
  }
  return { said: JSON.parse(first), stop };
}
