//! Reads `fga.mod`: the version of the language and the files of a model.
//!
//! The file is YAML; what is read is the part of YAML such a file consists of: two names, a word, a list of words.

use serde::Serialize;

use crate::problem::{Fault, Problem, Problems, Span};

/// A value and its place, counted from 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Its first and last line.
    pub line: Span,
    /// The column it begins at, and the one after it.
    pub column: Span,
}

/// What `fga.mod` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Manifest {
    /// Always `1.2`.
    pub schema: Placed<String>,
    /// The files of the model.
    pub contents: Placed<Vec<Placed<String>>>,
}

/// A single value as it was written.
struct Scalar {
    text: String,
    /// Quoted, so that it is a string whatever it looks like.
    quoted: bool,
}

impl Scalar {
    fn is_string(&self) -> bool {
        self.quoted
            || !(matches!(self.text.as_str(), "true" | "false" | "null" | "~" | "True" | "False" | "Null")
                || self.text.parse::<f64>().is_ok())
    }
}

enum Value {
    Scalar(Placed<Scalar>),
    List(Placed<Vec<Placed<Scalar>>>),
}

/// Reads a manifest.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read_manifest(text: &str) -> Result<Manifest, Problems> {
    let mut reader = Reader { lines: text.split('\n').collect(), at: 0, problems: Vec::new() };
    let (mut schema, mut contents) = (None, None);
    while let Some((name, value)) = reader.next_entry() {
        match name.as_str() {
            "schema" => schema = Some(value),
            "contents" => contents = Some(value),
            _ => {}
        }
    }
    let mut problems = reader.problems;
    let schema = self::schema(schema, &mut problems);
    let contents = self::contents(contents, &mut problems);
    match (schema, contents) {
        (Some(schema), Some(contents)) if problems.is_empty() => Ok(Manifest { schema, contents }),
        _ => Err(Problems(problems)),
    }
}

fn problem<T>(at: &Placed<T>, symbol: &str, message: String) -> Problem {
    let mut problem = Problem::new(Fault::Transformation, symbol, message);
    problem.line = Some(at.line);
    problem.column = Some(at.column);
    problem
}

fn missing(name: &str) -> Problem {
    Problem::new(Fault::Transformation, name, format!("missing {name} field")).at(0, Span::at(0))
}

fn schema(value: Option<Value>, problems: &mut Vec<Problem>) -> Option<Placed<String>> {
    match value {
        None => problems.push(missing("schema")),
        Some(Value::Scalar(scalar)) if !scalar.value.is_string() => {
            let text = &scalar.value.text;
            problems.push(problem(
                &scalar,
                text,
                format!("unexpected schema type, expected string got value {text}"),
            ));
        }
        Some(Value::Scalar(scalar)) if scalar.value.text == "1.2" => {
            return Some(Placed { value: scalar.value.text, line: scalar.line, column: scalar.column });
        }
        Some(Value::Scalar(scalar)) => {
            let message = "unsupported schema version, fga.mod only supported in version `1.2`".to_owned();
            problems.push(problem(&scalar, &scalar.value.text, message));
        }
        Some(Value::List(list)) => {
            problems.push(problem(
                &list,
                "",
                "unexpected schema type, expected string got a list".to_owned(),
            ));
        }
    }
    None
}

fn contents(value: Option<Value>, problems: &mut Vec<Problem>) -> Option<Placed<Vec<Placed<String>>>> {
    let list = match value {
        None => {
            problems.push(missing("contents"));
            return None;
        }
        Some(Value::Scalar(scalar)) => {
            let text = &scalar.value.text;
            let message = format!("unexpected contents type, expected list of strings got value {text}");
            problems.push(problem(&scalar, text, message));
            return None;
        }
        Some(Value::List(list)) => list,
    };
    let mut files = Vec::new();
    for item in list.value {
        let text = item.value.text.clone();
        if !item.value.is_string() {
            let message = format!("unexpected contents item type, expected string got value {text}");
            problems.push(problem(&item, &text, message));
            continue;
        }
        // A path may not lead out of the folder, however it is written.
        let mut path = text.clone();
        for (coded, plain) in
            [("%2e", "."), ("%2f", "/"), ("%5c", "\\"), ("%2E", "."), ("%2F", "/"), ("%5C", "\\")]
        {
            path = path.replace(coded, plain);
        }
        if path.contains("../") || path.contains("..\\") || path.starts_with('/') {
            problems.push(problem(&item, &text, format!("invalid contents item {text}")));
        } else if path.strip_suffix(".fga").is_none() {
            problems.push(problem(
                &item,
                &text,
                format!("contents items should use fga file extension, got {text}"),
            ));
        } else {
            files.push(Placed { value: path, line: item.line, column: item.column });
        }
    }
    Some(Placed { value: files, line: list.line, column: list.column })
}

struct Reader<'a> {
    lines: Vec<&'a str>,
    at: usize,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    /// The next name at the left margin and what it stands for.
    fn next_entry(&mut self) -> Option<(String, Value)> {
        while self.at < self.lines.len() {
            let number = self.at;
            let line = self.lines[number];
            self.at += 1;
            if is_empty(line) || line.trim_end() == "---" {
                continue;
            }
            let Some((name, rest)) =
                line.split_once(':').filter(|(name, _)| !name.starts_with([' ', '\t', '-']))
            else {
                let message = format!("the line `{}` cannot be read here", line.trim());
                let column = Span { start: 0, end: line.chars().count() };
                self.problems
                    .push(Problem::new(Fault::Transformation, line.trim(), message).at(number, column));
                continue;
            };
            let value = match scalar(line, name.len() + 1, number) {
                Some(value) if !rest.trim().is_empty() => Value::Scalar(value),
                _ => self.list(number),
            };
            return Some((name.trim().trim_matches(['"', '\'']).to_owned(), value));
        }
        None
    }

    /// The items below a name.
    fn list(&mut self, name: usize) -> Value {
        let (mut items, mut begin) = (Vec::new(), None);
        while let Some(line) = self.lines.get(self.at) {
            let dash = line.len() - line.trim_start().len();
            if !is_empty(line) {
                let Some(rest) = line[dash..].strip_prefix('-') else { break };
                if !rest.is_empty() && !rest.starts_with(' ') {
                    break;
                }
                begin.get_or_insert((self.at, dash));
                items.extend(scalar(line, dash + 1, self.at));
            }
            self.at += 1;
        }
        let (first, column) = begin.unwrap_or((name, 0));
        // A list ends where the next thing begins, at the left margin.
        let last = if self.at >= self.lines.len() { self.lines.len() - 1 } else { self.at };
        Value::List(Placed {
            value: items,
            line: Span { start: first, end: last },
            column: Span { start: column, end: 0 },
        })
    }
}

fn is_empty(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#')
}

/// The value that begins after a place in a line.
fn scalar(line: &str, from: usize, number: usize) -> Option<Placed<Scalar>> {
    let rest = line.get(from..)?;
    let text = rest.trim_start();
    let start = from + rest.len() - text.len();
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''));
    let (value, len) = if let Some(quote) = quote {
        let inner = &text[1..];
        let end = inner.find(quote)?;
        let value = if quote == '"' { inner[..end].replace("\\\\", "\\") } else { inner[..end].to_owned() };
        (Scalar { text: value, quoted: true }, end + 2)
    } else {
        let value = text.split(" #").next().unwrap_or_default().trim_end();
        (Scalar { text: value.to_owned(), quoted: false }, value.len())
    };
    let column = |at: usize| line.get(..at).unwrap_or_default().chars().count();
    let column = Span { start: column(start), end: column(start + len) };
    (len > 0).then_some(Placed { value, line: Span::at(number), column })
}
