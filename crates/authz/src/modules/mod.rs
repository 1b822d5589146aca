//! Models that are written in several files: the list of them (`fga.mod`) and how they become one model.

mod manifest;

use crate::dsl::{self, Module};
use crate::model::validate::{self, Lines, resolve};
use crate::model::{Metadata, Model, Ordered, SourceInfo, TypeDefinition};
use crate::problem::{Fault, Problem, Problems, Span};

pub use manifest::{Manifest, Placed, read_manifest};

/// A file of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleFile {
    /// Its path, as the manifest names it.
    pub name: String,
    /// Its text.
    pub contents: String,
}

/// Makes one model of the files of its modules.
///
/// # Errors
/// Everything that is wrong in any of the files or in how they fit together.
pub fn merge(files: &[ModuleFile], schema_version: &str) -> Result<Model, Problems> {
    let mut merger = Merger {
        files,
        types: Vec::new(),
        conditions: Ordered::default(),
        extensions: Vec::new(),
        problems: Vec::new(),
    };
    for file in files {
        match dsl::parse_module(&file.contents) {
            Ok(module) => merger.add(file, module),
            Err(Problems(problems)) => {
                merger.problems.extend(problems.into_iter().map(|p| p.in_file(Some(&file.name), None)));
            }
        }
    }
    for (file, extension) in std::mem::take(&mut merger.extensions) {
        merger.extend(file, extension);
    }
    let model = Model {
        schema_version: Some(schema_version.to_owned()),
        type_definitions: Some(merger.types),
        conditions: Some(merger.conditions),
    };
    let mut problems = merger.problems;
    if let Err(Problems(more)) = validate::validate(&model) {
        let text_of = |problem: &Problem| {
            let name = problem.file.as_ref()?;
            files.iter().find(|f| f.name == *name).map(|f| f.contents.as_str())
        };
        for problem in more {
            let text = text_of(&problem);
            problems.push(resolve(problem, text));
        }
    }
    if problems.is_empty() { Ok(model) } else { Err(Problems(problems)) }
}

struct Merger<'a> {
    files: &'a [ModuleFile],
    types: Vec<TypeDefinition>,
    conditions: Ordered<crate::model::Condition>,
    /// What other files add to types.
    extensions: Vec<(&'a str, TypeDefinition)>,
    problems: Vec<Problem>,
}

impl<'a> Merger<'a> {
    fn add(&mut self, file: &'a ModuleFile, module: Module) {
        let source = || Some(SourceInfo { file: Some(file.name.clone()) });
        for mut of in module.model.type_definitions.into_iter().flatten() {
            if module.extended.contains(&of.name) {
                self.extensions.push((&file.name, of));
                continue;
            }
            match &mut of.metadata {
                Some(metadata) if metadata.module.is_some() => metadata.source_info = source(),
                _ => {
                    let problem = Problem::new(Fault::Transformation, "", "file is not a module");
                    self.problems.push(problem.at(0, Span::at(0)).in_file(Some(&file.name), None));
                    continue;
                }
            }
            self.types.push(of);
        }
        for (name, condition) in module.model.conditions.iter().flat_map(Ordered::iter) {
            if self.conditions.get(name).is_some() {
                let line = Lines::of(&file.contents).condition_line(name);
                self.raise(&file.name, name, format!("duplicate condition {name}"), line);
                continue;
            }
            let mut condition = condition.clone();
            condition.metadata.get_or_insert_default().source_info = source();
            self.conditions.insert(name, condition);
        }
    }

    fn extend(&mut self, file: &'a str, extension: TypeDefinition) {
        let text = self.files.iter().find(|f| f.name == file).map_or("", |f| f.contents.as_str());
        let Some(at) = self.types.iter().position(|of| of.name == extension.name) else {
            let line = Lines::of(text).type_line(&extension.name, true);
            let message = format!("extended type {} does not exist", extension.name);
            return self.raise(file, &extension.name, message, line);
        };
        let TypeDefinition { name: type_name, relations, metadata } = extension;
        for (name, userset) in relations.iter() {
            if self.types[at].relations.get(name).is_some() {
                let line = Lines::of(text).relation_line(name, None);
                self.raise(file, name, format!("relation {name} already exists on type {type_name}"), line);
                continue;
            }
            let of = &mut self.types[at];
            let noted =
                metadata.as_ref().and_then(|m| m.relations.as_ref()?.get(name)).cloned().unwrap_or_default();
            let noted = crate::model::RelationMetadata {
                source_info: Some(SourceInfo { file: Some(file.to_owned()) }),
                ..noted
            };
            of.relations.insert(name, userset.clone());
            let metadata: &mut Metadata = of.metadata.get_or_insert_default();
            metadata.relations.get_or_insert_default().insert(name, noted);
        }
    }

    fn raise(&mut self, file: &str, symbol: &str, message: String, line: Option<usize>) {
        let mut problem = Problem::new(Fault::Transformation, symbol, message);
        if let Some(line) = line {
            let text = self.files.iter().find(|f| f.name == file).map_or("", |f| f.contents.as_str());
            problem = Lines::of(text).place(problem, line);
        }
        self.problems.push(problem.in_file(Some(file), None));
    }
}
