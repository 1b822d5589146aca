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
use kernel::{Problem, TenantId, WebhookId};
pub use store::webhook_deliveries::{Attempt, Delivery, State};
pub use store::webhooks::{Because, Endpoint};

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
