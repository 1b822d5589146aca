//! Looking at endpoints and at what went there.

use gates::{Draft, Pass, Receipt};
use kernel::limits::{WEBHOOK_ATTEMPTS_ROWS_MAX, WEBHOOKS_MAX};
use kernel::{DeliveryId, EventKind, Problem, WebhookId};
use store::{webhook_deliveries, webhooks};

use super::{Attempt, Delivery, Endpoint, State};
use crate::action;
use crate::input::{Listed, Page};

action! {
    /// Lists the organization's endpoints.
    ListWebhooks = "webhook.list", WebhooksManage, Staff, Read
}

action! {
    /// Reads one endpoint.
    ReadWebhook = "webhook.read", WebhooksManage, Staff, Read
}

action! {
    /// Lists what went to an endpoint, or is on its way there.
    ListDeliveries = "webhook.list_deliveries", WebhooksManage, Staff, Read
}

action! {
    /// Reads one delivery with its attempts.
    ReadDelivery = "webhook.read_delivery", WebhooksManage, Staff, Read
}

/// The organization's endpoints, with how each fares.
///
/// # Errors
/// When the database cannot be used.
pub async fn list(mut pass: Pass<ListWebhooks>) -> Result<(Vec<Endpoint>, Receipt), Problem> {
    let shown = webhooks::list(pass.tx(), WEBHOOKS_MAX).await?;
    let draft = Draft::done(EventKind::WebhooksListed).fact("items", shown.len() as u64);
    Ok((shown, pass.seal(draft).await?))
}

/// One endpoint.
///
/// # Errors
/// When there is none of that id, or the database cannot be used.
pub async fn read(mut pass: Pass<ReadWebhook>, id: WebhookId) -> Result<(Endpoint, Receipt), Problem> {
    let draft = |draft: Draft| draft.subject("webhook", id);
    match webhooks::read(pass.tx(), id).await? {
        Some(found) => {
            let receipt = pass.seal(draft(Draft::done(EventKind::WebhookRead))).await?;
            Ok((found, receipt))
        }
        None => Err(pass.fail(draft(Draft::failed(EventKind::WebhookRead)), Problem::not_found()).await),
    }
}

/// A page of the deliveries of an endpoint, newest first, perhaps of one state alone.
///
/// # Errors
/// When there is no such endpoint, or the database cannot be used.
pub async fn deliveries(
    mut pass: Pass<ListDeliveries>,
    id: WebhookId,
    wanted: Option<State>,
    page: Page<DeliveryId>,
) -> Result<(Listed<Delivery, DeliveryId>, Receipt), Problem> {
    let draft = |draft: Draft| draft.subject("webhook", id);
    if webhooks::read(pass.tx(), id).await?.is_none() {
        let failed = draft(Draft::failed(EventKind::WebhookDeliveriesRead));
        return Err(pass.fail(failed, Problem::not_found()).await);
    }
    let found = webhook_deliveries::list(pass.tx(), id, wanted, page.after, page.rows + 1).await?;
    let listed = Listed::cut(found, page.rows, |delivery: &Delivery| delivery.id);
    let done = Draft::done(EventKind::WebhookDeliveriesRead).fact("items", listed.items.len() as u64);
    Ok((listed, pass.seal(draft(done)).await?))
}

/// One delivery, and its last attempts, the newest first.
///
/// # Errors
/// When there is none of that id at that endpoint, or the database cannot be used.
pub async fn delivery(
    mut pass: Pass<ReadDelivery>,
    endpoint: WebhookId,
    id: DeliveryId,
) -> Result<((Delivery, Vec<Attempt>), Receipt), Problem> {
    let draft = |draft: Draft| draft.subject("delivery", id).fact("webhook", endpoint);
    let Some(found) = webhook_deliveries::read(pass.tx(), endpoint, id).await? else {
        let failed = draft(Draft::failed(EventKind::WebhookDeliveriesRead));
        return Err(pass.fail(failed, Problem::not_found()).await);
    };
    let attempts = webhook_deliveries::attempts(pass.tx(), id, WEBHOOK_ATTEMPTS_ROWS_MAX).await?;
    let receipt = pass.seal(draft(Draft::done(EventKind::WebhookDeliveriesRead))).await?;
    Ok(((found, attempts), receipt))
}
