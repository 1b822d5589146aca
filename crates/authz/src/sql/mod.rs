//! A model as functions of PostgreSQL (15 or newer), so that row-security policies ask what the engine is asked: what a
//! policy refuses is refused even where a program forgets to ask.
//!
//! ```sql
//! create policy readable on invoice for select
//!     using (authz."invoice#can_read"(tenant_id, store, id::text, 'user:' || current_setting('app.user')));
//! ```
//!
//! For each relation there is `"type#relation"(tenant, store, object_id, subject)`, whether the subject (`user:anne`,
//! `user:*`, `group:staff#member`) has it, and `"type#relation#objects"(tenant, store, subject)`, the ids of the objects.
//! Names longer than an identifier may be end in a hash; [`Compiled::checks`] has them. All is read from one table or view
//! with the columns of `relation_tuple`, of which the current tuples are those with `until is null`. Making them again
//! replaces them; functions of relations that are gone stay until their schema is dropped. Objects are found from the subject
//! where the relation is flat and has no `and` or `but not`; elsewhere every object of the type is asked about, which is for
//! short lists only.
//!
//! # What is answered
//! Yes exactly where [`crate::Engine::check`] says yes, as long as no tuple has a condition. What differs:
//!
//! * **Conditions are not evaluated, and a tuple with one never grants.** Where such a tuple could take something away
//!   (`but not`) the answer is neither taken for yes nor for no, and what hangs on it is not granted. So with conditions
//!   the functions say yes only where the engine says yes for every context.
//! * A null among the arguments gives null, which no policy takes for a yes; a malformed subject or object gives no.
//! * More than [`crate::RESOLVE_DEPTH_MAX`] steps from one object to the next raise
//!   `54001` (`statement_too_complex`), as the engine gives an error. How much is looked at is bounded by
//!   `statement_timeout`, not by a number of steps. Between an error and a plain no the two may differ in the rare case of
//!   a circle with a path that is too long beside it.
//!
//! # How
//! There are three [`Shape`]s. Most relations of most models are a single statement, whose plan is kept with the session
//! (PL/pgSQL; a function in SQL would be planned at each call). A relation of unions that can come
//! back to itself is walked level by level, and one that can come back to itself through `and` or `but not` is followed
//! path by path, as the engine does, with the engine's values.

mod exact;
mod flat;
mod quote;
mod walk;

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::fmt::Write as _;

use crate::engine::error::SchemaError;
use crate::engine::schema::{Kind, Op, RelNo, Schema, TypeNo};
use crate::model::{Model, definition};
use crate::names;
use quote::{body, fitting, ident, literal, literals};

/// Where functions go and where tuples come from.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// The schema the functions are made in.
    pub schema: &'a str,
    /// Schema of the table or view with the tuples.
    pub table_schema: &'a str,
    /// The table or view with the tuples.
    pub table: &'a str,
    /// Whether the functions read the tuples with the rights of their owner instead of those of who asks. Nobody may call
    /// them then until it is granted.
    pub security_definer: bool,
    /// The relations that functions are wanted for, as type and relation; all of them if there are none.
    pub relations: &'a [(&'a str, &'a str)],
}

/// How a relation is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One statement.
    Flat,
    /// Level by level: unions that may come back to themselves.
    Walk,
    /// Path by path: `and` or `but not` over what may come back to itself, or `but not` over conditions.
    Exact,
}

/// The functions of one relation; names are quoted, with their schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckFunction {
    /// The type.
    pub type_name: String,
    /// The relation.
    pub relation: String,
    /// `(tenant uuid, store uuid, object_id text, subject text)`, a boolean.
    pub check: String,
    /// `(tenant uuid, store uuid, subject text)`, a set of ids.
    pub objects: String,
    /// How it is answered.
    pub shape: Shape,
}

/// What came of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compiled {
    /// Statements that make the functions. The schema must be there.
    pub text: String,
    /// The functions that are meant to be called.
    pub checks: Vec<CheckFunction>,
}

/// Why there are no functions for a model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SqlError {
    /// The model itself cannot be used.
    #[error("{0}")]
    Schema(#[from] SchemaError),
    /// PostgreSQL has no text with a NUL in it.
    #[error("a name has a NUL in it: {0:?}")]
    Nul(String),
    /// Two long names differ in nothing that fits an identifier.
    #[error("two functions would have the name {0}")]
    SameName(String),
    /// A relation that was asked for is not there.
    #[error("relation '{0}#{1}' not found")]
    NoRelation(String, String),
}

/// Makes functions of a model. The same model gives the same text.
///
/// # Errors
/// The model cannot be used, or has names that PostgreSQL cannot tell apart.
pub fn compile(model: &Model, options: &Options<'_>) -> Result<Compiled, SqlError> {
    let schema = Schema::compile(model)?;
    let maker = Maker::new(&schema, options);
    maker.refuse_names()?;
    let mut wanted = Vec::new();
    for (type_name, relation) in options.relations {
        let number = schema.type_no(type_name).and_then(|of| schema.relation_no(of, relation));
        wanted.push(
            number.ok_or_else(|| SqlError::NoRelation((*type_name).to_owned(), (*relation).to_owned()))?,
        );
    }
    if wanted.is_empty() {
        wanted.extend((0..).take(schema.relations.len()));
    }
    let mut text = maker.helpers();
    let (mut checks, mut stepped) = (Vec::new(), HashSet::new());
    for number in wanted {
        let source = maker.definition(model, number);
        let (shape, statement) = maker.check(number, &source, &mut stepped);
        text.push_str(&statement);
        text.push_str(&maker.objects(number, &source));
        let relation = schema.relation(number);
        checks.push(CheckFunction {
            type_name: schema.types[usize::from(relation.of)].name.to_string(),
            relation: relation.name.to_string(),
            check: maker.function(number, ""),
            objects: maker.function(number, OBJECTS),
            shape,
        });
    }
    Ok(Compiled { text, checks })
}

/// After the name of a relation: the function that lists objects, and the one that follows paths.
const OBJECTS: &str = "#objects";
const STEPS: &str = "#steps";
/// What no id has in it, as a regular expression.
const NOT_IN_IDS: &str = r"[:#\u0001-\u0020\u007f-\u009f]";
/// The arguments of a check.
const CHECK_ARGUMENTS: &str = "tenant uuid, store uuid, object_id text, subject text";

struct Maker<'a> {
    schema: &'a Schema,
    options: &'a Options<'a>,
    /// The table, quoted.
    table: String,
    /// The name of the function that says what a subject is, quoted.
    form: String,
    /// The name of the function that gives up, quoted.
    too_complex: String,
}

impl<'a> Maker<'a> {
    fn new(schema: &'a Schema, options: &'a Options<'a>) -> Self {
        let own = |name: &str| format!("{}.{}", ident(options.schema), ident(name));
        let table = format!("{}.{}", ident(options.table_schema), ident(options.table));
        Self { schema, options, table, form: own("subject_form"), too_complex: own("too_complex") }
    }

    /// Names that PostgreSQL cannot hold or tell apart.
    fn refuse_names(&self) -> Result<(), SqlError> {
        let conditions = self.schema.conditions.iter().map(|c| c.name.to_string());
        let relations = (0..).take(self.schema.relations.len()).map(|n| self.schema.relation_name(n));
        let options = [self.options.schema, self.options.table_schema, self.options.table];
        let all = conditions.chain(relations).chain(options.map(str::to_owned));
        if let Some(name) = all.into_iter().find(|name| name.contains('\0')) {
            return Err(SqlError::Nul(name));
        }
        let mut taken = HashSet::new();
        for number in (0..).take(self.schema.relations.len()) {
            for suffix in ["", OBJECTS, STEPS] {
                let name = self.function(number, suffix);
                if !taken.insert(name.clone()) {
                    return Err(SqlError::SameName(name));
                }
            }
        }
        Ok(())
    }

    /// The name of a function of a relation, quoted, with its schema.
    fn function(&self, number: RelNo, suffix: &str) -> String {
        let name = fitting(&format!("{}{suffix}", self.schema.relation_name(number)));
        format!("{}.{}", ident(self.options.schema), ident(&name))
    }

    fn type_name(&self, number: RelNo) -> &str {
        &self.schema.types[usize::from(self.schema.relation(number).of)].name
    }

    /// The relation as it stands in the model.
    fn definition(&self, model: &Model, number: RelNo) -> String {
        let relation = self.schema.relation(number);
        let of = model.get_type(self.type_name(number));
        let line = of.map(|of| definition(of, &relation.name, &relation.source)).unwrap_or_default();
        format!("type {}: {line}", self.type_name(number))
    }

    /// Statements every model needs.
    fn helpers(&self) -> String {
        let (form, too_complex) = (&self.form, &self.too_complex);
        let rule = literal(&NOT_IN_IDS.replace(":#", ""));
        let (user, object) = (names::USER_BYTES_MAX, names::OBJECT_BYTES_MAX);
        let message = "too many steps from one object to the next";
        format!(
            "-- What a subject is, as type restrictions write it: type, type:* or type#relation; null when it is none.\n\
             create or replace function {form}(subject text) returns text\n\
             language sql immutable parallel safe\n\
             return case\n  \
               when pg_catalog.octet_length(subject) operator(pg_catalog.>) {user} then null\n  \
               when pg_catalog.octet_length(pg_catalog.split_part(subject, '#', 1)) operator(pg_catalog.>) {object} then null\n  \
               when subject operator(pg_catalog.~) {rule} then null\n  \
               when subject operator(pg_catalog.~) '^[^:#]+:[^:#]+$' then case\n    \
                 when pg_catalog.split_part(subject, ':', 2) operator(pg_catalog.=) '*' then subject\n    \
                 else pg_catalog.split_part(subject, ':', 1) end\n  \
               when subject operator(pg_catalog.~) '^[^:#]+:[^:#*]+#[^:#]+$' then\n    \
                 pg_catalog.split_part(subject, ':', 1) operator(pg_catalog.||) '#'\n      \
                 operator(pg_catalog.||) pg_catalog.split_part(subject, '#', 2)\n\
             end;\n\n\
             create or replace function {too_complex}() returns boolean\n\
             language plpgsql stable parallel safe set search_path = pg_catalog\n\
             as {};\n\n",
            body(&format!("begin\n  raise exception '{message}' using errcode = '54001';\nend"))
        )
    }

    /// A function over tuples, with the line of the model it answers.
    fn create(
        &self,
        name: &str,
        arguments: &str,
        returns: &str,
        language: &str,
        source: &str,
        text: &str,
    ) -> String {
        let definer = self.options.security_definer;
        let security = if definer { "definer" } else { "invoker" };
        let types: Vec<&str> =
            arguments.split(", ").filter_map(|argument| argument.split_once(' ').map(|(_, of)| of)).collect();
        let signature = format!("{name}({})", types.join(", "));
        let revoke = if definer {
            format!("revoke all on function {signature} from public;\n")
        } else {
            String::new()
        };
        format!(
            "-- {source}\ncreate or replace function {name}({arguments}) returns {returns}\n\
             language {language} stable strict parallel safe security {security} set search_path = pg_catalog\n\
             as {};\ncomment on function {signature} is {};\n{revoke}\n",
            body(text),
            literal(source)
        )
    }

    /// The function that answers for a relation, and those it needs that are not there yet.
    fn check(&self, number: RelNo, source: &str, stepped: &mut HashSet<RelNo>) -> (Shape, String) {
        let name = self.function(number, "");
        let create = |language: &str, text: &str| {
            self.create(&name, CHECK_ARGUMENTS, "boolean", language, source, text)
        };
        if let Some(text) = flat::relation(self, number) {
            // A function in SQL is planned each time it is called; what PL/pgSQL runs keeps its plan.
            // What the subject is is found out once, so that the ways it cannot go cost nothing.
            let form = format!("{}($4)", self.form);
            let text = text.replace(&form, "asked_form");
            let text = format!("declare\n  asked_form text := {form};\nbegin\n  return ({text});\nend");
            return (Shape::Flat, create("plpgsql", &text));
        }
        let mut all = String::new();
        for needed in self.closure(number, true) {
            if stepped.insert(needed) {
                let text = exact::relation(self, needed);
                let name = self.function(needed, STEPS);
                let source = format!("One step: {}", self.schema.relation_name(needed));
                all.push_str(&self.create(&name, exact::ARGUMENTS, "integer", "plpgsql", &source, &text));
            }
        }
        all.push_str(&create("sql", &exact::ask(self, number)));
        let only_unions = self.schema.relation(number).only_unions;
        (if only_unions { Shape::Walk } else { Shape::Exact }, all)
    }

    /// The function that lists objects. What cannot be found from the subject is looked for among all objects that have a
    /// tuple, or that the subject itself names.
    fn objects(&self, number: RelNo, source: &str) -> String {
        let of = literal(self.type_name(number));
        let (check, table) = (self.function(number, ""), &self.table);
        let filtered = || {
            format!(
                "select o.object_id from (\n  \
               select t.object_id from {table} as t\n  \
               where t.tenant_id = $1 and t.store_id = $2 and t.object_type = {of} and t.until is null\n  \
               union\n  \
               select split_part(split_part($3, '#', 1), ':', 2) where split_part($3, ':', 1) = {of}\n\
             ) as o\nwhere {check}($1, $2, o.object_id, $3)"
            )
        };
        let text = flat::objects(self, number).unwrap_or_else(filtered);
        let arguments = "tenant uuid, store uuid, subject text";
        self.create(
            &self.function(number, OBJECTS),
            arguments,
            "setof text",
            "sql",
            &format!("Objects: {source}"),
            &text,
        )
    }

    /// The relations that are asked about on the way to one, itself included, in a fixed order; as `steps`, without what
    /// lies behind relations that are walked.
    fn closure(&self, number: RelNo, steps: bool) -> Vec<RelNo> {
        let (mut known, mut open) = (Vec::new(), vec![number]);
        while let Some(next) = open.pop() {
            if known.contains(&next) {
                continue;
            }
            known.push(next);
            let relation = self.schema.relation(next);
            if !steps || !relation.only_unions {
                self.asked(&relation.op, next, &mut open);
            }
        }
        known.sort_unstable();
        known
    }

    /// Whether tuples name everyone who has a relation, so that one look suffices.
    fn is_plain(&self, number: RelNo) -> bool {
        let relation = self.schema.relation(number);
        matches!(relation.op, Op::Direct) && !relation.has_usersets
    }

    /// Those who have a relation to the object with an id, as tuples write it.
    fn node(&self, number: RelNo, id: &str) -> String {
        let of = literal(&format!("{}:", self.type_name(number)));
        format!("{of} || {id} || {}", literal(&format!("#{}", self.schema.relation(number).name)))
    }

    /// The kinds of objects that a relation may name and that have another relation, with that one.
    fn parents(&self, tupleset: RelNo, computed: &[(TypeNo, RelNo)]) -> Vec<(Allowed, RelNo)> {
        let mut parents = Vec::new();
        for kind in self.allowed(tupleset).into_iter().filter(|kind| kind.kind == Kind::Object) {
            let known =
                computed.iter().find(|(of, _)| *self.schema.types[usize::from(*of)].name == *kind.type_name);
            parents.extend(known.map(|(_, other)| (kind, *other)));
        }
        parents
    }

    fn asked(&self, op: &Op, number: RelNo, out: &mut Vec<RelNo>) {
        match op {
            Op::Direct => {
                let allowed = self.schema.relation(number).allowed.iter();
                out.extend(allowed.filter_map(|entry| match entry.kind {
                    Kind::Userset(userset) => Some(userset),
                    _ => None,
                }));
            }
            Op::Computed(other) => out.push(*other),
            Op::Ttu { computed, .. } => out.extend(computed.iter().map(|(_, other)| *other)),
            Op::Any(ops) | Op::All(ops) => ops.iter().for_each(|op| self.asked(op, number, out)),
            Op::Without(parts) => parts.iter().for_each(|op| self.asked(op, number, out)),
        }
    }

    /// What a tuple of a relation may name, as restrictions are written, with the conditions it may have.
    fn allowed(&self, number: RelNo) -> Vec<Allowed> {
        let mut all: Vec<Allowed> = Vec::new();
        for entry in &self.schema.relation(number).allowed {
            let name = &self.schema.types[usize::from(entry.of)].name;
            let form = match entry.kind {
                Kind::Object => name.to_string(),
                Kind::Wildcard => format!("{name}:*"),
                Kind::Userset(userset) => self.schema.relation_name(userset),
            };
            let at = all.iter().position(|known| known.form == form).unwrap_or_else(|| {
                all.push(Allowed {
                    form,
                    type_name: name.to_string(),
                    kind: entry.kind,
                    plain: false,
                    conditions: Vec::new(),
                });
                all.len() - 1
            });
            match entry.condition {
                None => all[at].plain = true,
                Some(condition) => {
                    let name = self.schema.conditions[usize::from(condition)].name.to_string();
                    all[at].conditions.push(name);
                }
            }
        }
        all
    }

    /// The forms of subjects that can have a relation at all; none for all the others.
    fn reach(&self, number: RelNo) -> Vec<String> {
        let relation = self.schema.relation(number);
        let mut forms = Vec::new();
        for (of, known) in (0..).zip(&self.schema.types) {
            if relation.reached_by.has(of) {
                forms.extend([known.name.to_string(), format!("{}:*", known.name)]);
            }
        }
        for from in (0..).take(self.schema.relations.len()) {
            if self.schema.leads(from, number) {
                forms.push(self.schema.relation_name(from));
            }
        }
        forms
    }

    /// The rows of a relation of an object that count now.
    fn rows(&self, alias: &str, number: RelNo, id: &str) -> String {
        let (of, relation) = (literal(self.type_name(number)), literal(&self.schema.relation(number).name));
        format!(
            "{alias}.tenant_id = $1 and {alias}.store_id = $2 and {alias}.object_type = {of} and {alias}.object_id = {id} \
             and {alias}.relation = {relation} and {alias}.until is null"
        )
    }

    /// Whether `$3` can be an id of a type.
    fn is_id(&self, number: RelNo) -> String {
        let bytes_max = names::OBJECT_BYTES_MAX.saturating_sub(self.type_name(number).len() + 1);
        format!(
            "octet_length($3) between 1 and {bytes_max} and $3 !~ {}",
            literal(&NOT_IN_IDS.replace(":#", ":#*"))
        )
    }
}

/// A kind of users that tuples of a relation may name.
struct Allowed {
    form: String,
    type_name: String,
    kind: Kind,
    /// Without a condition.
    plain: bool,
    conditions: Vec<String>,
}

impl Allowed {
    /// Whether the condition of a tuple is one that this kind may have, or that it has none where it may have none.
    fn condition(&self, alias: &str) -> String {
        let named =
            format!("{alias}.condition in ({})", literals(self.conditions.iter().map(String::as_str)));
        match (self.plain, self.conditions.is_empty()) {
            (true, true) => format!("{alias}.condition is null"),
            (true, false) => format!("({alias}.condition is null or {named})"),
            (false, false) => named,
            (false, true) => "false".to_owned(),
        }
    }

    /// Whether the subject of a tuple is of this kind, for objects and usersets.
    fn named(&self, alias: &str) -> String {
        let mut text = format!("starts_with({alias}.subject, {})", literal(&format!("{}:", self.type_name)));
        match self.form.split_once('#') {
            Some((_, relation)) => {
                let end = format!("#{relation}");
                let _ =
                    write!(text, " and right({alias}.subject, {}) = {}", end.chars().count(), literal(&end));
            }
            None => {
                let _ = write!(text, " and strpos({alias}.subject, '#') = 0");
            }
        }
        text
    }
}
