//! Which rules of the language a model breaks, in OpenFGA's words and order.

mod entry;
mod place;

use std::collections::{HashMap, HashSet};

use super::{Model, Ordered, TypeDefinition, Userset};
use crate::names;
use crate::problem::{Fault, Problem, Problems};
pub(crate) use place::{Lines, resolve};

/// The versions of the language.
pub(crate) const SCHEMA_VERSIONS: [&str; 2] = ["1.1", "1.2"];

/// Says what is wrong with a model.
///
/// # Errors
/// Which rules it breaks.
pub fn validate(model: &Model) -> Result<(), Problems> {
    Validator::new(model, None).run()
}

/// The same as OpenFGA's server, which takes a model that says something twice or has a condition for nothing.
pub(crate) fn for_engine(model: &Model) -> Result<(), Problems> {
    Validator { lenient: true, ..Validator::new(model, None) }.run()
}

/// The same for a model that was read from a text; the problems get their places in it.
pub(crate) fn with_text(model: &Model, text: &str) -> Result<(), Problems> {
    Validator::new(model, Some(Lines::of(text))).run()
}

struct Validator<'a> {
    model: &'a Model,
    lines: Option<Lines<'a>>,
    problems: Vec<Problem>,
    lenient: bool,
    /// Which modules each file holds, in the order in which they were met.
    files: Vec<(String, Vec<String>)>,
}

/// A relation and what is noted about it.
#[derive(Clone, Copy)]
struct Subject<'a> {
    of: &'a TypeDefinition,
    relation: &'a str,
}

impl<'a> Subject<'a> {
    fn file(&self) -> Option<&'a str> {
        let own =
            self.of.relation_metadata(self.relation).and_then(|m| m.source_info.as_ref()?.file.as_deref());
        own.or_else(|| self.of.file())
    }

    fn module(&self) -> Option<&'a str> {
        let own = self.of.relation_metadata(self.relation).and_then(|m| m.module.as_deref());
        own.or_else(|| self.of.module())
    }

    fn problem(&self, fault: Fault, symbol: impl Into<String>, message: impl Into<String>) -> Problem {
        Problem::new(fault, symbol, message)
            .in_file(self.file(), self.module())
            .of(&self.of.name, Some(self.relation))
    }
}

impl<'a> Validator<'a> {
    fn new(model: &'a Model, lines: Option<Lines<'a>>) -> Self {
        Self { model, lines, problems: Vec::new(), lenient: false, files: Vec::new() }
    }

    fn run(mut self) -> Result<(), Problems> {
        self.names();
        match self.model.schema_version.as_deref() {
            None | Some("") => {
                let problem = Problem::new(Fault::SchemaVersionRequired, "", "schema version required");
                self.raise_at(problem, Some(0));
            }
            Some(version) if SCHEMA_VERSIONS.contains(&version) => self.rules(),
            Some(version) => {
                let problem =
                    Problem::new(Fault::InvalidSchema, version, format!("invalid schema {version}"));
                let line = self.lines.as_ref().map(|lines| lines.schema(version));
                self.raise_at(problem, line);
            }
        }
        for (file, modules) in std::mem::take(&mut self.files) {
            if modules.len() > 1 && !self.lenient {
                let message = format!(
                    "file {file} would contain multiple module definitions ({}) when transforming to DSL. \
                     Only one module can be defined per file.",
                    modules.join(", ")
                );
                self.problems.push(Problem::new(Fault::MultipleModulesInFile, file, message));
            }
        }
        if self.problems.is_empty() { Ok(()) } else { Err(Problems(self.problems)) }
    }

    fn raise_at(&mut self, problem: Problem, line: Option<usize>) {
        let placed = match (&self.lines, line) {
            (Some(lines), Some(line)) => lines.place(problem, line),
            _ => problem,
        };
        self.problems.push(placed);
    }

    /// Adds a problem, at its place in the text if there is one.
    fn raise(&mut self, problem: Problem) {
        let line = self.lines.as_ref().and_then(|lines| lines.line_of(&problem, false));
        self.raise_at(problem, line);
    }

    fn note_file(&mut self, file: Option<&str>, module: Option<&str>) {
        let (Some(file), Some(module)) = (file, module) else { return };
        match self.files.iter_mut().find(|(known, _)| known == file) {
            Some((_, modules)) if modules.iter().any(|known| known == module) => {}
            Some((_, modules)) => modules.push(module.to_owned()),
            None => self.files.push((file.to_owned(), vec![module.to_owned()])),
        }
    }

    fn names(&mut self) {
        for of in self.model.types() {
            self.note_file(of.file(), of.module());
            let problem = |fault, message: String| {
                Problem::new(fault, &of.name, message).in_file(of.file(), of.module()).of(&of.name, None)
            };
            if names::is_reserved(&of.name) {
                self.raise(problem(
                    Fault::ReservedTypeKeywords,
                    "a type cannot be named 'self' or 'this'.".to_owned(),
                ));
            }
            if !names::is_type(&of.name) {
                let message =
                    format!("type '{}' does not match naming rule: '{}'.", of.name, names::TYPE_RULE);
                self.raise(problem(Fault::InvalidName, message));
            }
            for relation in of.relations.names() {
                self.relation_name(of, relation);
            }
        }
    }

    fn relation_name(&mut self, of: &TypeDefinition, relation: &str) {
        let own = of.relation_metadata(relation).filter(|m| m.module.is_some());
        let (file, module) = match own {
            Some(own) => (own.source_info.as_ref().and_then(|s| s.file.as_deref()), own.module.as_deref()),
            None => (of.file(), of.module()),
        };
        let problem = |fault, message: String| {
            Problem::new(fault, relation, message).in_file(file, module).of(&of.name, Some(relation))
        };
        if names::is_reserved(relation) {
            let message = "a relation cannot be named 'self' or 'this'.".to_owned();
            self.raise(problem(Fault::ReservedRelationKeywords, message));
        }
        if !names::is_relation(relation) {
            let rule = names::RELATION_RULE;
            let message =
                format!("relation '{relation}' of type '{}' does not match naming rule: '{rule}'.", of.name);
            self.raise(problem(Fault::InvalidName, message));
        }
    }

    fn rules(&mut self) {
        if !self.problems.is_empty() {
            return;
        }
        let model = self.model;
        for of in model.types() {
            for relation in of.relations.names() {
                self.references(&of.name, relation);
            }
        }
        if self.problems.is_empty() {
            self.duplicates();
        }
        if self.problems.is_empty() {
            self.entry_points();
        }
        let used: HashSet<&str> = model
            .types()
            .iter()
            .filter_map(|of| of.metadata.as_ref()?.relations.as_ref())
            .flat_map(|all| all.iter().filter_map(|(_, m)| m.directly_related_user_types.as_ref()))
            .flat_map(|kinds| kinds.iter().filter_map(|kind| kind.condition.as_deref()))
            .collect();
        for (name, condition) in model.conditions.iter().flat_map(Ordered::iter) {
            let metadata = condition.metadata.as_ref();
            let module = metadata.and_then(|m| m.module.as_deref());
            let file = metadata.and_then(|m| m.source_info.as_ref()?.file.as_deref());
            self.note_file(file, module);
            if name != condition.name {
                let inner = &condition.name;
                let message = format!("condition key is `{name}` but nested name property is {inner}");
                self.problems.push(Problem::new(Fault::DifferentNestedConditionName, inner, message));
            }
            if !used.contains(name) && !self.lenient {
                let message = format!("`{name}` condition is not used in the model.");
                self.raise(Problem::new(Fault::ConditionNotUsed, name, message).in_file(file, module));
            }
        }
    }

    /// Everything a relation refers to must be there.
    fn references(&mut self, type_name: &str, relation: &str) {
        let Some(of) = self.model.get_type(type_name) else { return };
        let Some(root) = of.relations.get(relation) else { return };
        let subject = Subject { of, relation };
        let mut open = std::collections::VecDeque::from([root]);
        while let Some(userset) = open.pop_front() {
            match userset {
                Userset::Union(all) | Userset::Intersection(all) => open.extend(&all.child),
                Userset::Difference(parts) => open.extend([&parts.base, &parts.subtract]),
                Userset::This(_) => self.direct(subject),
                Userset::Computed(to) => {
                    if of.relations.get(&to.relation).is_none() {
                        let message = format!("the relation `{}` does not exist.", to.relation);
                        self.raise(subject.problem(Fault::MissingDefinition, &to.relation, message));
                    }
                }
                Userset::TupleToUserset(ttu) => {
                    self.tuple_to_userset(subject, &ttu.computed.relation, &ttu.tupleset.relation);
                }
            }
        }
    }

    fn direct(&mut self, subject: Subject<'_>) {
        let kinds = subject.of.restrictions(subject.relation);
        if kinds.is_empty() {
            let message = "assignable relation '' must have types";
            self.problems.push(Problem::new(Fault::AssignableRelationMustHaveType, "", message));
        }
        for kind in kinds {
            let of = self.model.get_type(&kind.type_name);
            if of.is_none() {
                let message = format!("`{}` is not a valid type.", kind.type_name);
                self.raise(subject.problem(Fault::InvalidType, &kind.type_name, message));
            }
            if let Some(condition) = &kind.condition
                && self.model.condition(condition).is_none()
            {
                let message = format!("`{condition}` is not a defined condition in the model.");
                self.raise(subject.problem(Fault::ConditionNotDefined, condition, message));
            }
            let Some(relation) = &kind.relation else { continue };
            if kind.wildcard.is_some() {
                let symbol = kind.to_string();
                let message =
                    format!("type restriction `{symbol}` cannot contain both wildcard and relation");
                self.raise(subject.problem(Fault::TypeWildcardRelation, symbol, message));
            } else if of.is_none_or(|of| of.relations.get(relation).is_none()) {
                let message = format!("`{relation}` is not a valid relation for `{}`.", kind.type_name);
                let symbol = format!("{}#{relation}", kind.type_name);
                self.raise(subject.problem(Fault::InvalidRelationType, symbol, message));
            }
        }
    }

    fn tuple_to_userset(&mut self, subject: Subject<'_>, computed: &str, tupleset: &str) {
        let of = subject.of;
        let symbol = format!("{computed} from {tupleset}");
        let Some(from) = of.relations.get(tupleset) else {
            let message = format!("`{tupleset}` is not a valid relation for `{}`.", of.name);
            return self.raise(subject.problem(Fault::InvalidRelationType, symbol, message));
        };
        let not_direct = || {
            let message = format!("`{tupleset}` relation used inside from allows only direct relation.");
            subject.problem(Fault::TuplesetNotDirect, tupleset, message)
        };
        let kinds = of.restrictions(tupleset);
        if !matches!(from, Userset::This(_)) || kinds.is_empty() {
            return self.raise(not_direct());
        }
        let mut without = Vec::new();
        for kind in kinds {
            if kind.wildcard.is_some() || kind.relation.is_some() {
                self.raise(not_direct());
            } else if self.model.get_type(&kind.type_name).is_none_or(|t| t.relations.get(computed).is_none())
            {
                without.push(&kind.type_name);
            }
        }
        // One of several that has the relation suffices.
        if without.len() == kinds.len() {
            for parent in without {
                let message = format!(
                    "the `{computed}` relation definition on type `{}` is not valid: `{computed}` does not exist on \
                     `{tupleset}`, which is of type `{parent}`.",
                    of.name
                );
                self.raise(subject.problem(Fault::InvalidRelationOnTupleset, symbol.clone(), message));
            }
        }
    }

    fn duplicates(&mut self) {
        let mut types = HashSet::new();
        for of in self.model.types() {
            if !types.insert(of.name.as_str()) {
                let message = format!("the type `{}` is a duplicate.", of.name);
                let problem = Problem::new(Fault::DuplicatedError, &of.name, message);
                self.raise(problem.in_file(of.file(), of.module()).of(&of.name, None));
            }
            if self.lenient {
                continue;
            }
            for (relation, metadata) in
                of.metadata.iter().filter_map(|m| m.relations.as_ref()).flat_map(Ordered::iter)
            {
                let subject = Subject { of, relation };
                let mut kinds = HashSet::new();
                for kind in metadata.directly_related_user_types.iter().flatten() {
                    let kind = kind.to_string();
                    if kinds.contains(&kind) {
                        let message = format!(
                            "the type restriction `{kind}` is a duplicate in the relation `{relation}`."
                        );
                        self.raise(subject.problem(Fault::DuplicatedError, kind.clone(), message));
                    }
                    kinds.insert(kind);
                }
                self.duplicate_parts(subject);
            }
        }
    }

    fn duplicate_parts(&mut self, subject: Subject<'_>) {
        let parts: Vec<&Userset> = match subject.of.relations.get(subject.relation) {
            Some(Userset::Union(all) | Userset::Intersection(all)) => all.child.iter().collect(),
            Some(Userset::Difference(parts)) => vec![&parts.base, &parts.subtract],
            _ => return,
        };
        let mut seen = HashSet::new();
        for part in parts {
            let name = match part {
                Userset::Computed(to) => to.relation.clone(),
                Userset::TupleToUserset(ttu) => {
                    format!("{} from {}", ttu.computed.relation, ttu.tupleset.relation)
                }
                _ => continue,
            };
            if !seen.insert(name.clone()) {
                let message = format!(
                    "the partial relation definition `{name}` is a duplicate in the relation `{}`.",
                    subject.relation
                );
                let problem = Problem::new(Fault::DuplicatedError, name, message);
                let problem = problem.in_file(subject.of.file(), subject.of.module());
                self.raise(problem.of(&subject.of.name, Some(subject.relation)));
            }
        }
    }

    fn entry_points(&mut self) {
        let types: HashMap<&str, &TypeDefinition> =
            self.model.types().iter().map(|t| (t.name.as_str(), t)).collect();
        let entries = entry::Entries::of(&types);
        for of in self.model.types() {
            for relation in of.relations.names() {
                let subject = Subject { of, relation };
                self.note_file(subject.file(), subject.module());
                let Some(is_loop) = entries.missing(&of.name, relation) else { continue };
                let why = if is_loop { "potential loop" } else { "no entrypoint" };
                let message = format!("`{relation}` is an impossible relation for `{}` ({why}).", of.name);
                self.raise(subject.problem(Fault::RelationNoEntryPoint, relation, message));
            }
        }
    }
}
