//! A relation as one statement: unions are written out as the ways from the object to the subject, each a join of tuples.
//!
//! Only where no relation can come back to itself, so that no path is too long and none is a circle; and where no tuple
//! with a condition could take something away, so that passing over such tuples never grants.

use super::quote::{literal, literals};
use super::{Allowed, Maker};
use crate::engine::RESOLVE_DEPTH_MAX;
use crate::engine::schema::{Kind, Op, RelNo};

/// Most ways in one statement, and most tuples in all of them.
const WAYS_MAX: usize = 48;
const TABLES_MAX: usize = 96;

/// The body of the function, if it can be one statement.
pub(super) fn relation(maker: &Maker<'_>, number: RelNo) -> Option<String> {
    let mut flat = Flat { maker, subject: "$4", asked: Vec::new(), aliases: 0, tables: 0 };
    let ways = flat.relation(number, &Place::Asked, false)?;
    if flat.tables > TABLES_MAX {
        return None;
    }
    Some(format!("select {}", any(maker, &ways)))
}

/// The body of the function that lists objects, if every way begins with a tuple: it is found from the subject then.
pub(super) fn objects(maker: &Maker<'_>, number: RelNo) -> Option<String> {
    let mut flat = Flat { maker, subject: "$3", asked: Vec::new(), aliases: 0, tables: 0 };
    let ways = flat.relation(number, &Place::Any, false)?;
    if flat.tables > TABLES_MAX {
        return None;
    }
    let table = &maker.table;
    let mut each = Vec::new();
    for way in &ways {
        let conditions = way.conditions.join("\n  and ");
        let from: Vec<String> = way.tables.iter().map(|alias| format!("{table} as {alias}")).collect();
        each.push(match way.tables.first() {
            Some(first) => format!("select {first}.object_id from {} where {conditions}", from.join(", ")),
            None => format!("select split_part(split_part($3, '#', 1), ':', 2) where {conditions}"),
        });
    }
    Some(each.join("\nunion\n"))
}

/// Where a relation is asked about.
enum Place {
    /// Any object; its id is that of the first tuple.
    Any,
    /// The object of the question.
    Asked,
    /// What the subject of a tuple names; with the relation when it is a userset.
    Named { alias: String, relation: Option<String> },
}

impl Place {
    /// The id, for a tuple that is looked for there.
    fn id(&self, tuple: &str) -> String {
        match self {
            Self::Any => format!("{tuple}.object_id"),
            Self::Asked => "$3".to_owned(),
            Self::Named { alias, relation: None } => format!("split_part({alias}.subject, ':', 2)"),
            Self::Named { alias, relation: Some(_) } => {
                format!("split_part(split_part({alias}.subject, '#', 1), ':', 2)")
            }
        }
    }
}

/// One way: tuples joined, or none, and what must hold.
#[derive(Clone)]
struct Way {
    tables: Vec<String>,
    conditions: Vec<String>,
}

struct Flat<'a> {
    maker: &'a Maker<'a>,
    /// The argument that is the subject.
    subject: &'static str,
    /// The relations that are being asked about, from the outer to the inner one.
    asked: Vec<RelNo>,
    aliases: usize,
    tables: usize,
}

/// Whether any of the ways leads there.
fn any(maker: &Maker<'_>, ways: &[Way]) -> String {
    let table = &maker.table;
    let each = ways.iter().map(|way| {
        let conditions = way.conditions.join("\n    and ");
        if way.tables.is_empty() {
            return format!("({conditions})");
        }
        let from: Vec<String> = way.tables.iter().map(|alias| format!("{table} as {alias}")).collect();
        format!("exists (\n    select from {}\n    where {conditions}\n  )", from.join(", "))
    });
    let each: Vec<String> = each.collect();
    if each.is_empty() { "false".to_owned() } else { each.join("\n  or ") }
}

impl Flat<'_> {
    fn alias(&mut self) -> String {
        self.aliases += 1;
        format!("t{}", self.aliases)
    }

    /// The ways to a relation at a place.
    fn relation(&mut self, number: RelNo, place: &Place, taken_away: bool) -> Option<Vec<Way>> {
        if self.asked.contains(&number) || self.asked.len() == RESOLVE_DEPTH_MAX {
            return None;
        }
        self.asked.push(number);
        let schema = self.maker.schema;
        let mut ways = self.op(&schema.relation(number).op, number, place, taken_away)?;
        self.asked.pop();
        ways.extend(self.itself(number, place));
        (ways.len() <= WAYS_MAX).then_some(ways)
    }

    /// Those who have a relation have it: `document:1#viewer` is a viewer of `document:1`.
    fn itself(&self, number: RelNo, place: &Place) -> Option<Way> {
        let name = self.maker.schema.relation_name(number);
        let (of, relation) = name.split_once('#')?;
        let (form, user) = (&self.maker.form, self.subject);
        let conditions = match place {
            Place::Any => vec![format!("{form}({user}) = {}", literal(&name))],
            Place::Asked => vec![
                format!(
                    "{user} = {} || $3 || {}",
                    literal(&format!("{of}:")),
                    literal(&format!("#{relation}"))
                ),
                self.maker.is_id(number),
            ],
            // A tuple that names the userset was looked for among those that name the subject.
            Place::Named { relation: Some(named), .. } if named == relation => return None,
            Place::Named { alias, relation } => {
                let object = match relation {
                    None => format!("{alias}.subject"),
                    Some(named) => format!("left({alias}.subject, -{})", named.chars().count() + 1),
                };
                vec![
                    format!("{object} = split_part({user}, '#', 1)"),
                    format!("{form}({user}) = {}", literal(&name)),
                ]
            }
        };
        Some(Way { tables: Vec::new(), conditions })
    }

    fn op(&mut self, op: &Op, number: RelNo, place: &Place, taken_away: bool) -> Option<Vec<Way>> {
        match op {
            Op::Direct => self.direct(number, place, taken_away),
            Op::Computed(other) => self.relation(*other, place, taken_away),
            Op::Ttu { tupleset, computed } => {
                let mut ways = Vec::new();
                for kind in self.countable(*tupleset, taken_away)? {
                    for (of, other) in computed {
                        let parent = &self.maker.schema.types[usize::from(*of)].name;
                        if kind.kind == Kind::Object && **parent == *kind.type_name {
                            ways.extend(self.through(*tupleset, &kind, *other, place, taken_away)?);
                        }
                    }
                }
                Some(ways)
            }
            Op::Any(ops) => {
                let mut ways = Vec::new();
                for op in ops {
                    ways.extend(self.op(op, number, place, taken_away)?);
                }
                Some(ways)
            }
            // Whatever has no tuple of its own has no beginning.
            Op::All(_) | Op::Without(_) if matches!(place, Place::Any) => None,
            Op::All(ops) => {
                let mut all = Vec::new();
                for op in ops {
                    let ways = self.op(op, number, place, taken_away)?;
                    all.push(format!("({})", any(self.maker, &ways)));
                }
                Some(vec![Way { tables: Vec::new(), conditions: all }])
            }
            Op::Without(parts) => {
                let base = self.op(&parts[0], number, place, taken_away)?;
                let less = self.op(&parts[1], number, place, !taken_away)?;
                let conditions = vec![
                    format!("({})", any(self.maker, &base)),
                    format!("not ({})", any(self.maker, &less)),
                ];
                Some(vec![Way { tables: Vec::new(), conditions }])
            }
        }
    }

    /// The kinds of users whose tuples count, unless a condition could take something away.
    fn countable(&self, number: RelNo, taken_away: bool) -> Option<Vec<Allowed>> {
        let allowed = self.maker.allowed(number);
        if taken_away && allowed.iter().any(|kind| !kind.conditions.is_empty()) {
            return None;
        }
        Some(allowed.into_iter().filter(|kind| kind.plain).collect())
    }

    fn row(&mut self, number: RelNo, place: &Place) -> (String, String) {
        let alias = self.alias();
        self.tables += 1;
        let rows = self.maker.rows(&alias, number, &place.id(&alias));
        let rows = format!("{rows} and {alias}.condition is null");
        (alias, rows)
    }

    fn direct(&mut self, number: RelNo, place: &Place, taken_away: bool) -> Option<Vec<Way>> {
        let allowed = self.countable(number, taken_away)?;
        if allowed.is_empty() {
            return Some(Vec::new());
        }
        let (alias, rows) = self.row(number, place);
        let mut ways =
            vec![Way { tables: vec![alias.clone()], conditions: vec![rows, self.subject(&alias, &allowed)] }];
        for kind in &allowed {
            if let Kind::Userset(userset) = kind.kind {
                ways.extend(self.through(number, kind, userset, place, taken_away)?);
            }
        }
        Some(ways)
    }

    /// Whether a tuple names the subject, or everything of its type.
    fn subject(&self, alias: &str, allowed: &[Allowed]) -> String {
        let (form, user) = (&self.maker.form, self.subject);
        let forms = literals(allowed.iter().map(|kind| kind.form.as_str()));
        let named = format!("{alias}.subject = {user} and {form}({user}) in ({forms})");
        let everyone: Vec<&Allowed> = allowed.iter().filter(|kind| kind.kind == Kind::Wildcard).collect();
        if everyone.is_empty() {
            return named;
        }
        let wildcards = literals(everyone.iter().map(|kind| kind.form.as_str()));
        let each: Vec<String> = everyone
            .iter()
            .map(|kind| {
                let (form_of, of) = (literal(&kind.form), literal(&kind.type_name));
                format!(" or {alias}.subject = {form_of} and {form}({user}) = {of}")
            })
            .collect();
        format!("{alias}.subject in ({user}, {wildcards}) and ({named}{})", each.concat())
    }

    /// From the object over the tuples of a relation to what they name, and there to another relation.
    fn through(
        &mut self,
        number: RelNo,
        kind: &Allowed,
        other: RelNo,
        place: &Place,
        taken_away: bool,
    ) -> Option<Vec<Way>> {
        let (alias, rows) = self.row(number, place);
        let relation = kind.form.split_once('#').map(|(_, relation)| relation);
        let next = Place::Named { alias: alias.clone(), relation: relation.map(str::to_owned) };
        let end = relation.map(|relation| format!(" || {}", literal(&format!("#{relation}"))));
        let of = literal(&format!("{}:", kind.type_name));
        let further = self.relation(other, &next, taken_away)?;
        let ways = further.into_iter().map(|way| {
            // Said both ways round, so that the search may begin at either end.
            let link = match way.tables.first() {
                Some(head) => {
                    format!("{alias}.subject = {of} || {head}.object_id{}", end.as_deref().unwrap_or(""))
                }
                None => kind.named(&alias),
            };
            let mut conditions = vec![rows.clone(), link];
            conditions.extend(way.conditions);
            let mut tables = vec![alias.clone()];
            tables.extend(way.tables);
            Way { tables, conditions }
        });
        Some(ways.collect())
    }
}
