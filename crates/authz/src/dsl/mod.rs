//! Reads the modelling language.

mod build;
mod grammar;
mod graph;
mod lexer;
mod parser;
mod predict;
mod token;

use crate::model::{Model, validate};
use crate::problem::{Fault, Problem, Problems, Span};

/// How long a model may be, in bytes; OpenFGA's default for a stored model.
pub const MODEL_BYTES_MAX: usize = 256 * 1024;

/// A file of a model of several modules.
#[derive(Debug)]
pub(crate) struct Module {
    pub(crate) model: Model,
    /// The types it extends.
    pub(crate) extended: Vec<String>,
}

/// Reads a model. Whether it makes sense is another question: see [`parse_and_validate`].
///
/// # Errors
/// Every place where the text is not in the language.
pub fn parse(text: &str) -> Result<Model, Problems> {
    parse_module(text).map(|module| module.model)
}

/// Reads a model and says what is wrong with it, with lines and columns.
///
/// # Errors
/// Where the text is not in the language, else which rules the model breaks.
pub fn parse_and_validate(text: &str) -> Result<Model, Problems> {
    let model = parse(text)?;
    validate::with_text(&model, text)?;
    Ok(model)
}

pub(crate) fn parse_module(text: &str) -> Result<Module, Problems> {
    if text.len() > MODEL_BYTES_MAX {
        let message = format!("the model is longer than {MODEL_BYTES_MAX} bytes");
        return Err(Problems(vec![Problem::new(Fault::Syntax, "", message).at(0, Span::at(0))]));
    }
    let text = without_comments(text);
    let (tokens, unreadable) = lexer::words(&text);
    let graph = graph::Graph::new();
    let (tree, mut flaws) = parser::parse(&graph, &text, &tokens);
    let module = build::module(&tree, &text, &tokens, &mut flaws);
    let mut problems = Vec::with_capacity(flaws.len() + unreadable.len());
    let mut unreadable = unreadable.into_iter().peekable();
    for flaw in &flaws {
        while let Some(bad) = unreadable.next_if(|bad| bad.before <= flaw.word + 1) {
            problems.push(bad_word(&bad));
        }
        let token = &tokens[flaw.word];
        let symbol = if token.kind == token::EOF { "<EOF>" } else { &text[token.start..token.end] };
        let column = Span { start: token.column, end: token.column + symbol.chars().count() };
        problems.push(Problem::new(Fault::Syntax, symbol, flaw.message.clone()).at(token.line, column));
    }
    problems.extend(unreadable.map(|bad| bad_word(&bad)));
    if problems.is_empty() { Ok(module) } else { Err(Problems(problems)) }
}

fn bad_word(bad: &lexer::Unreadable) -> Problem {
    let shown = bad.text.replace('\n', "\\n").replace('\r', "\\r").replace('\t', "\\t");
    Problem::new(Fault::Syntax, "", format!("token recognition error at: '{shown}'"))
        .at(bad.line, Span::at(bad.column))
}

/// Comments are blanked before the text is read, as OpenFGA's tools do: a `#` at the begin of a line or after a blank.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (n, line) in text.split('\n').enumerate() {
        if n > 0 {
            out.push('\n');
        }
        if !line.trim_start().starts_with('#') {
            out.push_str(line.split(" #").next().unwrap_or_default().trim_end());
        }
    }
    out
}
