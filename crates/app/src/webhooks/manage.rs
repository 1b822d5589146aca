//! Endpoints configured, changed, removed; secrets rotated; tests and replays.

use std::sync::Arc;
use std::time::Duration;

use crypto::WebhookSecret;
use gates::{Action, Channel, Draft, Pass, Raw, Receipt, Write};
use kernel::limits::{
    WEBHOOK_OVERLAP_SECONDS_DEFAULT, WEBHOOK_OVERLAP_SECONDS_MAX, WEBHOOK_REPLAY_ROWS_MAX, WEBHOOKS_MAX,
};
use kernel::{DeliveryId, EventKind, Problem, ProblemKind, Timestamp, WebhookId};
use store::webhooks::{self, Change, OLD_SECRET, SECRET};
use store::{webhook_deliveries, webhooks as rows};

use super::{Delivery, Endpoint, NewEndpoint, State, body, seal, unseal};
use crate::{action, undone};

action! {
    /// Configures an endpoint: from then on events leave for it.
    CreateWebhook = "webhook.create", WebhooksManage, Staff, Write, Fresh
}

action! {
    /// Changes an endpoint, or switches it off or on.
    UpdateWebhook = "webhook.update", WebhooksManage, Staff, Write, Fresh
}

action! {
    /// Removes an endpoint.
    DeleteWebhook = "webhook.delete", WebhooksManage, Staff, Write
}

action! {
    /// Gives an endpoint another secret.
    RotateSecret = "webhook.rotate_secret", WebhooksManage, Staff, Write, Fresh
}

action! {
    /// Sends a test to an endpoint.
    TestWebhook = "webhook.test", WebhooksManage, Staff, Write
}

action! {
    /// Puts a delivery that has ended in once more.
    ReplayDelivery = "webhook.replay", WebhooksManage, Staff, Write
}

action! {
    /// Puts an endpoint's dead letters in once more.
    ReplayDead = "webhook.replay_dead", WebhooksManage, Staff, Write
}

/// An endpoint whose secret was made now: the only time it is there to be shown.
pub struct Issued {
    /// The secret.
    pub secret: WebhookSecret,
    /// The endpoint.
    pub endpoint: Endpoint,
}

/// The endpoint as it stands in this transaction.
async fn found<A: Action<Mode = Write>>(pass: &mut Pass<A>, id: WebhookId) -> Result<Endpoint, Problem> {
    rows::read(pass.tx(), id).await?.ok_or_else(Problem::not_found)
}

/// The endpoint, when it is not switched off.
async fn live<A: Action<Mode = Write>>(pass: &mut Pass<A>, id: WebhookId) -> Result<Endpoint, Problem> {
    let endpoint = found(pass, id).await?;
    if endpoint.disabled.is_some() {
        let detail = "This endpoint is switched off; switch it on first.";
        return Err(Problem::new(ProblemKind::Conflict, detail));
    }
    Ok(endpoint)
}

/// Configures an endpoint and makes its secret, which is sealed before it reaches the database.
///
/// # Errors
/// When the organization has [`WEBHOOKS_MAX`] already.
pub async fn create(mut pass: Pass<CreateWebhook>, new: NewEndpoint) -> Result<(Issued, Receipt), Problem> {
    let (kind, host) = (EventKind::WebhookCreated, new.target.host().to_owned());
    match keep(&mut pass, new).await {
        Ok(issued) => {
            let draft = Draft::done(kind)
                .subject("webhook", issued.endpoint.id)
                .fact("host", &pass.privacy(Channel::Log).text(Raw::new(host)))
                .fact("kinds", issued.endpoint.kinds.len() as u64);
            let receipt = pass.seal(draft).await?;
            Ok((issued, receipt))
        }
        Err(problem) => Err(pass.fail(undone(kind, &problem), problem).await),
    }
}

async fn keep(pass: &mut Pass<CreateWebhook>, new: NewEndpoint) -> Result<Issued, Problem> {
    if rows::count(pass.tx()).await? >= WEBHOOKS_MAX {
        let detail = format!("An organization has at most {WEBHOOKS_MAX} endpoints; remove one first.");
        return Err(Problem::new(ProblemKind::Conflict, detail));
    }
    let (tenant, vault) = (pass.tenant(), Arc::clone(pass.vault()));
    let id = WebhookId::new(vault.clock(), vault.rng());
    let secret = WebhookSecret::generate(vault.rng());
    let sealed = seal(&vault, tenant, id, SECRET, &secret)?;
    let description = pass.privacy(Channel::Log).text(new.description);
    let kinds = new.kinds.into_inner();
    let row = rows::NewEndpoint {
        id,
        url: &new.target.url().to_string(),
        description: &description,
        kinds: &kinds,
        secret_sealed: &sealed,
        at: vault.clock().now(),
    };
    rows::create(pass.tx(), &row).await?;
    Ok(Issued { secret, endpoint: found(pass, id).await? })
}

/// Changes an endpoint. What waits for one that is switched off becomes a dead letter when its time comes.
///
/// # Errors
/// When there is none of that id.
pub async fn update(
    mut pass: Pass<UpdateWebhook>,
    id: WebhookId,
    new: NewEndpoint,
    enabled: bool,
) -> Result<(Endpoint, Receipt), Problem> {
    let (kind, host) = (EventKind::WebhookUpdated, new.target.host().to_owned());
    match change(&mut pass, id, new, enabled).await {
        Ok(endpoint) => {
            let draft = Draft::done(kind)
                .subject("webhook", id)
                .fact("host", &pass.privacy(Channel::Log).text(Raw::new(host)))
                .fact("kinds", endpoint.kinds.len() as u64)
                .fact("enabled", enabled);
            let receipt = pass.seal(draft).await?;
            Ok((endpoint, receipt))
        }
        Err(problem) => Err(pass.fail(undone(kind, &problem).subject("webhook", id), problem).await),
    }
}

async fn change(
    pass: &mut Pass<UpdateWebhook>,
    id: WebhookId,
    new: NewEndpoint,
    enabled: bool,
) -> Result<Endpoint, Problem> {
    let at = pass.vault().clock().now();
    let description = pass.privacy(Channel::Log).text(new.description);
    let kinds = new.kinds.into_inner();
    let url = new.target.url().to_string();
    let row = Change { url: &url, description: &description, kinds: &kinds, enabled, at };
    if !webhooks::update(pass.tx(), id, &row).await? {
        return Err(Problem::not_found());
    }
    found(pass, id).await
}

/// Removes an endpoint, its secrets, and what was on its way there.
///
/// # Errors
/// When there is none of that id.
pub async fn delete(mut pass: Pass<DeleteWebhook>, id: WebhookId) -> Result<Receipt, Problem> {
    let draft = |draft: Draft| draft.subject("webhook", id);
    if rows::delete(pass.tx(), id).await? {
        return pass.seal(draft(Draft::done(EventKind::WebhookDeleted))).await;
    }
    Err(pass.fail(draft(Draft::failed(EventKind::WebhookDeleted)), Problem::not_found()).await)
}

/// Gives an endpoint another secret. For `overlap_seconds` messages carry the signatures of both, so that the receiver can
/// change over without a message that it refuses.
///
/// # Errors
/// When there is none of that id, or the overlap is out of bounds.
pub async fn rotate(
    mut pass: Pass<RotateSecret>,
    id: WebhookId,
    overlap_seconds: Option<i64>,
) -> Result<(Issued, Receipt), Problem> {
    let kind = EventKind::WebhookSecretRotated;
    match exchange(&mut pass, id, overlap_seconds.unwrap_or(WEBHOOK_OVERLAP_SECONDS_DEFAULT)).await {
        Ok(issued) => {
            let draft = Draft::done(kind)
                .subject("webhook", id)
                .fact("old_valid_until", issued.endpoint.old_secret_until);
            let receipt = pass.seal(draft).await?;
            Ok((issued, receipt))
        }
        Err(problem) => Err(pass.fail(undone(kind, &problem).subject("webhook", id), problem).await),
    }
}

async fn exchange(
    pass: &mut Pass<RotateSecret>,
    id: WebhookId,
    overlap_seconds: i64,
) -> Result<Issued, Problem> {
    if !(0..=WEBHOOK_OVERLAP_SECONDS_MAX).contains(&overlap_seconds) {
        let detail = format!("The overlap is 0 to {WEBHOOK_OVERLAP_SECONDS_MAX} seconds.");
        return Err(Problem::invalid("/overlap_seconds", detail));
    }
    let (tenant, vault) = (pass.tenant(), Arc::clone(pass.vault()));
    let sealed = rows::lock_secret(pass.tx(), id).await?.ok_or_else(Problem::not_found)?;
    let until = vault.clock().now().plus(Duration::from_secs(overlap_seconds.unsigned_abs()));
    let old = match unseal(&vault, tenant, id, SECRET, &sealed) {
        Some(old) if overlap_seconds > 0 => Some((seal(&vault, tenant, id, OLD_SECRET, &old)?, until)),
        _ => None,
    };
    let secret = WebhookSecret::generate(vault.rng());
    let sealed = seal(&vault, tenant, id, SECRET, &secret)?;
    let old: Option<(&[u8], Timestamp)> = old.as_ref().map(|(sealed, until)| (sealed.as_slice(), *until));
    rows::rotate(pass.tx(), id, &sealed, old).await?;
    Ok(Issued { secret, endpoint: found(pass, id).await? })
}

/// Puts a test in; what came of it stands in the delivery soon after. It is tried once.
///
/// # Errors
/// When there is no such endpoint, or it is switched off.
pub async fn test(mut pass: Pass<TestWebhook>, id: WebhookId) -> Result<(Delivery, Receipt), Problem> {
    let kind = EventKind::WebhookTested;
    match put_test(&mut pass, id).await {
        Ok(delivery) => {
            let draft = Draft::done(kind).subject("webhook", id).fact("delivery", delivery.id);
            let receipt = pass.seal(draft).await?;
            Ok((delivery, receipt))
        }
        Err(problem) => Err(pass.fail(undone(kind, &problem).subject("webhook", id), problem).await),
    }
}

async fn put_test(pass: &mut Pass<TestWebhook>, id: WebhookId) -> Result<Delivery, Problem> {
    live(pass, id).await?;
    let (tenant, vault) = (pass.tenant(), Arc::clone(pass.vault()));
    let (delivery, at) = (DeliveryId::new(vault.clock(), vault.rng()), vault.clock().now());
    let body = body::test_body(tenant, id, at);
    if !webhook_deliveries::test(pass.tx(), id, delivery, at, &body).await? {
        return Err(Problem::not_found());
    }
    webhook_deliveries::read(pass.tx(), id, delivery).await?.ok_or_else(Problem::internal)
}

/// Puts a delivery that has ended in once more, at the end of its line.
///
/// # Errors
/// When there is none of that id at that endpoint, it is still on its way, or the endpoint is switched off.
pub async fn replay(
    mut pass: Pass<ReplayDelivery>,
    endpoint: WebhookId,
    id: DeliveryId,
) -> Result<(Delivery, Receipt), Problem> {
    let kind = EventKind::WebhookReplayed;
    let draft = |draft: Draft| draft.subject("delivery", id).fact("webhook", endpoint);
    match put_again(&mut pass, endpoint, id).await {
        Ok(delivery) => Ok((delivery, pass.seal(draft(Draft::done(kind))).await?)),
        Err(problem) => Err(pass.fail(draft(undone(kind, &problem)), problem).await),
    }
}

async fn put_again(
    pass: &mut Pass<ReplayDelivery>,
    endpoint: WebhookId,
    id: DeliveryId,
) -> Result<Delivery, Problem> {
    live(pass, endpoint).await?;
    let known = webhook_deliveries::read(pass.tx(), endpoint, id).await?.ok_or_else(Problem::not_found)?;
    let now = pass.vault().clock().now();
    let replayed = webhook_deliveries::replay(pass.tx(), endpoint, &[id], now).await?;
    if known.state == State::Pending || replayed == 0 {
        return Err(Problem::new(ProblemKind::Conflict, "This delivery is still on its way."));
    }
    webhook_deliveries::read(pass.tx(), endpoint, id).await?.ok_or_else(Problem::not_found)
}

/// Puts an endpoint's dead letters in once more, at most [`WEBHOOK_REPLAY_ROWS_MAX`] of them, oldest first; answers how
/// many.
///
/// # Errors
/// When there is no such endpoint, or it is switched off.
pub async fn replay_dead(mut pass: Pass<ReplayDead>, id: WebhookId) -> Result<(u64, Receipt), Problem> {
    let kind = EventKind::WebhookReplayed;
    match put_dead(&mut pass, id).await {
        Ok(count) => {
            let draft = Draft::done(kind).subject("webhook", id).fact("replayed", count);
            Ok((count, pass.seal(draft).await?))
        }
        Err(problem) => Err(pass.fail(undone(kind, &problem).subject("webhook", id), problem).await),
    }
}

async fn put_dead(pass: &mut Pass<ReplayDead>, id: WebhookId) -> Result<u64, Problem> {
    live(pass, id).await?;
    let now = pass.vault().clock().now();
    let dead = webhook_deliveries::dead(pass.tx(), id, WEBHOOK_REPLAY_ROWS_MAX).await?;
    let replayed = webhook_deliveries::replay(pass.tx(), id, &dead, now).await?;
    Ok(u64::try_from(replayed).unwrap_or(0))
}
