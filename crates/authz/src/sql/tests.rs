//! The text itself; that it answers as the engine does is tested against PostgreSQL.

use super::quote::{IDENTIFIER_BYTES_MAX, body, fitting, ident, literal};
use super::{Compiled, Options, Shape, SqlError, compile};

const OPTIONS: Options<'static> = Options {
    schema: "authz",
    table_schema: "portcullis",
    table: "relation_tuple",
    security_definer: true,
    relations: &[],
};

fn compiled(dsl: &str) -> Compiled {
    compile(&crate::parse(dsl).unwrap(), &OPTIONS).unwrap()
}

fn shape(compiled: &Compiled, name: &str) -> Shape {
    let found = compiled.checks.iter().find(|c| format!("{}#{}", c.type_name, c.relation) == name);
    found.unwrap_or_else(|| panic!("{name}")).shape
}

const DOCUMENTS: &str = "model
  schema 1.1
type user
type group
  relations
    define member: [user, group#member]
    define lead: [user, user with in_hours]
type folder
  relations
    define parent: [folder]
    define banned: [user]
    define viewer: [user, user:*, group#lead]
    define reader: (viewer or reader from parent) but not banned
type document
  relations
    define folder: [folder]
    define owner: [user]
    define editor: owner or viewer from folder
    define viewer: [group#member] or editor
    define quiet: editor but not owner
    define open: editor but not late
    define late: [user with in_hours]
condition in_hours(hour: int) {
  hour >= 9
}
";

#[test]
fn what_cannot_come_back_to_itself_is_one_statement() {
    let compiled = compiled(DOCUMENTS);
    let of = |name| shape(&compiled, name);
    for flat in ["document#owner", "document#editor", "document#quiet", "folder#viewer", "group#lead"] {
        assert_eq!(of(flat), Shape::Flat, "{flat}");
    }
    for walk in ["group#member", "document#viewer"] {
        assert_eq!(of(walk), Shape::Walk, "{walk}");
    }
    // A condition could take something away here.
    for exact in ["folder#reader", "document#open"] {
        assert_eq!(of(exact), Shape::Exact, "{exact}");
    }
    assert_eq!(compiled.checks.len(), 13);
}

#[test]
fn functions_say_which_line_of_the_model_they_answer() {
    let compiled = compiled(DOCUMENTS);
    for line in [
        "-- type document: define quiet: editor but not owner\n",
        "comment on function \"authz\".\"folder#viewer\"(uuid, uuid, text, text) is \
         'type folder: define viewer: [user, user:*, group#lead]';",
        "stable strict parallel safe security definer set search_path = pg_catalog",
    ] {
        assert!(compiled.text.contains(line), "{line}\n{}", compiled.text);
    }
    assert_eq!(compiled, self::compiled(DOCUMENTS), "the same model gives the same text");
}

#[test]
fn a_direct_relation_is_one_look() {
    let compiled = compiled(DOCUMENTS);
    let begin = compiled.text.find("-- type document: define owner: [user]").unwrap();
    let end = compiled.text[begin..].find("comment on").unwrap();
    assert_eq!(compiled.text[begin..begin + end].matches("select").count(), 2);
}

#[test]
fn only_what_is_wanted_is_made() {
    let model = crate::parse(DOCUMENTS).unwrap();
    let of = |relations| compile(&model, &Options { relations, ..OPTIONS });
    let made = of(&[("document", "owner")]).unwrap();
    assert_eq!(made.checks.len(), 1);
    assert_eq!(made.checks[0].check, "\"authz\".\"document#owner\"");
    assert_eq!(made.text.matches("create or replace function").count(), 4);
    let missing = SqlError::NoRelation("document".to_owned(), "none".to_owned());
    assert_eq!(of(&[("document", "none")]), Err(missing));
}

#[test]
fn names_cannot_leave_their_quotes() {
    assert_eq!(ident("a\"b"), "\"a\"\"b\"");
    assert_eq!(literal("a'b"), "'a''b'");
    assert_eq!(literal("a\\'b"), "E'a\\\\''b'");
    assert_eq!(body("$body$ $body1$"), "$body2$\n$body$ $body1$\n$body2$");
    let mut model = crate::parse(DOCUMENTS).unwrap();
    let odd = "';drop$body$\"\\";
    for of in model.type_definitions.iter_mut().flatten().filter(|of| of.name == "document") {
        odd.clone_into(&mut of.name);
    }
    let made = compile(&model, &OPTIONS).unwrap();
    assert!(made.text.contains("E''';drop$body$\"\\\\:'"), "{}", made.text);
    assert!(made.text.contains("\"';drop$body$\"\"\\#owner\""));
    assert!(made.text.contains("$body1$\nselect"));
    for of in model.type_definitions.iter_mut().flatten().filter(|of| of.name == odd) {
        "nul\0".clone_into(&mut of.name);
    }
    assert!(matches!(compile(&model, &OPTIONS), Err(SqlError::Nul(_))));
}

#[test]
fn names_that_are_too_long_end_in_a_hash() {
    assert_eq!(fitting("short#name"), "short#name");
    let long = |end: &str| fitting(&format!("{}{end}", "ä".repeat(40)));
    assert!(long("a").len() <= IDENTIFIER_BYTES_MAX, "{}", long("a"));
    assert_ne!(long("a"), long("b"));
    let (one, two) = (format!("{}one", "x".repeat(47)), format!("{}two", "x".repeat(47)));
    let made =
        compile(&crate::parse(&DOCUMENTS.replace("lead", &one).replace("banned", &two)).unwrap(), &OPTIONS);
    let names: Vec<String> = made.unwrap().checks.into_iter().map(|c| c.objects).collect();
    let mut different = names.clone();
    different.sort_unstable();
    different.dedup();
    assert_eq!(names.len(), different.len());
}

#[test]
fn a_model_that_cannot_be_used_has_no_functions() {
    let mut model = crate::parse(DOCUMENTS).unwrap();
    for of in model.type_definitions.iter_mut().flatten().filter(|of| of.name == "document") {
        let text = serde_json::to_string(&of.relations).unwrap().replace("\"late\"", "\"later\"");
        of.relations = serde_json::from_str(&text).unwrap();
    }
    assert!(matches!(compile(&model, &OPTIONS), Err(SqlError::Schema(_))));
}
