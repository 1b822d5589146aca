// The letters the server wrote. No mail server is set up, so they stay in its outbox, where the operator reads them.

import { execFile } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";

import { program, WAIT } from "./place.mjs";
import { server } from "./visit.mjs";

const run = promisify(execFile);

async function outbox(...args) {
  const { stdout } = await run(program, ["mail", ...args, "--json", "--data-dir", server.data_dir]);
  return JSON.parse(stdout);
}

/** The text of the newest letter of a kind to an address; waits until it is there. */
export async function letter(to, kind) {
  for (const began = Date.now(); Date.now() - began < WAIT; await pause(100)) {
    const { letters } = await outbox();
    const found = letters.find((one) => one.kind === kind && one.to === to);
    if (found) return (await outbox("show", found.id)).text;
  }
  throw new Error(`no letter \`${kind}\` came to ${to}`);
}

/** The link in it, as a path of this server. */
export async function link(to, kind) {
  const found = (await letter(to, kind)).split(/\s+/).find((word) => word.includes("?t="));
  const url = new URL(found);
  if (url.origin !== server.url) throw new Error(`the link leads to ${url.origin}`);
  return url.pathname + url.search;
}
