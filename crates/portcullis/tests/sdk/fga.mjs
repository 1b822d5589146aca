// The official JavaScript SDK of OpenFGA against this server.
import assert from "node:assert/strict";
import { ConsistencyPreference, CredentialsMethod, FgaApiValidationError, OpenFgaClient } from "@openfga/sdk";

const credentials = { method: CredentialsMethod.ApiToken, config: { token: process.env.FGA_API_TOKEN } };
const apiUrl = process.env.FGA_API_URL;
const ok = (what) => console.log(`ok ${what}`);

const model = {
  schema_version: "1.1",
  type_definitions: [
    { type: "user" },
    {
      type: "document",
      relations: {
        owner: { this: {} },
        viewer: { union: { child: [{ this: {} }, { computedUserset: { relation: "owner" } }] } },
      },
      metadata: {
        relations: {
          owner: { directly_related_user_types: [{ type: "user" }] },
          viewer: {
            directly_related_user_types: [
              { type: "user" },
              { type: "user", wildcard: {} },
              { type: "user", condition: "at_work" },
            ],
          },
        },
      },
    },
  ],
  conditions: {
    at_work: {
      name: "at_work",
      expression: "hour >= 9 && hour < 17",
      parameters: { hour: { type_name: "TYPE_NAME_INT" } },
    },
  },
};

const outside = new OpenFgaClient({ apiUrl, credentials });
const { id: storeId } = await outside.createStore({ name: "node" });
assert.ok((await outside.listStores()).stores.some((store) => store.id === storeId));
ok("a store is made and listed");
const client = new OpenFgaClient({ apiUrl, credentials, storeId });
assert.equal((await client.getStore()).name, "node");
ok("the store is read");
const { authorization_model_id: authorizationModelId } = await client.writeAuthorizationModel(model);
assert.equal((await client.readLatestAuthorizationModel()).authorization_model.id, authorizationModelId);
ok("a model is written and read");
await client.write({
  writes: [
    { user: "user:anne", relation: "owner", object: "document:1" },
    { user: "user:*", relation: "viewer", object: "document:2" },
    {
      user: "user:bob",
      relation: "viewer",
      object: "document:1",
      condition: { name: "at_work", context: {} },
    },
  ],
});
ok("tuples are written");
const check = (user, object, more = {}) => client.check({ user, relation: "viewer", object, ...more });
assert.equal((await check("user:anne", "document:1")).allowed, true);
assert.equal((await check("user:eve", "document:1")).allowed, false);
assert.equal((await check("user:eve", "document:2")).allowed, true);
ok("questions are answered");
assert.equal((await check("user:bob", "document:1", { context: { hour: 10 } })).allowed, true);
assert.equal((await check("user:bob", "document:1", { context: { hour: 20 } })).allowed, false);
ok("conditions count");
await assert.rejects(check("user:bob", "document:1"), FgaApiValidationError);
ok("a condition without its value has no answer");
const contextual = { contextualTuples: [{ user: "user:eve", relation: "owner", object: "document:3" }] };
assert.equal((await check("user:eve", "document:3", contextual)).allowed, true);
ok("tuples of the question count");
const batch = await client.batchCheck({
  checks: [
    { user: "user:anne", relation: "viewer", object: "document:1", correlationId: "yes" },
    { user: "user:eve", relation: "owner", object: "document:1", correlationId: "no" },
  ],
});
assert.deepEqual(
  Object.fromEntries(batch.result.map((one) => [one.correlationId, one.allowed])),
  { yes: true, no: false },
);
ok("a batch is answered");
const objects = await client.listObjects(
  { user: "user:anne", relation: "viewer", type: "document" },
  { consistency: ConsistencyPreference.HigherConsistency },
);
assert.deepEqual(objects.objects.sort(), ["document:1", "document:2"]);
const streamed = [];
for await (const { object } of client.streamedListObjects({ user: "user:anne", relation: "viewer", type: "document" })) {
  streamed.push(object);
}
assert.deepEqual(streamed.sort(), ["document:1", "document:2"]);
ok("objects are listed, at once and as a stream");
const users = await client.listUsers({
  object: { type: "document", id: "2" },
  relation: "viewer",
  user_filters: [{ type: "user" }],
});
assert.deepEqual(users.users, [{ wildcard: { type: "user" } }]);
ok("users are listed");
const { tree } = await client.expand({ relation: "viewer", object: "document:1" });
assert.equal(tree.root.name, "document:1#viewer");
assert.equal(tree.root.union.nodes.length, 2);
ok("a relation is expanded");
await client.deleteTuples([{ user: "user:anne", relation: "owner", object: "document:1" }]);
assert.equal((await check("user:anne", "document:1")).allowed, false);
const { changes } = await client.readChanges({ type: "document" });
assert.deepEqual(changes.map((change) => change.operation).slice(-1), ["TUPLE_OPERATION_DELETE"]);
assert.equal((await client.read({ object: "document:1", user: "user:bob" })).tuples.length, 1);
ok("tuples are deleted, changes and tuples read");
await client.writeAssertions(
  [{ user: "user:bob", relation: "owner", object: "document:1", expectation: false }],
  { authorizationModelId },
);
assert.equal((await client.readAssertions({ authorizationModelId })).assertions.length, 1);
await client.deleteStore();
await assert.rejects(client.getStore());
ok("assertions are kept; a deleted store is gone");
