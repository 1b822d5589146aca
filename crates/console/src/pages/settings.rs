//! The organization, and the mail of the instance.

use askama::Template;

use crate::layout::Shell;
use crate::parts::{Badge, Choice, Form, Icon, Id, Pager, Tone, When};

/// `/settings`: the organization.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/settings.html")]
pub struct Settings {
    /// What surrounds it.
    pub shell: Shell,
    /// The organization's id.
    pub id: Id,
    /// `name`; POST to `/settings`.
    pub name: Form,
    /// `required`, `role` (several); POST to `/settings/second-factor`.
    pub second_factor: Form,
    /// The roles a second factor can be asked of.
    pub roles: Vec<Choice>,
    /// `hours`; POST to `/settings/sessions`.
    pub sessions: Form,
    /// The longest session this instance allows.
    pub session_hours_max: u64,
    /// Whether this person may change anything here.
    pub may_change: bool,
}

/// A mail that waits.
#[derive(Debug, Clone)]
pub struct MailRow {
    /// For paths.
    pub id: String,
    /// To whom.
    pub to: String,
    /// Its subject; in the list, which opens no letter, the kind of letter.
    pub subject: String,
    /// When it was written.
    pub at: When,
    /// "Waiting", "Failed", "Sent"…
    pub status: Badge,
    /// What the mail server said, when it refused.
    pub error: Option<String>,
}

/// `/instance/outbox`: mail that waits to be sent.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/outbox.html")]
pub struct Outbox {
    /// What surrounds it.
    pub shell: Shell,
    /// The mail server, when one is configured.
    pub smtp: Option<String>,
    /// The mails on this page, the newest first.
    pub messages: Vec<MailRow>,
    /// The way to older ones.
    pub pager: Pager,
}

/// `/instance/outbox/{id}`: one mail.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/outbox_message.html")]
pub struct OutboxMessage {
    /// What surrounds it.
    pub shell: Shell,
    /// The mail as in the list.
    pub mail: MailRow,
    /// Its text.
    pub text: String,
    /// The link in it, when it has one: to be handed over by another way.
    pub link: Option<String>,
}

/// What is about to be done, for one last look. With scripts it opens as a dialog over the page that links to it.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/confirm.html")]
pub struct Confirm {
    /// What surrounds it.
    pub shell: Shell,
    /// The question.
    pub title: String,
    /// What it means, in a sentence.
    pub lead: String,
    /// What will happen, one by one.
    pub effects: Vec<String>,
    /// Where the form goes.
    pub action: String,
    /// The words on the button: what will be done.
    pub button: String,
    /// [`Tone::Bad`] for what cannot be undone or shuts somebody out.
    pub tone: Tone,
    /// Where "cancel" leads.
    pub cancel: String,
}
