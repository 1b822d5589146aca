//! One good request for every operation.

use std::sync::atomic::{AtomicU32, Ordering};

use kernel::ProjectId;
use serde_json::{Value, json};

use super::Operation;
use crate::house::{Ask, Wire};

/// What stands for `{id}` in a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// The path has no id.
    None,
    /// A fresh agent of the tenant.
    Agent,
    /// A fresh key of the tenant.
    Key,
    /// A fresh provider of the tenant.
    Provider,
    /// An entry of the tenant's log.
    Entry,
    /// A fresh member of the tenant.
    Member,
    /// A fresh admin of the tenant.
    Admin,
    /// A fresh member of the tenant and their session.
    Session,
    /// A fresh invitation.
    Invitation,
    /// An override that another admin has open.
    OpenOverride,
    /// An override of another admin that is over.
    PastOverride,
    /// A fresh endpoint of webhooks.
    Webhook,
    /// A fresh endpoint, and a delivery to it that has ended.
    Delivery,
    /// A fresh evidence pack.
    Pack,
    /// A fresh legal hold.
    Hold,
    /// A fresh key that signs policy packs.
    PolicyKey,
    /// A fresh policy pack, signed by such a key.
    PolicyPack,
    /// A fresh store of relations with a model, and the model.
    Relations,
    /// A fresh template of a role.
    Template,
    /// A fresh member, as somebody that something can be given to.
    Grantee,
    /// The same, and what was given to them.
    Grant,
    /// The same for everybody.
    Fixed(&'static str),
}

/// A good request.
pub(crate) struct Sample {
    operation: &'static str,
    /// The status of its success; for what needs a letter, an app or an authenticator, that of a refusal for the lack of
    /// it: their success is tested in `people`.
    pub(crate) status: u16,
    pub(crate) subject: Subject,
    /// Whether of those who have the permission only owners may do it.
    pub(crate) owners_only: bool,
    /// Whether it is about a project, which a credential that has none must name.
    pub(crate) in_project: bool,
    /// Whether whoever has done it cannot do it again.
    pub(crate) once: bool,
    /// What stands behind the path.
    query: &'static str,
    /// `#` in it is replaced by a number of its own.
    body: fn() -> Option<Value>,
}

/// A password that is taken.
const GOOD_PASSWORD: &str = "seven blue lanterns drift";
/// An id that nothing has.
const NOBODY: &str = "019a0000-0000-7000-8000-000000000000";
/// A number for each request, so that no two come from one network address and use up each other's guesses.
static SERIAL: AtomicU32 = AtomicU32::new(0);

const fn plain(operation: &'static str, status: u16) -> Sample {
    of(operation, status, Subject::None)
}

const fn of(operation: &'static str, status: u16, subject: Subject) -> Sample {
    Sample {
        operation,
        status,
        subject,
        owners_only: false,
        in_project: false,
        once: false,
        query: "",
        body: || None,
    }
}

const fn with(operation: &'static str, status: u16, body: fn() -> Option<Value>) -> Sample {
    Sample { body, ..plain(operation, status) }
}

const SAMPLES: &[Sample] = &[
    plain("health", 200),
    plain("ready", 200),
    of("problems.explain", 200, Subject::Fixed("rate-limited")),
    plain("identity.read", 200),
    plain("organization.read", 200),
    plain("project.list", 200),
    with("project.create", 201, || Some(json!({"name": "project #"}))),
    plain("agent.list", 200),
    Sample {
        in_project: true,
        ..with("agent.create", 201, || Some(json!({"name": "agent #", "description": "Reads."})))
    },
    of("agent.suspend", 204, Subject::Agent),
    of("agent.resume", 204, Subject::Agent),
    plain("key.list", 200),
    Sample {
        in_project: true,
        ..with("key.create", 201, || Some(json!({"name": "key #", "role": "reader"})))
    },
    Sample { body: || Some(json!({"overlap_seconds": 60})), ..of("key.rotate", 201, Subject::Key) },
    with("key.rotate_own", 201, || Some(json!({"overlap_seconds": 3600}))),
    of("key.revoke", 204, Subject::Key),
    plain("providers.list", 200),
    with("providers.create", 201, || {
        Some(
            json!({"name": "provider-#", "base_url": "https://api.example.com/v1", "models": ["m-#"], "key": "k"}),
        )
    }),
    of("providers.delete", 204, Subject::Provider),
    plain("policy.read", 200),
    plain("policy.list", 200),
    with("policy.try", 200, || Some(json!({"channels": {"prompt": {"EMAIL": {"mode": "flag_only"}}}}))),
    with("pii.scan", 200, || Some(json!({"text": "Write to ada@example.com."}))),
    with("pii.redact", 200, || Some(json!({"text": "Write to ada@example.com.", "channel": "memory"}))),
    with("pii.reveal", 403, || Some(json!({"token": "<EMAIL_aaaabbbb22>", "reason": "a reason of ten"}))),
    plain("pii.count", 200),
    with("policy.change", 200, || Some(json!({"classes": {"EMAIL": {"mode": "strict"}}}))),
    Sample { query: "?severity=low&outcome=ok&limit=10", ..plain("audit.read", 200) },
    of("audit.read_entry", 200, Subject::Entry),
    of("audit.read_receipt", 200, Subject::Entry),
    of("audit.read_request", 200, Subject::Fixed("no-such-request")),
    of("audit.prove", 200, Subject::Entry),
    of("audit.read_tile", 200, Subject::Fixed("entries/000.p/1")),
    plain("audit.checkpoint", 201),
    plain("audit.checkpoint.read", 200),
    plain("audit.read_anchor", 200),
    plain("audit.read_witnesses", 200),
    plain("audit.export", 200),
    plain("audit.read_retention", 200),
    with("audit.change_retention", 200, || Some(json!({"days": 3000}))),
    plain("audit.list_holds", 200),
    with("audit.place_hold", 201, || Some(json!({"reason": "A court has asked for this."}))),
    Sample {
        body: || Some(json!({"reason": "The court has closed the case."})),
        ..of("audit.lift_hold", 204, Subject::Hold)
    },
    plain("policy_pack.list", 200),
    with("policy_pack.upload", 422, || Some(json!({"document": {}, "signature": "a..b"}))),
    of("policy_pack.read", 200, Subject::PolicyPack),
    of("policy_pack.dry_run", 200, Subject::PolicyPack),
    Sample {
        body: || Some(json!({"dry_run": "00".repeat(32)})),
        ..of("policy_pack.activate", 409, Subject::PolicyPack)
    },
    plain("policy_pack.roll_back", 409),
    with("policy_key.trust", 422, || Some(json!({"name": "a key", "key": "no key"}))),
    of("policy_key.revoke", 204, Subject::PolicyKey),
    plain("audit.list_kinds", 200),
    Sample { query: "?format=ocsf&limit=10", ..plain("audit.export_events", 200) },
    // Without an end of its own it would be read for ever.
    Sample { query: "?seconds=0&after=-1", ..plain("audit.follow", 200) },
    of("evidence.coverage", 200, Subject::Fixed("soc2")),
    plain("evidence.list", 200),
    with("evidence.create", 201, || {
        Some(json!({"framework": "soc2", "from": "2025-01-01T00:00:00Z", "to": "2025-04-01T00:00:00Z"}))
    }),
    of("evidence.read", 200, Subject::Pack),
    of("evidence.delete", 204, Subject::Pack),
    of("evidence.download", 200, Subject::Pack),
    Sample { body: || Some(json!({"seconds": 60})), ..of("evidence.link", 201, Subject::Pack) },
    of("evidence.follow_link", 404, Subject::Fixed(NOBODY)),
    plain("organization.read_settings", 200),
    with("organization.change_settings", 200, || {
        Some(json!({
            "name": "Lists", "second_factor_for_all": false, "second_factor_roles": ["provider_admin"],
            "session_hours": 12,
        }))
    }),
    plain("role.list", 200),
    plain("role.list_templates", 200),
    with("role.create_template", 201, || {
        Some(
            json!({"name": "template-#", "holders": "person", "title": "Lists", "permissions": ["members:read"]}),
        )
    }),
    Sample {
        body: || Some(json!({"title": "Lists", "permissions": ["projects:read"]})),
        ..of("role.change_template", 200, Subject::Template)
    },
    of("role.delete_template", 204, Subject::Template),
    plain("role.list_grants", 200),
    Sample { body: || Some(json!({"grants": "mcp_access"})), ..of("role.give", 204, Subject::Grantee) },
    of("role.take", 204, Subject::Grant),
    plain("member.list_permissions", 200),
    plain("member.list", 200),
    of("member.read", 200, Subject::Member),
    Sample { body: || Some(json!({"role": "member"})), ..of("member.change_role", 204, Subject::Member) },
    of("member.suspend", 204, Subject::Member),
    of("member.resume", 204, Subject::Member),
    of("member.remove", 204, Subject::Member),
    Sample { owners_only: true, once: true, ..of("organization.transfer", 204, Subject::Admin) },
    Sample { once: true, ..plain("member.leave", 204) },
    of("member.list_sessions", 200, Subject::Member),
    of("member.end_sessions", 200, Subject::Member),
    of("member.end_session", 204, Subject::Session),
    plain("invitation.list", 200),
    with("invitation.create", 201, || Some(json!({"address": "invited-#@example.com", "role": "viewer"}))),
    of("invitation.revoke", 204, Subject::Invitation),
    plain("webhook.list", 200),
    with("webhook.create", 201, || {
        Some(json!({"url": "https://hooks.example.com/#", "description": "Tickets", "kinds": ["agent.*"]}))
    }),
    of("webhook.read", 200, Subject::Webhook),
    Sample {
        body: || Some(json!({"url": "https://hooks.example.com/#", "kinds": ["*"], "enabled": true})),
        ..of("webhook.update", 200, Subject::Webhook)
    },
    of("webhook.delete", 204, Subject::Webhook),
    Sample {
        body: || Some(json!({"overlap_seconds": 60})),
        ..of("webhook.rotate_secret", 201, Subject::Webhook)
    },
    of("webhook.test", 201, Subject::Webhook),
    of("webhook.list_deliveries", 200, Subject::Webhook),
    of("webhook.read_delivery", 200, Subject::Delivery),
    of("webhook.replay", 200, Subject::Delivery),
    of("webhook.replay_dead", 200, Subject::Webhook),
    plain("break_glass.list", 200),
    Sample {
        once: true,
        ..with("break_glass.open", 201, || {
            Some(json!({"reason": "Reason number # of many.", "seconds": 300}))
        })
    },
    of("break_glass.read", 200, Subject::PastOverride),
    Sample { owners_only: true, ..of("break_glass.close", 204, Subject::OpenOverride) },
    Sample {
        body: || {
            Some(json!({"in_order": true, "text": "Nothing was done that the reason does not speak of."}))
        },
        ..of("break_glass.review", 204, Subject::PastOverride)
    },
    with("account.sign_up", 202, || {
        Some(json!({"address": "new-#@example.com", "name": "Someone", "password": GOOD_PASSWORD}))
    }),
    with("account.verify", 404, || Some(json!({"token": "pev_none", "password": GOOD_PASSWORD}))),
    with("account.welcome", 404, || {
        Some(json!({
            "token": "pwl_none", "address": "new-#@example.com", "name": "Someone", "password": GOOD_PASSWORD,
        }))
    }),
    with("account.sign_in", 401, || {
        Some(json!({"address": "nobody-#@example.com", "password": GOOD_PASSWORD}))
    }),
    with("account.sign_in_second", 401, || Some(json!({"ticket": "psf_none", "code": "123456"}))),
    plain("account.ask_for_passkey", 200),
    with("account.sign_in_passkey", 401, || Some(json!({"ceremony": "pce_none", "answer": {}}))),
    with("account.request_reset", 202, || Some(json!({"address": "nobody-#@example.com"}))),
    with("account.reset", 404, || Some(json!({"token": "ppr_none", "password": GOOD_PASSWORD}))),
    plain("token.refresh", 401),
    with("account.step_up", 401, || Some(json!({"password": GOOD_PASSWORD}))),
    Sample { once: true, ..plain("account.sign_out", 204) },
    plain("account.read", 200),
    with("account.rename", 204, || Some(json!({"name": "Someone"}))),
    Sample {
        once: true,
        ..with("account.change_password", 204, || Some(json!({"new_password": GOOD_PASSWORD})))
    },
    with("account.change_address", 202, || Some(json!({"address": "next-#@example.com"}))),
    with("account.confirm_address", 404, || Some(json!({"token": "pac_none"}))),
    // Nothing waits to be confirmed of somebody fresh.
    Sample { once: true, ..plain("account.withdraw_address_change", 404) },
    plain("mfa.begin_totp", 201),
    with("mfa.confirm_totp", 401, || Some(json!({"code": "123456"}))),
    of("mfa.remove_totp", 404, Subject::Fixed(NOBODY)),
    plain("mfa.make_recovery_codes", 200),
    plain("mfa.begin_passkey", 201),
    with("mfa.add_passkey", 401, || Some(json!({"ceremony": "pce_none", "answer": {}, "name": "laptop"}))),
    Sample {
        body: || Some(json!({"name": "laptop"})),
        ..of("mfa.rename_passkey", 404, Subject::Fixed(NOBODY))
    },
    of("mfa.remove_passkey", 404, Subject::Fixed(NOBODY)),
    plain("account.list_events", 200),
    plain("delegation.list_own", 200),
    of("delegation.end_own", 404, Subject::Fixed(NOBODY)),
    plain("session.list_own", 200),
    of("session.end_own", 404, Subject::Fixed(NOBODY)),
    plain("session.end_others", 200),
    with("session.switch", 404, || Some(json!({"organization": NOBODY}))),
    plain("token.keys", 200),
    plain("token.server", 200),
    plain("token.openid", 200),
    plain("security.txt", 200),
    // Agents prove who they are in a way of their own: no credential of the lists does.
    with("token.issue", 401, || Some(json!({"grant_type": "client_credentials"}))),
    with("token.introspect", 200, || Some(json!({"token": "none"}))),
    with("token.revoke", 200, || Some(json!({"token": "none"}))),
    plain("relations.list_stores", 200),
    with("relations.create_store", 201, || Some(json!({"name": "store-#"}))),
    of("relations.read_store", 200, Subject::Relations),
    of("relations.delete_store", 204, Subject::Relations),
    of("relations.list_models", 200, Subject::Relations),
    Sample { body: || Some(relation_model()), ..of("relations.write_model", 201, Subject::Relations) },
    of("relations.read_model", 200, Subject::Relations),
    of("relations.read_assertions", 200, Subject::Relations),
    Sample {
        body: || Some(json!({"assertions": [{"tuple_key": relation(), "expectation": true}]})),
        ..of("relations.write_assertions", 204, Subject::Relations)
    },
    Sample {
        body: || Some(json!({"writes": {"tuple_keys": [relation()]}})),
        ..of("relations.write", 200, Subject::Relations)
    },
    Sample { body: || Some(json!({"page_size": 10})), ..of("relations.read", 200, Subject::Relations) },
    of("relations.read_changes", 200, Subject::Relations),
    Sample {
        body: || Some(json!({"tuple_key": relation()})),
        ..of("relations.check", 200, Subject::Relations)
    },
    Sample {
        body: || Some(json!({"checks": [{"tuple_key": relation(), "correlation_id": "one"}]})),
        ..of("relations.batch_check", 200, Subject::Relations)
    },
    Sample {
        body: || Some(json!({"tuple_key": {"relation": "viewer", "object": "document:1"}})),
        ..of("relations.expand", 200, Subject::Relations)
    },
    Sample { body: || Some(decision()), ..of("relations.evaluate", 200, Subject::Relations) },
    Sample { body: || Some(decision()), ..of("relations.evaluate_all", 200, Subject::Relations) },
    Sample { body: || Some(decision()), ..of("relations.search_subjects", 200, Subject::Relations) },
    Sample { body: || Some(decision()), ..of("relations.search_resources", 200, Subject::Relations) },
    Sample { body: || Some(decision()), ..of("relations.search_actions", 200, Subject::Relations) },
    of("relations.authzen", 200, Subject::Fixed("01HVMMBCMGZNT3SED4Z17ECXCA")),
    Sample {
        body: || Some(json!({"tuple_key": relation()})),
        ..of("relations.explain", 200, Subject::Relations)
    },
    Sample {
        body: || Some(json!({"suppose": {"writes": {"tuple_keys": [relation()]}}, "check": relation()})),
        ..of("relations.what_if", 200, Subject::Relations)
    },
    Sample { body: || Some(json!({"user": "user:anne"})), ..of("relations.review", 200, Subject::Relations) },
    Sample { body: || Some(relation_list()), ..of("relations.list_objects", 200, Subject::Relations) },
    Sample { body: || Some(relation_list()), ..of("relations.stream_objects", 200, Subject::Relations) },
    Sample {
        body: || {
            Some(json!({
                "object": {"type": "document", "id": "1"}, "relation": "viewer", "user_filters": [{"type": "user"}],
            }))
        },
        ..of("relations.list_users", 200, Subject::Relations)
    },
    plain("models.list", 200),
    of("models.read", 200, Subject::Fixed("loopback")),
    with("models.call", 200, || {
        Some(json!({"model": "loopback", "messages": [{"role": "user", "content": "Good morning"}]}))
    }),
];

/// A model of documents and those who view them.
pub(super) fn relation_model() -> Value {
    json!({
        "schema_version": "1.1",
        "type_definitions": [
            {"type": "user"},
            {"type": "document", "relations": {"viewer": {"this": {}}},
             "metadata": {"relations": {"viewer": {"directly_related_user_types": [{"type": "user"}]}}}},
        ],
    })
}

fn relation() -> Value {
    json!({"user": "user:anne", "relation": "viewer", "object": "document:1"})
}

fn decision() -> Value {
    json!({
        "subject": {"type": "user", "id": "anne"}, "action": {"name": "viewer"}, "resource": {"type": "document", "id": "1"},
    })
}

fn relation_list() -> Value {
    json!({"user": "user:anne", "relation": "viewer", "type": "document"})
}

impl Sample {
    /// The sample of an operation.
    pub(crate) fn of(operation: &Operation) -> &'static Self {
        SAMPLES.iter().find(|sample| sample.operation == operation.id).unwrap_or_else(|| {
            panic!(
                "{} {} (operationId {}) is not covered: add a good request for it, with the status of its success, \
                 to SAMPLES in crates/portcullis/tests/it/lists/samples.rs",
                operation.method, operation.path, operation.id
            )
        })
    }

    /// The request, about `subject`: an id, or those of a thing and of something of it with a blank between.
    pub(crate) fn ask(&self, wire: &Wire, operation: &Operation, subject: &str) -> Ask {
        let ask = plain_ask(operation, subject, self.query);
        match (self.body)() {
            Some(body) if operation.is_form => ask.form(&body),
            Some(body) => ask.json(filled(&body, wire)),
            None => ask,
        }
    }

    /// Its body, in a project.
    pub(crate) fn body_in(&self, wire: &Wire, project: ProjectId) -> Option<String> {
        let mut body = (self.body)()?;
        body["project"] = json!(project.to_string());
        Some(filled(&body, wire))
    }
}

/// A request about `subject`, with `query` behind its path and no body.
pub(crate) fn plain_ask(operation: &Operation, subject: &str, query: &str) -> Ask {
    let (id, part) = subject.split_once(' ').unwrap_or((subject, subject));
    let path = operation
        .path
        .replace("{id}", id)
        .replace("{slug}", id)
        .replace("{tile}", id)
        .replace("{request_id}", id)
        .replace("{session}", part)
        .replace("{delivery}", part)
        .replace("{name}", id)
        .replace("{subject}", id)
        .replace("{grants}", part)
        .replace("{store}", id)
        .replace("{model}", part);
    let what = &operation.id;
    assert!(!path.contains('{'), "{what}: teach `plain_ask` what stands for the parameter of {path}");
    Ask::new(operation.method.clone(), path + query).header("x-forwarded-for", &somewhere())
}

/// A network address that no other request of the lists comes from.
fn somewhere() -> String {
    let number = SERIAL.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    format!("172.{}.{}.{}", 16 | number[1] & 15, number[2], number[3])
}

fn filled(body: &Value, wire: &Wire) -> String {
    body.to_string().replace('#', &wire.number().to_string())
}

#[test]
fn every_sample_has_its_operation() {
    let known = Operation::all();
    for sample in SAMPLES {
        assert!(
            known.iter().any(|operation| operation.id == sample.operation),
            "{} is no operation any more: take its sample out",
            sample.operation
        );
    }
}
