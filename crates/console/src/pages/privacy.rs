//! What is done about personal data: the matrix of rules, what they would have changed, a text tried on them, what is kept.

use askama::Template;

use crate::layout::Shell;
use crate::parts::{Badge, Choice, Form, Icon, When};

/// What is done about a class on a channel.
#[derive(Debug, Clone)]
pub struct RuleCell {
    /// In a word.
    pub mode: Badge,
    /// The least confidence, when it is not the usual one.
    pub threshold: Option<String>,
    /// Whether it is not what the product does by itself.
    pub differs: bool,
    /// Whether a policy pack asks for more here than the organization does.
    pub raised: bool,
}

/// A class and what is done about it on each channel.
#[derive(Debug, Clone)]
pub struct RuleRow {
    /// Its name.
    pub class: &'static str,
    /// What it is, in words.
    pub says: &'static str,
    /// One for each channel.
    pub cells: Vec<RuleCell>,
}

/// How much was found or is kept of a class on a channel.
#[derive(Debug, Clone)]
pub struct AmountRow {
    /// The class.
    pub class: String,
    /// The channel.
    pub channel: String,
    /// How many.
    pub amount: String,
    /// In how many conversations; nothing where that is not counted.
    pub conversations: Option<String>,
    /// When the last of them goes.
    pub until: Option<When>,
}

/// `/privacy`: the rules in force, what they met, what is kept.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/privacy.html")]
pub struct Privacy {
    /// What surrounds it.
    pub shell: Shell,
    /// The label of the version.
    pub version: String,
    /// Since when it is in force; nothing for the default.
    pub since: Option<When>,
    /// The policy pack that raises some of it, as entries name it.
    pub floor: Option<String>,
    /// The channels, in words and for paths.
    pub channels: Vec<(&'static str, &'static str)>,
    /// The classes.
    pub rows: Vec<RuleRow>,
    /// What is never a finding, and what always is: how many of each.
    pub listed: (usize, usize),
    /// What was found in the newest calls.
    pub found: Vec<AmountRow>,
    /// What is kept.
    pub kept: Vec<AmountRow>,
    /// `deep`, whether uncertain sentences are read by a second model; POST to `/privacy/deep`.
    pub deep: Form,
    /// Whether this server has that model.
    pub has_model: bool,
    /// Whether this person may change the rules.
    pub may_change: bool,
    /// Whether they may try a text.
    pub may_try: bool,
}

/// One class in the form of a channel.
#[derive(Debug, Clone)]
pub struct RuleField {
    /// The class; also the form's field for its mode.
    pub class: &'static str,
    /// The form's field for its threshold.
    pub threshold_name: String,
    /// What the product does by itself, in words.
    pub default: String,
}

/// `/privacy/edit`: the rules of one channel.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/privacy_edit.html")]
pub struct PrivacyEdit {
    /// What surrounds it.
    pub shell: Shell,
    /// The channel, in words and for the form.
    pub channel: (&'static str, &'static str),
    /// The form; POST to `/privacy/edit`.
    pub form: Form,
    /// Its fields.
    pub fields: Vec<RuleField>,
    /// The modes there are on this channel.
    pub modes: Vec<Choice>,
}

/// Something that would change.
#[derive(Debug, Clone)]
pub struct ShiftRow {
    /// The channel.
    pub channel: String,
    /// The class.
    pub class: String,
    /// What is done now.
    pub now: String,
    /// What would be done.
    pub then: String,
    /// With how many findings.
    pub findings: u64,
}

/// The answer to `POST /privacy/edit`: what the rules would have changed, before they are put into force.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/privacy_confirm.html")]
pub struct PrivacyConfirm {
    /// What surrounds it.
    pub shell: Shell,
    /// The channel, in words and for the form.
    pub channel: (&'static str, &'static str),
    /// What was asked for, to be sent again.
    pub fields: Vec<(String, String)>,
    /// What it says, in a sentence.
    pub verdict: String,
    /// By channel and class.
    pub shifts: Vec<ShiftRow>,
    /// What cannot be told.
    pub unknown: Vec<String>,
}

/// A stretch of a text.
#[derive(Debug, Clone)]
pub struct Stretched {
    /// The text.
    pub text: String,
    /// What was found there, in words; nothing between findings.
    pub found: Option<String>,
}

/// `/privacy/playground`: a text tried on the rules. It is not stored.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/privacy_playground.html")]
pub struct PrivacyPlayground {
    /// What surrounds it.
    pub shell: Shell,
    /// `text`, `channel`; POST to `/privacy/playground`.
    pub form: Form,
    /// The channels there are.
    pub channels: Vec<Choice>,
    /// The text with what was found; nothing before one was tried.
    pub looked: Option<Vec<Stretched>>,
    /// What was found, in a sentence.
    pub verdict: String,
}

/// `/privacy/reveal`: what a token stands for.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/privacy_reveal.html")]
pub struct PrivacyReveal {
    /// What surrounds it.
    pub shell: Shell,
    /// `token`, `reason`; POST to `/privacy/reveal`.
    pub form: Form,
    /// The value, once it may be shown.
    pub value: Option<String>,
}
