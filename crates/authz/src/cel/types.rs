//! The types of expressions.

use std::fmt;

use crate::model::ParameterType;

/// A type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Type {
    /// Known only when the expression is evaluated.
    Dyn,
    Null,
    Bool,
    Int,
    Uint,
    Double,
    String,
    Bytes,
    Duration,
    Timestamp,
    Ip,
    List(Box<Type>),
    Map(Box<Type>, Box<Type>),
}

impl Type {
    pub(super) fn of_parameter(kind: &ParameterType) -> Result<Self, String> {
        let inner = || match kind.generic_types.as_slice() {
            [one] => Self::of_parameter(one),
            several => {
                Err(format!("type `{}` requires 1 generic types; found {}", kind.type_name, several.len()))
            }
        };
        Ok(match kind.type_name.as_str() {
            "TYPE_NAME_ANY" => Self::Dyn,
            "TYPE_NAME_BOOL" => Self::Bool,
            "TYPE_NAME_STRING" => Self::String,
            "TYPE_NAME_INT" => Self::Int,
            "TYPE_NAME_UINT" => Self::Uint,
            "TYPE_NAME_DOUBLE" => Self::Double,
            "TYPE_NAME_DURATION" => Self::Duration,
            "TYPE_NAME_TIMESTAMP" => Self::Timestamp,
            "TYPE_NAME_IPADDRESS" => Self::Ip,
            "TYPE_NAME_LIST" => Self::List(Box::new(inner()?)),
            "TYPE_NAME_MAP" => Self::Map(Box::new(Self::String), Box::new(inner()?)),
            other => return Err(format!("unknown condition parameter type `{other}`")),
        })
    }

    /// Whether a value can be of both types.
    pub(super) fn fits(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Dyn, _) | (_, Self::Dyn) => true,
            (Self::List(a), Self::List(b)) => a.fits(b),
            (Self::Map(ka, va), Self::Map(kb, vb)) => ka.fits(kb) && va.fits(vb),
            (a, b) => a == b,
        }
    }

    /// The type of what is one or the other.
    pub(super) fn join(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::List(a), Self::List(b)) => Self::List(Box::new(a.join(b))),
            (Self::Map(ka, va), Self::Map(kb, vb)) => Self::Map(Box::new(ka.join(kb)), Box::new(va.join(vb))),
            (a, b) if a == b => a.clone(),
            _ => Self::Dyn,
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dyn => "dyn",
            Self::Null => "null_type",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Uint => "uint",
            Self::Double => "double",
            Self::String => "string",
            Self::Bytes => "bytes",
            Self::Duration => "google.protobuf.Duration",
            Self::Timestamp => "google.protobuf.Timestamp",
            Self::Ip => "IPAddress",
            Self::List(inner) => return write!(f, "list({inner})"),
            Self::Map(key, value) => return write!(f, "map({key}, {value})"),
        })
    }
}
