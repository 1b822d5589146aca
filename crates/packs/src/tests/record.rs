//! What can be said afterwards of decisions on record.

use super::*;
use crate::replay::Replayed;

#[test]
fn what_hangs_on_something_unrecorded_is_not_guessed() {
    let by_hour = "@id(\"noon\") forbid(principal, action == Action::\"key.create\", resource) when { context.hour == 12 };";
    let by_ip = "@id(\"away\") forbid(principal, action == Action::\"key.create\", resource) unless \
                 { context has ip && context.ip.isInRange(ip(\"10.0.0.0/8\")) };";
    let permits = "@id(\"all\") permit(principal, action, resource);";
    let permit_two =
        "@id(\"two\") permit(principal is User, action, resource) when { context has mfa && context.mfa };";
    let said = |mode, policies: &[&str]| {
        let pack = pack(mode, &policies.join("\n"));
        match pack.replay(&question("key.create", asker(AskerKind::User, "admin"))) {
            Replayed::Allowed => "allowed".to_owned(),
            Replayed::Refused(decision) => {
                format!("{} {}", decision.verdict.name(), decision.policies.join(","))
            }
            Replayed::Unknown => "unknown".to_owned(),
        }
    };
    assert_eq!(said(Mode::Forbid, &[by_hour]), "forbid noon");
    assert_eq!(said(Mode::Forbid, &[by_ip]), "unknown");
    assert_eq!(said(Mode::Forbid, &[by_hour, by_ip]), "forbid noon", "refused whatever the address was");
    assert_eq!(said(Mode::Permit, &[permits]), "allowed");
    assert_eq!(said(Mode::Permit, &[permit_two]), "unknown");
    assert_eq!(said(Mode::Permit, &[permits, permit_two]), "allowed");
    assert_eq!(said(Mode::Permit, &[permits, by_hour]), "forbid noon");
    assert_eq!(
        said(Mode::Permit, &["@id(\"p\") permit(principal is Agent, action, resource);"]),
        "unpermitted "
    );
}

#[test]
fn what_mfa_json_asks_of_people_is_not_on_record() {
    let mut files = files(Mode::Forbid, "forbid(principal is Agent, action, resource);");
    let rules = r#"{"rules":[{"actions":["keys:manage"],"assurance":"aal2"}]}"#;
    files.insert("mfa.json".to_owned(), rules.to_owned());
    let pack = pack_of(files);
    assert_eq!(pack.replay(&question("key.create", asker(AskerKind::User, "admin"))), Replayed::Unknown);
    assert_eq!(pack.replay(&question("key.create", asker(AskerKind::ApiKey, "admin"))), Replayed::Allowed);
    assert_eq!(
        pack.replay(&question("policy_pack.roll_back", asker(AskerKind::User, "x"))),
        Replayed::Allowed
    );
}
