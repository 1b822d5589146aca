//! Where the organization's own services are told of events.

use askama::Template;

use crate::layout::Shell;
use crate::parts::{Badge, Choice, Form, Icon, Id, Pager, Secret, When};

/// An endpoint, as a row.
#[derive(Debug, Clone)]
pub struct WebhookRow {
    /// For paths.
    pub id: String,
    /// Where it is.
    pub url: String,
    /// What it is for.
    pub description: String,
    /// "Delivers", "Fails", "Off"…
    pub status: Badge,
    /// What it asked for, in a few words.
    pub kinds: String,
    /// When it last took a message.
    pub last_success: Option<When>,
    /// Failures since then.
    pub failures: u32,
}

/// `/webhooks`: all endpoints.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/webhooks.html")]
pub struct Webhooks {
    /// What surrounds it.
    pub shell: Shell,
    /// The endpoints.
    pub endpoints: Vec<WebhookRow>,
    /// How many there may be.
    pub most: i64,
}

/// `/webhooks/new` and `/webhooks/{id}/edit`: what an endpoint is to be.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/webhook_form.html")]
pub struct WebhookForm {
    /// What surrounds it.
    pub shell: Shell,
    /// `url`, `description`, `kind` (several), `more`, and for one that exists `enabled`.
    pub form: Form,
    /// What `kind` offers: everything, and each group of events.
    pub kinds: Vec<Choice>,
    /// The id of one that exists.
    pub existing: Option<String>,
    /// Whether addresses inside the operator's network, and plain HTTP to them, are allowed.
    pub private: bool,
    /// Whether the person must confirm that it is them before it is sent.
    pub must_confirm: bool,
}

impl WebhookForm {
    /// Where the way back leads.
    pub(crate) fn base(&self) -> String {
        self.existing.as_ref().map_or_else(|| "/webhooks".to_owned(), |id| format!("/webhooks/{id}"))
    }

    /// Where the form is, and where it is sent.
    pub(crate) fn path(&self) -> String {
        let last = if self.existing.is_some() { "edit" } else { "new" };
        format!("{}/{last}", self.base())
    }
}

/// A secret, shown once.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/webhook_secret.html")]
pub struct WebhookSecret {
    /// What surrounds it.
    pub shell: Shell,
    /// For paths.
    pub id: String,
    /// Where the endpoint is.
    pub url: String,
    /// The secret.
    pub secret: Secret,
    /// Until when the secret before it signs too.
    pub old_until: Option<When>,
}

/// A delivery, as a row.
#[derive(Debug, Clone)]
pub struct DeliveryRow {
    /// For paths.
    pub id: String,
    /// The kind of event.
    pub kind: String,
    /// When it happened.
    pub made: When,
    /// "Delivered", "Waits", "Given up".
    pub status: Badge,
    /// What the last attempt came to, and when the next is.
    pub note: String,
    /// Attempts so far.
    pub attempts: u32,
}

/// `/webhooks/{id}`: one endpoint and what went there.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/webhook.html")]
pub struct WebhookPage {
    /// What surrounds it.
    pub shell: Shell,
    /// Its id.
    pub id: Id,
    /// Where it is.
    pub url: String,
    /// What it is for.
    pub description: String,
    /// How it stands.
    pub status: Badge,
    /// Why it is switched off, when it is.
    pub off: Option<String>,
    /// The kinds of events it is told of.
    pub kinds: Vec<String>,
    /// When it was configured.
    pub created: When,
    /// When it last took a message.
    pub last_success: Option<When>,
    /// When an attempt last failed.
    pub last_failure: Option<When>,
    /// Failures since the last success.
    pub failures: u32,
    /// Until when the secret before the last rotation signs too.
    pub old_until: Option<When>,
    /// The filter: `state`; sent by GET.
    pub form: Form,
    /// What `state` offers, "any" first.
    pub states: Vec<Choice>,
    /// Whether the list is filtered.
    pub filtered: bool,
    /// The deliveries on this page.
    pub deliveries: Vec<DeliveryRow>,
    /// The way to older ones.
    pub pager: Pager,
}

/// One attempt, as a row.
#[derive(Debug, Clone)]
pub struct AttemptRow {
    /// Which one.
    pub number: u32,
    /// When it began.
    pub at: When,
    /// How long it took, in milliseconds.
    pub millis: u32,
    /// What it came to.
    pub outcome: Badge,
    /// The same in words.
    pub note: String,
}

/// `/webhooks/{id}/deliveries/{delivery}`: one message and the attempts to deliver it.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/webhook_delivery.html")]
pub struct WebhookDelivery {
    /// What surrounds it.
    pub shell: Shell,
    /// The endpoint's id, for paths.
    pub webhook: String,
    /// The message's id.
    pub id: Id,
    /// The kind of event.
    pub kind: String,
    /// The entry it tells of; none for a test.
    pub entry: Option<String>,
    /// When it happened.
    pub made: When,
    /// How it stands.
    pub status: Badge,
    /// When it is tried next, while it waits.
    pub due: Option<When>,
    /// When it was taken or given up.
    pub ended: Option<When>,
    /// The attempts, the last one first.
    pub attempts: Vec<AttemptRow>,
}
