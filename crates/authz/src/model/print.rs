//! Writes a model in the modelling language.

use std::cmp::Ordering;
use std::fmt::Write as _;

use super::{
    Condition, ConditionMetadata, Metadata, Model, Ordered, RelationMetadata, SourceInfo, TypeDefinition,
    Userset,
};

/// What is written besides the model.
#[derive(Clone, Copy, Debug, Default)]
pub struct PrintOptions {
    /// From which module and file each part comes, as comments.
    pub source_comments: bool,
}

/// Why a model cannot be written in the language.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrintError {
    /// Direct tuples stand where the language has no place for them.
    #[error(
        "the '{relation}' relation definition under the '{type_name}' type is not supported by the OpenFGA DSL syntax yet"
    )]
    Unsupported {
        /// The relation.
        relation: String,
        /// Its type.
        type_name: String,
    },
    /// A condition under another name than its own.
    #[error("the '{key}' condition has a different nested condition name ('{name}')")]
    ConditionName {
        /// The name it is listed under.
        key: String,
        /// Its own name.
        name: String,
    },
    /// Only version 1.2 knows modules.
    #[error("modules are not supported in schema version {0}")]
    NoModules(String),
}

/// Writes a model.
///
/// # Errors
/// What the language has no words for.
pub fn to_dsl(model: &Model, options: PrintOptions) -> Result<String, PrintError> {
    let modular = model.types().iter().any(|t| t.module().is_some());
    let mut types: Vec<&TypeDefinition> = model.types().iter().collect();
    if modular {
        types.sort_by(|a, b| {
            by_module((&a.name, origin(a.metadata.as_ref())), (&b.name, origin(b.metadata.as_ref())))
        });
    }
    let mut out = format!("model\n  schema {}\n", model.schema_version.as_deref().unwrap_or("1.1"));
    for of in types {
        type_definition(of, modular, options, &mut out)?;
        out.push('\n');
    }
    let mut conditions: Vec<(&str, &Condition)> = model.conditions.iter().flat_map(Ordered::iter).collect();
    conditions.sort_by(|a, b| {
        if modular {
            by_module((a.0, condition_origin(a.1)), (b.0, condition_origin(b.1)))
        } else {
            a.0.cmp(b.0)
        }
    });
    for (name, condition) in conditions {
        out.push('\n');
        self::condition(name, condition, options, &mut out)?;
    }
    Ok(out)
}

/// What a relation follows from, in one line of the language.
pub(crate) fn definition(of: &TypeDefinition, relation: &str, userset: &Userset) -> String {
    format!("define {relation}: {}", Writer { of, relation, direct: 0 }.top(userset))
}

/// The modules of a model, sorted.
///
/// # Errors
/// Only version 1.2 knows modules.
pub fn modules(model: &Model) -> Result<Vec<String>, PrintError> {
    let version = model.schema_version.as_deref().unwrap_or("1.1");
    if version != "1.2" {
        return Err(PrintError::NoModules(version.to_owned()));
    }
    let mut names = Vec::new();
    for metadata in model.types().iter().filter_map(|t| t.metadata.as_ref()) {
        names.extend(metadata.module.clone());
        let relations = metadata.relations.iter().flat_map(Ordered::iter);
        names.extend(relations.filter_map(|(_, m)| m.module.clone()));
    }
    if !names.is_empty() {
        let conditions = model.conditions.iter().flat_map(Ordered::iter);
        names.extend(conditions.filter_map(|(_, c)| c.metadata.as_ref()?.module.clone()));
    }
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

/// Module and file.
type Origin<'a> = (Option<&'a str>, Option<&'a str>);

fn file(source: Option<&SourceInfo>) -> Option<&str> {
    source.and_then(|s| s.file.as_deref())
}

fn origin(metadata: Option<&Metadata>) -> Origin<'_> {
    metadata.map_or((None, None), |m| (m.module.as_deref(), file(m.source_info.as_ref())))
}

fn relation_origin(metadata: Option<&RelationMetadata>) -> Origin<'_> {
    metadata.map_or((None, None), |m| (m.module.as_deref(), file(m.source_info.as_ref())))
}

fn condition_origin(condition: &Condition) -> Origin<'_> {
    let of = |m: &'_ ConditionMetadata| (m.module.is_some(), m.source_info.is_some());
    match condition.metadata.as_ref() {
        Some(m) if of(m) != (false, false) => (m.module.as_deref(), file(m.source_info.as_ref())),
        _ => (None, None),
    }
}

/// What has no module of its own belongs to the type and comes first; then by module, file and name.
fn by_module(a: (&str, Origin<'_>), b: (&str, Origin<'_>)) -> Ordering {
    a.1.cmp(&b.1).then_with(|| a.0.cmp(b.0))
}

fn comment(origin: Origin<'_>, leading: &str, options: PrintOptions) -> String {
    match origin {
        (Some(module), file) if options.source_comments => {
            format!(" #{leading} module: {module}, file: {}", file.unwrap_or_default())
        }
        _ => String::new(),
    }
}

fn type_definition(
    of: &TypeDefinition,
    modular: bool,
    options: PrintOptions,
    out: &mut String,
) -> Result<(), PrintError> {
    let _ = write!(out, "\ntype {}{}", of.name, comment(origin(of.metadata.as_ref()), "", options));
    if of.relations.is_empty() {
        return Ok(());
    }
    out.push_str("\n  relations");
    let mut relations: Vec<(&str, &Userset)> = of.relations.iter().collect();
    if modular {
        let origin = |name| relation_origin(of.relation_metadata(name));
        relations.sort_by(|a, b| by_module((a.0, origin(a.0)), (b.0, origin(b.0))));
    }
    for (name, userset) in relations {
        let mut writer = Writer { of, relation: name, direct: 0 };
        let text = writer.top(userset);
        if writer.direct > 1 || (writer.direct == 1 && !direct_is_first(userset)) {
            return Err(PrintError::Unsupported { relation: name.to_owned(), type_name: of.name.clone() });
        }
        let comment = comment(relation_origin(of.relation_metadata(name)), " extended by:", options);
        let _ = write!(out, "\n    define {name}: {text}{comment}");
    }
    Ok(())
}

/// The parts of a union or an intersection, the direct one first: their order has no meaning.
fn parts(all: &[Userset]) -> Vec<&Userset> {
    let mut parts: Vec<&Userset> = all.iter().collect();
    if let Some(direct) = parts.iter().position(|part| matches!(part, Userset::This(_))) {
        let direct = parts.remove(direct);
        parts.insert(0, direct);
    }
    parts
}

fn direct_is_first(userset: &Userset) -> bool {
    match userset {
        Userset::This(_) => true,
        Userset::Difference(of) => direct_is_first(&of.base),
        Userset::Union(all) | Userset::Intersection(all) => {
            parts(&all.child).first().is_some_and(|first| direct_is_first(first))
        }
        Userset::Computed(_) | Userset::TupleToUserset(_) => false,
    }
}

struct Writer<'a> {
    of: &'a TypeDefinition,
    relation: &'a str,
    /// How often direct tuples occur.
    direct: usize,
}

impl Writer<'_> {
    fn top(&mut self, userset: &Userset) -> String {
        match userset {
            Userset::Union(all) => self.joined(&all.child, " or "),
            Userset::Intersection(all) => self.joined(&all.child, " and "),
            Userset::Difference(of) => {
                format!("{} but not {}", self.inner(&of.base), self.inner(&of.subtract))
            }
            _ => self.inner(userset),
        }
    }

    fn joined(&mut self, all: &[Userset], operator: &str) -> String {
        parts(all).into_iter().map(|part| self.inner(part)).collect::<Vec<_>>().join(operator)
    }

    fn inner(&mut self, userset: &Userset) -> String {
        match userset {
            Userset::This(_) => {
                self.direct += 1;
                let kinds: Vec<String> =
                    self.of.restrictions(self.relation).iter().map(ToString::to_string).collect();
                format!("[{}]", kinds.join(", "))
            }
            Userset::Computed(to) => to.relation.clone(),
            Userset::TupleToUserset(ttu) => {
                format!("{} from {}", ttu.computed.relation, ttu.tupleset.relation)
            }
            _ => format!("({})", self.top(userset)),
        }
    }
}

fn condition(
    name: &str,
    condition: &Condition,
    options: PrintOptions,
    out: &mut String,
) -> Result<(), PrintError> {
    if name != condition.name {
        return Err(PrintError::ConditionName { key: name.to_owned(), name: condition.name.clone() });
    }
    let plain = |type_name: &str| type_name.replace("TYPE_NAME_", "").to_lowercase();
    let mut parameters: Vec<String> = condition
        .parameters
        .iter()
        .map(|(name, kind)| match kind.generic_types.first() {
            Some(inner) => format!("{name}: {}<{}>", plain(&kind.type_name), plain(&inner.type_name)),
            None => format!("{name}: {}", plain(&kind.type_name)),
        })
        .collect();
    parameters.sort_unstable();
    let comment = comment(condition_origin(condition), "", options);
    let _ = writeln!(
        out,
        "condition {name}({}) {{\n  {}\n}}{comment}",
        parameters.join(", "),
        condition.expression
    );
    Ok(())
}
