//! The tuples that everybody is asked about, and the questions.

use serde_json::{Value, json};

/// Three levels (document, folder, folder), at each: owner, viewer, the viewer's usersets, parent. A question about
/// `can_read` of a document looks in twelve places.
pub(super) const MODEL: &str = include_str!("../../../authz/examples/three_levels.fga");

/// The same in SpiceDB's language.
pub(super) const SPICEDB_SCHEMA: &str = "definition user {}
definition team {
  relation member: user
}
definition folder {
  relation parent: folder
  relation owner: user
  relation viewer: user | team#member
  permission can_read = owner + viewer + parent->can_read
}
definition document {
  relation parent: folder
  relation owner: user
  relation viewer: user | team#member
  permission can_read = owner + viewer + parent->can_read
}
";

/// Documents in a folder, and folders in a folder.
const FAN: usize = 20;
/// Questions of a case; they are asked in turn.
const QUESTIONS: usize = 16_384;
/// Who can read every document of the large folder, by one tuple.
pub(super) const HOT: &str = "user:hot";

/// A user, a relation and an object.
pub(super) type Tuple = (String, &'static str, String);

/// What is asked again and again.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) relation: &'static str,
    /// Users and documents.
    pub(super) questions: Vec<(String, String)>,
}

/// Tuples and questions.
pub(super) struct World {
    pub(super) tuples: Vec<Tuple>,
    pub(super) cases: Vec<Case>,
}

/// A generator that gives the same numbers every time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % end.max(1)
    }
}

/// About so many tuples, and beside them a folder with so many documents that one user can read all of.
pub(super) fn world(tuples: usize, listed: usize) -> World {
    let (documents, users) = (tuples / 5, tuples / 10);
    let (folders, teams) = (documents / FAN + 1, users / 10 + 1);
    let mut numbers = Numbers(7);
    let mut all: Vec<Tuple> = Vec::with_capacity(tuples + listed);
    for n in 0..users {
        all.push((format!("user:{n}"), "member", format!("team:{}", numbers.below(teams))));
    }
    for n in 0..folders {
        let folder = format!("folder:{n}");
        all.push((format!("folder:root{}", n / FAN), "parent", folder.clone()));
        all.push((format!("user:{}", numbers.below(users)), "owner", folder.clone()));
        all.push((format!("user:{}", numbers.below(users)), "viewer", folder));
    }
    for n in 0..documents {
        let document = format!("document:{n}");
        all.push((format!("folder:{}", n / FAN), "parent", document.clone()));
        all.push((format!("user:{}", numbers.below(users)), "owner", document.clone()));
        all.push((format!("user:{}", numbers.below(users)), "viewer", document.clone()));
        all.push((format!("team:{}#member", numbers.below(teams)), "viewer", document));
    }
    all.push((HOT.to_owned(), "viewer", "folder:large".to_owned()));
    all.extend((0..listed).map(|n| ("folder:large".to_owned(), "parent", format!("document:large{n}"))));
    let mut some = |user: Option<&str>, prefix: &str, end: usize| {
        let question = |_| {
            let user = user.map_or_else(|| format!("user:{}", numbers.below(users)), str::to_owned);
            (user, format!("document:{prefix}{}", numbers.below(end)))
        };
        (0..QUESTIONS).map(question).collect()
    };
    let cases = vec![
        Case { name: "direct", relation: "owner", questions: some(None, "", documents) },
        Case { name: "deep", relation: "can_read", questions: some(None, "", documents) },
        Case { name: "hot subject", relation: "can_read", questions: some(Some(HOT), "large", listed) },
    ];
    World { tuples: all, cases }
}

impl World {
    /// What the other program reads.
    pub(super) fn for_spicedb(&self, clients: &[usize], seconds: u64, compared: usize) -> Value {
        let cases: Vec<Value> = (self.cases.iter())
            .map(|case| {
                json!({ "name": case.name, "relation": case.relation, "questions": case.questions, "compared": compared })
            })
            .collect();
        json!({ "schema": SPICEDB_SCHEMA, "tuples": self.tuples, "cases": cases, "clients": clients, "seconds": seconds })
    }
}
