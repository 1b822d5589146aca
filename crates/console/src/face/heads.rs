//! Heads of the log, and who has seen them.

use app::audit::{Alarm, AlarmKind, ProveEntry, ReadCheckpoint, WitnessState};
use kernel::{Problem, Timestamp};

use super::answer::Answer;
use super::retention::days_in_words;
use super::visit::{Visit, now, pass};
use crate::layout::Room;
use crate::pages::{self, AlarmRow, Head, WitnessRow};
use crate::parts::{Badge, Tone, When};

/// An alarm in words.
pub(super) fn alarm(alarm: &Alarm, at: Timestamp) -> AlarmRow {
    let (title, todo) = match alarm.kind {
        AlarmKind::HeadLost => (
            "This log has lost entries that were signed. It is not signed any further",
            "The operator of the server settles it: portcullis operator new-epoch. Compare with your last export.",
        ),
        AlarmKind::RowsChanged => (
            "Rows of this log are not those that were written",
            "The operator looks into it: portcullis verify --database. Keep your last export; it says what was written.",
        ),
        AlarmKind::WitnessRefused => (
            "A witness has seen another history of this log",
            "The operator looks into it: portcullis operator alarms.",
        ),
    };
    AlarmRow {
        title: title.to_owned(),
        detail: alarm.detail.clone(),
        todo,
        since: When::seen(alarm.raised_at, at),
    }
}

fn witness(state: WitnessState, at: Timestamp) -> WitnessRow {
    let badge = match (&state.problem, state.size) {
        (None, Some(_)) => Badge::new(Tone::Good, "Cosigns"),
        (None, None) => Badge::new(Tone::Plain, "Not asked yet"),
        (Some(_), _) => Badge::new(Tone::Warn, "Does not answer"),
    };
    WitnessRow {
        name: state.name,
        vkey: state.vkey,
        state: badge,
        seen: state.size.map(i64::unsigned_abs).zip(state.signed_at.map(|signed| When::seen(signed, at))),
    }
}

/// `GET /audit/checkpoints`.
pub(super) async fn page(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let shell = visit.shell(&human, Some(Room::Audit));
    let read = app::audit::heads(pass::<ReadCheckpoint>(&visit, &human).await?, &visit.state.sequencer).await;
    let (heads, _) = read.map_err(|problem| visit.refused(&problem))?;
    let at = now(&visit.state);
    let witnessing = heads.witnessing;
    let page = pages::Heads {
        shell,
        alarms: heads.alarms.iter().map(|found| alarm(found, at)).collect(),
        own: heads.checkpoint.map(|head| Head {
            size: head.size,
            at: When::seen(head.signed_at, at),
            vkey: head.vkey,
            note: head.note,
        }),
        witnessed: witnessing.head.as_ref().is_some_and(|head| head.witnessed),
        instance: witnessing.head.map(|head| Head {
            size: head.size,
            at: When::seen(head.signed_at, at),
            vkey: head.key.to_string(),
            note: head.note.to_string(),
        }),
        days: days_in_words(heads.keeping.days),
        holds_standing: heads.keeping.holds_standing.unsigned_abs(),
        witnesses: witnessing.witnesses.into_iter().map(|state| witness(state, at)).collect(),
    };
    Ok(visit.settle(Answer::page(&page)))
}

/// `GET /audit/checkpoints/note`: the newest checkpoint, as a file to keep (C2SP tlog-checkpoint).
pub(super) async fn note(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let read = app::audit::checkpoint(pass::<ReadCheckpoint>(&visit, &human).await?).await;
    let (record, _) = read.map_err(|problem| visit.refused(&problem))?;
    Ok(visit.settle(Answer::file(&format!("checkpoint-{}", record.size), record.note)))
}

/// `GET /audit/checkpoints/anchor`: that the instance's log holds the head, as a file to keep (C2SP tlog-proof).
pub(super) async fn anchor(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let pass = visit.enter::<ProveEntry>(human).await?;
    let read = app::audit::anchor(pass, &visit.state.sequencer).await;
    let (proof, _) = read.map_err(|problem: Problem| visit.refused(&problem))?;
    Ok(visit.settle(Answer::file("anchor.tlog-proof", proof.to_string())))
}
