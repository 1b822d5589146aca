// The one thing no page can do: let time pass. Rows get older as its superuser, who is bound by no rule.

import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

import { server } from "./visit.mjs";

const run = promisify(execFile);

/** Runs one statement in the server's database. */
export async function sql(statement) {
  const folder = join(server.data_dir, "cluster");
  const read = (...name) => readFileSync(join(folder, ...name), "utf8").trim();
  // Its first word is the program that runs: psql lies beside it.
  const program = join(dirname(read("data", "postmaster.opts").split(" ")[0]), "psql");
  const [, , , port, socket] = read("data", "postmaster.pid").split("\n");
  const args = ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", socket, "-p", port, "-U", "postgres", "-d", "portcullis"];
  const env = { PGPASSWORD: read("superuser.password") };
  await run(program, [...args, "-c", `set session_replication_role = replica; set search_path = portcullis; ${statement}`], { env });
}
