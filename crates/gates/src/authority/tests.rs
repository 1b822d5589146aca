use std::sync::Arc;

use authz::Tuple;

use super::*;

const KEY: &str = "api_key:019a0000-0000-7000-8000-000000000001";
const PERSON: &str = "user:019a0000-0000-7000-8000-000000000002";

fn authority(tuples: Vec<Tuple>) -> Authority {
    let all = Authorities::new().unwrap();
    let snapshot = Snapshot::build(7, 1, tuples).unwrap();
    let engine = Engine::new(Arc::clone(&all.schema), Arc::new(snapshot)).unwrap();
    let tenant = TenantId::first_at(kernel::Timestamp::from_unix_micros(1));
    Authority { engine, tenant, organization: "organization:1".to_owned(), relations: all.relations }
}

/// The tuples that the database makes of the templates.
fn templates() -> Vec<Tuple> {
    let own = own().unwrap();
    let mut tuples = Vec::new();
    for template in own.templates.as_array().unwrap() {
        let (name, holders) = (template["name"].as_str().unwrap(), template["holders"].as_str().unwrap());
        for permission in template["permissions"].as_array().unwrap() {
            let relation = permission.as_str().unwrap().replace(':', "_");
            tuples.push(Tuple::new(format!("role:{name}#{holders}"), relation, "organization:1"));
        }
    }
    tuples
}

#[test]
fn every_role_holds_by_the_model_what_the_table_says() {
    let mut tuples = templates();
    for role in MemberRole::ALL {
        tuples.push(Tuple::new(format!("user:{role}"), "person", format!("role:{role}")));
    }
    for role in Role::ALL {
        tuples.push(Tuple::new(format!("api_key:{role}"), "key", format!("role:key_{role}")));
    }
    let authority = authority(tuples);
    for role in MemberRole::ALL {
        let held = authority.held(&[format!("user:{role}")]).unwrap();
        assert!(held.iter().eq(Permission::ALL.iter().copied().filter(|each| role.has(*each))), "{role}");
        assert!(!held.has(Permission::PiiReveal), "no role carries what an override opens");
    }
    for role in Role::ALL {
        let held = authority.held(&[format!("api_key:{role}")]).unwrap();
        assert!(held.iter().eq(Permission::ALL.iter().copied().filter(|each| role.has(*each))), "{role}");
    }
}

#[test]
fn a_chain_holds_what_each_of_its_links_does() {
    let mut tuples = templates();
    tuples.push(Tuple::new(KEY, "key", "role:key_admin"));
    tuples.push(Tuple::new(PERSON, "person", "role:viewer"));
    let authority = authority(tuples);
    let (key, both) = (vec![KEY.to_owned()], vec![KEY.to_owned(), PERSON.to_owned()]);
    let allows =
        |links: &[String], permission| authority.every_link(links, authority.relation(permission)).unwrap();
    assert!(allows(&key, Permission::AgentsManage) && !allows(&both, Permission::AgentsManage));
    assert!(allows(&both, Permission::AgentsRead));
    assert!(!allows(&[], Permission::AgentsRead), "nobody holds nothing");
    assert!(!allows(&["user:somebody".to_owned()], Permission::AgentsRead), "no tuple, no access");
}

/// Whether the model has a place for a tuple that gives `relation` of an object to `user`.
fn judge() -> impl Fn(&str, &str, &str) -> bool {
    let all = Authorities::new().unwrap();
    move |user, relation, object| all.schema.validate_tuple(&Tuple::new(user, relation, object)).is_ok()
}

#[test]
fn no_tuple_gives_a_program_what_is_for_people() {
    let accepts = judge();
    for permission in Permission::ALL {
        let relation = permission.relation();
        let gives = |user: &str| accepts(user, &relation, "organization:1");
        assert!(gives(PERSON) && gives("role:viewer#person"), "{permission}");
        let for_keys = permission.least_key_role().is_some();
        for program in [KEY, "static_key:owner", "role:key_owner#key"] {
            assert_eq!(gives(program), for_keys, "{permission} for {program}");
        }
        assert!(!gives("agent:1"), "{permission}: an agent has what its key has");
        assert!(!gives("user:*"), "{permission}: nothing is everybody's");
    }
    assert!(!accepts(KEY, "can_merge", "pull_request:1"), "it follows from others and is given to nobody");
    assert!(!accepts(KEY, "person", "role:admin") && !accepts("agent:1", "person", "role:admin"));
}

#[test]
fn what_is_given_by_name_comes_with_no_role() {
    let accepts = judge();
    for role in ["role:provider_admin#person", "role:key_owner#key"] {
        assert!(!accepts(role, MCP_ACCESS, "organization:1"));
        assert!(!accepts(role, "super_admin", "instance:1"));
    }
    assert!(accepts(KEY, MCP_ACCESS, "organization:1") && accepts(PERSON, MCP_ACCESS, "organization:1"));
    assert!(accepts(PERSON, "super_admin", "instance:1") && !accepts(KEY, "super_admin", "instance:1"));
}

#[test]
fn whoever_proposed_it_does_not_merge_it() {
    let mut tuples = templates();
    tuples.extend([
        Tuple::new("organization:1", "organization", "repository:r"),
        Tuple::new("repository:r", "repository", "pull_request:p"),
        Tuple::new("user:proposer", "author", "pull_request:p"),
        Tuple::new("user:proposer", "person", "role:admin"),
        Tuple::new("user:other", "person", "role:member"),
        Tuple::new("user:onlooker", "person", "role:viewer"),
        Tuple::new(KEY, "key", "role:key_owner"),
    ]);
    let authority = authority(tuples);
    let merges = |user| {
        let question =
            Check { user, relation: "can_merge", object: "pull_request:p", around: Around::default() };
        authority.engine.check(&question).unwrap()
    };
    assert!(merges("user:other"));
    assert!(!merges("user:proposer") && !merges("user:onlooker") && !merges(KEY));
}

#[test]
fn a_template_is_known_by_its_canonical_form() {
    let permissions = [Permission::AuditRead, Permission::AuditExport].into_iter().collect();
    let made = template("auditor", Holders::People, ("Auditor", "Reads the log."), permissions).unwrap();
    let expected = r#"{"holders":"person","name":"auditor","permissions":["audit:read","audit:export"],"says":"Reads the log.","title":"Auditor"}"#;
    assert_eq!(made.document, expected);
    assert_eq!(made.sha256, crypto::sha256(expected.as_bytes()));
}
