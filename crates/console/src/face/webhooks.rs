//! Webhooks.

use app::input::Page;
use app::webhooks::{
    self as house, Because, CreateWebhook, DeleteWebhook, Delivery, Endpoint, FAILING_DAYS_MAX, Issued,
    Kinds, ListDeliveries, ListWebhooks, NewEndpoint, ReadDelivery, ReadWebhook, ReplayDead, ReplayDelivery,
    RotateSecret, State, TestWebhook, UpdateWebhook,
};
use axum::extract::Path;
use gates::Human;
use kernel::limits::{WEBHOOK_OVERLAP_SECONDS_DEFAULT, WEBHOOKS_MAX};
use kernel::{DeliveryId, Problem, ProblemKind, Timestamp, WebhookId};

use super::answer::{Answer, Said};
use super::posted::Posted;
use super::visit::{Visit, admits, entered, now, pass};
use crate::layout::Room;
use crate::pages::{self, AttemptRow, DeliveryRow, WebhookRow};
use crate::parts::{Badge, Choice, Form, Id, Pager, Secret, Tone, When};

/// Deliveries on a page.
const ROWS: i64 = 50;
/// What asks for every kind.
const ALL: &str = "*";
const HOUR_SECONDS: i64 = 3_600;

async fn one(visit: &Visit, human: &Human, text: &str) -> Result<Endpoint, Answer> {
    let id: WebhookId = text.parse().map_err(|_| visit.refused(&Problem::not_found()))?;
    let read = house::read(pass::<ReadWebhook>(visit, human).await?, id).await;
    Ok(read.map_err(|problem| visit.refused(&problem))?.0)
}

fn status(endpoint: &Endpoint) -> Badge {
    if endpoint.disabled.is_some() {
        Badge::new(Tone::Bad, "Off")
    } else if endpoint.failures > 0 {
        Badge::new(Tone::Warn, "Fails")
    } else if endpoint.last_success_at.is_some() {
        Badge::new(Tone::Good, "Delivers")
    } else {
        Badge::new(Tone::Plain, "Waits")
    }
}

fn why(because: Because) -> String {
    match because {
        Because::Person => "Somebody did that. What happens meanwhile is not sent.".to_owned(),
        Because::Gone => "It answered 410: it is gone and wants nothing more.".to_owned(),
        Because::Failing => format!("It did nothing but fail for {FAILING_DAYS_MAX} days."),
        Because::Backlog => "More was waiting for it than it could take.".to_owned(),
    }
}

fn in_words(kinds: &[String]) -> String {
    match kinds {
        [all] if all == ALL => "all events".to_owned(),
        [one] => one.clone(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
        [] => String::new(),
    }
}

/// `GET /webhooks`.
pub(super) async fn list(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let found = house::list(pass::<ListWebhooks>(&visit, &human).await?).await;
    let (found, _) = found.map_err(|problem| visit.refused(&problem))?;
    let at = now(&visit.state);
    let row = |endpoint: &Endpoint| WebhookRow {
        id: endpoint.id.to_string(),
        url: endpoint.url.clone(),
        description: endpoint.description.clone(),
        status: status(endpoint),
        kinds: in_words(&endpoint.kinds),
        last_success: endpoint.last_success_at.map(|seen| When::seen(seen, at)),
        failures: endpoint.failures,
    };
    let page = pages::Webhooks {
        shell: visit.shell(&human, Some(Room::Webhooks)),
        endpoints: found.iter().map(row).collect(),
        most: WEBHOOKS_MAX,
    };
    Ok(visit.settle(Answer::page(&page)))
}

/// Everything, each noun, and what has no noun; in the order of the catalogue.
fn groups() -> Vec<(String, String)> {
    let mut groups = vec![(ALL.to_owned(), "Everything".to_owned())];
    for kind in Kinds::known() {
        let name = kind.name();
        let group = match name.split_once('.') {
            Some((noun, _)) => (format!("{noun}.*"), noun.replace('_', " ")),
            None => (name.to_owned(), name.to_lowercase().replace('_', " ")),
        };
        if !groups.iter().any(|(pattern, _)| *pattern == group.0) {
            groups.push(group);
        }
    }
    groups
}

fn form_page(visit: &Visit, human: &Human, existing: Option<WebhookId>, form: Form) -> pages::WebhookForm {
    let kinds = groups().into_iter().map(|(pattern, words)| Choice::new(pattern, words));
    pages::WebhookForm {
        shell: visit.shell(human, Some(Room::Webhooks)),
        form,
        kinds: kinds.collect(),
        existing: existing.map(|id| id.to_string()),
        private: visit.state.webhook_rules.allow_private,
        must_confirm: !human.is_fresh(now(&visit.state)),
    }
}

/// The form as it was sent, with what is wrong with it.
fn sent(posted: &Posted, problem: &Problem) -> Form {
    let mut problem = problem.clone();
    for error in &mut problem.errors {
        if error.pointer.starts_with("/kinds") {
            "/kind".clone_into(&mut error.pointer);
        }
    }
    let form = posted.form(&["url", "description", "more", "enabled"]).refused_by(&problem);
    posted.all("kind").into_iter().fold(form, |form, kind| form.with("kind", kind))
}

fn parsed(posted: &Posted) -> Result<NewEndpoint, Problem> {
    let mut kinds = posted.all("kind");
    let single = posted.get("more").split_whitespace().map(str::to_owned);
    kinds.extend(single);
    let description = posted.get("description").to_owned();
    NewEndpoint::parse(posted.get("url").trim(), description, kinds, posted.visit.state.webhook_rules)
}

/// `GET /webhooks/new`.
pub(super) async fn new_page(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    // Refused by the gate itself when the role does not cover it.
    drop(pass::<ListWebhooks>(&visit, &human).await?);
    let page = form_page(&visit, &human, None, Form::blank());
    Ok(visit.settle(Answer::page(&page)))
}

/// `POST /webhooks/new`: the page that shows the secret.
pub(super) async fn create(posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let made = match (parsed(&posted), entered::<CreateWebhook>(visit, &human).await?) {
        (Ok(new), Ok(pass)) => house::create(pass, new).await,
        (Err(problem), _) | (_, Err(problem)) => Err(problem),
    };
    match made {
        Ok((issued, _)) => Ok(shown_once(visit, &human, &issued)),
        Err(problem) => {
            let page = form_page(visit, &human, None, sent(&posted, &problem));
            Ok(visit.settle(Answer::form(&problem, &page)))
        }
    }
}

fn shown_once(visit: &Visit, human: &Human, issued: &Issued) -> Answer {
    let at = now(&visit.state);
    let page = pages::WebhookSecret {
        shell: visit.shell(human, Some(Room::Webhooks)),
        id: issued.endpoint.id.to_string(),
        url: issued.endpoint.url.clone(),
        secret: Secret::new(issued.secret.text().expose_str().unwrap_or_default()),
        old_until: issued.endpoint.old_secret_until.map(|until| When::seen(until, at)),
    };
    visit.settle(Answer::page(&page))
}

fn delivery_status(state: State) -> Badge {
    match state {
        State::Pending => Badge::new(Tone::Warn, "Waits"),
        State::Delivered => Badge::new(Tone::Good, "Delivered"),
        State::Dead => Badge::new(Tone::Bad, "Given up"),
    }
}

/// What came of an attempt, in words.
fn came_of(status: Option<i16>, error: Option<&str>) -> String {
    match (status, error) {
        (Some(status), Some("redirect")) => format!("answered {status}; redirects are not followed"),
        (Some(status), _) => format!("answered {status}"),
        (None, Some("unknown_host")) => "the host is not known".to_owned(),
        (None, Some("address_refused")) => "the address may not be called".to_owned(),
        (None, Some("not_reached")) => "nothing takes connections there".to_owned(),
        (None, Some("tls")) => "the line could not be encrypted".to_owned(),
        (None, Some("timeout")) => "no answer in time".to_owned(),
        (None, Some("broken")) => "the connection broke off".to_owned(),
        (None, Some("disabled")) => "the webhook was switched off".to_owned(),
        (None, Some("secret")) => "the secret does not open; ask the operator".to_owned(),
        (None, Some(_)) => "the event could not be read".to_owned(),
        (None, None) => String::new(),
    }
}

fn delivery_row(delivery: &Delivery, at: Timestamp) -> DeliveryRow {
    DeliveryRow {
        id: delivery.id.to_string(),
        kind: delivery.kind.clone(),
        made: When::seen(delivery.made_at, at),
        status: delivery_status(delivery.state),
        note: came_of(delivery.last_status, delivery.last_error.as_deref()),
        attempts: u32::try_from(delivery.attempts).unwrap_or(0),
    }
}

/// `GET /webhooks/{id}`.
pub(super) async fn page(Path(text): Path<String>, visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let endpoint = one(&visit, &human, &text).await?;
    let state = visit.query("state").unwrap_or_default();
    let wanted = State::ALL.into_iter().find(|known| known.name() == state.as_str());
    let after: Option<DeliveryId> = visit.query("after").and_then(|id| id.parse().ok());
    let entered = pass::<ListDeliveries>(&visit, &human).await?;
    let read = house::deliveries(entered, endpoint.id, wanted, Page { after, rows: ROWS }).await;
    let (listed, _) = read.map_err(|problem| visit.refused(&problem))?;
    let (at, base) = (now(&visit.state), format!("/webhooks/{}", endpoint.id));
    let seen = |moment: Option<Timestamp>| moment.map(|moment| When::seen(moment, at));
    let filter = wanted.map_or_else(String::new, |state| format!("state={}&", state.name()));
    let page = pages::WebhookPage {
        shell: visit.shell(&human, Some(Room::Webhooks)),
        id: Id::new(endpoint.id.to_string()),
        status: status(&endpoint),
        off: endpoint.disabled.map(|(_, because)| why(because)),
        created: When::day(endpoint.created_at),
        last_success: seen(endpoint.last_success_at),
        last_failure: seen(endpoint.last_failure_at),
        failures: endpoint.failures,
        old_until: seen(endpoint.old_secret_until.filter(|until| *until > at)),
        url: endpoint.url,
        description: endpoint.description,
        kinds: endpoint.kinds,
        form: Form::blank().with("state", state.as_str()),
        states: vec![
            Choice::new("", "Any"),
            Choice::new("pending", "Waits"),
            Choice::new("delivered", "Delivered"),
            Choice::new("dead", "Given up"),
        ],
        filtered: wanted.is_some(),
        pager: Pager {
            shown: listed.items.len(),
            first: after.map(|_| base.clone()),
            next: listed.next.map(|next| format!("{base}?{filter}after={next}")),
        },
        deliveries: listed.items.iter().map(|delivery| delivery_row(delivery, at)).collect(),
    };
    Ok(visit.settle(Answer::page(&page)))
}

/// `GET /webhooks/{id}/edit`.
pub(super) async fn edit_page(Path(text): Path<String>, visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let endpoint = one(&visit, &human, &text).await?;
    let known = groups();
    let (grouped, single): (Vec<_>, Vec<_>) =
        endpoint.kinds.into_iter().partition(|kind| known.iter().any(|(pattern, _)| pattern == kind));
    let mut form = Form::blank()
        .with("url", endpoint.url)
        .with("description", endpoint.description)
        .with("more", single.join("\n"));
    for kind in grouped {
        form = form.with("kind", kind);
    }
    if endpoint.disabled.is_none() {
        form = form.with("enabled", "on");
    }
    let page = form_page(&visit, &human, Some(endpoint.id), form);
    Ok(visit.settle(Answer::page(&page)))
}

/// `POST /webhooks/{id}/edit`.
pub(super) async fn edit(Path(text): Path<String>, posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let id: WebhookId = text.parse().map_err(|_| visit.refused(&Problem::not_found()))?;
    let enabled = posted.get("enabled") == "on";
    let saved = match (parsed(&posted), entered::<UpdateWebhook>(visit, &human).await?) {
        (Ok(new), Ok(pass)) => house::update(pass, id, new, enabled).await,
        (Err(problem), _) | (_, Err(problem)) => Err(problem),
    };
    match saved {
        Ok(_) => {
            let there = format!("/webhooks/{id}");
            Ok(Answer::redirect(&there).saying(&visit.site().clone(), Said::WebhookSaved))
        }
        Err(problem) if problem.kind == ProblemKind::NotFound => Err(visit.refused(&problem)),
        Err(problem) => {
            let page = form_page(visit, &human, Some(id), sent(&posted, &problem));
            Ok(visit.settle(Answer::form(&problem, &page)))
        }
    }
}

/// `POST /webhooks/{id}/test`.
pub(super) async fn test(Path(text): Path<String>, posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let id: WebhookId = text.parse().map_err(|_| visit.refused(&Problem::not_found()))?;
    let put = house::test(pass::<TestWebhook>(visit, &human).await?, id).await;
    put.map_err(|problem| visit.refused(&problem))?;
    let there = format!("/webhooks/{id}");
    Ok(Answer::redirect(&there).saying(&visit.site().clone(), Said::WebhookTested))
}

/// What is asked before something is done.
struct Question {
    title: &'static str,
    lead: String,
    effects: Vec<String>,
    button: &'static str,
    tone: Tone,
    action: String,
    cancel: String,
}

fn ask(visit: &Visit, human: &Human, question: Question) -> Answer {
    let page = pages::Confirm {
        shell: visit.shell(human, Some(Room::Webhooks)),
        title: question.title.into(),
        lead: question.lead,
        effects: question.effects,
        action: question.action,
        button: question.button.into(),
        tone: question.tone,
        cancel: question.cancel,
    };
    visit.settle(Answer::page(&page))
}

/// `GET /webhooks/{id}/rotate`.
pub(super) async fn rotate_page(Path(text): Path<String>, visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let endpoint = one(&visit, &human, &text).await?;
    admits::<RotateSecret>(&visit, &human).await?;
    let hours = WEBHOOK_OVERLAP_SECONDS_DEFAULT / HOUR_SECONDS;
    let question = Question {
        title: "Rotate the secret",
        lead: format!("{} gets a new secret, which is shown once.", endpoint.url),
        effects: vec![format!(
            "For {hours} hours messages carry both signatures, so that your service can change over."
        )],
        button: "Make a new secret",
        tone: Tone::Accent,
        action: format!("/webhooks/{}/rotate", endpoint.id),
        cancel: format!("/webhooks/{}", endpoint.id),
    };
    Ok(ask(&visit, &human, question))
}

/// `POST /webhooks/{id}/rotate`: the page that shows the secret.
pub(super) async fn rotate(Path(text): Path<String>, posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let id: WebhookId = text.parse().map_err(|_| visit.refused(&Problem::not_found()))?;
    let rotated = house::rotate(pass::<RotateSecret>(visit, &human).await?, id, None).await;
    let (issued, _) = rotated.map_err(|problem| visit.refused(&problem))?;
    Ok(shown_once(visit, &human, &issued))
}

/// `GET /webhooks/{id}/delete`.
pub(super) async fn delete_page(Path(text): Path<String>, visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let endpoint = one(&visit, &human, &text).await?;
    let question = Question {
        title: "Remove the webhook",
        lead: format!("{} is told of nothing any more. There is no way back.", endpoint.url),
        effects: vec![
            "What is on its way there is not sent.".into(),
            "Its secret and the list of its deliveries are gone.".into(),
        ],
        button: "Remove it",
        tone: Tone::Bad,
        action: format!("/webhooks/{}/delete", endpoint.id),
        cancel: format!("/webhooks/{}", endpoint.id),
    };
    Ok(ask(&visit, &human, question))
}

/// `POST /webhooks/{id}/delete`.
pub(super) async fn delete(Path(text): Path<String>, posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let id: WebhookId = text.parse().map_err(|_| visit.refused(&Problem::not_found()))?;
    let gone = house::delete(pass::<DeleteWebhook>(visit, &human).await?, id).await;
    gone.map_err(|problem| visit.refused(&problem))?;
    Ok(Answer::redirect("/webhooks").saying(&visit.site().clone(), Said::WebhookDeleted))
}

/// `GET /webhooks/{id}/replay`.
pub(super) async fn replay_dead_page(Path(text): Path<String>, visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let endpoint = one(&visit, &human, &text).await?;
    let question = Question {
        title: "Replay what was given up",
        lead: "Messages that were given up are sent once more, the oldest first.".into(),
        effects: vec![
            "Each keeps its id, so a service that has seen it knows it again.".into(),
            "At most 1000 at a time.".into(),
        ],
        button: "Send them once more",
        tone: Tone::Accent,
        action: format!("/webhooks/{}/replay", endpoint.id),
        cancel: format!("/webhooks/{}", endpoint.id),
    };
    Ok(ask(&visit, &human, question))
}

/// `POST /webhooks/{id}/replay`.
pub(super) async fn replay_dead(Path(text): Path<String>, posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let id: WebhookId = text.parse().map_err(|_| visit.refused(&Problem::not_found()))?;
    let replayed = house::replay_dead(pass::<ReplayDead>(visit, &human).await?, id).await;
    replayed.map_err(|problem| visit.refused(&problem))?;
    let there = format!("/webhooks/{id}");
    Ok(Answer::redirect(&there).saying(&visit.site().clone(), Said::WebhookReplayed))
}

fn both(webhook: &str, delivery: &str) -> Result<(WebhookId, DeliveryId), Problem> {
    match (webhook.parse(), delivery.parse()) {
        (Ok(webhook), Ok(delivery)) => Ok((webhook, delivery)),
        _ => Err(Problem::not_found()),
    }
}

/// `GET /webhooks/{id}/deliveries/{delivery}`.
pub(super) async fn delivery(
    Path((webhook, delivery)): Path<(String, String)>,
    visit: Visit,
) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let (webhook, id) = both(&webhook, &delivery).map_err(|problem| visit.refused(&problem))?;
    let read = house::delivery(pass::<ReadDelivery>(&visit, &human).await?, webhook, id).await;
    let ((delivery, attempts), _) = read.map_err(|problem| visit.refused(&problem))?;
    let at = now(&visit.state);
    let attempts = attempts.into_iter().map(|attempt| AttemptRow {
        number: u32::try_from(attempt.number).unwrap_or(0),
        at: When::seen(attempt.at, at),
        millis: u32::try_from(attempt.millis).unwrap_or(0),
        outcome: match attempt.error {
            None => Badge::new(Tone::Good, "Taken"),
            Some(_) => Badge::new(Tone::Bad, "Failed"),
        },
        note: came_of(attempt.status, attempt.error.as_deref()),
    });
    let waits = delivery.state == State::Pending;
    let page = pages::WebhookDelivery {
        shell: visit.shell(&human, Some(Room::Webhooks)),
        webhook: webhook.to_string(),
        id: Id::new(delivery.id.to_string()),
        kind: delivery.kind,
        entry: delivery.entry.map(|entry| entry.to_string()),
        made: When::seen(delivery.made_at, at),
        status: delivery_status(delivery.state),
        due: waits.then(|| When::seen(delivery.due_at, at)),
        ended: delivery.ended_at.map(|ended| When::seen(ended, at)),
        attempts: attempts.collect(),
    };
    Ok(visit.settle(Answer::page(&page)))
}

/// `GET /webhooks/{id}/deliveries/{delivery}/replay`.
pub(super) async fn replay_page(
    Path((webhook, delivery)): Path<(String, String)>,
    visit: Visit,
) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let (webhook, id) = both(&webhook, &delivery).map_err(|problem| visit.refused(&problem))?;
    admits::<ReplayDelivery>(&visit, &human).await?;
    let question = Question {
        title: "Send it once more",
        lead: "The message is sent once more, with as many attempts as a new one.".into(),
        effects: vec!["It keeps its id, so a service that has seen it knows it again.".into()],
        button: "Send it",
        tone: Tone::Accent,
        action: format!("/webhooks/{webhook}/deliveries/{id}/replay"),
        cancel: format!("/webhooks/{webhook}/deliveries/{id}"),
    };
    Ok(ask(&visit, &human, question))
}

/// `POST /webhooks/{id}/deliveries/{delivery}/replay`.
pub(super) async fn replay(
    Path((webhook, delivery)): Path<(String, String)>,
    posted: Posted,
) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let (webhook, id) = both(&webhook, &delivery).map_err(|problem| visit.refused(&problem))?;
    let replayed = house::replay(pass::<ReplayDelivery>(visit, &human).await?, webhook, id).await;
    replayed.map_err(|problem| visit.refused(&problem))?;
    let there = format!("/webhooks/{webhook}/deliveries/{id}");
    Ok(Answer::redirect(&there).saying(&visit.site().clone(), Said::WebhookReplayed))
}
