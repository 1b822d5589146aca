//! Webhooks: an organization's own services are told of its events (Standard Webhooks 1.0).
//!
//! A delivery is written by the database in the transaction of the entry it tells of, so there is none without a cause and
//! no cause without its deliveries; a job takes them to their endpoints. What is sent is what the entry holds of ids and
//! the product's own words, and what gate four let through when it was written.

mod body;
mod input;
mod job;
mod manage;
mod read;
mod send;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crypto::{Place, WebhookSecret};
use gates::Vault;
use kernel::{Problem, TenantId, Timestamp, WebhookId};
pub use store::webhook_deliveries::{Attempt, Delivery, State};

pub use body::{BODY_BYTES_MAX, body, test_body};
pub use input::{Kinds, NewEndpoint, Target};
pub use job::{
    AT_ONCE_MAX, AT_ONCE_PER_ENDPOINT_MAX, BACKLOG_ROWS_MAX, Deliverer, FAILING_DAYS_MAX, KEPT_DAYS,
    LEASE_SECONDS, RETRY_AFTER_SECONDS_MAX, RETRY_SECONDS,
};
pub use manage::{
    CreateWebhook, DeleteWebhook, Issued, ReplayDead, ReplayDelivery, RotateSecret, TestWebhook,
    UpdateWebhook, create, delete, replay, replay_dead, rotate, test, update,
};
pub use read::{ListDeliveries, ListWebhooks, ReadDelivery, ReadWebhook, deliveries, delivery, list, read};
pub use send::{Answered, Courier, Message, Sending, Unsent};

/// An endpoint, as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Its id.
    pub id: WebhookId,
    /// Where it is.
    pub url: String,
    /// What it is for.
    pub description: String,
    /// Names and patterns of the kinds of events it asked for.
    pub kinds: Vec<String>,
    /// When it was switched off, and why.
    pub disabled: Option<(Timestamp, Because)>,
    /// Until when the secret before the last rotation signs too.
    pub old_secret_until: Option<Timestamp>,
    /// When it was configured.
    pub created_at: Timestamp,
    /// When an attempt last succeeded.
    pub last_success_at: Option<Timestamp>,
    /// When an attempt last failed.
    pub last_failure_at: Option<Timestamp>,
    /// Failures since the last success.
    pub failures: u32,
}

impl From<store::webhooks::Endpoint> for Endpoint {
    fn from(row: store::webhooks::Endpoint) -> Self {
        Self {
            id: row.id,
            url: row.url,
            description: row.description,
            kinds: row.kinds,
            disabled: row.disabled.map(|(at, because)| (at, Because::named(&because))),
            old_secret_until: row.old_secret_until,
            created_at: row.created_at,
            last_success_at: row.last_success_at,
            last_failure_at: row.last_failure_at,
            failures: u32::try_from(row.failures).unwrap_or(0),
        }
    }
}

/// Why an endpoint is switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Because {
    /// Somebody switched it off.
    Person,
    /// It answered 410: it is gone and wants nothing more.
    Gone,
    /// It has only failed for [`FAILING_DAYS_MAX`] days.
    Failing,
    /// More than [`BACKLOG_ROWS_MAX`] deliveries waited for it.
    Backlog,
}

impl Because {
    const ALL: [Self; 4] = [Self::Person, Self::Gone, Self::Failing, Self::Backlog];

    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Gone => "gone",
            Self::Failing => "failing",
            Self::Backlog => "backlog",
        }
    }

    fn named(name: &str) -> Self {
        // The table holds these names only.
        Self::ALL.into_iter().find(|because| because.name() == name).unwrap_or(Self::Person)
    }
}

/// Where a sealed secret lives, which is part of what the seal is bound to.
fn seal_place<'a>(tenant: TenantId, column: &'static str, row: &'a str) -> Place<'a> {
    Place { tenant: Some(tenant), table: store::webhooks::TABLE, column, row }
}

fn seal(
    vault: &Arc<Vault>,
    tenant: TenantId,
    id: WebhookId,
    column: &'static str,
    secret: &WebhookSecret,
) -> Result<Vec<u8>, Problem> {
    let row = id.to_string();
    let sealed = vault.envelope().seal(vault.rng(), &seal_place(tenant, column, &row), secret.expose());
    sealed.map_err(|error| {
        tracing::error!(%error, "the secret of a webhook could not be sealed");
        Problem::internal()
    })
}

fn unseal(
    vault: &Arc<Vault>,
    tenant: TenantId,
    id: WebhookId,
    column: &'static str,
    sealed: &[u8],
) -> Option<WebhookSecret> {
    let row = id.to_string();
    let opened = vault.envelope().open(&seal_place(tenant, column, &row), sealed);
    let opened = opened
        .inspect_err(|error| tracing::error!(%error, webhook = %id, "the secret of a webhook does not open"));
    opened.ok().and_then(|secret| WebhookSecret::from_bytes(secret.expose()))
}
