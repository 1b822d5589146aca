//! The log as events, for people's tools and for security monitors: narrowed, in the order of the log, a page at a time.

use audit_log::entry::EntryView;
use audit_log::formats::{Event, Format, Writer};
use audit_log::{EntryError, Outcome};
use bytes::Bytes;
use gates::{Draft, Pass, Receipt, Tx, Vault};
use kernel::{Category, EventKind, Problem, Timestamp};
use store::audit_events::{Narrow, Window};
use tokio::sync::mpsc;

use super::personal::{disclosed, shown};
use super::{ExportError, ReadEvents, ReadKinds};

/// Events of a page when nothing is said.
pub const EVENTS_ROWS_DEFAULT: u64 = 10_000;
/// Most events of a page.
pub const EVENTS_ROWS_MAX: u64 = 100_000;
/// Entries looked at for one page, at most: what is sought may be rare.
const SCANNED_ENTRIES_MAX: i64 = 1_000_000;
/// Entries looked at in one transaction.
pub(super) const WINDOW_ENTRIES: i64 = 512;
/// Windows that may wait for a slow reader.
pub(super) const WAITING_WINDOWS_MAX: usize = 4;
/// By how much an entry can stand later in the log than one that was made after it, in seconds. Entries are placed in the
/// order of their transactions, and no transaction lives nearly this long.
const DISORDER_SECONDS_MAX: i64 = 3_600;
/// Most kinds, prefixes and categories named at once.
const NAMES_MAX: usize = 64;

/// The version that formats name.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Which events are sought; all of them, unless something is named.
#[derive(Debug, Clone, Default)]
pub struct Sought {
    narrow: Narrow,
    outcome: Option<Outcome>,
}

/// The same as it was asked for.
#[derive(Debug, Clone, Default)]
pub struct SoughtWords<'a> {
    /// Kinds by name, or by a prefix with `*` after it; separated by commas.
    pub kind: Option<&'a str>,
    /// Categories, separated by commas.
    pub category: Option<&'a str>,
    /// Done by this one: a kind and an id, `agent:019a…`.
    pub actor: Option<&'a str>,
    /// How it ended.
    pub outcome: Option<&'a str>,
    /// Of this request.
    pub request_id: Option<&'a str>,
    /// Not before (RFC 3339).
    pub since: Option<&'a str>,
    /// Before (RFC 3339).
    pub until: Option<&'a str>,
}

impl Sought {
    /// Checks what was asked for.
    ///
    /// # Errors
    /// When a kind, a category, an outcome or a time is none. Actor and request id are checked by the face.
    pub fn parse(words: &SoughtWords<'_>) -> Result<Self, Problem> {
        let outcome = words.outcome.map(outcome).transpose()?;
        let narrow = Narrow {
            kinds: kinds(words.kind, words.category)?,
            actor: words.actor.map(str::to_owned),
            request_id: words.request_id.map(str::to_owned),
            since: words.since.map(|text| time(text, "/since")).transpose()?,
            until: words.until.map(|text| time(text, "/until")).transpose()?,
        };
        Ok(Self { narrow, outcome })
    }

    fn admits(&self, entry: &EntryView<'_>) -> bool {
        self.outcome.is_none_or(|outcome| outcome == entry.outcome)
    }

    /// Hands on the events of a window, `rows` at most, and says how many there were.
    pub(super) async fn lines(
        &self,
        (vault, tx): (&Vault, &mut Tx),
        window: Window,
        rows: u64,
        mut put: impl FnMut(&Event<'_>) -> Result<(), EntryError>,
    ) -> Result<u64, Problem> {
        let mut found = 0;
        let leaves = store::audit_events::window(tx, window, &self.narrow).await?;
        let disclosed = disclosed(vault, tx, leaves.iter().map(|(_, leaf)| leaf.as_slice())).await?;
        for (index, leaf) in leaves {
            let broken = |error: EntryError| {
                tracing::error!(%error, index, "a stored entry is none");
                Problem::internal()
            };
            let shown = shown(&leaf, &disclosed).map_err(broken)?;
            let event = Event::read(index.unsigned_abs(), &leaf).map_err(broken)?.shown(shown.as_ref());
            if found < rows && self.admits(&event.entry) {
                put(&event).map_err(broken)?;
                found += 1;
            }
        }
        Ok(found)
    }
}

/// A moment that is named.
pub(super) fn time(text: &str, pointer: &str) -> Result<Timestamp, Problem> {
    let detail = "Give a time as RFC 3339 has it: 2026-11-22T10:00:00Z.";
    text.parse().map_err(|_| Problem::invalid(pointer, detail))
}

/// An outcome that is named.
pub(super) fn outcome(text: &str) -> Result<Outcome, Problem> {
    let detail = "The outcomes are intent, ok, refused, failed and unknown.";
    text.parse().map_err(|_| Problem::invalid("/outcome", detail))
}

/// The kinds that are named, by name, by prefix and by category: those that are all that was asked for.
pub(super) fn kinds(kind: Option<&str>, category: Option<&str>) -> Result<Option<Vec<String>>, Problem> {
    if kind.is_none() && category.is_none() {
        return Ok(None);
    }
    let mut found: Vec<EventKind> = EventKind::ALL.to_vec();
    if let Some(names) = kind {
        let mut named = Vec::new();
        for name in names.split(',').map(str::trim).take(NAMES_MAX) {
            let fits = |kind: &&EventKind| match name.strip_suffix('*') {
                Some(prefix) => kind.name().starts_with(prefix),
                None => kind.name() == name,
            };
            let before = named.len();
            named.extend(EventKind::ALL.iter().filter(fits));
            if named.len() == before {
                let detail = "A kind is not known: GET /api/v1/audit/kinds lists them; a prefix ends with *.";
                return Err(Problem::invalid("/kind", detail));
            }
        }
        found.retain(|kind| named.contains(kind));
    }
    if let Some(names) = category {
        let parsed = names.split(',').map(str::trim).take(NAMES_MAX).map(str::parse::<Category>);
        let named = parsed.collect::<Result<Vec<_>, _>>().map_err(|_| {
            Problem::invalid("/category", "A category is not known: GET /api/v1/audit/kinds lists them.")
        })?;
        found.retain(|kind| named.contains(&kind.category()));
    }
    Ok(Some(found.into_iter().map(|kind| kind.name().to_owned()).collect()))
}

/// Which page of events is wanted, and how.
#[derive(Debug, Clone)]
pub struct EventsAsked {
    /// The format.
    pub format: Format,
    /// Which events.
    pub sought: Sought,
    /// Only those after this index.
    pub after: Option<u64>,
    /// So many at most.
    pub rows: u64,
}

impl EventsAsked {
    /// Checks the size of a page.
    ///
    /// # Errors
    /// When it is none.
    pub fn rows(asked: Option<u64>) -> Result<u64, Problem> {
        let rows = asked.unwrap_or(EVENTS_ROWS_DEFAULT);
        if !(1..=EVENTS_ROWS_MAX).contains(&rows) {
            let detail = format!("A page has 1 to {EVENTS_ROWS_MAX} events.");
            return Err(Problem::invalid("/limit", detail));
        }
        Ok(rows)
    }
}

/// A page of events under way.
pub struct Events {
    /// Entries the log holds now.
    pub log_size: u64,
    /// Entries up to this index, and without it, are looked at for this page: when it gives fewer events than were asked
    /// for, the next page begins here.
    pub looked_to: u64,
    /// Entries below this index are in an archive and not in any page.
    pub archived: u64,
    /// Whether this page would have begun among them.
    pub skipped: bool,
    /// The lines, in pieces.
    pub pieces: mpsc::Receiver<Result<Bytes, ExportError>>,
}

/// Gives a page of events, in the order of the log. The request is on record before the first byte.
///
/// # Errors
/// When the entry cannot be written or the log not be read.
pub async fn events(pass: Pass<ReadEvents>, asked: EventsAsked) -> Result<(Events, Receipt), Problem> {
    let draft = Draft::done(EventKind::AuditExported).fact("format", asked.format.name());
    let receipt = pass.record(draft.fact("after", asked.after)).await?;
    let mut tx = pass.read().await?;
    let (origin, size) = store::audit_events::log(&mut tx).await?.unwrap_or_default();
    let mut from = asked.after.map_or(0, |after| i64::try_from(after).unwrap_or(i64::MAX).saturating_add(1));
    let archived = store::retention::archive(&mut tx, size).await?.map_or(0, |archive| archive.size);
    let skipped = from < archived;
    from = from.max(archived);
    if let Some(since) = asked.sought.narrow.since {
        from = from.max(begin(&mut tx, since, (archived, size)).await?);
    }
    drop(tx);
    let from = from.min(size);
    let to = size.min(from.saturating_add(SCANNED_ENTRIES_MAX));
    let (send, pieces) = mpsc::channel(WAITING_WINDOWS_MAX);
    let archived = archived.unsigned_abs();
    let events =
        Events { log_size: size.unsigned_abs(), looked_to: to.unsigned_abs(), archived, skipped, pieces };
    let writer = Writer::new(asked.format, origin, VERSION);
    tokio::spawn(async move {
        if let Err(problem) = write(&pass, &asked, &writer, Window { from, to }, &send).await {
            tracing::error!(detail = %problem.detail, "an export of events broke off");
            // Who has gone does not hear it.
            let _ = send.send(Err(ExportError)).await;
        }
    });
    Ok((events, receipt))
}

async fn write(
    pass: &Pass<ReadEvents>,
    asked: &EventsAsked,
    writer: &Writer,
    all: Window,
    send: &mpsc::Sender<Result<Bytes, ExportError>>,
) -> Result<(), Problem> {
    let mut piece = Vec::new();
    // Who goes on has the head already.
    if asked.after.is_none() {
        writer.put_head(&mut piece);
    }
    let (mut from, mut left) = (all.from, asked.rows);
    while from < all.to && left > 0 {
        let window = Window { from, to: all.to.min(from + WINDOW_ENTRIES) };
        // No connection is held while a slow reader takes its time.
        let mut tx = pass.read().await?;
        left -= asked
            .sought
            .lines((pass.vault(), &mut tx), window, left, |event| writer.put(event, &mut piece))
            .await?;
        drop(tx);
        from = window.to;
        if !piece.is_empty() && send.send(Ok(std::mem::take(&mut piece).into())).await.is_err() {
            return Ok(());
        }
    }
    if !piece.is_empty() {
        // The reader may have gone; then nobody misses the end.
        let _ = send.send(Ok(piece.into())).await;
    }
    Ok(())
}

/// An index before which nothing was made at `since` or later, found by halving.
async fn begin(tx: &mut Tx, since: Timestamp, (kept_from, size): (i64, i64)) -> Result<i64, Problem> {
    let floor = since.unix_micros().saturating_sub(DISORDER_SECONDS_MAX * 1_000_000);
    let (mut low, mut high) = (kept_from, size);
    while low < high {
        let middle = low + (high - low) / 2;
        match store::audit_events::made_at(tx, middle).await? {
            Some(at) if at.unix_micros() < floor => low = middle + 1,
            _ => high = middle,
        }
    }
    Ok(low)
}

/// Puts on record that the catalogue of kinds was read; it is the same for everybody.
///
/// # Errors
/// When the entry cannot be written; the catalogue must not be shown then.
pub async fn kinds_read(pass: Pass<ReadKinds>) -> Result<Receipt, Problem> {
    pass.seal(Draft::done(EventKind::AuditRead)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: Option<&str>, category: Option<&str>) -> Vec<String> {
        kinds(kind, category).expect("known").expect("narrowed")
    }

    #[test]
    fn kinds_are_named_by_name_prefix_and_category() {
        assert_eq!(kinds(None, None), Ok(None));
        assert_eq!(of(Some("KEY_CREATED"), None), ["KEY_CREATED"]);
        assert_eq!(of(Some("KEY_*"), None), ["KEY_CREATED", "KEY_REVOKED", "KEY_ROTATED"]);
        assert_eq!(of(Some("KEY_*, key.listed"), Some("keys")).len(), 4);
        assert_eq!(of(Some("*"), None).len(), EventKind::ALL.len());
        assert!(of(Some("KEY_*"), Some("agents")).is_empty());
        for bad in ["", "key", "nobody.*", "KEY_CREATED,,"] {
            assert!(kinds(Some(bad), None).is_err(), "{bad:?}");
        }
        assert!(kinds(None, Some("rooms")).is_err());
    }

    #[test]
    fn what_is_no_time_or_outcome_is_refused() {
        let words = SoughtWords { since: Some("yesterday"), ..SoughtWords::default() };
        assert!(Sought::parse(&words).is_err());
        let words = SoughtWords { outcome: Some("fine"), ..SoughtWords::default() };
        assert!(Sought::parse(&words).is_err());
        let words =
            SoughtWords { outcome: Some("refused"), until: Some("2026-11-22T10:00:00+01:00"), ..words };
        assert!(Sought::parse(&words).is_ok());
    }
}
