//! Conditions: the Common Expression Language, with static types and a bound on what one evaluation may cost.
//!
//! What is known is the standard library of CEL as OpenFGA's conditions see it, and `ipaddress(…)` with `.in_cidr(…)`.
//! An expression is parsed and typed once, when a model is compiled; what the types do not allow is refused there. There
//! is no recursion that the text does not show and no loop but over a value, so the cost bound always holds.

mod check;
mod convert;
mod eval;
mod functions;
mod parse;
mod types;
mod value;

#[cfg(test)]
mod tests;

use serde_json::{Map, Value as Json};

use crate::model::Condition;
use check::Node;
use types::Type;
use value::Value;

/// Longest expression, in bytes.
pub const EXPRESSION_BYTES_MAX: usize = 2_048;
/// Most parameters of a condition.
pub const CONDITION_PARAMETERS_MAX: usize = 64;
/// What one evaluation may cost: each operation counts 1, and strings and lists by their length. OpenFGA's default.
pub const CONDITION_COST_MAX: u32 = 100;

/// Why a condition cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("failed to compile expression on condition '{condition}' - {cause}")]
pub struct ConditionError {
    /// The condition.
    pub condition: String,
    /// What is wrong with it, with the place in the expression.
    pub cause: String,
}

/// Why a condition has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// Neither the tuple nor the request gave these parameters.
    #[error("missing context parameters '[{}]'", .0.join(" "))]
    Missing(Vec<String>),
    /// A parameter has a value of another type.
    #[error(
        "parameter type error on condition '{condition}' - failed to convert context parameter '{parameter}': {cause}"
    )]
    Parameter {
        /// The condition.
        condition: String,
        /// The parameter.
        parameter: String,
        /// What was expected.
        cause: String,
    },
    /// The evaluation failed: a division by zero, a key that is not there, and the like.
    #[error("failed to evaluate condition expression: {0}")]
    Failed(String),
    /// The evaluation would cost more than [`CONDITION_COST_MAX`].
    #[error("operation cancelled: actual cost limit exceeded")]
    TooCostly,
}

/// A condition that can be evaluated.
#[derive(Debug)]
pub(crate) struct Program {
    name: String,
    /// The parameters, by the places the expression knows them by.
    parameters: Vec<(String, Type)>,
    /// How many values an evaluation holds at once: parameters and what loops name.
    slots: usize,
    body: Node,
}

impl Program {
    pub(crate) fn compile(condition: &Condition) -> Result<Self, ConditionError> {
        let failed = |cause: String| ConditionError { condition: condition.name.clone(), cause };
        if condition.parameters.len() > CONDITION_PARAMETERS_MAX {
            return Err(failed(format!("more than {CONDITION_PARAMETERS_MAX} parameters")));
        }
        let mut parameters = Vec::new();
        for (name, kind) in condition.parameters.iter() {
            let kind = Type::of_parameter(kind).map_err(|cause| {
                failed(format!("failed to decode parameter type for parameter '{name}': {cause}"))
            })?;
            parameters.push((name.to_owned(), kind));
        }
        if condition.expression.len() > EXPRESSION_BYTES_MAX {
            return Err(failed(format!("the expression is longer than {EXPRESSION_BYTES_MAX} bytes")));
        }
        let expression = parse::parse(&condition.expression).map_err(failed)?;
        let (body, kind, slots) = check::check(&expression, &parameters).map_err(failed)?;
        if kind != Type::Bool {
            return Err(failed(format!("expected a bool condition expression output, but got '{kind}'")));
        }
        Ok(Self { name: condition.name.clone(), parameters, slots, body })
    }

    /// Whether the condition holds. What a tuple carries counts more than what a request says.
    pub(crate) fn holds(
        &self,
        stored: Option<&Map<String, Json>>,
        requested: Option<&Map<String, Json>>,
    ) -> Result<bool, EvalError> {
        let mut slots = Vec::with_capacity(self.slots);
        let mut missing = Vec::new();
        for (name, kind) in &self.parameters {
            let given = stored.and_then(|c| c.get(name)).or_else(|| requested.and_then(|c| c.get(name)));
            let Some(given) = given else {
                missing.push(name.clone());
                continue;
            };
            slots.push(convert::convert(given, kind).map_err(|cause| self.bad_parameter(name, cause))?);
        }
        if !missing.is_empty() {
            return Err(EvalError::Missing(missing));
        }
        slots.resize(self.slots, Value::Null);
        match eval::Evaluation::new(slots).run(&self.body)? {
            Value::Bool(holds) => Ok(holds),
            _ => Err(EvalError::Failed("expected CEL type conversion to return native Go bool".to_owned())),
        }
    }

    /// Whether what a tuple carries fits the parameters.
    pub(crate) fn accepts(&self, context: &Map<String, Json>) -> Result<(), String> {
        if !context.is_empty() && self.parameters.is_empty() {
            return Err(format!(
                "parameter type error on condition '{}' - no parameters defined for the condition",
                self.name
            ));
        }
        for (name, kind) in &self.parameters {
            if let Some(given) = context.get(name) {
                convert::convert(given, kind).map_err(|cause| self.bad_parameter(name, cause).to_string())?;
            }
        }
        match context.keys().find(|key| !self.parameters.iter().any(|(name, _)| name == *key)) {
            Some(key) => Err(format!("found invalid context parameter: {key}")),
            None => Ok(()),
        }
    }

    /// The parameters a request must give, since the tuple does not.
    pub(crate) fn open_parameters(&self, stored: Option<&Map<String, Json>>) -> Vec<String> {
        let given = |name: &String| stored.is_some_and(|c| c.contains_key(name));
        self.parameters.iter().map(|(name, _)| name).filter(|name| !given(name)).cloned().collect()
    }

    fn bad_parameter(&self, parameter: &str, cause: String) -> EvalError {
        EvalError::Parameter { condition: self.name.clone(), parameter: parameter.to_owned(), cause }
    }
}
