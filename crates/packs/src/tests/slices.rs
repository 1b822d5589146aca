//! A decision looks at no policy that cannot match, and is the same as if it had looked at all.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::catalogue::ACTIONS;

fn policy() -> impl Strategy<Value = String> {
    let principal = prop::sample::select(vec![
        "principal",
        "principal is User",
        "principal is Agent",
        "principal in Role::\"admin\"",
        "principal in Organization::\"an-organization\"",
        "principal is ApiKey in Role::\"editor\"",
        "principal == User::\"somebody\"",
    ]);
    let action = prop::sample::select(vec![
        "action",
        "action in Action::\"keys:manage\"",
        "action in [Action::\"models.call\", Action::\"agents:read\"]",
        "action == Action::\"organization.read\"",
        "action == Action::\"key.create\"",
    ]);
    let resource = prop::sample::select(vec![
        "resource",
        "resource is ApiKeys",
        "resource is Organization",
        "resource is Models",
    ]);
    let when = prop::sample::select(vec!["", " when { context.hour == 12 }", " when { context.hour > 12 }"]);
    let effect = prop::sample::select(vec!["forbid", "permit"]);
    (effect, principal, action, resource, when).prop_map(|(effect, principal, action, resource, when)| {
        format!("{effect}({principal}, {action}, {resource}){when};")
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_slice_decides_as_the_whole(policies in prop::collection::vec(policy(), 1..12)) {
        // What cannot match anything is refused by the check, so the pack is put together behind it.
        let files = files(Mode::Permit, &policies.join("\n"));
        let document = Document::of_files(files).unwrap();
        let manifest = crate::Manifest::parse(document.file("pack.json").unwrap()).unwrap();
        let set: cedar_policy::PolicySet = policies.join("\n").parse().unwrap();
        let known = set.policies().map(|policy| crate::index::Known::of(policy.clone())).collect();
        let pack = Arc::new(Pack::new(&document, manifest, known, crate::pack::Parts::default()).unwrap());
        let whole = pack.decide_unsliced();
        for row in ACTIONS.iter().filter(|row| row.name.contains('k') || row.name.contains("organization")) {
            for kind in AskerKind::ALL {
                for role in ["admin", "editor"] {
                    let asked = question(row.name, asker(kind, role));
                    prop_assert_eq!(pack.decide(&asked), whole(&asked), "{} {:?} {}", row.name, kind, role);
                }
            }
        }
    }

    #[test]
    fn whatever_is_written_reading_it_ends(text in ".{0,200}") {
        let _ = Document::of_bytes(text.as_bytes());
        for path in ["pack.json", "schema.cedarschema", "policies/main.cedar", "tests/main.json", "mfa.json"] {
            let mut files = sample::files("sample", Mode::Forbid);
            files.insert(path.to_owned(), text.clone());
            let _ = check(&Document::of_files(files).unwrap());
        }
    }
}

#[test]
fn what_cannot_match_is_not_looked_at() {
    let text = "forbid(principal is Agent, action, resource);\n\
                forbid(principal, action in Action::\"keys:manage\", resource);\n\
                forbid(principal, action, resource is Log);";
    let pack = pack(Mode::Forbid, text);
    assert_eq!(pack.len(), 3);
    assert_eq!(pack.considered("key.create", AskerKind::User), 1);
    assert_eq!(pack.considered("project.list", AskerKind::User), 0);
    assert_eq!(pack.considered("audit.read", AskerKind::Agent), 2);
}
