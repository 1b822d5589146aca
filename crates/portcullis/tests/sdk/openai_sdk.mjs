// The official OpenAI JavaScript SDK, unmodified, against a running server.
// Reads PORTCULLIS_URL and PORTCULLIS_API_KEY; prints one line per check and fails on the first that does not hold.
import assert from "node:assert/strict";
import OpenAI from "openai";

const secrets = ["ann.example@example.com", "4111 1111 1111 1111", "AKIAIOSFODNN7EXAMPLE"];
const prompt = `Write to ${secrets[0]}, charge ${secrets[1]}, deploy with ${secrets[2]}.`;
const clean = (text) => secrets.every((secret) => !text.includes(secret));
const tool = {
  type: "function",
  function: {
    name: "send_mail",
    parameters: { type: "object", properties: { to: { type: "string" }, count: { type: "integer" } }, required: ["to", "count"] },
  },
};
const options = { baseURL: `${process.env.PORTCULLIS_URL}/v1`, apiKey: process.env.PORTCULLIS_API_KEY, maxRetries: 0 };
const client = new OpenAI(options);
const say = (more = {}) =>
  client.chat.completions.create({ model: "loopback-echo", messages: [{ role: "user", content: prompt }], ...more });
const check = (name, holds) => {
  assert.ok(holds, name);
  console.log(`ok ${name}`);
};

const models = [];
for await (const model of client.models.list()) models.push(model.id);
check("models are listed", models.includes("loopback"));

const whole = await say();
const text = whole.choices[0].message.content;
check("whole answer without secrets", clean(text) && text.includes("<EMAIL_"));

let streamed = "";
let ended = false;
for await (const chunk of await say({ stream: true })) {
  streamed += chunk.choices[0]?.delta?.content ?? "";
  ended ||= Boolean(chunk.choices[0]?.finish_reason);
}
check("streamed answer without secrets", clean(streamed) && streamed.includes("<EMAIL_") && ended);

let usage;
for await (const chunk of await say({ stream: true, stream_options: { include_usage: true } })) usage = chunk.usage ?? usage;
check("usage when asked", usage.total_tokens > 0);

const call = (await say({ tools: [tool], tool_choice: "required" })).choices[0].message.tool_calls[0];
check("tool call", "to" in JSON.parse(call.function.arguments) && clean(call.function.arguments));

const runner = client.chat.completions.stream({
  model: "loopback-echo",
  messages: [{ role: "user", content: prompt }],
  tools: [tool],
  tool_choice: "required",
});
const final = await runner.finalChatCompletion();
check("streamed tool call", "count" in JSON.parse(final.choices[0].message.tool_calls[0].function.arguments));

const stranger = new OpenAI({ ...options, apiKey: "pcl_live_wrong" });
for (const [name, status, action] of [
  ["unknown model", 404, () => client.chat.completions.create({ model: "no-such-model", messages: [{ role: "user", content: "x" }] })],
  ["wrong key", 401, () => stranger.models.list()],
]) {
  await assert.rejects(async () => action(), (error) => error.status === status && error.message.length > 0);
  console.log(`ok ${name}`);
}
