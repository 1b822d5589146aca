//! JSON as tokens may hold it: one object, no member twice, little nesting.
//!
//! RFC 7519 §4 lets a parser take the last of two members of one name. Two readers of one token who do not take the
//! same one are an attack, so here such a token is none.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Why a text was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Not JSON, not an object, not UTF-8, or more behind it.
    Syntax,
    /// A member twice.
    Duplicate,
    /// Deeper than allowed.
    Nesting,
}

/// Reads one object nested at most `depth` deep; the object itself counts as one.
pub(crate) fn object(bytes: &[u8], depth: usize) -> Result<Map<String, Value>, Fault> {
    let fault = Cell::new(Fault::Syntax);
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let read = Strict { depth, fault: &fault }.deserialize(&mut reader);
    match read.and_then(|value| reader.end().map(|()| value)) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(Fault::Syntax),
        Err(_) => Err(fault.get()),
    }
}

struct Strict<'a> {
    depth: usize,
    fault: &'a Cell<Fault>,
}

impl Strict<'_> {
    fn deeper<E: serde::de::Error>(&self) -> Result<Self, E> {
        match self.depth.checked_sub(1) {
            Some(depth) => Ok(Strict { depth, fault: self.fault }),
            None => Err(self.because(Fault::Nesting)),
        }
    }

    fn because<E: serde::de::Error>(&self, fault: Fault) -> E {
        self.fault.set(fault);
        E::custom("refused")
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not a number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut out = Vec::new();
        while let Some(item) = items.next_element_seed(Strict { depth: inner.depth, fault: inner.fault })? {
            out.push(item);
        }
        Ok(Value::Array(out))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut out = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if out.contains_key(&name) {
                return Err(inner.because(Fault::Duplicate));
            }
            let value = members.next_value_seed(Strict { depth: inner.depth, fault: inner.fault })?;
            out.insert(name, value);
        }
        Ok(Value::Object(out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_object_without_surprises() {
        let read = object(br#"{"a":[1,-2,0.5,true,null,{"b":"\u00e9"}]}"#, 3).unwrap();
        assert_eq!(Value::Object(read), serde_json::json!({"a": [1, -2, 0.5, true, null, {"b": "é"}]}));
        for (text, fault) in [
            ("", Fault::Syntax),
            ("[]", Fault::Syntax),
            ("\"a\"", Fault::Syntax),
            ("{} {}", Fault::Syntax),
            ("{}\0", Fault::Syntax),
            ("{\"a\":1,}", Fault::Syntax),
            ("{\"a\":\"\\ud800\"}", Fault::Syntax),
            ("{\"a\":NaN}", Fault::Syntax),
            ("{\"a\":1e999}", Fault::Syntax),
            ("{\"a\":1,\"a\":1}", Fault::Duplicate),
            ("{\"a\":1,\"\\u0061\":2}", Fault::Duplicate),
            ("{\"b\":{\"a\":1,\"a\":2}}", Fault::Duplicate),
            ("{\"a\":[[1]]}", Fault::Nesting),
            ("{\"a\":{\"b\":{}}}", Fault::Nesting),
        ] {
            assert_eq!(object(text.as_bytes(), 2).err(), Some(fault), "{text}");
        }
        assert_eq!(object(b"{\"a\":\"\xff\"}", 2).err(), Some(Fault::Syntax));
        let deep = format!("{{\"a\":{}", "[".repeat(100_000));
        assert_eq!(object(deep.as_bytes(), 8).err(), Some(Fault::Nesting));
    }
}
