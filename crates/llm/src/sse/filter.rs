//! What the tap asks of its caller: a filter for each streamed text.

use crate::walk::Channel;

/// A filter for one text that arrives in pieces.
///
/// Whatever the cut, the concatenated outputs must be the filtered text. A filter may hold back what it cannot
/// judge yet and give it out with a later piece or at the end.
///
/// The fragments of tool arguments are pieces of JSON text: a filter that writes into them must write JSON.
/// [`super::JsonFragmentFilter`] does so around any filter for plain text.
pub trait TextFilter {
    /// Takes the next piece, returns what may go out now.
    fn push(&mut self, piece: &str) -> String;
    /// The text is complete: returns what is still held.
    fn finish(&mut self) -> String;
}

impl<F: TextFilter + ?Sized> TextFilter for Box<F> {
    fn push(&mut self, piece: &str) -> String {
        (**self).push(piece)
    }

    fn finish(&mut self) -> String {
        (**self).finish()
    }
}

/// Which streamed text of a choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fragment {
    /// `delta.content`
    Content,
    /// `delta.refusal`
    Refusal,
    /// `delta.reasoning_content`
    ReasoningContent,
    /// `delta.reasoning`
    Reasoning,
    /// `delta.tool_calls[].function.arguments` of the tool call with this index: pieces of JSON.
    ToolArguments(u32),
    /// `delta.function_call.arguments`: pieces of JSON.
    FunctionArguments,
    /// Any other text that arrives in pieces, by the number the tap gave its field.
    Field {
        /// The number.
        number: u32,
        /// What it is part of.
        channel: Channel,
    },
    /// Any other text of an event, given whole to a filter of its own: one push, one finish.
    Whole(Channel),
}

/// What a filter is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FilterKey {
    /// The index of the choice; 0 for [`Fragment::Whole`].
    pub choice: u32,
    /// The text within the choice.
    pub fragment: Fragment,
}

impl FilterKey {
    /// What the text is part of.
    pub const fn channel(&self) -> Channel {
        match self.fragment {
            Fragment::ToolArguments(_) | Fragment::FunctionArguments => Channel::ToolArguments,
            Fragment::Field { channel, .. } | Fragment::Whole(channel) => channel,
            _ => Channel::Completion,
        }
    }

    /// Whether the pieces are pieces of JSON text.
    pub const fn is_json(&self) -> bool {
        matches!(self.fragment, Fragment::ToolArguments(_) | Fragment::FunctionArguments)
    }
}
