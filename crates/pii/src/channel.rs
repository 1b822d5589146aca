//! The ways on which words travel; each may have rules of its own.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Which way a text takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// Written to a model: messages, definitions of tools, metadata.
    Prompt,
    /// Written by a model as its answer, refusal or reasoning.
    Completion,
    /// What a tool is called with.
    ToolArguments,
    /// What a tool gave back.
    ToolResults,
    /// What is remembered for later.
    Memory,
    /// A document that somebody uploads.
    Upload,
    /// What is told to an organization's own services.
    Webhook,
    /// What people write about things of the house: names, descriptions, reasons. It ends up in lists and entries.
    Log,
    /// What leaves the house in a file.
    Export,
    /// What one agent writes to another.
    AgentMessage,
}

/// How many channels there are; the length of [`Channel::ALL`].
pub const CHANNEL_COUNT: usize = 10;

impl Channel {
    /// Every channel, in declaration order.
    pub const ALL: [Self; CHANNEL_COUNT] = [
        Self::Prompt,
        Self::Completion,
        Self::ToolArguments,
        Self::ToolResults,
        Self::Memory,
        Self::Upload,
        Self::Webhook,
        Self::Log,
        Self::Export,
        Self::AgentMessage,
    ];

    /// The name on the wire, such as `tool_arguments`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Prompt => "prompt",
            Self::Completion => "completion",
            Self::ToolArguments => "tool_arguments",
            Self::ToolResults => "tool_results",
            Self::Memory => "memory",
            Self::Upload => "upload",
            Self::Webhook => "webhook",
            Self::Log => "log",
            Self::Export => "export",
            Self::AgentMessage => "agent_message",
        }
    }

    /// Whether what is replaced on it may be kept, to be put back later. What is told to others, logged or exported is
    /// past recall.
    pub const fn can_be_reversible(self) -> bool {
        !matches!(self, Self::Webhook | Self::Log | Self::Export)
    }

    /// The position in [`Channel::ALL`].
    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
