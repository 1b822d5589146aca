//! Models, tuples and questions by chance, the same ones for the same number: every kind of rewrite, usersets, wildcards,
//! conditions over parameters of every type, and circles of objects. What is asked leaves nothing out: each kind of user,
//! each relation, each object.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use authz::{Model, RelationReference, Tuple, TupleCondition, TypeDefinition, Userset};
use serde_json::{Map, Value};

/// A generator that gives the same numbers every time.
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x0123_4567_89ab_cdef)
    }

    /// A number below `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let word = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(word).expect("31 bits") % end.max(1)
    }

    /// True `of` times in a hundred.
    pub(super) fn percent(&mut self, of: usize) -> bool {
        self.below(100) < of
    }

    pub(super) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// A condition: its name, its parameters with values they may have, and the expression.
type Condition = (&'static str, &'static [(&'static str, &'static str, &'static str)], &'static str);

/// The values are JSON, of which one is taken.
const CONDITIONS: &[Condition] = &[
    ("c_bool", &[("b", "bool", "[true, false]")], "b"),
    ("c_int", &[("n", "int", "[1, 5, -3, 7]")], "n < 5 && n % 2 == 1"),
    ("c_uint", &[("u", "uint", "[1, 2, 9]")], "u > 1u"),
    ("c_double", &[("d", "double", "[1.5, 0.25, 3]")], "d >= 1.5 || d == 0.25"),
    ("c_text", &[("s", "string", r#"["a", "ab", "b", ""]"#)], r#"s.startsWith("a") && size(s) < 2"#),
    ("c_long", &[("w", "duration", r#"["30m", "2h", "1h"]"#)], r#"w <= duration("1h")"#),
    (
        "c_when",
        &[
            ("t", "timestamp", r#"["2024-01-01T00:00:00Z", "2025-06-01T10:30:00+02:00"]"#),
            ("w", "duration", r#"["30m", "1h"]"#),
        ],
        r#"t + w < timestamp("2024-01-01T00:45:00Z")"#,
    ),
    (
        "c_list",
        &[("l", "list<string>", r#"[["a"], ["b", "c"], []]"#)],
        r#""a" in l || l.exists(x, x == "c")"#,
    ),
    ("c_map", &[("m", "map<int>", r#"[{"k": 1}, {"k": 2}, {}]"#)], r#""k" in m && m["k"] == 1"#),
    (
        "c_ip",
        &[("ip", "ipaddress", r#"["10.1.2.3", "192.168.0.1", "2001:db8::1"]"#)],
        r#"ip.in_cidr("10.0.0.0/8")"#,
    ),
    ("c_any", &[("x", "any", r#"["a", "b", true]"#)], r#"x == "a""#),
    ("c_two", &[("n", "int", "[1, 5, -3, 7]"), ("k", "int", "[0, 4]")], "k < n ? n - k > 1 : n < 0"),
];

/// What a store has and is asked.
#[derive(Debug)]
pub(super) struct World {
    pub(super) model: String,
    pub(super) tuples: Vec<Tuple>,
    pub(super) questions: Vec<Question>,
}

/// What one round of questions has besides.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) user: String,
    pub(super) relation: String,
    pub(super) object: String,
    pub(super) contextual: Vec<Tuple>,
    pub(super) context: Option<Map<String, Value>>,
}

/// What may come up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) conditions: bool,
    /// `but not`.
    pub(super) exclusions: bool,
    /// For a comparison with OpenFGA's engine. Its answers depend on how it happens to search where an exclusion meets a
    /// circle of tuples and where a parameter is missing: so the tuples of a model with an exclusion over something
    /// recursive have no circles then, and every question has values for all parameters.
    pub(super) peer: bool,
}

struct Relation {
    name: String,
    /// Restrictions, as they are written; empty where no tuple can be written.
    direct: Vec<String>,
    rewrite: String,
}

struct Kind {
    name: &'static str,
    relations: Vec<Relation>,
}

/// What tuples and questions are made by.
#[derive(Clone, Copy)]
struct Rules<'a> {
    schema: &'a authz::Schema,
    kinds: &'a [Kind],
    /// Whether objects may lead back to themselves.
    circles: bool,
    /// Whether every question has values for all parameters.
    complete: bool,
}

/// Types of users alone.
const USERS: [&str; 2] = ["user", "agent"];
/// Types with relations.
const OBJECTS: [&str; 3] = ["group", "folder", "document"];
const USER_IDS: [&str; 4] = ["a", "b", "c", "*"];
const OBJECT_IDS: [&str; 4] = ["1", "2", "3", "4"];
/// So many models are tried before one holds.
const TRIES: usize = 1_000;
/// Most tuples of a store; more make circles through everything.
const TUPLES_MAX: usize = 45;

/// A store by its number.
pub(super) fn world(seed: u64, wanted: Wanted) -> World {
    let mut chance = Chance::new(seed);
    for _ in 0..TRIES {
        let kinds = kinds(&mut chance, wanted);
        let model = written(&kinds);
        let Ok(parsed) = authz::parse_and_validate(&model) else { continue };
        let Ok(schema) = authz::Schema::compile(&parsed) else { continue };
        let circles = !(wanted.peer && excludes_over_circles(&parsed));
        let rules = Rules { schema: &schema, kinds: &kinds, circles, complete: wanted.peer };
        let most = 5 + chance.below(TUPLES_MAX - 5);
        let tuples = tuples(&mut chance, rules, &[], most);
        let questions = questions(&mut chance, rules, &tuples);
        return World { model, tuples, questions };
    }
    panic!("no model of {seed} holds");
}

type Name = (String, String);

/// The relations that a rewrite of a relation asks about.
fn asked(of: &TypeDefinition, name: &str, rewrite: &Userset, out: &mut Vec<Name>) {
    let metadata = of.metadata.as_ref().and_then(|metadata| metadata.relations.as_ref());
    let restrictions = |relation: &str| -> Vec<RelationReference> {
        metadata
            .and_then(|all| all.get(relation))
            .and_then(|relation| relation.directly_related_user_types.clone())
            .unwrap_or_default()
    };
    match rewrite {
        Userset::This(_) => out
            .extend(restrictions(name).into_iter().filter_map(|kind| Some((kind.type_name, kind.relation?)))),
        Userset::Computed(to) => out.push((of.name.clone(), to.relation.clone())),
        Userset::TupleToUserset(ttu) => out.extend(
            restrictions(&ttu.tupleset.relation)
                .into_iter()
                .map(|kind| (kind.type_name, ttu.computed.relation.clone())),
        ),
        Userset::Union(all) | Userset::Intersection(all) => {
            all.child.iter().for_each(|part| asked(of, name, part, out));
        }
        Userset::Difference(parts) => {
            asked(of, name, &parts.base, out);
            asked(of, name, &parts.subtract, out);
        }
    }
}

fn excludes(rewrite: &Userset) -> bool {
    match rewrite {
        Userset::Difference(_) => true,
        Userset::Union(all) | Userset::Intersection(all) => all.child.iter().any(excludes),
        _ => false,
    }
}

/// Whether a relation with `but not` asks about one that can come back to itself.
fn excludes_over_circles(model: &Model) -> bool {
    let mut graph: HashMap<Name, Vec<Name>> = HashMap::new();
    let mut excluding = Vec::new();
    for of in model.types() {
        for (name, rewrite) in of.relations.iter() {
            let mut all = Vec::new();
            asked(of, name, rewrite, &mut all);
            graph.insert((of.name.clone(), name.to_owned()), all);
            if excludes(rewrite) {
                excluding.push((of.name.clone(), name.to_owned()));
            }
        }
    }
    // What is asked about on the way, itself left out if no way leads back.
    let behind = |start: &Name| -> HashSet<Name> {
        let (mut known, mut open) = (HashSet::new(), graph.get(start).cloned().unwrap_or_default());
        while let Some(next) = open.pop() {
            if known.insert(next.clone()) {
                open.extend(graph.get(&next).cloned().unwrap_or_default());
            }
        }
        known
    };
    excluding
        .iter()
        .any(|start| behind(start).iter().any(|on_the_way| behind(on_the_way).contains(on_the_way)))
}

fn kinds(chance: &mut Chance, wanted: Wanted) -> Vec<Kind> {
    let count = 1 + chance.below(OBJECTS.len());
    let mut kinds: Vec<Kind> =
        OBJECTS[..count].iter().map(|name| Kind { name, relations: Vec::new() }).collect();
    let sizes: Vec<usize> = kinds.iter().map(|_| 2 + chance.below(4)).collect();
    for at in 0..count {
        let mut names: Vec<&str> = OBJECTS[..count].to_vec();
        names.retain(|_| chance.percent(60));
        if names.is_empty() {
            names.push(OBJECTS[chance.below(count)]);
        }
        let direct: Vec<String> =
            names.iter().map(|name| with(chance, wanted, (*name).to_owned(), 15)).collect();
        let rewrite = format!("[{}]", direct.join(", "));
        kinds[at].relations.push(Relation { name: "parent".to_owned(), direct, rewrite });
        for n in 0..sizes[at] {
            let relation = relation(chance, wanted, at, n, &sizes);
            kinds[at].relations.push(relation);
        }
    }
    kinds
}

/// A restriction, perhaps with a condition.
fn with(chance: &mut Chance, wanted: Wanted, restriction: String, percent: usize) -> String {
    if wanted.conditions && chance.percent(percent) {
        return format!("{restriction} with {}", chance.pick(CONDITIONS).0);
    }
    restriction
}

fn relation(chance: &mut Chance, wanted: Wanted, at: usize, n: usize, sizes: &[usize]) -> Relation {
    let mut direct = Vec::new();
    if n == 0 || chance.percent(60) {
        for _ in 0..=chance.below(3) {
            let kind = match chance.below(10) {
                0..=4 => (*chance.pick(&USERS)).to_owned(),
                5 => format!("{}:*", chance.pick(&USERS)),
                6 => OBJECTS[chance.below(sizes.len())].to_owned(),
                _ => {
                    let of = chance.below(sizes.len());
                    format!("{}#r{}", OBJECTS[of], chance.below(sizes[of]))
                }
            };
            let kind = with(chance, wanted, kind, 20);
            if !direct.contains(&kind) {
                direct.push(kind);
            }
        }
    }
    let mut parts = Vec::new();
    if !direct.is_empty() {
        parts.push(format!("[{}]", direct.join(", ")));
    }
    let more = if n == 0 { chance.below(2) } else { 1 + chance.below(3) };
    for _ in 0..more {
        let part = if n > 0 && chance.percent(55) {
            format!("r{}", chance.below(sizes[at]))
        } else {
            format!("r{} from parent", chance.below(*sizes.iter().max().expect("some")))
        };
        if !parts.contains(&part) && part != format!("r{n}") {
            parts.push(part);
        }
    }
    let rewrite = joined(chance, wanted, &parts);
    Relation { name: format!("r{n}"), direct, rewrite }
}

fn joined(chance: &mut Chance, wanted: Wanted, parts: &[String]) -> String {
    let operator = |chance: &mut Chance| match chance.below(10) {
        0..=5 => " or ",
        6 | 7 => " and ",
        _ if wanted.exclusions => " but not ",
        _ => " and ",
    };
    match parts.len() {
        0 => "[user]".to_owned(),
        1 => parts[0].clone(),
        2 => parts.join(operator(chance)),
        _ => {
            let (inner, outer) = (operator(chance), operator(chance));
            let last = parts.len() - 1;
            let first = if inner == " but not " { parts[..2].join(inner) } else { parts[..last].join(inner) };
            format!("({first}){outer}{}", parts[last])
        }
    }
}

fn written(kinds: &[Kind]) -> String {
    let mut text = "model\n  schema 1.1\n".to_owned();
    for user in USERS {
        let _ = writeln!(text, "type {user}");
    }
    for kind in kinds {
        let _ = writeln!(text, "type {}\n  relations", kind.name);
        for relation in &kind.relations {
            let _ = writeln!(text, "    define {}: {}", relation.name, relation.rewrite);
        }
    }
    for (name, parameters, expression) in CONDITIONS {
        let used = format!("with {name}");
        if !text.contains(&format!("{used},")) && !text.contains(&format!("{used}]")) {
            continue;
        }
        let parameters: Vec<String> =
            parameters.iter().map(|(name, of, _)| format!("{name}: {of}")).collect();
        let _ = writeln!(text, "condition {name}({}) {{\n  {expression}\n}}", parameters.join(", "));
    }
    text
}

/// Some of the values that the parameters of conditions may have.
fn context(chance: &mut Chance, of: Option<&str>, percent: usize) -> Map<String, Value> {
    let mut values = Map::new();
    for (name, parameters, _) in CONDITIONS {
        if of.is_some_and(|of| of != *name) {
            continue;
        }
        for (parameter, _, possible) in *parameters {
            if chance.percent(percent) {
                let possible: Vec<Value> = serde_json::from_str(possible).expect("JSON");
                values.insert((*parameter).to_owned(), chance.pick(&possible).clone());
            }
        }
    }
    values
}

/// Whether a tuple names a user or an object with a greater number than its own object: of such there are no circles.
fn goes_down(tuple: &Tuple) -> bool {
    let number = |object: &str| -> Option<u32> {
        let (_, id) = object.split('#').next()?.split_once(':')?;
        id.parse().ok()
    };
    match (number(&tuple.object), number(&tuple.user)) {
        (Some(object), Some(user)) => user > object,
        _ => true,
    }
}

/// Tuples the model has a place for, no two with one key, and none that is stored.
fn tuples(chance: &mut Chance, rules: Rules<'_>, stored: &[Tuple], most: usize) -> Vec<Tuple> {
    let kinds = rules.kinds;
    let mut all: Vec<Tuple> = Vec::new();
    for _ in 0..most {
        let kind = chance.pick(kinds);
        let relation = chance.pick(&kind.relations);
        if relation.direct.is_empty() {
            continue;
        }
        let restriction = chance.pick(&relation.direct).clone();
        let (of, condition) =
            restriction.split_once(" with ").map_or((&*restriction, None), |(of, c)| (of, Some(c)));
        let user = if of.ends_with(":*") {
            of.to_owned()
        } else if let Some((of, relation)) = of.split_once('#') {
            format!("{of}:{}#{relation}", chance.pick(&OBJECT_IDS))
        } else if USERS.contains(&of) {
            format!("{of}:{}", chance.pick(&USER_IDS[..3]))
        } else {
            format!("{of}:{}", chance.pick(&OBJECT_IDS))
        };
        let mut tuple =
            Tuple::new(user, &*relation.name, format!("{}:{}", kind.name, chance.pick(&OBJECT_IDS)));
        tuple.condition = condition.map(|name| {
            let values = context(chance, Some(name), 60);
            TupleCondition { name: name.to_owned(), context: (!values.is_empty()).then_some(values) }
        });
        let same =
            |t: &Tuple| t.user == tuple.user && t.relation == tuple.relation && t.object == tuple.object;
        let circle = !rules.circles && !goes_down(&tuple);
        if !circle && rules.schema.validate_write(&tuple).is_ok() && !stored.iter().chain(&all).any(same) {
            all.push(tuple);
        }
    }
    all
}

fn questions(chance: &mut Chance, rules: Rules<'_>, stored: &[Tuple]) -> Vec<Question> {
    let kinds = rules.kinds;
    let mut all = Vec::new();
    for kind in kinds {
        let named: Vec<&Tuple> =
            stored.iter().filter(|tuple| tuple.object.starts_with(&format!("{}:", kind.name))).collect();
        for relation in &kind.relations {
            for _ in 0..4 {
                let mut user = match chance.below(12) {
                    0 => {
                        let of = chance.pick(kinds);
                        format!(
                            "{}:{}#{}",
                            of.name,
                            chance.pick(&OBJECT_IDS),
                            chance.pick(&of.relations).name
                        )
                    }
                    1 => format!("{}:{}", chance.pick(kinds).name, chance.pick(&OBJECT_IDS)),
                    _ => format!("{}:{}", chance.pick(&USERS), chance.pick(&USER_IDS)),
                };
                let mut object = format!("{}:{}", kind.name, chance.pick(&OBJECT_IDS));
                // What is asked at random is mostly denied.
                if chance.percent(60) && !named.is_empty() {
                    let tuple = chance.pick(&named);
                    object.clone_from(&tuple.object);
                    if chance.percent(70) {
                        user.clone_from(&tuple.user);
                    }
                }
                let contextual =
                    if chance.percent(25) { tuples(chance, rules, stored, 3) } else { Vec::new() };
                let values = context(chance, None, if rules.complete { 100 } else { 85 });
                all.push(Question {
                    user,
                    relation: relation.name.clone(),
                    object,
                    contextual,
                    context: (rules.complete || chance.percent(85)).then_some(values),
                });
            }
        }
    }
    all
}
