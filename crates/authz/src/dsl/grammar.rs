//! The grammar of the modelling language as data, after `OpenFGAParser.g4` of github.com/openfga/language.
//!
//! Two places differ, where the original allows one text to be read in two ways with one meaning: a bracketed
//! expression has one form each, and an expression's words are taken up to the closing brace.

use super::token::{self as t, Kind, Kinds};

/// A part of a rule.
pub(super) enum Part {
    Word(Kind),
    /// One word of a set.
    OneOf(Kinds),
    Rule(Rule),
    Seq(Vec<Part>),
    Opt(Box<Part>),
    Star(Box<Part>),
    Plus(Box<Part>),
    Alt(Vec<Part>),
}

/// The rules; the number is the place in the grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    Main,
    ModelHeader,
    ModuleHeader,
    TypeDefs,
    TypeDef,
    RelationDeclaration,
    RelationName,
    RelationDef,
    RelationDefNoDirect,
    Partials,
    Grouping,
    Recurse,
    RecurseNoDirect,
    DirectAssignment,
    Rewrite,
    TypeRestriction,
    TypeRestrictionBase,
    Conditions,
    Condition,
    ConditionName,
    ConditionParameter,
    ParameterName,
    ParameterType,
    MultiLineComment,
    Identifier,
    ExtendedIdentifier,
    ConditionExpression,
}

/// Every rule, in the order of their numbers.
pub(super) const RULES: [Rule; 27] = [
    Rule::Main,
    Rule::ModelHeader,
    Rule::ModuleHeader,
    Rule::TypeDefs,
    Rule::TypeDef,
    Rule::RelationDeclaration,
    Rule::RelationName,
    Rule::RelationDef,
    Rule::RelationDefNoDirect,
    Rule::Partials,
    Rule::Grouping,
    Rule::Recurse,
    Rule::RecurseNoDirect,
    Rule::DirectAssignment,
    Rule::Rewrite,
    Rule::TypeRestriction,
    Rule::TypeRestrictionBase,
    Rule::Conditions,
    Rule::Condition,
    Rule::ConditionName,
    Rule::ConditionParameter,
    Rule::ParameterName,
    Rule::ParameterType,
    Rule::MultiLineComment,
    Rule::Identifier,
    Rule::ExtendedIdentifier,
    Rule::ConditionExpression,
];

fn w(kind: Kind) -> Part {
    Part::Word(kind)
}

fn r(rule: Rule) -> Part {
    Part::Rule(rule)
}

fn seq(parts: impl IntoIterator<Item = Part>) -> Part {
    Part::Seq(parts.into_iter().collect())
}

fn opt(part: Part) -> Part {
    Part::Opt(Box::new(part))
}

fn star(part: Part) -> Part {
    Part::Star(Box::new(part))
}

fn plus(part: Part) -> Part {
    Part::Plus(Box::new(part))
}

fn alt(parts: impl IntoIterator<Item = Part>) -> Part {
    Part::Alt(parts.into_iter().collect())
}

fn ws() -> Part {
    opt(w(t::WHITESPACE))
}

/// A comment before a line, and the line end before the line.
fn line_start() -> [Part; 2] {
    [opt(seq([w(t::NEWLINE), r(Rule::MultiLineComment)])), w(t::NEWLINE)]
}

fn operand() -> Part {
    alt([r(Rule::Grouping), r(Rule::RecurseNoDirect)])
}

fn operated(operator: Kind) -> Part {
    seq([w(t::WHITESPACE), w(operator), w(t::WHITESPACE), operand()])
}

/// What a rule consists of.
pub(super) fn definition(rule: Rule) -> Part {
    match rule {
        Rule::Main => seq([
            ws(),
            opt(w(t::NEWLINE)),
            alt([r(Rule::ModelHeader), r(Rule::ModuleHeader)]),
            opt(w(t::NEWLINE)),
            r(Rule::TypeDefs),
            opt(w(t::NEWLINE)),
            r(Rule::Conditions),
            opt(w(t::NEWLINE)),
            w(t::EOF),
        ]),
        Rule::TypeDefs => star(r(Rule::TypeDef)),
        Rule::Conditions => star(r(Rule::Condition)),
        Rule::RelationName => r(Rule::ExtendedIdentifier),
        Rule::ConditionName | Rule::ParameterName => w(t::IDENTIFIER),
        Rule::Grouping => r(Rule::Rewrite),
        Rule::MultiLineComment => seq([
            w(t::HASH),
            star(Part::OneOf(Kinds::all_but(t::NEWLINE))),
            opt(seq([w(t::NEWLINE), r(Rule::MultiLineComment)])),
        ]),
        Rule::Identifier => Part::OneOf(
            [t::MODEL, t::SCHEMA, t::TYPE, t::RELATION, t::IDENTIFIER, t::MODULE, t::EXTEND]
                .into_iter()
                .fold(Kinds::NONE, |all, kind| all.and(Kinds::of(kind))),
        ),
        Rule::ExtendedIdentifier => alt([r(Rule::Identifier), w(t::EXTENDED_IDENTIFIER)]),
        Rule::ConditionExpression => star(Part::OneOf(Kinds::all_but(t::RBRACE))),
        Rule::ModelHeader | Rule::ModuleHeader | Rule::TypeDef | Rule::RelationDeclaration => lines(rule),
        Rule::Condition | Rule::ConditionParameter | Rule::ParameterType => conditions(rule),
        _ => relations(rule),
    }
}

fn lines(rule: Rule) -> Part {
    let comment = || opt(seq([r(Rule::MultiLineComment), w(t::NEWLINE)]));
    let [before, line_end] = line_start();
    match rule {
        Rule::ModelHeader => seq([
            comment(),
            w(t::MODEL),
            w(t::NEWLINE),
            w(t::SCHEMA),
            w(t::WHITESPACE),
            w(t::SCHEMA_VERSION),
            ws(),
        ]),
        Rule::ModuleHeader => seq([comment(), w(t::MODULE), w(t::WHITESPACE), r(Rule::Identifier), ws()]),
        Rule::TypeDef => seq([
            before,
            line_end,
            opt(seq([w(t::EXTEND), w(t::WHITESPACE)])),
            w(t::TYPE),
            w(t::WHITESPACE),
            r(Rule::ExtendedIdentifier),
            opt(seq([w(t::NEWLINE), w(t::RELATIONS), plus(r(Rule::RelationDeclaration))])),
        ]),
        _ => seq([
            before,
            line_end,
            w(t::DEFINE),
            w(t::WHITESPACE),
            r(Rule::RelationName),
            ws(),
            w(t::COLON),
            ws(),
            r(Rule::RelationDef),
        ]),
    }
}

fn relations(rule: Rule) -> Part {
    let bracketed =
        |inner| seq([w(t::LPAREN), star(w(t::WHITESPACE)), r(inner), star(w(t::WHITESPACE)), w(t::RPAREN)]);
    match rule {
        Rule::RelationDef => seq([
            alt([r(Rule::DirectAssignment), r(Rule::Grouping), r(Rule::Recurse)]),
            opt(r(Rule::Partials)),
        ]),
        Rule::RelationDefNoDirect => seq([operand(), opt(r(Rule::Partials))]),
        Rule::Partials => alt([plus(operated(t::OR)), plus(operated(t::AND)), operated(t::BUT_NOT)]),
        Rule::Recurse => bracketed(Rule::RelationDef),
        Rule::RecurseNoDirect => bracketed(Rule::RelationDefNoDirect),
        Rule::DirectAssignment => seq([
            w(t::LBRACKET),
            ws(),
            r(Rule::TypeRestriction),
            ws(),
            star(seq([w(t::COMMA), ws(), r(Rule::TypeRestriction), ws()])),
            w(t::RBRACKET),
        ]),
        Rule::TypeRestriction => seq([
            opt(w(t::NEWLINE)),
            alt([
                r(Rule::TypeRestrictionBase),
                seq([
                    r(Rule::TypeRestrictionBase),
                    w(t::WHITESPACE),
                    w(t::WITH),
                    w(t::WHITESPACE),
                    r(Rule::ConditionName),
                ]),
            ]),
            opt(w(t::NEWLINE)),
        ]),
        Rule::TypeRestrictionBase => seq([
            r(Rule::ExtendedIdentifier),
            opt(alt([seq([w(t::COLON), w(t::STAR)]), seq([w(t::HASH), r(Rule::ExtendedIdentifier)])])),
        ]),
        _ => seq([
            r(Rule::ExtendedIdentifier),
            opt(seq([w(t::WHITESPACE), w(t::FROM), w(t::WHITESPACE), r(Rule::ExtendedIdentifier)])),
        ]),
    }
}

fn conditions(rule: Rule) -> Part {
    let [before, line_end] = line_start();
    match rule {
        Rule::Condition => seq([
            before,
            line_end,
            w(t::CONDITION),
            w(t::WHITESPACE),
            r(Rule::ConditionName),
            ws(),
            w(t::LPAREN),
            ws(),
            r(Rule::ConditionParameter),
            ws(),
            star(seq([w(t::COMMA), ws(), r(Rule::ConditionParameter), ws()])),
            opt(w(t::NEWLINE)),
            w(t::RPAREN),
            ws(),
            w(t::LBRACE),
            opt(w(t::NEWLINE)),
            ws(),
            r(Rule::ConditionExpression),
            opt(w(t::NEWLINE)),
            w(t::RBRACE),
        ]),
        Rule::ConditionParameter => {
            seq([opt(w(t::NEWLINE)), r(Rule::ParameterName), ws(), w(t::COLON), ws(), r(Rule::ParameterType)])
        }
        _ => {
            alt([w(t::PARAM_TYPE), seq([w(t::PARAM_CONTAINER), w(t::LESS), w(t::PARAM_TYPE), w(t::GREATER)])])
        }
    }
}
