"""The official OpenAI Python SDK, unmodified, against a running server.

Reads PORTCULLIS_URL and PORTCULLIS_API_KEY. Prints one line per check and fails on the first that does not hold.
"""

import json
import os

import openai

SECRETS = ["ann.example@example.com", "4111 1111 1111 1111", "AKIAIOSFODNN7EXAMPLE"]
PROMPT = f"Write to {SECRETS[0]}, charge {SECRETS[1]}, deploy with {SECRETS[2]}."
TOOL = {
    "type": "function",
    "function": {
        "name": "send_mail",
        "description": "Sends a mail.",
        "parameters": {
            "type": "object",
            "properties": {"to": {"type": "string"}, "count": {"type": "integer"}},
            "required": ["to", "count"],
        },
    },
}

client = openai.OpenAI(
    base_url=os.environ["PORTCULLIS_URL"] + "/v1", api_key=os.environ["PORTCULLIS_API_KEY"], max_retries=0
)


def check(name, holds):
    assert holds, name
    print(f"ok {name}")


def no_secret(text):
    return text is not None and not any(secret in text for secret in SECRETS)


def say(text=PROMPT, **more):
    return client.chat.completions.create(
        model="loopback-echo", messages=[{"role": "user", "content": text}], **more
    )


models = [model.id for model in client.models.list()]
check("models are listed", "loopback" in models)
check("one model", client.models.retrieve("loopback").id == "loopback")

whole = say()
text = whole.choices[0].message.content
check("whole answer", whole.object == "chat.completion" and len(text) > 0)
check("the provider saw no secret", no_secret(text) and "<EMAIL_" in text and "<PAYMENT_" in text)
check("usage", whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens)

raw = client.chat.completions.with_raw_response.create(
    model="loopback", messages=[{"role": "user", "content": "hello"}]
)
check("request id", len(raw.headers["x-request-id"]) > 0)

chunks = list(say(stream=True))
streamed = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
check("streamed answer", "<EMAIL_" in streamed and no_secret(streamed))
check("stream ends with a reason", any(c.choices and c.choices[0].finish_reason for c in chunks))
check("no usage unless asked", all(chunk.usage is None for chunk in chunks))

chunks = list(say(stream=True, stream_options={"include_usage": True}))
check("usage when asked", chunks[-1].usage is not None and chunks[-1].usage.total_tokens > 0)

call = say(tools=[TOOL], tool_choice="required").choices[0].message.tool_calls[0]
arguments = json.loads(call.function.arguments)
check("tool call", call.function.name == "send_mail" and set(arguments) >= {"to", "count"})
check("tool arguments hold no secret", no_secret(call.function.arguments))

pieces = []
for chunk in say(stream=True, tools=[TOOL], tool_choice="required"):
    for choice in chunk.choices:
        for delta in choice.delta.tool_calls or []:
            pieces.append(delta.function.arguments or "")
check("streamed tool call", set(json.loads("".join(pieces))) >= {"to", "count"})

answer = client.chat.completions.create(
    model="loopback-echo",
    tools=[TOOL],
    messages=[
        {"role": "user", "content": "mail"},
        {"role": "assistant", "tool_calls": [
            {"id": "call_1", "type": "function", "function": {
                "name": "send_mail", "arguments": json.dumps({"to": SECRETS[0], "count": 1})}}]},
        {"role": "tool", "tool_call_id": "call_1", "content": f"sent to {SECRETS[0]}"},
    ],
)
check("tool result", no_secret(answer.choices[0].message.content))

for name, expected, action in [
    ("unknown model", openai.NotFoundError, lambda: client.chat.completions.create(model="no-such-model", messages=[{"role": "user", "content": "x"}])),
    ("no messages", openai.BadRequestError, lambda: client.chat.completions.create(model="loopback", messages=None)),
    ("wrong key", openai.AuthenticationError, lambda: client.with_options(api_key="pcl_live_wrong").models.list()),
]:
    try:
        action()
        raise AssertionError(f"{name}: no error")
    except expected as error:
        check(f"{name}: {error.status_code} {error.code}", error.body is not None and len(error.message) > 0)
