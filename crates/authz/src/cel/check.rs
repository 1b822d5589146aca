//! Gives every part of an expression its type, and refuses what cannot be right.

use std::sync::Arc;

use super::functions::{self, Function};
use super::parse::{Expr, Kind};
use super::types::Type;
use super::value::Value;

/// An expression that was found to be right.
#[derive(Debug)]
pub(super) enum Node {
    Constant(Value),
    Slot(usize),
    Field(Box<Node>, Arc<str>),
    HasField(Box<Node>, Arc<str>),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
    And(Box<[Node; 2]>),
    Or(Box<[Node; 2]>),
    Choose(Box<[Node; 3]>),
    Call(Function, Vec<Node>),
    /// One of the loops over a list or the keys of a map.
    Loop {
        kind: Loop,
        over: Box<Node>,
        slot: usize,
        test: Option<Box<Node>>,
        make: Option<Box<Node>>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loop {
    All,
    Exists,
    ExistsOne,
    /// `map` and `filter`.
    Collect,
}

/// The checked expression, its type, and how many values it holds at once.
pub(super) fn check(expr: &Expr, parameters: &[(String, Type)]) -> Result<(Node, Type, usize), String> {
    let mut checker = Checker { names: parameters.to_vec(), slots: parameters.len() };
    let (node, kind) = checker.node(expr)?;
    Ok((node, kind, checker.slots))
}

struct Checker {
    /// What can be named here: parameters, and inside of loops their items.
    names: Vec<(String, Type)>,
    slots: usize,
}

type Typed = (Node, Type);

fn wrong(expr: &Expr, what: &str) -> String {
    format!("ERROR at {}: {what}", expr.at)
}

impl Checker {
    fn node(&mut self, expr: &Expr) -> Result<Typed, String> {
        match &expr.kind {
            Kind::Literal(value) => Ok((Node::Constant(value.clone()), type_of(value))),
            Kind::Name(name) => match self.names.iter().rposition(|(known, _)| known == name) {
                Some(slot) => Ok((Node::Slot(slot), self.names[slot].1.clone())),
                None => Err(wrong(expr, &format!("undeclared reference to '{name}' (in container '')"))),
            },
            Kind::Field(of, field) => {
                let (of, kind) = self.field(of, field)?;
                Ok((Node::Field(Box::new(of), field.as_str().into()), kind))
            }
            Kind::List(items) => {
                let mut inner: Option<Type> = None;
                let mut nodes = Vec::new();
                for item in items {
                    let (node, kind) = self.node(item)?;
                    inner = Some(inner.map_or(kind.clone(), |known| known.join(&kind)));
                    nodes.push(node);
                }
                Ok((Node::List(nodes), Type::List(Box::new(inner.unwrap_or(Type::Dyn)))))
            }
            Kind::Map(entries) => {
                let mut inner: Option<(Type, Type)> = None;
                let mut nodes = Vec::new();
                for (key, value) in entries {
                    let ((key_node, key_type), (node, kind)) = (self.node(key)?, self.node(value)?);
                    inner = Some(match inner {
                        Some((k, v)) => (k.join(&key_type), v.join(&kind)),
                        None => (key_type, kind),
                    });
                    nodes.push((key_node, node));
                }
                let (key, value) = inner.unwrap_or((Type::Dyn, Type::Dyn));
                Ok((Node::Map(nodes), Type::Map(Box::new(key), Box::new(value))))
            }
            Kind::Choose(parts) => {
                let [condition, yes, no] = &**parts;
                let condition = self.boolean(condition)?;
                let ((yes_node, yes_type), (no_node, no_type)) = (self.node(yes)?, self.node(no)?);
                if !yes_type.fits(&no_type) {
                    return Err(wrong(no, &no_overload("_?_:_", &[Type::Bool, yes_type, no_type])));
                }
                Ok((Node::Choose(Box::new([condition, yes_node, no_node])), yes_type.join(&no_type)))
            }
            Kind::Call { name, target, arguments } => self.call(expr, name, target.as_deref(), arguments),
        }
    }

    fn boolean(&mut self, expr: &Expr) -> Result<Node, String> {
        match self.node(expr)? {
            (node, Type::Bool | Type::Dyn) => Ok(node),
            (_, kind) => Err(wrong(expr, &format!("expected type 'bool' but found '{kind}'"))),
        }
    }

    fn field(&mut self, of: &Expr, field: &str) -> Result<Typed, String> {
        match self.node(of)? {
            (node, Type::Map(key, value)) if key.fits(&Type::String) => Ok((node, *value)),
            (node, Type::Dyn) => Ok((node, Type::Dyn)),
            (_, kind) => {
                Err(wrong(of, &format!("type '{kind}' does not support field selection of '{field}'")))
            }
        }
    }

    fn call(
        &mut self,
        expr: &Expr,
        name: &str,
        target: Option<&Expr>,
        arguments: &[Expr],
    ) -> Result<Typed, String> {
        match (name, target, arguments) {
            ("has", None, [Expr { kind: Kind::Field(of, field), .. }]) => {
                let (of, _) = self.field(of, field)?;
                return Ok((Node::HasField(Box::new(of), field.as_str().into()), Type::Bool));
            }
            ("has", None, _) => return Err(wrong(expr, "invalid argument to has() macro")),
            ("&&" | "||", None, [left, right]) => {
                let both = Box::new([self.boolean(left)?, self.boolean(right)?]);
                return Ok((if name == "&&" { Node::And(both) } else { Node::Or(both) }, Type::Bool));
            }
            ("all" | "exists" | "exists_one" | "map" | "filter", Some(over), [item, rest @ ..])
                if !rest.is_empty() =>
            {
                return self.repeat(name, over, item, rest);
            }
            _ => {}
        }
        let (mut nodes, mut types) = (Vec::new(), Vec::new());
        for argument in target.into_iter().chain(arguments) {
            let (node, kind) = self.node(argument)?;
            nodes.push(node);
            types.push(kind);
        }
        let found = functions::find(name, target.is_some(), &types);
        let (function, kind) = found.ok_or_else(|| wrong(expr, &no_overload(name, &types)))?;
        let function = functions::prepare(function, &nodes).map_err(|cause| wrong(expr, &cause))?;
        Ok((Node::Call(function, nodes), kind))
    }

    fn repeat(&mut self, name: &str, over: &Expr, item: &Expr, rest: &[Expr]) -> Result<Typed, String> {
        let Kind::Name(item_name) = &item.kind else {
            return Err(wrong(item, "argument must be a simple name"));
        };
        let (over_node, over_type) = self.node(over)?;
        let item_type = match over_type {
            Type::List(inner) => *inner,
            Type::Map(key, _) => *key,
            Type::Dyn => Type::Dyn,
            other => {
                return Err(wrong(
                    over,
                    &format!("expression of type '{other}' cannot be range of a comprehension"),
                ));
            }
        };
        let slot = self.names.len();
        self.names.push((item_name.clone(), item_type.clone()));
        self.slots = self.slots.max(self.names.len());
        let parts = self.loop_parts(name, rest, item_type, item);
        self.names.truncate(slot);
        let (kind, test, make, result) = parts?;
        Ok((
            Node::Loop {
                kind,
                over: Box::new(over_node),
                slot,
                test: test.map(Box::new),
                make: make.map(Box::new),
            },
            result,
        ))
    }

    fn loop_parts(
        &mut self,
        name: &str,
        rest: &[Expr],
        item_type: Type,
        item: &Expr,
    ) -> Result<(Loop, Option<Node>, Option<Node>, Type), String> {
        match (name, rest) {
            ("all", [test]) => Ok((Loop::All, Some(self.boolean(test)?), None, Type::Bool)),
            ("exists", [test]) => Ok((Loop::Exists, Some(self.boolean(test)?), None, Type::Bool)),
            ("exists_one", [test]) => Ok((Loop::ExistsOne, Some(self.boolean(test)?), None, Type::Bool)),
            ("filter", [test]) => {
                Ok((Loop::Collect, Some(self.boolean(test)?), None, Type::List(Box::new(item_type))))
            }
            ("map", [make]) => {
                let (make, kind) = self.node(make)?;
                Ok((Loop::Collect, None, Some(make), Type::List(Box::new(kind))))
            }
            ("map", [test, make]) => {
                let test = self.boolean(test)?;
                let (make, kind) = self.node(make)?;
                Ok((Loop::Collect, Some(test), Some(make), Type::List(Box::new(kind))))
            }
            _ => Err(wrong(item, &format!("wrong number of arguments of '{name}'"))),
        }
    }
}

fn no_overload(name: &str, types: &[Type]) -> String {
    let types: Vec<String> = types.iter().map(ToString::to_string).collect();
    format!("found no matching overload for '{name}' applied to '({})'", types.join(", "))
}

fn type_of(value: &Value) -> Type {
    match value {
        Value::Null => Type::Null,
        Value::Bool(_) => Type::Bool,
        Value::Int(_) => Type::Int,
        Value::Uint(_) => Type::Uint,
        Value::Double(_) => Type::Double,
        Value::String(_) => Type::String,
        Value::Bytes(_) => Type::Bytes,
        Value::Duration(_) => Type::Duration,
        Value::Timestamp(_) => Type::Timestamp,
        Value::Ip(_) => Type::Ip,
        Value::List(_) | Value::Map(_) => Type::Dyn,
    }
}
