//! The fields of a stream that hold streamed texts and have no name of their own in [`super::Fragment`].

use std::collections::HashMap;

use super::filter::Fragment;
use super::outcome::{FIELDS_MAX, TapError};
use crate::walk::StreamedPiece;

/// A field: the JSON that leads to its text, and that which closes it again.
#[derive(Debug)]
struct Field {
    open: String,
    close: String,
}

/// The fields met so far, each by its number.
#[derive(Debug, Default)]
pub(super) struct Fields {
    numbers: HashMap<String, u32>,
    fields: Vec<Field>,
}

impl Fields {
    /// The name of the field that a piece belongs to, new or known.
    pub(super) fn name(&mut self, piece: &StreamedPiece<'_, '_, '_>) -> Result<Fragment, TapError> {
        let channel = piece.channel;
        if let Some(number) = self.numbers.get(piece.open) {
            return Ok(Fragment::Field { number: *number, channel });
        }
        let number = u32::try_from(self.fields.len()).ok().filter(|_| self.fields.len() < FIELDS_MAX);
        let number = number.ok_or(TapError::TooManyFields)?;
        self.numbers.insert(piece.open.to_owned(), number);
        self.fields.push(Field { open: piece.open.to_owned(), close: piece.closers.chars().rev().collect() });
        Ok(Fragment::Field { number, channel })
    }

    /// What leads to the text of a fragment within a choice, and what closes it.
    pub(super) fn around(&self, fragment: Fragment) -> (String, &str) {
        let delta = |name: &str| format!("\"delta\":{{\"{name}\":");
        match fragment {
            Fragment::Content | Fragment::Whole(_) => (delta("content"), "}"),
            Fragment::Refusal => (delta("refusal"), "}"),
            Fragment::ReasoningContent => (delta("reasoning_content"), "}"),
            Fragment::Reasoning => (delta("reasoning"), "}"),
            Fragment::ToolArguments(tool) => {
                let call = format!("[{{\"index\":{tool},\"function\":{{\"arguments\":");
                (delta("tool_calls") + &call, "}}]}")
            }
            Fragment::FunctionArguments => (delta("function_call") + "{\"arguments\":", "}}"),
            Fragment::Field { number, .. } => match self.fields.get(number as usize) {
                Some(field) => (field.open.clone(), &field.close),
                // Numbers are only given out by `name`.
                None => (delta("content"), "}"),
            },
        }
    }
}
