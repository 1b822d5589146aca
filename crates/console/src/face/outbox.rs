//! The mail of the instance, for its administrators.

use app::input::Page;
use app::mail::{self, ReadLetter, ReadOutbox, Shown, State};
use axum::extract::Path;
use kernel::{LetterId, Problem, Timestamp};

use super::answer::Answer;
use super::visit::{Visit, now, pass};
use crate::layout::Room;
use crate::pages::{self, MailRow};
use crate::parts::{Badge, Pager, Tone, When};

/// Letters on a page.
const ROWS: i64 = 50;

/// The kind of a letter as a subject: the list does not open letters.
fn kind(name: &str) -> String {
    let words = name.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn row(letter: &Shown, subject: String, at: Timestamp) -> MailRow {
    let status = match letter.state {
        State::Waiting => Badge::new(Tone::Warn, "Waiting"),
        State::Sent => Badge::new(Tone::Good, "Sent"),
        State::Failed => Badge::new(Tone::Bad, "Failed"),
    };
    MailRow {
        id: letter.id.to_string(),
        to: letter
            .to
            .as_ref()
            .map_or_else(|| "an address that does not open".to_owned(), |to| to.as_str().to_owned()),
        subject,
        at: When::seen(letter.made_at, at),
        status,
        error: letter.last_error.clone(),
    }
}

/// `GET /instance/outbox`.
pub(super) async fn list(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let after: Option<LetterId> = visit.query("after").and_then(|id| id.parse().ok());
    let read = mail::page(pass::<ReadOutbox>(&visit, &human).await?, Page { after, rows: ROWS }).await;
    let (listed, _) = read.map_err(|problem| visit.refused(&problem))?;
    let at = now(&visit.state);
    let messages: Vec<MailRow> =
        listed.items.iter().map(|letter| row(letter, kind(&letter.kind), at)).collect();
    let page = pages::Outbox {
        shell: visit.shell(&human, Some(Room::Outbox)),
        smtp: visit.state.mail_server.clone(),
        pager: Pager {
            shown: messages.len(),
            first: after.map(|_| "/instance/outbox".to_owned()),
            next: listed.next.map(|next| format!("/instance/outbox?after={next}")),
        },
        messages,
    };
    Ok(visit.settle(Answer::page(&page)))
}

/// `GET /instance/outbox/{id}`.
pub(super) async fn page(Path(id): Path<String>, visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let id: LetterId = id.parse().map_err(|_| visit.refused(&Problem::not_found()))?;
    let read = mail::read(pass::<ReadLetter>(&visit, &human).await?, id).await;
    let ((letter, message), _) = read.map_err(|problem| visit.refused(&problem))?;
    let link = message.text().split_whitespace().find(|word| word.contains("?t="));
    let page = pages::OutboxMessage {
        shell: visit.shell(&human, Some(Room::Outbox)),
        mail: row(&letter, message.subject().to_owned(), now(&visit.state)),
        link: link.map(str::to_owned),
        text: message.text().to_owned(),
    };
    Ok(visit.settle(Answer::page(&page)))
}
