//! What is wrong with a model, and where.

use std::fmt;

use serde::Serialize;

/// From and to; both counted from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Span {
    /// First line, or first column.
    pub start: usize,
    /// Last line, or the column after the last.
    pub end: usize,
}

impl Span {
    pub(crate) fn at(place: usize) -> Self {
        Self { start: place, end: place }
    }
}

/// Which rule of the language is broken; the names are those of OpenFGA's own tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// The text is no model at all.
    Syntax,
    /// Modules do not fit together.
    Transformation,
    /// `schema 1.1` or `schema 1.2` is missing.
    SchemaVersionRequired,
    /// The version of the language is not known.
    InvalidSchema,
    /// A type with the name `self` or `this`.
    ReservedTypeKeywords,
    /// A relation with the name `self` or `this`.
    ReservedRelationKeywords,
    /// A name that is too long or has signs that no name may have.
    InvalidName,
    /// A direct relation that names no kind of user.
    AssignableRelationMustHaveType,
    /// A relation that nobody can ever have.
    RelationNoEntryPoint,
    /// `x from y`, where y does not consist of direct objects alone.
    #[serde(rename = "tupleuserset-not-direct")]
    TuplesetNotDirect,
    /// Something is there twice.
    DuplicatedError,
    /// A relation that is not defined.
    MissingDefinition,
    /// A relation that the type does not have.
    InvalidRelationType,
    /// A relation that none of the objects that are named has.
    InvalidRelationOnTupleset,
    /// A type that is not defined.
    InvalidType,
    /// A condition that is not defined.
    ConditionNotDefined,
    /// A condition that no relation names.
    ConditionNotUsed,
    /// A condition under another name than its own.
    DifferentNestedConditionName,
    /// Two modules in one file.
    MultipleModulesInFile,
    /// `user:*#member`.
    TypeWildcardRelation,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// What is wrong, in OpenFGA's words.
    #[serde(rename = "msg")]
    pub message: String,
    /// Which rule is broken.
    pub fault: Fault,
    /// The word or name it is about; empty when there is none.
    pub symbol: String,
    /// Where, when a text was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<Span>,
    /// Where in the line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<Span>,
    /// In which file of a model of several modules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// In which module.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// The relation in which it is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relation: Option<String>,
    /// The type in which it is wrong.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_name: Option<String>,
}

impl Problem {
    pub(crate) fn new(fault: Fault, symbol: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            fault,
            symbol: symbol.into(),
            line: None,
            column: None,
            file: None,
            module: None,
            relation: None,
            type_name: None,
        }
    }

    pub(crate) fn at(mut self, line: usize, column: Span) -> Self {
        self.line = Some(Span::at(line));
        self.column = Some(column);
        self
    }

    pub(crate) fn in_file(mut self, file: Option<&str>, module: Option<&str>) -> Self {
        self.file = file.map(str::to_owned);
        self.module = module.map(str::to_owned);
        self
    }

    pub(crate) fn of(mut self, type_name: &str, relation: Option<&str>) -> Self {
        self.type_name = Some(type_name.to_owned());
        self.relation = relation.map(str::to_owned);
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{file}: ")?;
        }
        match (self.line, self.column) {
            (Some(line), Some(column)) => {
                write!(f, "line {}, column {}: ", line.start + 1, column.start + 1)?;
            }
            (Some(line), None) => write!(f, "line {}: ", line.start + 1)?,
            _ => {}
        }
        f.write_str(&self.message)
    }
}

/// Everything that is wrong; at least one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, problem) in self.0.iter().enumerate() {
            write!(f, "{}{problem}", if n == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
