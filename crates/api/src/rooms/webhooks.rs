//! Webhooks: where the organization is told of its events.

use app::webhooks::{
    self as house, CreateWebhook, DeleteWebhook, ListDeliveries, ListWebhooks, ReadDelivery, ReadWebhook,
    ReplayDead, ReplayDelivery, RotateSecret, State as Standing, TestWebhook, UpdateWebhook,
};
use axum::extract;
use http::Uri;
use kernel::{DeliveryId, EntryId, Problem, Timestamp, WebhookId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::State;
use crate::answer::{Answer, Answered, Done, List};
use crate::describe::of;
use crate::extract::{Gate, Id, Ids, PageQuery, Segment, Submitted, id, query};
use crate::http::Refused;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(of::<ListWebhooks, _>(routes!(get_webhooks)))
        .routes(of::<CreateWebhook, _>(routes!(post_webhook)))
        .routes(of::<ReadWebhook, _>(routes!(get_webhook)))
        .routes(of::<UpdateWebhook, _>(routes!(put_webhook)))
        .routes(of::<DeleteWebhook, _>(routes!(delete_webhook)))
        .routes(of::<RotateSecret, _>(routes!(post_rotate)))
        .routes(of::<TestWebhook, _>(routes!(post_test)))
        .routes(of::<ListDeliveries, _>(routes!(get_deliveries)))
        .routes(of::<ReadDelivery, _>(routes!(get_delivery)))
        .routes(of::<ReplayDelivery, _>(routes!(post_replay)))
        .routes(of::<ReplayDead, _>(routes!(post_replay_dead)))
}

/// An endpoint, without its secret.
#[derive(Serialize, ToSchema)]
struct Webhook {
    /// Its id.
    id: Uuid,
    /// Where it is.
    #[schema(example = "https://hooks.example.com/portcullis")]
    url: String,
    /// What it is for.
    description: String,
    /// The kinds of events it is told of.
    #[schema(example = json!(["agent.*", "KEY_CREATED"]))]
    kinds: Vec<String>,
    /// Whether it is told of events.
    enabled: bool,
    /// When it was switched off.
    #[schema(value_type = Option<String>, format = DateTime)]
    disabled_at: Option<Timestamp>,
    /// Why: `person` (somebody did it), `gone` (it answered 410), `failing` (nothing but failures for days) or `backlog` (it
    /// could not keep up).
    #[schema(example = "failing")]
    disabled_because: Option<&'static str>,
    /// Until when the secret before the last rotation signs too.
    #[schema(value_type = Option<String>, format = DateTime)]
    old_secret_until: Option<Timestamp>,
    /// When it was configured.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// How it fares.
    health: Health,
}

/// How an endpoint fares.
#[derive(Serialize, ToSchema)]
struct Health {
    /// When it last took a message.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_success_at: Option<Timestamp>,
    /// When an attempt last failed.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_failure_at: Option<Timestamp>,
    /// Failures since the last success.
    failures: u32,
}

impl From<house::Endpoint> for Webhook {
    fn from(endpoint: house::Endpoint) -> Self {
        Self {
            id: endpoint.id.uuid(),
            url: endpoint.url,
            description: endpoint.description,
            kinds: endpoint.kinds,
            enabled: endpoint.disabled.is_none(),
            disabled_at: endpoint.disabled.map(|(at, _)| at),
            disabled_because: endpoint.disabled.map(|(_, because)| because.name()),
            old_secret_until: endpoint.old_secret_until,
            created_at: endpoint.created_at,
            health: Health {
                last_success_at: endpoint.last_success_at,
                last_failure_at: endpoint.last_failure_at,
                failures: endpoint.failures,
            },
        }
    }
}

/// An endpoint whose secret was made now. It is shown this once and kept sealed.
#[derive(Serialize, ToSchema)]
struct IssuedWebhook {
    /// The secret: give it to the receiver, whose library verifies messages with it.
    #[schema(value_type = String, example = "whsec_…")]
    secret: Shown,
    /// The endpoint.
    #[serde(flatten)]
    webhook: Webhook,
}

/// The secret on its way into the one answer that shows it.
struct Shown(crypto::WebhookSecret);

impl Serialize for Shown {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.text().expose_str().unwrap_or_default())
    }
}

impl From<house::Issued> for IssuedWebhook {
    fn from(issued: house::Issued) -> Self {
        Self { secret: Shown(issued.secret), webhook: issued.endpoint.into() }
    }
}

/// List webhooks.
///
/// Answers all endpoints of the organization, oldest first, with how each fares; their secrets are not shown.
#[utoipa::path(get, path = "/webhooks", tag = "webhooks",
    responses((status = 200, description = "The endpoints", body = List<Webhook>)))]
async fn get_webhooks(Gate(pass): Gate<ListWebhooks>) -> Answered<List<Webhook>> {
    let (found, receipt) = house::list(pass).await?;
    Ok(Answer::ok(List::whole(found.into_iter().map(Webhook::from).collect()), &receipt))
}

/// What an endpoint is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewWebhook {
    /// Where it is: https, a public address. Plain http and private addresses only where the operator allows them.
    #[schema(max_length = 2000, example = "https://hooks.example.com/portcullis")]
    url: String,
    /// What it is for.
    #[serde(default)]
    #[schema(max_length = 2000, example = "Tickets for the security team")]
    description: String,
    /// The kinds of events it is told of: names, `agent.*` for all that begin so, `*` for all.
    #[schema(min_items = 1, max_items = 100, example = json!(["agent.*", "KEY_CREATED"]))]
    kinds: Vec<String>,
}

/// Configure a webhook.
///
/// Makes an endpoint and its secret, which is shown this once. From now on every event of the named kinds is sent there.
#[utoipa::path(post, path = "/webhooks", tag = "webhooks",
    request_body(content = NewWebhook, example = json!({
        "url": "https://hooks.example.com/portcullis", "description": "Tickets for the security team",
        "kinds": ["agent.*", "KEY_CREATED"],
    })),
    responses(
        (status = 201, description = "The endpoint, with its secret", body = IssuedWebhook),
        (status = 409, description = "The organization has as many endpoints as it may have"),
    ))]
async fn post_webhook(
    extract::State(state): extract::State<State>,
    Submitted { pass, body }: Submitted<CreateWebhook, NewWebhook>,
) -> Answered<IssuedWebhook> {
    let new = house::NewEndpoint::parse(&body.url, body.description, body.kinds, state.webhook_rules)?;
    let (issued, receipt) = house::create(pass, new).await?;
    Ok(Answer::created(issued.into(), &receipt))
}

/// Read a webhook.
///
/// Answers one endpoint with how it fares; its secret is not shown.
#[utoipa::path(get, path = "/webhooks/{id}", tag = "webhooks",
    params(("id" = Uuid, Path, description = "The endpoint")),
    responses((status = 200, description = "The endpoint", body = Webhook)))]
async fn get_webhook(Gate(pass): Gate<ReadWebhook>, Id(id): Id<WebhookId>) -> Answered<Webhook> {
    let (endpoint, receipt) = house::read(pass, id).await?;
    Ok(Answer::ok(endpoint.into(), &receipt))
}

/// What an endpoint is to be from now on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangedWebhook {
    /// See `NewWebhook`.
    #[schema(max_length = 2000, example = "https://hooks.example.com/portcullis")]
    url: String,
    /// See `NewWebhook`.
    #[serde(default)]
    #[schema(max_length = 2000, example = "Tickets for the security team")]
    description: String,
    /// See `NewWebhook`.
    #[schema(min_items = 1, max_items = 100, example = json!(["*"]))]
    kinds: Vec<String>,
    /// Whether it is told of events.
    enabled: bool,
}

/// Change a webhook.
///
/// Puts all its settings; the secret stays. What waits for an endpoint that is switched off becomes a dead letter when its
/// time comes, and events that happen meanwhile are not sent.
#[utoipa::path(put, path = "/webhooks/{id}", tag = "webhooks",
    params(("id" = Uuid, Path, description = "The endpoint")),
    request_body(content = ChangedWebhook, example = json!({
        "url": "https://hooks.example.com/portcullis", "description": "Tickets for the security team",
        "kinds": ["*"], "enabled": true,
    })),
    responses((status = 200, description = "The endpoint", body = Webhook)))]
async fn put_webhook(
    extract::State(state): extract::State<State>,
    Segment(webhook): Segment,
    Submitted { pass, body }: Submitted<UpdateWebhook, ChangedWebhook>,
) -> Answered<Webhook> {
    let id: WebhookId = id(&webhook)?;
    let new = house::NewEndpoint::parse(&body.url, body.description, body.kinds, state.webhook_rules)?;
    let (endpoint, receipt) = house::update(pass, id, new, body.enabled).await?;
    Ok(Answer::ok(endpoint.into(), &receipt))
}

/// Remove a webhook.
///
/// Removes the endpoint, its secret, what was on its way there, and the log of its deliveries.
#[utoipa::path(delete, path = "/webhooks/{id}", tag = "webhooks",
    params(("id" = Uuid, Path, description = "The endpoint")),
    responses((status = 204, description = "It is gone")))]
async fn delete_webhook(Gate(pass): Gate<DeleteWebhook>, Id(id): Id<WebhookId>) -> Result<Done, Refused> {
    Ok(Done(house::delete(pass, id).await?))
}

/// How to change over to the new secret.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SecretRotation {
    /// How long messages carry a signature of the old secret too, in seconds, up to 7 days; 24 hours when not said.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 604_800, example = 86_400)]
    overlap_seconds: Option<i64>,
}

/// Rotate a webhook's secret.
///
/// Makes a new secret and shows it this once. For the overlap messages carry two signatures, so that the receiver can change
/// over at any moment of it.
#[utoipa::path(post, path = "/webhooks/{id}/rotate", tag = "webhooks",
    params(("id" = Uuid, Path, description = "The endpoint")),
    request_body(content = SecretRotation, example = json!({"overlap_seconds": 86_400})),
    responses((status = 201, description = "The endpoint, with its new secret", body = IssuedWebhook)))]
async fn post_rotate(
    Segment(webhook): Segment,
    Submitted { pass, body }: Submitted<RotateSecret, SecretRotation>,
) -> Answered<IssuedWebhook> {
    let id: WebhookId = id(&webhook)?;
    let (issued, receipt) = house::rotate(pass, id, body.overlap_seconds).await?;
    Ok(Answer::created(issued.into(), &receipt))
}

/// A message on its way to an endpoint, or that went there.
#[derive(Serialize, ToSchema)]
struct Delivery {
    /// Its id; messages carry it as `webhook-id`, the same at every attempt.
    id: Uuid,
    /// The audit entry it tells of; null for a test.
    entry: Option<Uuid>,
    /// The kind of event.
    #[schema(example = "agent.created")]
    kind: String,
    /// When the event was written down.
    #[schema(value_type = String, format = DateTime)]
    made_at: Timestamp,
    /// Where it stands: `pending`, `delivered` or `dead` (given up).
    #[schema(example = "delivered")]
    state: &'static str,
    /// When it is tried next, while it is pending.
    #[schema(value_type = Option<String>, format = DateTime)]
    due_at: Option<Timestamp>,
    /// Attempts so far.
    attempts: i32,
    /// When it was taken or given up.
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Timestamp>,
    /// The status that last came back.
    last_status: Option<i16>,
    /// A word for what last went wrong.
    #[schema(example = "timeout")]
    last_error: Option<String>,
}

impl From<house::Delivery> for Delivery {
    fn from(delivery: house::Delivery) -> Self {
        Self {
            id: delivery.id.uuid(),
            entry: delivery.entry.map(EntryId::uuid),
            kind: delivery.kind,
            made_at: delivery.made_at,
            state: delivery.state.name(),
            due_at: (delivery.state == Standing::Pending).then_some(delivery.due_at),
            attempts: delivery.attempts,
            ended_at: delivery.ended_at,
            last_status: delivery.last_status,
            last_error: delivery.last_error,
        }
    }
}

/// Test a webhook.
///
/// Sends a message of the type `webhook.tested` within a second or so. It is tried once; read the delivery to see what came
/// of it.
#[utoipa::path(post, path = "/webhooks/{id}/test", tag = "webhooks",
    params(("id" = Uuid, Path, description = "The endpoint")),
    responses(
        (status = 201, description = "The delivery", body = Delivery),
        (status = 409, description = "The endpoint is switched off"),
    ))]
async fn post_test(Gate(pass): Gate<TestWebhook>, Id(id): Id<WebhookId>) -> Answered<Delivery> {
    let (delivery, receipt) = house::test(pass, id).await?;
    Ok(Answer::created(delivery.into(), &receipt))
}

/// Which deliveries are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DeliveriesQuery {
    /// Only those that stand so: pending, delivered or dead.
    #[param(example = "dead")]
    state: Option<String>,
    /// Most items to answer, 1 to 200; 50 when not said.
    #[param(value_type = Option<i64>, minimum = 1, maximum = 200, example = 50)]
    limit: Option<String>,
    /// Where to go on: `next` of the page before.
    #[param(value_type = Option<Uuid>)]
    cursor: Option<String>,
}

impl DeliveriesQuery {
    fn state(&self) -> Result<Option<Standing>, Problem> {
        let Some(name) = self.state.as_deref() else { return Ok(None) };
        let found = Standing::ALL.into_iter().find(|state| state.name() == name);
        found.map(Some).ok_or_else(|| Problem::invalid("/state", "Give pending, delivered or dead."))
    }
}

/// List deliveries.
///
/// Answers what went to an endpoint or is on its way there, newest first. Deliveries are kept for 30 days after they ended.
#[utoipa::path(get, path = "/webhooks/{id}/deliveries", tag = "webhooks",
    params(("id" = Uuid, Path, description = "The endpoint"), DeliveriesQuery),
    responses((status = 200, description = "A page of deliveries", body = List<Delivery>)))]
async fn get_deliveries(
    Gate(pass): Gate<ListDeliveries>,
    Id(id): Id<WebhookId>,
    uri: Uri,
) -> Answered<List<Delivery>> {
    let asked = query::<DeliveriesQuery>(&uri)?;
    let state = asked.state()?;
    let page = PageQuery { limit: asked.limit, cursor: asked.cursor }.page()?;
    let (listed, receipt) = house::deliveries(pass, id, state, page).await?;
    Ok(Answer::ok(List::of(listed, Delivery::from, DeliveryId::uuid), &receipt))
}

/// One attempt to deliver a message.
#[derive(Serialize, ToSchema)]
struct Attempt {
    /// Which one, from 1.
    number: i32,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// How long it took, in milliseconds.
    millis: i32,
    /// The status that came back.
    status: Option<i16>,
    /// A word for what went wrong; null when the endpoint took the message.
    #[schema(example = "timeout")]
    error: Option<String>,
}

/// A delivery with its attempts.
#[derive(Serialize, ToSchema)]
struct DeliveryRecord {
    /// The delivery.
    #[serde(flatten)]
    delivery: Delivery,
    /// Its last 100 attempts, the newest first.
    log: Vec<Attempt>,
}

impl From<(house::Delivery, Vec<house::Attempt>)> for DeliveryRecord {
    fn from((delivery, attempts): (house::Delivery, Vec<house::Attempt>)) -> Self {
        let log = attempts.into_iter().map(|attempt| Attempt {
            number: attempt.number,
            at: attempt.at,
            millis: attempt.millis,
            status: attempt.status,
            error: attempt.error,
        });
        Self { delivery: delivery.into(), log: log.collect() }
    }
}

/// Read a delivery.
///
/// Answers one delivery with its attempts. What the endpoint said is kept nowhere.
#[utoipa::path(get, path = "/webhooks/{id}/deliveries/{delivery}", tag = "webhooks",
    params(
        ("id" = Uuid, Path, description = "The endpoint"),
        ("delivery" = Uuid, Path, description = "The delivery"),
    ),
    responses((status = 200, description = "The delivery", body = DeliveryRecord)))]
async fn get_delivery(
    Gate(pass): Gate<ReadDelivery>,
    Ids(endpoint, delivery): Ids<WebhookId, DeliveryId>,
) -> Answered<DeliveryRecord> {
    let (found, receipt) = house::delivery(pass, endpoint, delivery).await?;
    Ok(Answer::ok(found.into(), &receipt))
}

/// Replay a delivery.
///
/// Sends a delivery that has ended once more, under the same id, with as many attempts as a new one. It takes a new place at
/// the end of the line of its subject.
#[utoipa::path(post, path = "/webhooks/{id}/deliveries/{delivery}/replay", tag = "webhooks",
    params(
        ("id" = Uuid, Path, description = "The endpoint"),
        ("delivery" = Uuid, Path, description = "The delivery"),
    ),
    responses(
        (status = 200, description = "The delivery", body = Delivery),
        (status = 409, description = "It is still on its way, or the endpoint is switched off"),
    ))]
async fn post_replay(
    Gate(pass): Gate<ReplayDelivery>,
    Ids(endpoint, delivery): Ids<WebhookId, DeliveryId>,
) -> Answered<Delivery> {
    let (found, receipt) = house::replay(pass, endpoint, delivery).await?;
    Ok(Answer::ok(found.into(), &receipt))
}

/// What was replayed.
#[derive(Serialize, ToSchema)]
struct Replayed {
    /// How many deliveries were put in once more.
    replayed: u64,
}

/// Replay dead letters.
///
/// Sends an endpoint's dead letters once more, oldest first, at most 1000 at a time.
#[utoipa::path(post, path = "/webhooks/{id}/replay", tag = "webhooks",
    params(("id" = Uuid, Path, description = "The endpoint")),
    responses(
        (status = 200, description = "How many", body = Replayed),
        (status = 409, description = "The endpoint is switched off"),
    ))]
async fn post_replay_dead(Gate(pass): Gate<ReplayDead>, Id(id): Id<WebhookId>) -> Answered<Replayed> {
    let (replayed, receipt) = house::replay_dead(pass, id).await?;
    Ok(Answer::ok(Replayed { replayed }, &receipt))
}
