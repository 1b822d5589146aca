// Relations: a store is made, a program writes its model, a person adds a tuple, asks why, supposes, looks back, reviews,
// takes the review away, and removes the tuple; with and without scripts.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { look } from "../lib/look.mjs";
import { api, owner } from "../lib/people.mjs";
import { visiting } from "../lib/visit.mjs";

const MODEL = {
  schema_version: "1.1",
  type_definitions: [
    { type: "user" },
    {
      type: "group",
      relations: { member: { this: {} } },
      metadata: { relations: { member: { directly_related_user_types: [{ type: "user" }] } } },
    },
    {
      type: "document",
      relations: {
        viewer: { union: { child: [{ this: {} }, { computedUserset: { relation: "owner" } }] } },
        owner: { this: {} },
      },
      metadata: {
        relations: {
          owner: { directly_related_user_types: [{ type: "user" }] },
          viewer: { directly_related_user_types: [{ type: "user" }, { type: "group", relation: "member" }] },
        },
      },
    },
  ],
};

/** A store with a model, made by its owner: its path in the console and under `/fga`. */
async function furnished(visit, name) {
  const person = await owner(visit);
  await visit.goto("/relations");
  await visit.headed("Relations");
  await visit.fill({ Name: name });
  await visit.press("Make the store");
  await visit.headed(name);
  const base = visit.at;
  const { email: address, password } = person;
  const { body: tokens } = await api("POST", "/api/v1/auth/sign-in", { body: { address, password } });
  const store = `/fga/stores/${base.split("/").at(-1)}`;
  return { base, store, key: tokens.access_token };
}

async function ask(visit, user, object = "document:1") {
  await visit.page.getByLabel("Can this user").fill(user);
  await visit.page.getByLabel("be", { exact: true }).selectOption("viewer");
  await visit.page.getByLabel("of this object").fill(object);
  await visit.press("Ask");
}

async function add(visit, base, user, relation, object) {
  await visit.goto(`${base}/tuples/new`);
  await visit.page.getByLabel("User").fill(user);
  await visit.page.getByLabel("Relation").selectOption(relation);
  await visit.page.getByLabel("Object").fill(object);
  await visit.press("Add it");
}

test("relations are written, asked about, supposed and reviewed", { timeout: 180_000 }, () =>
  visiting(async (visit) => {
    const { base, store, key } = await furnished(visit, "documents");
    await visit.sees("No model yet");
    await look(visit, "relation-store-empty");
    assert.equal((await api("POST", `${store}/authorization-models`, { body: MODEL, key })).status, 201);
    await visit.goto(base);
    await visit.sees("define viewer");
    await look(visit, "relation-store");

    await visit.follow("Tuples");
    await visit.sees("Nothing is written yet");
    await look(visit, "relation-tuples-empty");
    await visit.follow("Add a tuple");
    await look(visit, "relation-tuple-new");
    await visit.page.getByLabel("User").fill("cat:tom");
    await visit.page.getByLabel("Object").fill("document:1");
    visit.expect(400);
    await visit.press("Add it");
    await visit.page.getByRole("alert").first().waitFor();
    await look(visit, "relation-tuple-refused");
    await add(visit, base, "user:anne", "member", "group:staff");
    await visit.sees("The relation is written");
    await add(visit, base, "group:staff#member", "viewer", "document:1");
    await visit.goto(`${base}/tuples?object=document:1`);
    await visit.sees("group:staff#member");
    await look(visit, "relation-tuples");

    await visit.follow("Ask why");
    await visit.headed("Ask why");
    await look(visit, "relation-ask");
    await ask(visit, "user:anne");
    await visit.sees("user:anne is viewer of document:1.");
    await visit.page.locator("svg.why").waitFor();
    await look(visit, "relation-ask-yes");
    await ask(visit, "user:bob");
    await visit.sees("user:bob is not viewer of document:1.");
    await look(visit, "relation-ask-no");
    await visit.follow("Suppose it");
    await visit.headed("What if");
    assert.match(await visit.page.getByLabel("With these tuples").inputValue(), /^user:bob \w+ (document:1|group:staff)$/);
    await visit.page.getByLabel("Without these tuples").fill("user:anne member group:staff");
    await visit.press("Compare");
    await visit.headed("What if");
    await visit.page.locator(".diff.gained code", { hasText: "user:bob" }).waitFor();
    await visit.page.locator(".diff.lost code", { hasText: "user:anne" }).waitFor();
    await look(visit, "relation-what-if");
    await visit.page.getByLabel("With these tuples").fill("nonsense");
    visit.expect(422);
    await visit.press("Compare");
    await visit.sees("Line 1: write a user, a relation and an object.");

    await visit.follow("Access review");
    await visit.headed("Access review");
    await visit.page.getByLabel("User").fill("user:anne");
    await visit.press("Review");
    await visit.page.locator("table.data th", { hasText: "document:1" }).waitFor();
    await look(visit, "relation-review");
    const coming = visit.page.waitForEvent("download");
    await visit.follow("Export as CSV");
    const rows = (await readFile(await (await coming).path(), "utf8")).trim().split("\r\n");
    assert.deepEqual(rows, [
      "user,relation,object,answer,reason",
      "user:anne,viewer,document:1,yes,",
      "user:anne,member,group:staff,yes,",
    ]);

    await visit.goto(`${base}/tuples`);
    const remove = visit.page.getByRole("link", { name: "Remove user:anne member group:staff" });
    const there = await remove.getAttribute("href");
    await visit.goto(there);
    await visit.headed("Remove the tuple");
    await look(visit, "relation-tuple-remove");
    await visit.goto(`${base}/tuples`);
    const dialog = await visit.ask("Remove user:anne member group:staff");
    await dialog.getByText("no longer member of group:staff").waitFor();
    await look(visit, "relation-tuple-remove-dialog");
    await dialog.getByRole("button", { name: "Remove it" }).click();
    await visit.sees("The relation is removed");
    await visit.follow("Changes");
    await visit.page.locator("table.data", { hasText: "Deleted" }).waitFor();
    await look(visit, "relation-changes");
    // She may not any more, and could when the second revision was the newest.
    await visit.goto(`${base}/ask`);
    await ask(visit, "user:anne");
    await visit.sees("user:anne is not viewer of document:1.");
    await visit.page.getByLabel(/^As of/).fill("2");
    await visit.press("Ask");
    await visit.sees("user:anne is viewer of document:1.");
    await visit.page.getByLabel(/^As of/).fill("tomorrow");
    visit.expect(422);
    await visit.press("Ask");
    await visit.page.getByRole("alert").first().waitFor();
    await look(visit, "relation-ask-refused");
    await visit.goto("/relations");
    await visit.sees("documents");
    await look(visit, "relations-one");
  }));

test("relations need no scripts", { timeout: 120_000 }, () =>
  visiting(async (visit) => {
    const { base, store, key } = await furnished(visit, "plain pages");
    assert.equal((await api("POST", `${store}/authorization-models`, { body: MODEL, key })).status, 201);
    await add(visit, base, "user:anne", "owner", "document:1");
    await visit.goto(`${base}/ask`);
    await ask(visit, "user:anne");
    await visit.sees("document:1#viewer follows from document:1#owner.");
    await visit.goto(`${base}/tuples`);
    await visit.page.getByRole("link", { name: /^Remove/ }).click();
    await visit.headed("Remove the tuple");
    await visit.press("Remove it");
    await visit.sees("The relation is removed");
  }, { javaScriptEnabled: false }));
