//! Evaluates a checked expression.

use super::check::{Loop, Node};
use super::value::{Value, get};
use super::{CONDITION_COST_MAX, EvalError, functions};

/// What building a list or a map costs.
const LIST_COST: u32 = 10;
const MAP_COST: u32 = 30;

/// One evaluation.
pub(super) struct Evaluation {
    /// Parameters, and the items of loops.
    slots: Vec<Value>,
    cost_left: u32,
}

impl Evaluation {
    pub(super) fn new(slots: Vec<Value>) -> Self {
        Self { slots, cost_left: CONDITION_COST_MAX }
    }

    fn spend(&mut self, cost: u32) -> Result<(), EvalError> {
        self.cost_left = self.cost_left.checked_sub(cost).ok_or(EvalError::TooCostly)?;
        Ok(())
    }

    pub(super) fn run(&mut self, node: &Node) -> Result<Value, EvalError> {
        match node {
            Node::Constant(value) => Ok(value.clone()),
            Node::Slot(slot) => {
                self.spend(1)?;
                Ok(self.slots[*slot].clone())
            }
            Node::Field(of, field) => {
                self.spend(1)?;
                match self.run(of)? {
                    Value::Map(entries) => get(&entries, &Value::String(field.clone()))
                        .cloned()
                        .ok_or_else(|| EvalError::Failed(format!("no such key: {field}"))),
                    _ => Err(EvalError::Failed("no such overload".to_owned())),
                }
            }
            Node::HasField(of, field) => {
                self.spend(1)?;
                match self.run(of)? {
                    Value::Map(entries) => {
                        Ok(Value::Bool(get(&entries, &Value::String(field.clone())).is_some()))
                    }
                    _ => Err(EvalError::Failed("no such overload".to_owned())),
                }
            }
            Node::List(items) => {
                self.spend(LIST_COST)?;
                items.iter().map(|item| self.run(item)).collect::<Result<_, _>>().map(Value::List)
            }
            Node::Map(entries) => {
                self.spend(MAP_COST)?;
                let entries = entries.iter().map(|(key, value)| Ok((self.run(key)?, self.run(value)?)));
                entries.collect::<Result<_, _>>().map(Value::Map)
            }
            Node::And(parts) => self.either(parts, false),
            Node::Or(parts) => self.either(parts, true),
            Node::Choose(parts) => {
                let [condition, yes, no] = &**parts;
                match self.run(condition)? {
                    Value::Bool(true) => self.run(yes),
                    Value::Bool(false) => self.run(no),
                    _ => Err(EvalError::Failed("no such overload".to_owned())),
                }
            }
            Node::Call(function, arguments) => {
                let arguments: Vec<Value> =
                    arguments.iter().map(|a| self.run(a)).collect::<Result<_, _>>()?;
                self.spend(functions::cost(function, &arguments))?;
                functions::call(function, &arguments).map_err(EvalError::Failed)
            }
            Node::Loop { kind, over, slot, test, make } => {
                self.repeat(*kind, over, *slot, test.as_deref(), make.as_deref())
            }
        }
    }

    /// `&&` and `||`: one side that decides is stronger than an error of the other.
    fn either(&mut self, parts: &[Node; 2], decides: bool) -> Result<Value, EvalError> {
        let mut error = None;
        for part in parts {
            match self.run(part) {
                Ok(Value::Bool(value)) if value == decides => return Ok(Value::Bool(decides)),
                Ok(Value::Bool(_)) => {}
                Ok(_) => error = Some(EvalError::Failed("no such overload".to_owned())),
                Err(EvalError::TooCostly) => return Err(EvalError::TooCostly),
                Err(cause) => error = Some(cause),
            }
        }
        error.map_or(Ok(Value::Bool(!decides)), Err)
    }

    fn repeat(
        &mut self,
        kind: Loop,
        over: &Node,
        slot: usize,
        test: Option<&Node>,
        make: Option<&Node>,
    ) -> Result<Value, EvalError> {
        let items: Vec<Value> = match self.run(over)? {
            Value::List(items) => items.to_vec(),
            Value::Map(entries) => entries.iter().map(|(key, _)| key.clone()).collect(),
            _ => return Err(EvalError::Failed("no such overload".to_owned())),
        };
        let (mut out, mut passed, mut error) = (Vec::new(), 0_usize, None);
        for item in items {
            self.spend(1)?;
            self.slots[slot] = item.clone();
            let holds = match test.map(|test| self.run(test)) {
                None | Some(Ok(Value::Bool(true))) => true,
                Some(Ok(Value::Bool(false))) => false,
                Some(Err(EvalError::TooCostly)) => return Err(EvalError::TooCostly),
                Some(other) => {
                    let cause =
                        other.err().unwrap_or_else(|| EvalError::Failed("no such overload".to_owned()));
                    if matches!(kind, Loop::All | Loop::Exists) {
                        error = Some(cause);
                        continue;
                    }
                    return Err(cause);
                }
            };
            match kind {
                Loop::All if !holds => return Ok(Value::Bool(false)),
                Loop::Exists if holds => return Ok(Value::Bool(true)),
                Loop::Collect if holds => out.push(match make {
                    Some(make) => self.run(make)?,
                    None => item,
                }),
                _ => passed += usize::from(holds),
            }
        }
        match (kind, error) {
            (_, Some(error)) => Err(error),
            (Loop::All, None) => Ok(Value::Bool(true)),
            (Loop::Exists, None) => Ok(Value::Bool(false)),
            (Loop::ExistsOne, None) => Ok(Value::Bool(passed == 1)),
            (Loop::Collect, None) => Ok(Value::List(out.into())),
        }
    }
}
