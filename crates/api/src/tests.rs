//! The description, checked as a whole: what it promises, generated tests rely on.

use std::collections::BTreeSet;

use kernel::{Need, Permission};
use serde_json::Value;

fn operations() -> Vec<(String, String, Value)> {
    let api = serde_json::to_value(crate::openapi()).unwrap();
    let mut found = Vec::new();
    for (path, item) in api["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            found.push((path.clone(), method.clone(), operation.clone()));
        }
    }
    found
}

/// What a person does only with a factor confirmed a moment ago: it grants, takes away for good, or carries things off.
const FRESH: &[&str] = &[
    "account.change_address",
    "account.change_password",
    "audit.change_retention",
    "audit.export",
    "audit.lift_hold",
    "audit.place_hold",
    "break_glass.open",
    "evidence.download",
    "evidence.link",
    "invitation.create",
    "key.create",
    "key.rotate",
    "member.change_role",
    "member.remove",
    "mfa.begin_passkey",
    "mfa.begin_totp",
    "mfa.make_recovery_codes",
    "mfa.remove_passkey",
    "mfa.remove_totp",
    "organization.change_settings",
    "organization.transfer",
    "pii.reveal",
    "policy.change",
    "policy_key.revoke",
    "policy_key.trust",
    "policy_pack.activate",
    "policy_pack.roll_back",
    "providers.create",
    "providers.delete",
    "relations.delete_store",
    "relations.write_model",
    "role.change_template",
    "role.create_template",
    "role.give",
    "webhook.create",
    "webhook.rotate_secret",
    "webhook.update",
];

#[test]
fn what_is_dangerous_asks_for_a_fresh_factor() {
    let fresh =
        operations().into_iter().filter(|(.., operation)| operation["x-portcullis-assurance"] == "fresh");
    let fresh: BTreeSet<String> =
        fresh.map(|(.., operation)| operation["operationId"].as_str().unwrap().to_owned()).collect();
    let expected: BTreeSet<String> = FRESH.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(fresh, expected);
}

#[test]
fn it_is_openapi_3_1_and_the_same_every_time() {
    let text = crate::openapi_json();
    assert_eq!(text, crate::openapi_json());
    let api: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(api["openapi"], "3.1.0");
    assert_eq!(api["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
}

/// Every operation of the description: what is added, moved or dropped by accident shows here.
const OPERATIONS: &[&str] = &[
    "DELETE /api/v1/account/address account.withdraw_address_change",
    "DELETE /api/v1/account/delegations/{id} delegation.end_own",
    "DELETE /api/v1/account/passkeys/{id} mfa.remove_passkey",
    "DELETE /api/v1/account/totp/{id} mfa.remove_totp",
    "DELETE /api/v1/evidence/packs/{id} evidence.delete",
    "DELETE /api/v1/invitations/{id} invitation.revoke",
    "DELETE /api/v1/keys/{id} key.revoke",
    "DELETE /api/v1/members/{id} member.remove",
    "DELETE /api/v1/members/{id}/sessions member.end_sessions",
    "DELETE /api/v1/members/{id}/sessions/{session} member.end_session",
    "DELETE /api/v1/policies/keys/{id} policy_key.revoke",
    "DELETE /api/v1/providers/{id} providers.delete",
    "DELETE /api/v1/roles/grants/{subject}/{grants} role.take",
    "DELETE /api/v1/roles/templates/{name} role.delete_template",
    "DELETE /api/v1/sessions/{id} session.end_own",
    "DELETE /api/v1/webhooks/{id} webhook.delete",
    "DELETE /fga/stores/{store} relations.delete_store",
    "GET /.well-known/authzen-configuration/fga/stores/{store} relations.authzen",
    "GET /.well-known/jwks.json token.keys",
    "GET /.well-known/oauth-authorization-server token.server",
    "GET /.well-known/openid-configuration token.openid",
    "GET /.well-known/security.txt security.txt",
    "GET /api/v1/account account.read",
    "GET /api/v1/account/delegations delegation.list_own",
    "GET /api/v1/account/events account.list_events",
    "GET /api/v1/agents agent.list",
    "GET /api/v1/audit/anchor audit.read_anchor",
    "GET /api/v1/audit/checkpoint audit.checkpoint.read",
    "GET /api/v1/audit/entries audit.read",
    "GET /api/v1/audit/entries/{id} audit.read_entry",
    "GET /api/v1/audit/entries/{id}/proof audit.prove",
    "GET /api/v1/audit/entries/{id}/receipt audit.read_receipt",
    "GET /api/v1/audit/events audit.export_events",
    "GET /api/v1/audit/export audit.export",
    "GET /api/v1/audit/holds audit.list_holds",
    "GET /api/v1/audit/kinds audit.list_kinds",
    "GET /api/v1/audit/requests/{request_id} audit.read_request",
    "GET /api/v1/audit/retention audit.read_retention",
    "GET /api/v1/audit/tail audit.follow",
    "GET /api/v1/audit/tile/{tile} audit.read_tile",
    "GET /api/v1/audit/witnesses audit.read_witnesses",
    "GET /api/v1/break-glass break_glass.list",
    "GET /api/v1/break-glass/{id} break_glass.read",
    "GET /api/v1/evidence/coverage/{id} evidence.coverage",
    "GET /api/v1/evidence/links/{id} evidence.follow_link",
    "GET /api/v1/evidence/packs evidence.list",
    "GET /api/v1/evidence/packs/{id} evidence.read",
    "GET /api/v1/evidence/packs/{id}/download evidence.download",
    "GET /api/v1/invitations invitation.list",
    "GET /api/v1/keys key.list",
    "GET /api/v1/members member.list",
    "GET /api/v1/members/permissions member.list_permissions",
    "GET /api/v1/members/{id} member.read",
    "GET /api/v1/members/{id}/sessions member.list_sessions",
    "GET /api/v1/organization organization.read",
    "GET /api/v1/organization/settings organization.read_settings",
    "GET /api/v1/pii/vault pii.count",
    "GET /api/v1/policies/packs policy_pack.list",
    "GET /api/v1/policies/packs/{id} policy_pack.read",
    "GET /api/v1/policies/pii policy.read",
    "GET /api/v1/policies/pii/versions policy.list",
    "GET /api/v1/projects project.list",
    "GET /api/v1/providers providers.list",
    "GET /api/v1/roles role.list",
    "GET /api/v1/roles/grants role.list_grants",
    "GET /api/v1/roles/templates role.list_templates",
    "GET /api/v1/sessions session.list_own",
    "GET /api/v1/webhooks webhook.list",
    "GET /api/v1/webhooks/{id} webhook.read",
    "GET /api/v1/webhooks/{id}/deliveries webhook.list_deliveries",
    "GET /api/v1/webhooks/{id}/deliveries/{delivery} webhook.read_delivery",
    "GET /api/v1/whoami identity.read",
    "GET /fga/stores relations.list_stores",
    "GET /fga/stores/{store} relations.read_store",
    "GET /fga/stores/{store}/assertions/{model} relations.read_assertions",
    "GET /fga/stores/{store}/authorization-models relations.list_models",
    "GET /fga/stores/{store}/authorization-models/{model} relations.read_model",
    "GET /fga/stores/{store}/changes relations.read_changes",
    "GET /health health",
    "GET /problems/{slug} problems.explain",
    "GET /ready ready",
    "GET /v1/models models.list",
    "GET /v1/models/{id} models.read",
    "PATCH /api/v1/account account.rename",
    "PATCH /api/v1/account/passkeys/{id} mfa.rename_passkey",
    "POST /api/v1/account/address account.change_address",
    "POST /api/v1/account/address/confirm account.confirm_address",
    "POST /api/v1/account/passkeys mfa.begin_passkey",
    "POST /api/v1/account/passkeys/confirm mfa.add_passkey",
    "POST /api/v1/account/password account.change_password",
    "POST /api/v1/account/recovery-codes mfa.make_recovery_codes",
    "POST /api/v1/account/totp mfa.begin_totp",
    "POST /api/v1/account/totp/confirm mfa.confirm_totp",
    "POST /api/v1/agents agent.create",
    "POST /api/v1/agents/{id}/resume agent.resume",
    "POST /api/v1/agents/{id}/suspend agent.suspend",
    "POST /api/v1/audit/checkpoints audit.checkpoint",
    "POST /api/v1/audit/holds audit.place_hold",
    "POST /api/v1/audit/holds/{id}/lift audit.lift_hold",
    "POST /api/v1/auth/passkey account.ask_for_passkey",
    "POST /api/v1/auth/refresh token.refresh",
    "POST /api/v1/auth/reset account.request_reset",
    "POST /api/v1/auth/reset/confirm account.reset",
    "POST /api/v1/auth/sign-in account.sign_in",
    "POST /api/v1/auth/sign-in/passkey account.sign_in_passkey",
    "POST /api/v1/auth/sign-in/second account.sign_in_second",
    "POST /api/v1/auth/sign-out account.sign_out",
    "POST /api/v1/auth/sign-up account.sign_up",
    "POST /api/v1/auth/step-up account.step_up",
    "POST /api/v1/auth/verify account.verify",
    "POST /api/v1/auth/welcome account.welcome",
    "POST /api/v1/break-glass break_glass.open",
    "POST /api/v1/break-glass/{id}/close break_glass.close",
    "POST /api/v1/evidence/packs evidence.create",
    "POST /api/v1/evidence/packs/{id}/links evidence.link",
    "POST /api/v1/invitations invitation.create",
    "POST /api/v1/keys key.create",
    "POST /api/v1/keys/current/rotate key.rotate_own",
    "POST /api/v1/keys/{id}/rotate key.rotate",
    "POST /api/v1/members/leave member.leave",
    "POST /api/v1/members/{id}/resume member.resume",
    "POST /api/v1/members/{id}/suspend member.suspend",
    "POST /api/v1/members/{id}/transfer organization.transfer",
    "POST /api/v1/pii/redact pii.redact",
    "POST /api/v1/pii/reveal pii.reveal",
    "POST /api/v1/pii/scan pii.scan",
    "POST /api/v1/policies/keys policy_key.trust",
    "POST /api/v1/policies/packs policy_pack.upload",
    "POST /api/v1/policies/packs/roll-back policy_pack.roll_back",
    "POST /api/v1/policies/packs/{id}/activate policy_pack.activate",
    "POST /api/v1/policies/packs/{id}/dry-run policy_pack.dry_run",
    "POST /api/v1/policies/pii/try policy.try",
    "POST /api/v1/projects project.create",
    "POST /api/v1/providers providers.create",
    "POST /api/v1/roles/grants/{subject} role.give",
    "POST /api/v1/roles/templates role.create_template",
    "POST /api/v1/session/organization session.switch",
    "POST /api/v1/sessions/end-others session.end_others",
    "POST /api/v1/webhooks webhook.create",
    "POST /api/v1/webhooks/{id}/deliveries/{delivery}/replay webhook.replay",
    "POST /api/v1/webhooks/{id}/replay webhook.replay_dead",
    "POST /api/v1/webhooks/{id}/rotate webhook.rotate_secret",
    "POST /api/v1/webhooks/{id}/test webhook.test",
    "POST /fga/stores relations.create_store",
    "POST /fga/stores/{store}/access-review relations.review",
    "POST /fga/stores/{store}/access/v1/evaluation relations.evaluate",
    "POST /fga/stores/{store}/access/v1/evaluations relations.evaluate_all",
    "POST /fga/stores/{store}/access/v1/search/action relations.search_actions",
    "POST /fga/stores/{store}/access/v1/search/resource relations.search_resources",
    "POST /fga/stores/{store}/access/v1/search/subject relations.search_subjects",
    "POST /fga/stores/{store}/authorization-models relations.write_model",
    "POST /fga/stores/{store}/batch-check relations.batch_check",
    "POST /fga/stores/{store}/check relations.check",
    "POST /fga/stores/{store}/expand relations.expand",
    "POST /fga/stores/{store}/explain relations.explain",
    "POST /fga/stores/{store}/list-objects relations.list_objects",
    "POST /fga/stores/{store}/list-users relations.list_users",
    "POST /fga/stores/{store}/read relations.read",
    "POST /fga/stores/{store}/streamed-list-objects relations.stream_objects",
    "POST /fga/stores/{store}/what-if relations.what_if",
    "POST /fga/stores/{store}/write relations.write",
    "POST /oauth/introspect token.introspect",
    "POST /oauth/revoke token.revoke",
    "POST /oauth/token token.issue",
    "POST /v1/chat/completions models.call",
    "PUT /api/v1/audit/retention audit.change_retention",
    "PUT /api/v1/break-glass/{id}/review break_glass.review",
    "PUT /api/v1/members/{id}/role member.change_role",
    "PUT /api/v1/organization/settings organization.change_settings",
    "PUT /api/v1/policies/pii policy.change",
    "PUT /api/v1/roles/templates/{name} role.change_template",
    "PUT /api/v1/webhooks/{id} webhook.update",
    "PUT /fga/stores/{store}/assertions/{model} relations.write_assertions",
];

#[test]
fn the_operations_are_these() {
    let mut found: Vec<String> = operations()
        .into_iter()
        .map(|(path, method, operation)| {
            format!("{} {path} {}", method.to_uppercase(), operation["operationId"].as_str().unwrap())
        })
        .collect();
    found.sort();
    assert_eq!(found, OPERATIONS);
}

#[test]
fn every_guarded_operation_says_what_it_needs_and_how_it_refuses() {
    for (path, method, operation) in operations() {
        let at = format!("{method} {path}");
        assert!(!operation["summary"].as_str().unwrap_or_default().is_empty(), "{at}: no summary");
        assert!(!operation["description"].as_str().unwrap_or_default().is_empty(), "{at}: no description");
        assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{at}: {}", operation["tags"]);
        for (status, response) in operation["responses"].as_object().unwrap() {
            let empty = response["content"].as_object().is_none_or(serde_json::Map::is_empty);
            assert_eq!(empty, status == "204", "{at} {status}: what does the answer hold?");
        }
        let oauth = path.starts_with("/oauth/");
        let guarded = ["/api/v1", "/v1/", "/fga/"].iter().any(|face| path.starts_with(face)) || oauth;
        let door = operation["x-portcullis-recorded"].is_boolean();
        if door {
            let known = ["/api/v1/auth/", "/oauth/token", "/api/v1/evidence/links/"];
            assert!(known.iter().any(|known| path.starts_with(known)), "{at}: a door elsewhere");
            assert_eq!(operation["security"], serde_json::json!([{}]), "{at}");
            for status in if oauth { ["401", "429"] } else { ["403", "429"] } {
                assert!(operation["responses"][status].is_object(), "{at} does not describe {status}");
            }
            let retry = &operation["responses"]["429"]["headers"]["retry-after"];
            assert!(retry.is_object(), "{at} does not say when to come back");
            if let Some(body) = operation["requestBody"]["content"].as_object() {
                assert!(body.values().all(|content| content["example"].is_object()), "{at}: no example body");
            }
        }
        if !guarded || door {
            assert!(operation["x-portcullis-permission"].is_null(), "{at}");
            continue;
        }
        let permission = operation["x-portcullis-permission"].as_str().unwrap_or_default();
        let own = [Need::Own.name(), Need::Enrol.name()].contains(&permission);
        assert!(
            own || permission == Need::Credential.name() || permission.parse::<Permission>().is_ok(),
            "{at}: {permission}"
        );
        if own {
            assert_eq!(operation["x-portcullis-caller"], "a person", "{at}: whose own is it?");
        }
        if operation["x-portcullis-assurance"] == "fresh" {
            let said = operation["responses"]["401"]["description"].as_str().unwrap_or_default();
            assert!(
                said.contains("step-up-required"),
                "{at} does not describe how it asks for a fresh factor"
            );
        }
        assert!(operation["x-portcullis-mutating"].is_boolean(), "{at}");
        assert!(operation["x-portcullis-caller"].is_string(), "{at}");
        assert!(operation["security"][0]["bearer"].is_array(), "{at}");
        for status in ["401", "403", "429"] {
            assert!(operation["responses"][status].is_object(), "{at} does not describe {status}");
        }
        if operation["x-portcullis-mutating"] == true {
            assert_ne!(method, "get", "{at} changes something");
        }
        if let Some(body) = operation["requestBody"]["content"].as_object() {
            assert!(body.values().all(|content| content["example"].is_object()), "{at}: no example body");
        }
        if path.contains("{id}") {
            assert!(operation["responses"]["404"].is_object(), "{at} does not describe 404");
            assert_eq!(operation["parameters"][0]["name"], "id", "{at}");
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let api = serde_json::to_value(crate::openapi()).unwrap();
    let mut wanted = BTreeSet::new();
    let mut waiting = vec![&api];
    while let Some(value) = waiting.pop() {
        match value {
            Value::Object(map) => {
                if let Some(reference) = map.get("$ref").and_then(Value::as_str) {
                    wanted.insert(reference.to_owned());
                }
                waiting.extend(map.values());
            }
            Value::Array(items) => waiting.extend(items),
            _ => {}
        }
    }
    assert!(wanted.contains("#/components/schemas/Problem"));
    for reference in wanted {
        assert!(api.pointer(&reference[1..]).is_some(), "{reference} leads nowhere");
    }
}

#[test]
fn names_of_operations_are_unique() {
    let all: Vec<_> =
        operations().into_iter().map(|(.., operation)| operation["operationId"].clone()).collect();
    let unique: BTreeSet<_> = all.iter().map(ToString::to_string).collect();
    assert_eq!(unique.len(), all.len());
}
