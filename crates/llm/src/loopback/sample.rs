//! Plain sample values for a JSON schema.

use crate::json::{Kind, Value, push_string};

/// Deepest schema that is filled; below it objects and arrays stay empty.
const DEPTH_MAX: usize = 8;
/// How many words of the user's message a string property gets.
const WORDS_MAX: usize = 8;

/// The arguments of a call: the required properties of `schema`, each with a sample value. A property without
/// a schema gets a string, no schema at all gives no arguments.
pub(super) fn arguments(schema: Option<Value<'_, '_>>, words: &str) -> String {
    let sample: Vec<&str> = words.split_whitespace().take(WORDS_MAX).collect();
    let sample = if sample.is_empty() { "sample".to_owned() } else { sample.join(" ") };
    let mut out = String::new();
    match schema {
        Some(schema) => object(schema, &sample, 0, &mut out),
        None => out.push_str("{}"),
    }
    out
}

fn object(schema: Value<'_, '_>, words: &str, depth: usize, out: &mut String) {
    out.push('{');
    let properties = schema.get("properties");
    let required = schema.get("required").into_iter().flat_map(Value::items);
    let names = required.filter_map(Value::as_str).take(if depth < DEPTH_MAX { usize::MAX } else { 0 });
    for (index, name) in names.enumerate() {
        if index > 0 {
            out.push(',');
        }
        push_string(out, &name);
        out.push(':');
        match properties.and_then(|properties| properties.get(&name)) {
            Some(schema) => value(schema, words, depth + 1, out),
            None => push_string(out, words),
        }
    }
    out.push('}');
}

fn value(schema: Value<'_, '_>, words: &str, depth: usize, out: &mut String) {
    if let Some(constant) = schema.get("const") {
        return out.push_str(constant.raw());
    }
    if let Some(first) = schema.get("enum").and_then(|values| values.items().next()) {
        return out.push_str(first.raw());
    }
    if depth < DEPTH_MAX
        && let Some(first) = ["anyOf", "oneOf"].iter().find_map(|key| schema.get(key)?.items().next())
    {
        return value(first, words, depth + 1, out);
    }
    match type_of(schema).as_deref() {
        Some("integer" | "number") => number(schema, out),
        Some("boolean") => out.push_str("true"),
        Some("null") => out.push_str("null"),
        Some("array") => array(schema, words, depth, out),
        Some("object") => object(schema, words, depth, out),
        _ => push_string(out, words),
    }
}

/// 1, or the bound that excludes it.
fn number(schema: Value<'_, '_>, out: &mut String) {
    let bound = |key: &str| schema.get(key).and_then(Value::as_u64);
    let least = bound("minimum").or_else(|| bound("exclusiveMinimum").map(|bound| bound.saturating_add(1)));
    let most = bound("maximum").or_else(|| bound("exclusiveMaximum").map(|bound| bound.saturating_sub(1)));
    out.push_str(&1_u64.max(least.unwrap_or(0)).min(most.unwrap_or(u64::MAX)).to_string());
}

fn array(schema: Value<'_, '_>, words: &str, depth: usize, out: &mut String) {
    const ITEMS_MAX: u64 = 16;
    let count = schema.get("minItems").and_then(Value::as_u64).unwrap_or(0).min(ITEMS_MAX);
    let item = schema.get("items").filter(|_| depth < DEPTH_MAX);
    out.push('[');
    for index in 0..count {
        if index > 0 {
            out.push(',');
        }
        match item {
            Some(item) => value(item, words, depth + 1, out),
            None => push_string(out, words),
        }
    }
    out.push(']');
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
