//! Plain sample values for a JSON schema.

use crate::json::{Kind, Value, push_string};

/// Deepest schema that is filled; below it objects and arrays stay empty.
const DEPTH_MAX: usize = 8;
/// How many words of the user's message a string property gets.
const WORDS_MAX: usize = 8;
/// Longest sample string, in bytes.
const WORDS_BYTES_MAX: usize = 256;
/// Most required properties of one object that are filled.
const REQUIRED_MAX: usize = 256;
/// Most elements of one array.
const ITEMS_MAX: u64 = 16;
/// Once the arguments are this long, in bytes, what remains of objects and arrays is left empty: nested
/// `minItems` would otherwise multiply.
const ARGUMENTS_BYTES_MAX: usize = 64 * 1024;

/// The arguments of a call: the required properties of `schema`, each with a sample value. A property without
/// a schema gets a string, no schema at all gives no arguments.
pub(super) fn arguments(schema: Option<Value<'_, '_>>, words: &str) -> String {
    let sample: Vec<&str> = words.split_whitespace().take(WORDS_MAX).collect();
    let mut sample = if sample.is_empty() { "sample".to_owned() } else { sample.join(" ") };
    sample.truncate(sample.floor_char_boundary(WORDS_BYTES_MAX));
    let mut filler = Filler { words: sample, out: String::new() };
    match schema {
        Some(schema) => filler.object(schema, 0),
        None => filler.out.push_str("{}"),
    }
    filler.out
}

struct Filler {
    words: String,
    out: String,
}

impl Filler {
    fn is_full(&self) -> bool {
        self.out.len() >= ARGUMENTS_BYTES_MAX
    }

    fn object(&mut self, schema: Value<'_, '_>, depth: usize) {
        self.out.push('{');
        let properties = schema.get("properties");
        let required = schema.get("required").into_iter().flat_map(Value::items);
        let names_max = if depth < DEPTH_MAX { REQUIRED_MAX } else { 0 };
        for (index, name) in required.filter_map(Value::as_str).take(names_max).enumerate() {
            if self.is_full() {
                break;
            }
            if index > 0 {
                self.out.push(',');
            }
            push_string(&mut self.out, &name);
            self.out.push(':');
            match properties.and_then(|properties| properties.get(&name)) {
                Some(schema) => self.value(schema, depth + 1),
                None => push_string(&mut self.out, &self.words),
            }
        }
        self.out.push('}');
    }

    fn value(&mut self, schema: Value<'_, '_>, depth: usize) {
        let first_of = |key: &str| schema.get(key)?.items().next();
        if let Some(fixed) = schema.get("const").or_else(|| first_of("enum")) {
            let fits = self.out.len() + fixed.raw().len() <= ARGUMENTS_BYTES_MAX;
            return self.out.push_str(if fits { fixed.raw() } else { "null" });
        }
        if depth < DEPTH_MAX
            && let Some(first) = first_of("anyOf").or_else(|| first_of("oneOf"))
        {
            return self.value(first, depth + 1);
        }
        match type_of(schema).as_deref() {
            Some("integer" | "number") => self.out.push_str(&number(schema).to_string()),
            Some("boolean") => self.out.push_str("true"),
            Some("null") => self.out.push_str("null"),
            Some("array") => self.array(schema, depth),
            Some("object") => self.object(schema, depth),
            _ => push_string(&mut self.out, &self.words),
        }
    }

    fn array(&mut self, schema: Value<'_, '_>, depth: usize) {
        let count = schema.get("minItems").and_then(Value::as_u64).unwrap_or(0).min(ITEMS_MAX);
        let item = schema.get("items").filter(|_| depth < DEPTH_MAX);
        self.out.push('[');
        for index in 0..count {
            if self.is_full() {
                break;
            }
            if index > 0 {
                self.out.push(',');
            }
            match item {
                Some(item) => self.value(item, depth + 1),
                None => push_string(&mut self.out, &self.words),
            }
        }
        self.out.push(']');
    }
}

/// 1, or the bound that excludes it.
fn number(schema: Value<'_, '_>) -> u64 {
    let bound = |key: &str| schema.get(key).and_then(Value::as_u64);
    let least = bound("minimum").or_else(|| bound("exclusiveMinimum").map(|bound| bound.saturating_add(1)));
    let most = bound("maximum").or_else(|| bound("exclusiveMaximum").map(|bound| bound.saturating_sub(1)));
    1_u64.max(least.unwrap_or(0)).min(most.unwrap_or(u64::MAX))
}

/// The type, or the first of several; guessed from the keywords where it is not given.
fn type_of(schema: Value<'_, '_>) -> Option<String> {
    match schema.get("type") {
        Some(kind) if kind.kind() == Kind::Array => kind.items().next()?.as_str(),
        Some(kind) => kind.as_str(),
        None if schema.get("properties").is_some() => return Some("object".to_owned()),
        None => return None,
    }
    .map(std::borrow::Cow::into_owned)
}
