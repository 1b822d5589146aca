//! Makes a model of what was read.

use super::Module;
use super::grammar::Rule;
use super::parser::{Child, Flaw, Node};
use super::token::{self as t, Kind, Token};
use crate::model::{
    Condition, ConditionMetadata, Difference, Empty, Metadata, Model, ObjectRelation, Ordered, ParameterType,
    RelationMetadata, RelationReference, TupleToUserset, TypeDefinition, Userset, Usersets,
};

/// The model, or what there is of it; what the grammar cannot say is added to the flaws.
pub(super) fn module(tree: &Node, text: &str, tokens: &[Token], flaws: &mut Vec<Flaw>) -> Module {
    let mut builder = Builder {
        text,
        tokens,
        flaws,
        module: None,
        model: Model::default(),
        types: Vec::new(),
        conditions: Ordered::default(),
        extended: Vec::new(),
    };
    for node in nodes(tree) {
        match node.rule {
            Rule::ModelHeader => {
                let version = words(node).find(|w| tokens[*w].kind == t::SCHEMA_VERSION);
                builder.model.schema_version = version.map(|w| builder.word(w).to_owned());
            }
            Rule::ModuleHeader => {
                builder.module = first(node, Rule::Identifier).map(|n| builder.text_of(n));
            }
            Rule::TypeDefs => nodes(node).for_each(|n| builder.type_def(n)),
            Rule::Conditions => nodes(node).for_each(|n| builder.condition(n)),
            _ => {}
        }
    }
    builder.model.type_definitions = Some(builder.types).filter(|types| !types.is_empty());
    builder.model.conditions = Some(builder.conditions).filter(|all| !all.is_empty());
    Module { model: builder.model, extended: builder.extended }
}

struct Builder<'a> {
    text: &'a str,
    tokens: &'a [Token],
    flaws: &'a mut Vec<Flaw>,
    module: Option<String>,
    model: Model,
    types: Vec<TypeDefinition>,
    conditions: Ordered<Condition>,
    extended: Vec<String>,
}

fn nodes(node: &Node) -> impl Iterator<Item = &Node> {
    node.parts.iter().filter_map(|part| match part {
        Child::Node(node) => Some(node),
        Child::Word(_) => None,
    })
}

fn words(node: &Node) -> impl Iterator<Item = usize> {
    node.parts.iter().filter_map(|part| match part {
        Child::Word(word) => Some(*word),
        Child::Node(_) => None,
    })
}

fn all(node: &Node, rule: Rule) -> impl Iterator<Item = &Node> {
    nodes(node).filter(move |n| n.rule == rule)
}

fn first(node: &Node, rule: Rule) -> Option<&Node> {
    all(node, rule).next()
}

/// The first word under a node.
fn begin(node: &Node) -> Option<usize> {
    node.parts.iter().find_map(|part| match part {
        Child::Word(word) => Some(*word),
        Child::Node(node) => begin(node),
    })
}

impl Builder<'_> {
    fn word(&self, word: usize) -> &str {
        let token = &self.tokens[word];
        &self.text[token.start..token.end]
    }

    fn text_of(&self, node: &Node) -> String {
        let mut out = String::new();
        for part in &node.parts {
            match part {
                Child::Word(word) => out.push_str(self.word(*word)),
                Child::Node(node) => out.push_str(&self.text_of(node)),
            }
        }
        out
    }

    fn has(&self, node: &Node, kind: Kind) -> bool {
        words(node).any(|w| self.tokens[w].kind == kind)
    }

    fn flaw(&mut self, node: &Node, message: String) {
        if let Some(word) = begin(node) {
            self.flaws.push(Flaw { message, word });
        }
    }

    fn type_def(&mut self, node: &Node) {
        let Some(name_node) = first(node, Rule::ExtendedIdentifier) else { return };
        let name = self.text_of(name_node);
        let extends = self.has(node, t::EXTEND);
        if extends && self.module.is_none() {
            self.flaw(name_node, "extend can only be used in a modular model".to_owned());
        }
        let (mut relations, mut metadata) = (Ordered::default(), Ordered::default());
        for declaration in all(node, Rule::RelationDeclaration) {
            self.relation(declaration, &name, extends, &mut relations, &mut metadata);
        }
        let metadata = Some(metadata).filter(|all| !all.is_empty());
        let metadata = (self.module.is_some() || metadata.is_some()).then(|| Metadata {
            relations: metadata,
            module: self.module.clone(),
            source_info: None,
        });
        if extends && self.module.is_some() {
            if self.extended.contains(&name) {
                self.flaw(name_node, format!("'{name}' is already extended in file."));
            } else {
                self.extended.push(name.clone());
            }
        }
        self.types.push(TypeDefinition { name, relations, metadata });
    }

    fn relation(
        &mut self,
        node: &Node,
        type_name: &str,
        extends: bool,
        relations: &mut Ordered<Userset>,
        metadata: &mut Ordered<RelationMetadata>,
    ) {
        let Some(name_node) = first(node, Rule::RelationName) else { return };
        let name = self.text_of(name_node);
        let mut direct = Vec::new();
        let userset = first(node, Rule::RelationDef).and_then(|def| self.definition(def, &mut direct));
        let Some(userset) = userset else { return };
        if relations.get(&name).is_some() {
            self.flaw(name_node, format!("'{name}' is already defined in '{type_name}'"));
        }
        relations.insert(name.clone(), userset);
        metadata.insert(
            name,
            RelationMetadata {
                directly_related_user_types: Some(direct),
                module: self.module.clone().filter(|_| extends),
                source_info: None,
            },
        );
    }

    /// A definition with or without brackets around it.
    fn definition(&self, node: &Node, direct: &mut Vec<RelationReference>) -> Option<Userset> {
        let mut operands = Vec::new();
        let mut operator = t::OR;
        for child in nodes(node) {
            if child.rule == Rule::Partials {
                operator = [t::OR, t::AND, t::BUT_NOT]
                    .into_iter()
                    .find(|kind| self.has(child, *kind))
                    .unwrap_or(t::OR);
                operands.extend(nodes(child).filter_map(|n| self.operand(n, direct)));
            } else {
                operands.extend(self.operand(child, direct));
            }
        }
        if operands.len() < 2 {
            return operands.pop();
        }
        Some(match operator {
            t::BUT_NOT => {
                let subtract = operands.swap_remove(1);
                let base = operands.swap_remove(0);
                Userset::Difference(Box::new(Difference { base, subtract }))
            }
            t::AND => Userset::Intersection(Usersets { child: operands }),
            _ => Userset::Union(Usersets { child: operands }),
        })
    }

    fn operand(&self, node: &Node, direct: &mut Vec<RelationReference>) -> Option<Userset> {
        match node.rule {
            Rule::DirectAssignment => {
                direct.extend(all(node, Rule::TypeRestriction).filter_map(|n| self.restriction(n)));
                Some(Userset::This(Empty {}))
            }
            Rule::Grouping => first(node, Rule::Rewrite).and_then(|n| self.rewrite(n)),
            _ => nodes(node).find_map(|inner| self.definition(inner, direct)),
        }
    }

    fn rewrite(&self, node: &Node) -> Option<Userset> {
        let mut names = all(node, Rule::ExtendedIdentifier).map(|n| self.text_of(n));
        let reference = |relation| ObjectRelation { object: String::new(), relation };
        let computed = reference(names.next()?);
        Some(match names.next() {
            Some(tupleset) => {
                Userset::TupleToUserset(TupleToUserset { tupleset: reference(tupleset), computed })
            }
            None => Userset::Computed(computed),
        })
    }

    fn restriction(&self, node: &Node) -> Option<RelationReference> {
        let base = first(node, Rule::TypeRestrictionBase)?;
        let mut names = all(base, Rule::ExtendedIdentifier).map(|n| self.text_of(n));
        Some(RelationReference {
            type_name: names.next()?,
            relation: names.next(),
            wildcard: self.has(base, t::STAR).then_some(Empty {}),
            condition: first(node, Rule::ConditionName).map(|n| self.text_of(n)),
        })
    }

    fn condition(&mut self, node: &Node) {
        let Some(name_node) = first(node, Rule::ConditionName) else { return };
        let name = self.text_of(name_node);
        if self.conditions.get(&name).is_some() {
            self.flaw(name_node, format!("condition '{name}' is already defined in the model"));
        }
        let mut parameters = Ordered::default();
        for parameter in all(node, Rule::ConditionParameter) {
            let (Some(parameter_node), Some(kind)) =
                (first(parameter, Rule::ParameterName), first(parameter, Rule::ParameterType))
            else {
                continue;
            };
            let parameter_name = self.text_of(parameter_node);
            if parameters.get(&parameter_name).is_some() {
                let message =
                    format!("parameter '{parameter_name}' is already defined in the condition '{name}'");
                self.flaw(parameter_node, message);
            }
            let mut names = words(kind)
                .filter(|w| matches!(self.tokens[*w].kind, t::PARAM_TYPE | t::PARAM_CONTAINER))
                .map(|w| format!("TYPE_NAME_{}", self.word(w).to_uppercase()));
            let type_name = names.next().unwrap_or_default();
            let generic_types =
                names.map(|type_name| ParameterType { type_name, generic_types: Vec::new() }).collect();
            parameters.insert(parameter_name, ParameterType { type_name, generic_types });
        }
        let expression = first(node, Rule::ConditionExpression).map(|n| self.text_of(n)).unwrap_or_default();
        let metadata =
            self.module.clone().map(|module| ConditionMetadata { module: Some(module), source_info: None });
        let expression = expression.trim().to_owned();
        self.conditions.insert(name.clone(), Condition { name, expression, parameters, metadata });
    }
}
