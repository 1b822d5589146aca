//! How policies meet: which of them decides, in which kind of pack.

use super::*;
use crate::Verdict;
use crate::Verdict::{Allow, Forbid, Prove, Unpermitted};

const F_ALL: &str = "@id(\"f-all\") forbid(principal, action, resource);";
const F_AGENTS: &str = "@id(\"f-agents\") forbid(principal is Agent, action, resource);";
const F_KEYS: &str = "@id(\"f-keys\") forbid(principal, action in Action::\"keys:manage\", resource);";
const F_ROLE: &str = "@id(\"f-role\") forbid(principal in Role::\"viewer\", action, resource);";
const F_NIGHT: &str = "@id(\"f-night\") forbid(principal, action, resource) when { context.hour >= 22 };";
const P_ALL: &str = "@id(\"p-all\") permit(principal, action, resource);";
const P_PEOPLE: &str = "@id(\"p-people\") permit(principal is User, action, resource);";
const P_CREATE: &str = "@id(\"p-create\") permit(principal, action == Action::\"key.create\", resource);";

/// Mode, policies, action, kind, role, what is expected, by which policies.
type Case =
    (Mode, &'static [&'static str], &'static str, AskerKind, &'static str, Verdict, &'static [&'static str]);

const CASES: &[Case] = &[
    (Mode::Forbid, &[F_AGENTS], "key.create", AskerKind::User, "admin", Allow, &[]),
    (Mode::Forbid, &[F_AGENTS], "models.call", AskerKind::Agent, "editor", Forbid, &["f-agents"]),
    (Mode::Forbid, &[F_AGENTS], "models.call", AskerKind::ApiKey, "editor", Allow, &[]),
    (Mode::Forbid, &[F_KEYS], "key.create", AskerKind::User, "admin", Forbid, &["f-keys"]),
    (Mode::Forbid, &[F_KEYS], "key.revoke", AskerKind::Service, "owner", Forbid, &["f-keys"]),
    (Mode::Forbid, &[F_KEYS], "key.list", AskerKind::User, "admin", Allow, &[]),
    (Mode::Forbid, &[F_ROLE], "project.list", AskerKind::User, "viewer", Forbid, &["f-role"]),
    (Mode::Forbid, &[F_ROLE], "project.list", AskerKind::User, "admin", Allow, &[]),
    (Mode::Forbid, &[F_NIGHT], "project.list", AskerKind::User, "admin", Allow, &[]),
    (
        Mode::Forbid,
        &[F_ALL, F_AGENTS],
        "models.call",
        AskerKind::Agent,
        "editor",
        Forbid,
        &["f-agents", "f-all"],
    ),
    (Mode::Forbid, &[F_ALL], "policy_pack.activate", AskerKind::User, "owner", Forbid, &["f-all"]),
    (Mode::Forbid, &[F_ALL], "policy_pack.roll_back", AskerKind::User, "owner", Allow, &[]),
    (Mode::Forbid, &[F_ALL], "policy_pack.read", AskerKind::User, "owner", Allow, &[]),
    (Mode::Forbid, &[F_ALL], "break_glass.open", AskerKind::User, "owner", Allow, &[]),
    (Mode::Forbid, &[F_ALL], "token.revoke", AskerKind::Agent, "editor", Allow, &[]),
    (Mode::Permit, &[P_ALL], "key.create", AskerKind::User, "admin", Allow, &["p-all"]),
    (Mode::Permit, &[P_PEOPLE], "key.create", AskerKind::User, "admin", Allow, &["p-people"]),
    (Mode::Permit, &[P_PEOPLE], "key.create", AskerKind::ApiKey, "admin", Unpermitted, &[]),
    (Mode::Permit, &[P_PEOPLE, F_KEYS], "key.create", AskerKind::User, "admin", Forbid, &["f-keys"]),
    (Mode::Permit, &[P_ALL, P_CREATE], "key.create", AskerKind::User, "admin", Allow, &["p-all", "p-create"]),
    (Mode::Permit, &[P_CREATE], "key.revoke", AskerKind::User, "admin", Unpermitted, &[]),
    (Mode::Permit, &[P_CREATE], "policy_pack.roll_back", AskerKind::User, "admin", Allow, &[]),
    (Mode::Permit, &[P_ALL, F_NIGHT], "key.create", AskerKind::User, "admin", Allow, &["p-all"]),
];

#[test]
fn a_pack_says_what_its_policies_say_together() {
    for (mode, policies, action, kind, role, verdict, by) in CASES {
        let pack = pack(*mode, &policies.join("\n"));
        let decision = pack.decide(&question(action, asker(*kind, role)));
        assert_eq!(
            (decision.verdict, &decision.policies[..]),
            (*verdict, &by.map(str::to_owned)[..]),
            "{policies:?} {action}"
        );
    }
}

/// `&[&str]` has no map of its own.
trait Owned {
    fn map(&self, to: fn(&str) -> String) -> Vec<String>;
}

impl Owned for &[&str] {
    fn map(&self, to: fn(&str) -> String) -> Vec<String> {
        self.iter().map(|text| to(text)).collect()
    }
}

#[test]
fn an_action_that_nobody_knows_is_never_allowed() {
    let pack = pack(Mode::Permit, P_ALL);
    assert_eq!(
        pack.decide(&question("key.invent", asker(AskerKind::User, "owner"))).verdict,
        Verdict::Broken
    );
}

#[test]
fn the_circumstances_are_what_the_schema_says() {
    let circumstances = [
        ("context.time >= datetime(\"2026-01-05\")", true),
        ("context.time < datetime(\"2026-01-05\")", false),
        ("context.hour == 12 && context.weekday == 1", true),
        ("context.need == \"keys:manage\"", true),
        ("context has ip && context.ip.isInRange(ip(\"10.0.0.0/8\"))", true),
        ("context has ip && context.ip.isInRange(ip(\"192.168.0.0/16\"))", false),
        ("context has mfa && context.mfa", true),
        ("context has assurance && context.assurance < 2", false),
        ("context has auth_age_seconds && context.auth_age_seconds > 30", true),
        ("context has project && context.project == \"a-project\"", true),
        ("context has acting_for && context.acting_for == User::\"a-person\"", true),
        ("principal.role == \"admin\" && !principal.owner && principal.second_factor", true),
        ("principal in Organization::\"an-organization\"", true),
        ("principal in Organization::\"another\"", false),
        ("principal == User::\"somebody\"", true),
        ("resource == ApiKeys::\"all\"", true),
    ];
    for (when, met) in circumstances {
        let text = format!(
            "forbid(principal is User, action == Action::\"key.create\", resource) when {{ {when} }};"
        );
        let pack = pack(Mode::Forbid, &text);
        let mut asked = question("key.create", asker(AskerKind::User, "admin"));
        asked.facts.ip = Some("10.1.2.3".parse().unwrap());
        asked.facts.assurance = Some(2);
        asked.facts.auth_age_seconds = Some(31);
        asked.facts.project = Some("a-project");
        asked.facts.acting_for = Some("a-person");
        let expected = if met { Forbid } else { Allow };
        assert_eq!(pack.decide(&asked).verdict, expected, "{when}");
    }
}

#[test]
fn what_mfa_json_asks_is_asked_of_people_alone() {
    let mut files = files(Mode::Forbid, "forbid(principal is Agent, action, resource);");
    let rules = r#"{"rules":[{"actions":["keys:manage"],"assurance":"aal2","auth_age_seconds":300}]}"#;
    files.insert("mfa.json".to_owned(), rules.to_owned());
    let pack = pack_of(files);
    let mut asked = question("key.create", asker(AskerKind::User, "admin"));
    for (assurance, age, verdict) in [
        (None, None, Prove),
        (Some(1), Some(1), Prove),
        (Some(2), Some(301), Prove),
        (Some(2), Some(300), Allow),
    ] {
        (asked.facts.assurance, asked.facts.auth_age_seconds) = (assurance, age);
        let decision = pack.decide(&asked);
        assert_eq!(decision.verdict, verdict, "{assurance:?} {age:?}");
        assert_eq!(decision.policies.is_empty(), verdict == Allow);
    }
    assert!(pack.decide(&question("key.create", asker(AskerKind::ApiKey, "admin"))).allows());
    assert!(pack.decide(&question("key.list", asker(AskerKind::User, "admin"))).allows());
}

#[test]
fn what_cannot_be_evaluated_is_never_a_yes() {
    // Sums can leave the range of numbers, which no validation can rule out.
    let text = "@id(\"sum\") forbid(principal is User, action, resource) when \
                { context has auth_age_seconds && context.auth_age_seconds + 9223372036854775807 > 0 };";
    let pack = pack(Mode::Forbid, text);
    let mut asked = question("key.create", asker(AskerKind::User, "admin"));
    assert_eq!(pack.decide(&asked).verdict, Allow);
    asked.facts.auth_age_seconds = Some(1);
    let decision = pack.decide(&asked);
    assert_eq!((decision.verdict, decision.policies), (Verdict::Broken, vec!["sum".to_owned()]));
}

#[test]
fn a_sample_pack_passes_its_own_tests() {
    for mode in [Mode::Forbid, Mode::Permit] {
        let document = Document::of_files(sample::files("sample", mode)).unwrap();
        let checked = check(&document);
        assert!(checked.findings.is_empty(), "{:#?}", checked.findings);
        let outcomes = crate::suite::run(&checked.pack.unwrap(), &document);
        assert!(outcomes.len() >= 3 && outcomes.iter().all(|outcome| outcome.passed), "{outcomes:#?}");
    }
}
