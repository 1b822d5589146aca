//! The names of tools: those a request offers to the model, and those an answer calls.
//!
//! Names of members are compared without regard to case, because some servers and clients read them so: a `Name` beside
//! `name` must not be a tool that nobody looked at.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::json::{Document, Kind, Value};

/// Most calls of tools in one streamed answer whose names are kept.
pub const CALLS_MAX: usize = 1_024;

/// Tools that are a member of the request of their own, not in `tools`.
const MEMBERS: [(&str, &str); 1] = [("web_search_options", "web_search")];

/// One tool, as a request speaks of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mention<'a> {
    /// It is offered under this name: of a function, or of a tool of the provider's own, which goes by its type.
    Offered(Cow<'a, str>),
    /// The model is told to call it.
    Chosen(Cow<'a, str>),
    /// Something is offered whose name cannot be read.
    Nameless,
}

/// Shows every tool that a `chat.completions` request speaks of: `tools`, the older `functions`, tools of the provider's own,
/// `tool_choice` and the older `function_call`.
pub fn for_each_mention<'a>(document: &Document<'a>, on_mention: &mut dyn FnMut(Mention<'a>)) {
    for (key, value) in document.root().entries().filter(|(_, value)| !value.is_null()) {
        let name = key.as_str().unwrap_or_default();
        if is(&name, "tools") || is(&name, "functions") {
            offered(value, on_mention);
        } else if is(&name, "tool_choice") || is(&name, "function_call") {
            chosen(value, on_mention);
        } else if let Some((_, tool)) = MEMBERS.iter().find(|(member, _)| is(&name, member)) {
            on_mention(Mention::Offered(Cow::Borrowed(tool)));
        }
    }
}

fn is(name: &str, known: &str) -> bool {
    name.eq_ignore_ascii_case(known)
}

fn offered<'a>(tools: Value<'_, 'a>, on_mention: &mut dyn FnMut(Mention<'a>)) {
    if tools.kind() != Kind::Array {
        on_mention(Mention::Nameless);
    }
    for tool in tools.items() {
        let mut named = false;
        let mut nameless = tool.kind() != Kind::Object;
        for_each_name(tool, &mut |name| match name {
            Some(name) => {
                named = true;
                on_mention(Mention::Offered(name));
            }
            None => nameless = true,
        });
        if nameless || !named {
            on_mention(Mention::Nameless);
        }
    }
}

/// Words in the place of a tool's name that name none.
const NO_TOOL: [&str; 5] = ["", "any", "auto", "none", "required"];
/// Types that say where the name of a tool stands, and name none.
const NO_TYPE: [&str; 4] = ["allowed_tools", "custom", "function", "tool"];

/// Whatever a choice names, however deep: `{"type":"allowed_tools","allowed_tools":{"tools":[…]}}`.
fn chosen<'a>(choice: Value<'_, 'a>, on_mention: &mut dyn FnMut(Mention<'a>)) {
    match choice.kind() {
        Kind::String => {
            let name = choice.as_str().unwrap_or_default();
            if !NO_TOOL.contains(&name.as_ref()) {
                on_mention(Mention::Chosen(name));
            }
        }
        Kind::Array => choice.items().for_each(|item| chosen(item, on_mention)),
        Kind::Object => {
            for (key, value) in choice.entries() {
                let key = key.as_str().unwrap_or_default();
                match value.as_str() {
                    Some(name) if is(&key, "name") => on_mention(Mention::Chosen(name)),
                    Some(kind) if is(&key, "type") => {
                        if !NO_TYPE.contains(&kind.as_ref()) && !NO_TOOL.contains(&kind.as_ref()) {
                            on_mention(Mention::Chosen(kind));
                        }
                    }
                    Some(_) => {}
                    None => chosen(value, on_mention),
                }
            }
        }
        Kind::Null | Kind::Bool | Kind::Number => {}
    }
}

/// The names a tool or a call of one has: `name`, `function.name`, `custom.name`, and its type when that says what it is. `None`
/// for a name that is no text. Empty ones, as streams send them, are left out.
fn for_each_name<'a>(tool: Value<'_, 'a>, on_name: &mut dyn FnMut(Option<Cow<'a, str>>)) {
    let mut tell = |value: Value<'_, 'a>| match value.as_str() {
        Some(name) if name.is_empty() => {}
        Some(name) => on_name(Some(name)),
        None if value.is_null() => {}
        None => on_name(None),
    };
    for (key, value) in tool.entries() {
        let key = key.as_str().unwrap_or_default();
        if is(&key, "name") {
            tell(value);
        } else if is(&key, "type") {
            if !value.as_str().is_some_and(|kind| NO_TYPE.contains(&kind.as_ref())) {
                tell(value);
            }
        } else if is(&key, "function") || is(&key, "custom") {
            for (key, value) in value.entries() {
                if key.as_str().is_some_and(|key| is(&key, "name")) {
                    tell(value);
                }
            }
        }
    }
}

/// Says whether an answer may call a tool of this name.
pub type JudgeTool = Box<dyn FnMut(Option<&str>) -> bool + Send>;

/// Looks at the tools that an answer calls, whole or in pieces.
pub struct CallGuard {
    judge: JudgeTool,
    /// By choice and call: the name as it was first told.
    named: BTreeMap<(usize, u64), String>,
}

impl std::fmt::Debug for CallGuard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CallGuard").field("named", &self.named).finish_non_exhaustive()
    }
}

impl CallGuard {
    /// A guard that asks `judge` about every name; about `None` when a call has no name that could be read.
    pub fn new(judge: JudgeTool) -> Self {
        Self { judge, named: BTreeMap::new() }
    }

    /// Whether a complete answer calls nothing that the judge refuses. A call without a name is refused.
    pub fn passes_whole(&mut self, document: &Document<'_>) -> bool {
        calls(document).all(|call| {
            let (mut passes, mut named) = (true, false);
            for_each_name(call.value, &mut |name| {
                named = true;
                passes = passes && (self.judge)(name.as_deref());
            });
            passes && (named || (self.judge)(None))
        })
    }

    /// Whether one event of a streamed answer calls nothing that the judge refuses. A name comes in one piece or is
    /// refused: clients put pieces together in different ways, so that nobody could tell what theirs will call.
    pub fn passes_event(&mut self, document: &Document<'_>) -> bool {
        calls(document).all(|call| {
            let mut passes = true;
            for_each_name(call.value, &mut |name| {
                passes = passes && self.judged((call.choice, call.index), name.as_deref());
            });
            passes
        })
    }

    fn judged(&mut self, call: (usize, u64), name: Option<&str>) -> bool {
        match (name, self.named.get(&call)) {
            (Some(name), Some(known)) if name == known => true,
            (Some(name), None) if self.named.len() < CALLS_MAX && (self.judge)(Some(name)) => {
                self.named.insert(call, name.to_owned());
                true
            }
            // Refused by the judge already, or for what it is: the judge notes that something was.
            (Some(_), None) if self.named.len() < CALLS_MAX => false,
            _ => (self.judge)(None),
        }
    }
}

/// A call of a tool in an answer.
struct Called<'d, 'a> {
    /// The position of its choice.
    choice: usize,
    index: u64,
    value: Value<'d, 'a>,
}

/// The index under which the older `function_call` is kept, which stands alone.
const FUNCTION_CALL: u64 = u64::MAX;

/// Every call in an answer or an event of one: `tool_calls` and the older `function_call`, in `message` or `delta`.
fn calls<'d, 'a>(document: &'d Document<'a>) -> impl Iterator<Item = Called<'d, 'a>> {
    let members = |value: Value<'d, 'a>, names: &'static [&'static str]| {
        value
            .entries()
            .filter(move |(key, _)| key.as_str().is_some_and(|key| names.iter().any(|name| is(&key, name))))
    };
    let choices = members(document.root(), &["choices"]).flat_map(|(_, choices)| choices.items().enumerate());
    let messages = choices.flat_map(move |(position, choice)| {
        let index = choice.get("index").and_then(Value::as_u64).and_then(|index| usize::try_from(index).ok());
        members(choice, &["message", "delta"]).map(move |(_, message)| (index.unwrap_or(position), message))
    });
    messages.flat_map(move |(choice, message)| {
        let many = members(message, &["tool_calls"]).flat_map(|(_, calls)| calls.items().enumerate());
        let many = many.map(move |(position, value)| {
            let index = value.get("index").and_then(Value::as_u64).unwrap_or(position as u64);
            Called { choice, index, value }
        });
        let one = members(message, &["function_call"]).filter(|(_, call)| !call.is_null());
        many.chain(one.map(move |(_, value)| Called { choice, index: FUNCTION_CALL, value }))
    })
}
