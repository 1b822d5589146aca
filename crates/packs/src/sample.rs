//! A small pack to begin with: what `portcullis policy init` writes.

use std::collections::BTreeMap;

use crate::manifest::Mode;
use crate::{manifest, schema};

const FORBIDS: &str = r#"// What is granted is allowed unless a policy here forbids it.

@id("agents-by-day")
forbid (
  principal is Agent,
  action == Action::"models.call",
  resource
) when {
  context.hour < 6 || context.hour >= 22
};

@id("keys-only-with-two-factors")
forbid (
  principal is User,
  action in Action::"keys:manage",
  resource
) unless {
  context has mfa && context.mfa
};
"#;

const PERMITS: &str = r#"// What is granted is allowed when a policy here permits it, and none forbids it.

@id("people")
permit (principal is User, action, resource);

@id("programs-read")
permit (
  principal,
  action in [
    Action::"agents:read",
    Action::"models:read",
    Action::"organization:read",
    Action::"policies:read",
    Action::"projects:read"
  ],
  resource
);

@id("models-by-day")
permit (
  principal,
  action in [Action::"models:invoke", Action::"credential:own"],
  resource
) when {
  context.hour >= 6 && context.hour < 22
};
"#;

const FORBID_TESTS: &str = r#"[
  {
    "name": "an agent calls a model by day",
    "principal": { "type": "Agent", "role": "editor" },
    "action": "models.call",
    "context": { "time": "2026-01-05T12:00:00Z" },
    "expect": "allow"
  },
  {
    "name": "and not by night",
    "principal": { "type": "Agent", "role": "editor" },
    "action": "models.call",
    "context": { "time": "2026-01-05T23:00:00Z" },
    "expect": "forbid",
    "policies": ["agents-by-day"]
  },
  {
    "name": "a person with one factor makes no key",
    "principal": { "type": "User", "role": "admin" },
    "action": "key.create",
    "context": { "assurance": 1, "auth_age_seconds": 60 },
    "expect": "forbid",
    "policies": ["keys-only-with-two-factors"]
  },
  {
    "name": "with two factors they do",
    "principal": { "type": "User", "role": "admin", "second_factor": true },
    "action": "key.create",
    "context": { "assurance": 2, "auth_age_seconds": 60 },
    "expect": "allow"
  }
]
"#;

const PERMIT_TESTS: &str = r#"[
  {
    "name": "a program calls a model by day",
    "principal": { "type": "ApiKey", "role": "editor" },
    "action": "models.call",
    "expect": "allow",
    "policies": ["models-by-day"]
  },
  {
    "name": "and not by night",
    "principal": { "type": "ApiKey", "role": "editor" },
    "action": "models.call",
    "context": { "time": "2026-01-05T23:00:00Z" },
    "expect": "unpermitted"
  },
  {
    "name": "a program makes no keys",
    "principal": { "type": "ApiKey", "role": "owner" },
    "action": "key.create",
    "expect": "unpermitted"
  }
]
"#;

const READ_ME: &str = "# A policy pack

`portcullis policy lint .` checks it, `portcullis policy test .` runs its tests, `portcullis policy sign .` signs it.
The schema is made by the server; `portcullis policy init --schema-only .` writes it again.
";

/// The files of a pack of this name and mode.
pub fn files(name: &str, mode: Mode) -> BTreeMap<String, String> {
    let (policies, tests) = match mode {
        Mode::Forbid => (FORBIDS, FORBID_TESTS),
        Mode::Permit => (PERMITS, PERMIT_TESTS),
    };
    let manifest = format!(
        "{{\n  \"name\": \"{name}\",\n  \"version\": 1,\n  \"label\": \"0.1.0\",\n  \"description\": \"What this pack is \
         for.\",\n  \"mode\": \"{}\",\n  \"engine\": {{ \"min\": 1, \"max\": 1 }}\n}}\n",
        mode.name()
    );
    [
        (manifest::FILE, manifest),
        (schema::FILE, schema::text()),
        ("policies/main.cedar", policies.to_owned()),
        ("tests/main.json", tests.to_owned()),
        ("README.md", READ_ME.to_owned()),
    ]
    .into_iter()
    .map(|(path, text)| (path.to_owned(), text))
    .collect()
}
