//! Values of requests and tuples as values of parameters.

use std::net::IpAddr;

use serde_json::Value as Json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::types::Type;
use super::value::Value;

/// A JSON value as a value of a type.
pub(super) fn convert(json: &Json, kind: &Type) -> Result<Value, String> {
    let expected = |what: &str| format!("expected type value '{what}', but found '{}'", name(json));
    match kind {
        Type::Bool => json.as_bool().map(Value::Bool).ok_or_else(|| expected("bool")),
        Type::String => json.as_str().map(Value::string).ok_or_else(|| expected("string")),
        Type::Int => match whole(json).ok_or_else(|| expected("int64"))? {
            Some(n) => Ok(Value::Int(i64::try_from(n).unwrap_or(if n < 0 { i64::MIN } else { i64::MAX }))),
            None => Err(format!("expected an int value, but found numeric value '{}'", shown(json))),
        },
        Type::Uint => match whole(json).ok_or_else(|| expected("uint64"))? {
            Some(n) if n < 0 => Err(format!("expected a uint value, but found int64 value '{n}'")),
            Some(n) => Ok(Value::Uint(u64::try_from(n).unwrap_or(u64::MAX))),
            None => Err(format!("expected a uint value, but found numeric value '{}'", shown(json))),
        },
        Type::Double => match json {
            Json::Number(n) => n.as_f64(),
            Json::String(text) => text.parse().ok().filter(|f: &f64| f.is_finite()),
            _ => return Err(expected("float64")),
        }
        .map(Value::Double)
        .ok_or_else(|| format!("expected a float64 value, but found invalid string value '{}'", shown(json))),
        Type::Duration => text(json, "a duration string").and_then(|text| {
            duration(text).ok_or_else(|| format!("expected a valid duration string, but found: '{text}'"))
        }),
        Type::Timestamp => text(json, "RFC 3339 formatted timestamp string").and_then(|text| {
            timestamp(text)
                .ok_or_else(|| format!("expected RFC 3339 formatted timestamp string, but found '{text}'"))
        }),
        Type::Ip => text(json, "an ipaddress string").and_then(|text| {
            ip(text).ok_or_else(|| format!("expected a well-formed IP address, but found: '{text}'"))
        }),
        Type::List(inner) => {
            let items =
                json.as_array().ok_or_else(|| format!("list requires a list, found: {}", name(json)))?;
            items.iter().map(|item| convert(item, inner)).collect::<Result<_, _>>().map(Value::List)
        }
        Type::Map(_, inner) => {
            let entries =
                json.as_object().ok_or_else(|| format!("map requires a map, found: {}", name(json)))?;
            let entry = |(key, value): (&String, &Json)| Ok((Value::string(key), convert(value, inner)?));
            entries.iter().map(entry).collect::<Result<_, _>>().map(Value::Map)
        }
        Type::Dyn | Type::Null | Type::Bytes => Ok(any(json)),
    }
}

/// A value of no declared type; numbers are doubles, as in protobuf's form of JSON.
fn any(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(b) => Value::Bool(*b),
        Json::Number(n) => Value::Double(n.as_f64().unwrap_or(f64::NAN)),
        Json::String(text) => Value::string(text),
        Json::Array(items) => Value::List(items.iter().map(any).collect()),
        Json::Object(entries) => {
            Value::Map(entries.iter().map(|(k, v)| (Value::string(k), any(v))).collect())
        }
    }
}

fn name(json: &Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(_) => "bool",
        Json::Number(_) => "float64",
        Json::String(_) => "string",
        Json::Array(_) => "list",
        Json::Object(_) => "map",
    }
}

fn shown(json: &Json) -> String {
    json.as_str().map_or_else(|| json.to_string(), str::to_owned)
}

fn text<'a>(json: &'a Json, what: &str) -> Result<&'a str, String> {
    json.as_str().ok_or_else(|| format!("expected {what}, but found: {} '{json}'", name(json)))
}

/// A number without a fraction, also as a string. `None` when it is no number at all, `Some(None)` when it has one.
#[expect(clippy::option_option, reason = "no number, a broken number and a whole one are three things")]
fn whole(json: &Json) -> Option<Option<i128>> {
    let of_double = |f: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "saturates, and what is beyond is cut by the caller too"
        )]
        let n = f as i128;
        f.is_finite().then(|| (f.fract() == 0.0).then_some(n))
    };
    match json {
        Json::Number(n) => match (n.as_i64(), n.as_u64()) {
            (Some(n), _) => Some(Some(n.into())),
            (_, Some(n)) => Some(Some(n.into())),
            _ => of_double(n.as_f64()?),
        },
        Json::String(text) => match text.parse::<i128>() {
            Ok(n) => Some(Some(n)),
            Err(_) => of_double(text.parse().ok()?),
        },
        _ => None,
    }
}

/// A duration as Go writes it: `1h30m`, `-1.5s`.
pub(super) fn duration(text: &str) -> Option<Value> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(Value::Duration(0));
    }
    let mut total: i128 = 0;
    while !rest.is_empty() || total == 0 {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').filter(|n| *n > 0)?;
        let (number, after) = rest.split_at(digits);
        let units = [("ns", 1), ("us", 1_000), ("µs", 1_000), ("μs", 1_000), ("ms", 1_000_000)];
        let more = [("s", 1_000_000_000_i128), ("m", 60_000_000_000), ("h", 3_600_000_000_000)];
        let (unit, nanos) = units.into_iter().chain(more).find(|(unit, _)| after.starts_with(unit))?;
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        if part.contains('.') || (whole.is_empty() && part.is_empty()) || number.len() > 30 {
            return None;
        }
        let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        total = total.checked_add(whole.checked_mul(nanos)?)?;
        let part = &part[..part.len().min(18)];
        if !part.is_empty() {
            let scale = 10_i128.pow(u32::try_from(part.len()).ok()?);
            total = total.checked_add(part.parse::<i128>().ok()?.checked_mul(nanos)? / scale)?;
        }
        rest = &after[unit.len()..];
        if rest.is_empty() {
            break;
        }
    }
    i64::try_from(if negative { -total } else { total }).ok().map(Value::Duration)
}

/// A point in time as RFC 3339 writes it.
pub(super) fn timestamp(text: &str) -> Option<Value> {
    OffsetDateTime::parse(text, &Rfc3339).ok().map(|t| Value::Timestamp(t.unix_timestamp_nanos()))
}

/// An address; an IPv4 address written as an IPv6 one is the IPv4 address.
pub(super) fn ip(text: &str) -> Option<Value> {
    text.parse::<IpAddr>().ok().map(|ip| Value::Ip(ip.to_canonical()))
}
