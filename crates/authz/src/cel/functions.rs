//! The functions and operators: which types they take, and what they do.

use std::cmp::Ordering;
use std::net::IpAddr;
use std::sync::Arc;

use regex::Regex;
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

use super::check::Node;
use super::convert;
use super::types::Type;
use super::value::{Value, as_double, get};

/// How large the automaton of a pattern may grow, in bytes.
const PATTERN_BYTES_MAX: usize = 64 * 1024;

/// A function.
#[derive(Clone, Debug)]
pub(super) enum Function {
    Not,
    Negate,
    Arithmetic(char),
    Equal(bool),
    /// Which orders make it true.
    Compare(&'static [Ordering]),
    In,
    Index,
    Size,
    Text(&'static str),
    Matches(Option<Regex>),
    Convert(&'static str),
    Ip,
    InCidr,
    Part(&'static str),
}

const LESS: &[Ordering] = &[Ordering::Less];
const LESS_EQUAL: &[Ordering] = &[Ordering::Less, Ordering::Equal];
const GREATER: &[Ordering] = &[Ordering::Greater];
const GREATER_EQUAL: &[Ordering] = &[Ordering::Greater, Ordering::Equal];

const TEXT: [&str; 3] = ["contains", "startsWith", "endsWith"];
const CONVERSIONS: [&str; 9] =
    ["int", "uint", "double", "string", "bytes", "bool", "duration", "timestamp", "dyn"];
const PARTS: [&str; 10] = [
    "getFullYear",
    "getMonth",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getHours",
    "getMinutes",
    "getSeconds",
    "getMilliseconds",
];

/// The function of a name for operands of these types, and the type of what it gives.
pub(super) fn find(name: &str, member: bool, types: &[Type]) -> Option<(Function, Type)> {
    use Type::{Bool, Dyn, Int, String, Timestamp};
    let operator = |function, result: Option<Type>| Some((function, result?)).filter(|_| !member);
    match (name, types) {
        ("!", [a]) => operator(Function::Not, a.fits(&Bool).then_some(Bool)),
        ("neg", [a @ (Int | Type::Double | Dyn)]) => operator(Function::Negate, Some(a.clone())),
        ("+" | "-" | "*" | "/" | "%", [a, b]) => {
            let sign = name.chars().next()?;
            operator(Function::Arithmetic(sign), arithmetic_type(sign, a, b))
        }
        ("==" | "!=", [a, b]) => operator(Function::Equal(name == "=="), a.fits(b).then_some(Bool)),
        ("<" | "<=" | ">" | ">=", [a, b]) => {
            let orders = match name {
                "<" => LESS,
                "<=" => LESS_EQUAL,
                ">" => GREATER,
                _ => GREATER_EQUAL,
            };
            let ordered = !matches!(a, Type::Null | Type::Ip | Type::List(_) | Type::Map(..));
            operator(Function::Compare(orders), (ordered && a.fits(b)).then_some(Bool))
        }
        ("in", [a, Type::List(inner) | Type::Map(inner, _)]) => {
            operator(Function::In, a.fits(inner).then_some(Bool))
        }
        ("in", [_, Dyn]) => operator(Function::In, Some(Bool)),
        ("[]", [Type::List(inner), Int | Dyn]) => operator(Function::Index, Some((**inner).clone())),
        ("[]", [Type::Map(key, value), b]) => {
            operator(Function::Index, b.fits(key).then(|| (**value).clone()))
        }
        ("[]", [Dyn, _]) => operator(Function::Index, Some(Dyn)),
        ("size", [String | Type::Bytes | Type::List(_) | Type::Map(..) | Dyn]) => Some((Function::Size, Int)),
        ("matches", [String | Dyn, String | Dyn]) => Some((Function::Matches(None), Bool)),
        ("ipaddress", [String | Dyn]) => operator(Function::Ip, Some(Type::Ip)),
        ("in_cidr", [Type::Ip | Dyn, String | Dyn]) if member => Some((Function::InCidr, Bool)),
        (_, [String | Dyn, String | Dyn]) if member && TEXT.contains(&name) => {
            Some((Function::Text(TEXT.into_iter().find(|n| *n == name)?), Bool))
        }
        (_, [a, zone @ ..]) if member => {
            let part = PARTS.into_iter().find(|n| *n == name)?;
            let of_duration = matches!(a, Type::Duration) && zone.is_empty() && !part.starts_with("getD");
            let of_duration = of_duration && !matches!(part, "getFullYear" | "getMonth");
            let of_timestamp = matches!(a, Timestamp | Dyn) && matches!(zone, [] | [String | Dyn]);
            (of_duration || of_timestamp).then_some((Function::Part(part), Int))
        }
        (_, [a]) if !member => {
            let to = CONVERSIONS.into_iter().find(|n| *n == name)?;
            Some((Function::Convert(to), conversion_type(to, a)?))
        }
        _ => None,
    }
}

fn arithmetic_type(sign: char, a: &Type, b: &Type) -> Option<Type> {
    use Type::{Bytes, Double, Duration, Dyn, Int, List, String, Timestamp, Uint};
    Some(match (sign, a, b) {
        (_, Dyn, _) | (_, _, Dyn) => Dyn,
        (_, Int, Int) => Int,
        (_, Uint, Uint) => Uint,
        ('+' | '-' | '*' | '/', Double, Double) => Double,
        ('+', String, String) => String,
        ('+', Bytes, Bytes) => Bytes,
        ('+', List(x), List(y)) if x.fits(y) => List(Box::new(x.join(y))),
        ('+' | '-', Duration, Duration) | ('-', Timestamp, Timestamp) => Duration,
        ('+' | '-', Timestamp, Duration) | ('+', Duration, Timestamp) => Timestamp,
        _ => return None,
    })
}

fn conversion_type(to: &str, from: &Type) -> Option<Type> {
    use Type::{Bool, Bytes, Double, Duration, Dyn, Int, String, Timestamp, Uint};
    let (kind, known) = match to {
        "int" => (Int, matches!(from, Int | Uint | Double | String | Timestamp)),
        "uint" => (Uint, matches!(from, Int | Uint | Double | String)),
        "double" => (Double, matches!(from, Int | Uint | Double | String)),
        "string" => {
            (String, matches!(from, Bool | Int | Uint | Double | String | Bytes | Timestamp | Duration))
        }
        "bytes" => (Bytes, matches!(from, String | Bytes)),
        "bool" => (Bool, matches!(from, String | Bool)),
        "duration" => (Duration, matches!(from, String | Duration)),
        "timestamp" => (Timestamp, matches!(from, String | Timestamp | Int)),
        _ => (Dyn, true),
    };
    (known || *from == Dyn).then_some(kind)
}

/// Compiles a pattern that is known beforehand.
pub(super) fn prepare(function: Function, arguments: &[Node]) -> Result<Function, String> {
    match (function, arguments) {
        (Function::Matches(_), [_, Node::Constant(Value::String(text))]) => {
            Ok(Function::Matches(Some(pattern(text)?)))
        }
        (function, _) => Ok(function),
    }
}

fn pattern(text: &str) -> Result<Regex, String> {
    let built = regex::RegexBuilder::new(text)
        .size_limit(PATTERN_BYTES_MAX)
        .dfa_size_limit(PATTERN_BYTES_MAX)
        .build();
    built.map_err(|e| format!("invalid pattern: {e}"))
}

/// What a call costs: 1, and strings and lists that are walked by their length.
pub(super) fn cost(function: &Function, arguments: &[Value]) -> u32 {
    let len = |value: &Value| match value {
        Value::String(text) => text.len() / 10,
        Value::Bytes(bytes) => bytes.len() / 10,
        Value::List(items) => items.len(),
        Value::Map(entries) => entries.len(),
        _ => 0,
    };
    let all: usize = match (function, arguments) {
        (Function::Size | Function::Index, _) | (Function::In, [_, Value::Map(_)]) => 0,
        (Function::Matches(_), [text, pattern]) => {
            len(text) + len(pattern) * 4 + len(text) * len(pattern) / 4
        }
        (Function::In, [_, list]) => len(list),
        (Function::Equal(_) | Function::Compare(_), [a, b]) => len(a).min(len(b)),
        _ => arguments.iter().map(len).sum(),
    };
    u32::try_from(all).unwrap_or(u32::MAX).saturating_add(1)
}

fn no_overload() -> String {
    "no such overload".to_owned()
}

/// Calls a function.
pub(super) fn call(function: &Function, arguments: &[Value]) -> Result<Value, String> {
    match (function, arguments) {
        (Function::Not, [Value::Bool(b)]) => Ok(Value::Bool(!b)),
        (Function::Negate, [Value::Int(n)]) => n.checked_neg().map(Value::Int).ok_or_else(overflow),
        (Function::Negate, [Value::Double(n)]) => Ok(Value::Double(-n)),
        (Function::Arithmetic(sign), [a, b]) => arithmetic(*sign, a, b),
        (Function::Equal(equal), [a, b]) => Ok(Value::Bool(a.same(b) == *equal)),
        (Function::Compare(orders), [a, b]) => match a.order(b) {
            Some(order) => Ok(Value::Bool(orders.contains(&order))),
            None if matches!((a, b), (Value::Double(_), _) | (_, Value::Double(_))) => Ok(Value::Bool(false)),
            None => Err(no_overload()),
        },
        (Function::In, [a, Value::List(items)]) => Ok(Value::Bool(items.iter().any(|item| item.same(a)))),
        (Function::In, [a, Value::Map(entries)]) => Ok(Value::Bool(get(entries, a).is_some())),
        (Function::Index, [of, at]) => index(of, at),
        (Function::Size, [value]) => {
            let len = match value {
                Value::String(text) => text.chars().count(),
                Value::Bytes(bytes) => bytes.len(),
                Value::List(items) => items.len(),
                Value::Map(entries) => entries.len(),
                _ => return Err(no_overload()),
            };
            Ok(Value::Int(i64::try_from(len).unwrap_or(i64::MAX)))
        }
        (Function::Text(name), [Value::String(a), Value::String(b)]) => Ok(Value::Bool(match *name {
            "contains" => a.contains(&**b),
            "startsWith" => a.starts_with(&**b),
            _ => a.ends_with(&**b),
        })),
        (Function::Matches(Some(pattern)), [Value::String(a), _]) => Ok(Value::Bool(pattern.is_match(a))),
        (Function::Matches(None), [Value::String(a), Value::String(b)]) => {
            Ok(Value::Bool(pattern(b)?.is_match(a)))
        }
        (Function::Convert(to), [value]) => conversion(to, value),
        (Function::Ip, [Value::String(text)]) => {
            convert::ip(text).ok_or_else(|| format!("ParseAddr({text:?}): unable to parse IP"))
        }
        (Function::InCidr, [Value::Ip(ip), Value::String(cidr)]) => in_cidr(*ip, cidr).map(Value::Bool),
        (Function::Part(name), [value, zone @ ..]) => part(name, value, zone.first()),
        _ => Err(no_overload()),
    }
}

fn overflow() -> String {
    "integer overflow".to_owned()
}

fn arithmetic(sign: char, a: &Value, b: &Value) -> Result<Value, String> {
    use Value::{Bytes, Double, Duration, Int, List, String, Timestamp, Uint};
    let done = |value: Option<Value>| value.ok_or_else(overflow);
    match (sign, a, b) {
        ('/', Int(_), Int(0)) | ('/', Uint(_), Uint(0)) => Err("division by zero".to_owned()),
        ('%', Int(_), Int(0)) | ('%', Uint(_), Uint(0)) => Err("modulus by zero".to_owned()),
        ('+', Int(a), Int(b)) => done(a.checked_add(*b).map(Int)),
        ('-', Int(a), Int(b)) => done(a.checked_sub(*b).map(Int)),
        ('*', Int(a), Int(b)) => done(a.checked_mul(*b).map(Int)),
        ('/', Int(a), Int(b)) => done(a.checked_div(*b).map(Int)),
        ('%', Int(a), Int(b)) => done(a.checked_rem(*b).map(Int)),
        ('+', Uint(a), Uint(b)) => done(a.checked_add(*b).map(Uint)),
        ('-', Uint(a), Uint(b)) => done(a.checked_sub(*b).map(Uint)),
        ('*', Uint(a), Uint(b)) => done(a.checked_mul(*b).map(Uint)),
        ('/', Uint(a), Uint(b)) => done(a.checked_div(*b).map(Uint)),
        ('%', Uint(a), Uint(b)) => done(a.checked_rem(*b).map(Uint)),
        ('+', Double(a), Double(b)) => Ok(Double(a + b)),
        ('-', Double(a), Double(b)) => Ok(Double(a - b)),
        ('*', Double(a), Double(b)) => Ok(Double(a * b)),
        ('/', Double(a), Double(b)) => Ok(Double(a / b)),
        ('+', String(a), String(b)) => Ok(String(format!("{a}{b}").into())),
        ('+', Bytes(a), Bytes(b)) => Ok(Bytes(a.iter().chain(b.iter()).copied().collect())),
        ('+', List(a), List(b)) => Ok(List(a.iter().chain(b.iter()).cloned().collect())),
        ('+', Duration(a), Duration(b)) => done(a.checked_add(*b).map(Duration)),
        ('-', Duration(a), Duration(b)) => done(a.checked_sub(*b).map(Duration)),
        ('-', Timestamp(a), Timestamp(b)) => done(i64::try_from(a - b).ok().map(Duration)),
        ('+', Timestamp(t), Duration(d)) | ('+', Duration(d), Timestamp(t)) => in_range(t + i128::from(*d)),
        ('-', Timestamp(t), Duration(d)) => in_range(t - i128::from(*d)),
        _ => Err(no_overload()),
    }
}

fn in_range(nanos: i128) -> Result<Value, String> {
    let year = OffsetDateTime::from_unix_timestamp_nanos(nanos).map(OffsetDateTime::year);
    if year.is_ok_and(|year| (1..=9999).contains(&year)) {
        Ok(Value::Timestamp(nanos))
    } else {
        Err("timestamp overflow".to_owned())
    }
}

fn index(of: &Value, at: &Value) -> Result<Value, String> {
    let missing = || "no such key".to_owned();
    match (of, at) {
        (Value::List(items), Value::Int(n)) => usize::try_from(*n)
            .ok()
            .and_then(|n| items.get(n))
            .cloned()
            .ok_or_else(|| format!("index out of bounds: {n}")),
        (Value::Map(entries), key) => get(entries, key).cloned().ok_or_else(missing),
        _ => Err(no_overload()),
    }
}

fn in_cidr(ip: IpAddr, cidr: &str) -> Result<bool, String> {
    let malformed = || format!("'{cidr}' is a malformed CIDR string");
    let (network, bits) = cidr.split_once('/').ok_or_else(malformed)?;
    let network: IpAddr = network.parse().map_err(|_| malformed())?;
    let digits = !bits.is_empty()
        && bits.bytes().all(|b| b.is_ascii_digit())
        && (bits == "0" || !bits.starts_with('0'));
    let mut bits: u32 = if digits { bits.parse().map_err(|_| malformed())? } else { return Err(malformed()) };
    if bits > if network.is_ipv4() { 32 } else { 128 } {
        return Err(malformed());
    }
    // An IPv4 network written as an IPv6 one is the IPv4 network.
    let canonical = network.to_canonical();
    let network = if canonical.is_ipv4() && network.is_ipv6() && bits >= 96 {
        bits -= 96;
        canonical
    } else {
        network
    };
    Ok(match (network, ip) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            (u32::from(a) ^ u32::from(b)).checked_shr(32 - bits).unwrap_or(0) == 0
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => {
            (u128::from(a) ^ u128::from(b)).checked_shr(128 - bits).unwrap_or(0) == 0
        }
        _ => false,
    })
}

fn conversion(to: &str, value: &Value) -> Result<Value, String> {
    use Value::{Bool, Bytes, Double, Duration, Int, String, Timestamp, Uint};
    let range = || "range error".to_owned();
    let bad = || format!("type conversion error to '{to}'");
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the range is looked at before the fraction is cut off"
    )]
    let cut = |n: f64| (n > -9.3e18 && n < 1.9e19).then_some(n as i128);
    match (to, value) {
        ("dyn", value) => Ok(value.clone()),
        ("int", Int(n)) => Ok(Int(*n)),
        ("int", Uint(n)) => i64::try_from(*n).map(Int).map_err(|_| range()),
        ("int", Double(n)) => cut(*n).and_then(|n| i64::try_from(n).ok()).map(Int).ok_or_else(range),
        ("int", String(text)) => text.parse().map(Int).map_err(|_| bad()),
        ("int", Timestamp(t)) => i64::try_from(t.div_euclid(1_000_000_000)).map(Int).map_err(|_| range()),
        ("uint", Uint(n)) => Ok(Uint(*n)),
        ("uint", Int(n)) => u64::try_from(*n).map(Uint).map_err(|_| range()),
        ("uint", Double(n)) => cut(*n).and_then(|n| u64::try_from(n).ok()).map(Uint).ok_or_else(range),
        ("uint", String(text)) => text.parse().map(Uint).map_err(|_| bad()),
        ("double", Double(n)) => Ok(Double(*n)),
        ("double", Int(n)) => Ok(Double(as_double((*n).into()))),
        ("double", Uint(n)) => Ok(Double(as_double((*n).into()))),
        ("double", String(text)) => text.parse().map(Double).map_err(|_| bad()),
        ("string", String(text)) => Ok(String(Arc::clone(text))),
        ("string", Bool(b)) => Ok(Value::string(if *b { "true" } else { "false" })),
        ("string", Int(n)) => Ok(Value::string(&n.to_string())),
        ("string", Uint(n)) => Ok(Value::string(&n.to_string())),
        ("string", Double(n)) => Ok(Value::string(&n.to_string())),
        ("string", Bytes(bytes)) => std::str::from_utf8(bytes).map(Value::string).map_err(|_| bad()),
        ("string", Timestamp(t)) => {
            let time = OffsetDateTime::from_unix_timestamp_nanos(*t).map_err(|_| range())?;
            time.format(&Rfc3339).map(|text| Value::string(&text)).map_err(|_| range())
        }
        ("string", Duration(d)) => Ok(Value::string(&format!("{}s", as_double((*d).into()) / 1e9))),
        ("bytes", Bytes(bytes)) => Ok(Bytes(Arc::clone(bytes))),
        ("bytes", String(text)) => Ok(Bytes(text.as_bytes().into())),
        ("bool", Bool(b)) => Ok(Bool(*b)),
        ("bool", String(text)) => match &**text {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Bool(true)),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Bool(false)),
            _ => Err(bad()),
        },
        ("duration", Duration(d)) => Ok(Duration(*d)),
        ("duration", String(text)) => convert::duration(text).ok_or_else(bad),
        ("timestamp", Timestamp(t)) => Ok(Timestamp(*t)),
        ("timestamp", Int(seconds)) => in_range(i128::from(*seconds) * 1_000_000_000),
        ("timestamp", String(text)) => convert::timestamp(text).ok_or_else(bad),
        _ => Err(no_overload()),
    }
}

fn part(name: &str, value: &Value, zone: Option<&Value>) -> Result<Value, String> {
    match value {
        Value::Duration(nanos) => {
            let per = match name {
                "getHours" => 3_600_000_000_000,
                "getMinutes" => 60_000_000_000,
                "getSeconds" => 1_000_000_000,
                _ => 1_000_000,
            };
            Ok(Value::Int(nanos / per))
        }
        Value::Timestamp(nanos) => {
            let time = OffsetDateTime::from_unix_timestamp_nanos(*nanos).map_err(|e| e.to_string())?;
            let time = match zone {
                Some(Value::String(zone)) => time.to_offset(offset(zone)?),
                _ => time,
            };
            Ok(Value::Int(match name {
                "getFullYear" => time.year().into(),
                "getMonth" => i64::from(u8::from(time.month())) - 1,
                "getDate" => time.day().into(),
                "getDayOfMonth" => i64::from(time.day()) - 1,
                "getDayOfWeek" => time.weekday().number_days_from_sunday().into(),
                "getDayOfYear" => i64::from(time.ordinal()) - 1,
                "getHours" => time.hour().into(),
                "getMinutes" => time.minute().into(),
                "getSeconds" => time.second().into(),
                _ => time.millisecond().into(),
            }))
        }
        _ => Err(no_overload()),
    }
}

/// An offset such as `+02:00`. The names of zones are not known: their rules change with every release of a table.
fn offset(zone: &str) -> Result<UtcOffset, String> {
    let unknown = || format!("unknown time zone {zone}");
    if matches!(zone, "UTC" | "Z" | "") {
        return Ok(UtcOffset::UTC);
    }
    let (sign, rest) = match zone.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, zone.strip_prefix('+').unwrap_or(zone)),
    };
    let (hours, minutes) = rest.split_once(':').ok_or_else(unknown)?;
    let number = |text: &str| text.parse::<u8>().ok().and_then(|n| i8::try_from(n).ok()).map(|n| n * sign);
    let (hours, minutes) = (number(hours).ok_or_else(unknown)?, number(minutes).ok_or_else(unknown)?);
    UtcOffset::from_hms(hours, minutes, 0).map_err(|_| unknown())
}
