//! The log as it grows, for listeners that stay: Server-Sent Events whose ids are indices of the log.
//!
//! One look at the database tells all listeners of this process whether their logs grew; each then reads what is its own,
//! in its tenant's own transaction. A listener is known anew every second, so that one whose key or session is over goes.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use audit_log::formats::{Format, Writer};
use bytes::Bytes;
use gates::{Draft, Pass, Reason, Receipt, Vault};
use kernel::{EventKind, Problem, ProblemKind, TenantId};
use store::audit_events::Window;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::FollowLog;
use super::events::{Sought, VERSION, WAITING_WINDOWS_MAX, WINDOW_ENTRIES};

/// Listeners of one organization, in this process.
const LISTENERS_PER_TENANT_MAX: usize = 16;
/// Listeners of all organizations, in this process.
const LISTENERS_MAX: usize = 512;
/// Pause between two looks at whether logs grew, in milliseconds.
const LOOK_MILLIS: u64 = 200;
/// Pause after a look that failed, in milliseconds.
const LOOK_AGAIN_MILLIS: u64 = 1_000;
/// Longest time for which a listener is believed to be who they were, in milliseconds.
const KNOWN_MILLIS_MAX: u64 = 1_000;
/// Longest silence, in seconds: then a comment says that the listener is not forgotten.
const SILENCE_SECONDS_MAX: u64 = 10;
/// When a listener whose connection broke may come again, in milliseconds; part of the stream.
const RETRY_MILLIS: u64 = 1_000;
/// Longest a listener may ask to stay, in seconds. Who says nothing stays until they go.
pub const STAY_SECONDS_MAX: u64 = 3_600;

/// Who listens to which log. Cheap to clone.
#[derive(Clone)]
pub struct Tails(Arc<Inner>);

struct Inner {
    vault: Arc<Vault>,
    feeds: Mutex<Feeds>,
    stop: Option<watch::Receiver<bool>>,
}

#[derive(Default)]
struct Feeds {
    tenants: HashMap<TenantId, Feed>,
    listeners: usize,
    /// Whether somebody looks.
    watched: bool,
}

struct Feed {
    listeners: usize,
    size: watch::Sender<i64>,
}

/// A place among the listeners; given back when dropped.
struct Seat {
    tails: Tails,
    tenant: TenantId,
    size: watch::Receiver<i64>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut feeds = self.tails.feeds();
        feeds.listeners -= 1;
        if let Some(feed) = feeds.tenants.get_mut(&self.tenant) {
            feed.listeners -= 1;
            if feed.listeners == 0 {
                feeds.tenants.remove(&self.tenant);
            }
        }
    }
}

impl Tails {
    /// Listeners over this vault's logs.
    pub fn new(vault: Arc<Vault>) -> Self {
        Self(Arc::new(Inner { vault, feeds: Mutex::default(), stop: None }))
    }

    /// The same, who all go when `stop` turns true.
    pub fn until(vault: Arc<Vault>, stop: watch::Receiver<bool>) -> Self {
        Self(Arc::new(Inner { vault, feeds: Mutex::default(), stop: Some(stop) }))
    }

    /// Resolves when all must go.
    async fn stopped(&self) {
        match self.0.stop.clone() {
            // Without anybody who could say so any more, the server has stopped.
            Some(mut stop) => drop(stop.wait_for(|stopped| *stopped).await),
            None => std::future::pending().await,
        }
    }

    fn feeds(&self) -> std::sync::MutexGuard<'_, Feeds> {
        self.0.feeds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for one more listener.
    fn sit(&self, tenant: TenantId) -> Result<Seat, Problem> {
        let mut feeds = self.feeds();
        let here = feeds.tenants.get(&tenant).map_or(0, |feed| feed.listeners);
        if here >= LISTENERS_PER_TENANT_MAX || feeds.listeners >= LISTENERS_MAX {
            let detail = format!(
                "There are too many listeners: {LISTENERS_PER_TENANT_MAX} of an organization, {LISTENERS_MAX} in all."
            );
            return Err(Problem::new(ProblemKind::RateLimited, detail).retry_after(5));
        }
        feeds.listeners += 1;
        let feed =
            feeds.tenants.entry(tenant).or_insert_with(|| Feed { listeners: 0, size: watch::channel(0).0 });
        feed.listeners += 1;
        let size = feed.size.subscribe();
        if !feeds.watched {
            feeds.watched = true;
            tokio::spawn(self.clone().watch());
        }
        drop(feeds);
        Ok(Seat { tails: self.clone(), tenant, size })
    }

    /// Looks for growth until nobody listens any more.
    async fn watch(self) {
        loop {
            let tenants: Vec<TenantId> = {
                let mut feeds = self.feeds();
                feeds.watched = !feeds.tenants.is_empty();
                if !feeds.watched {
                    return;
                }
                feeds.tenants.keys().copied().collect()
            };
            let pause = match self.look(&tenants).await {
                Ok(()) => LOOK_MILLIS,
                Err(error) => {
                    tracing::warn!(%error, "it cannot be seen whether logs grew");
                    LOOK_AGAIN_MILLIS
                }
            };
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
    }

    async fn look(&self, tenants: &[TenantId]) -> Result<(), store::StoreError> {
        let failed = |error: gates::DatabaseError| tracing::warn!(%error, "the database does not answer");
        let Ok(mut tx) = self.0.vault.system(Reason::Following).await.map_err(failed) else { return Ok(()) };
        let sizes = store::audit_events::sizes(&mut tx, tenants).await?;
        drop(tx);
        let feeds = self.feeds();
        for (tenant, size) in sizes {
            if let Some(feed) = feeds.tenants.get(&tenant) {
                feed.size.send_if_modified(|known| std::mem::replace(known, size) != size);
            }
        }
        Ok(())
    }
}

/// How a listener shows anew that they may listen.
pub trait KnowAgain: Send + 'static {
    /// The pass of this very moment.
    fn know_again(&self) -> impl Future<Output = Result<Pass<FollowLog>, Problem>> + Send;
}

/// What a listener wants.
#[derive(Debug, Clone)]
pub struct TailAsked {
    /// The format of the lines.
    pub format: Format,
    /// Which events.
    pub sought: Sought,
    /// Only those after this index; those from now on when it is not said. -1 is the beginning.
    pub after: Option<i64>,
    /// How long to stay.
    pub stay: Option<Duration>,
}

/// A tail under way: Server-Sent Events, in pieces.
pub type Tail = mpsc::Receiver<Bytes>;

/// Follows the log. The request is on record before the first byte; nothing more is written for what is sent.
///
/// # Errors
/// When the entry cannot be written, there are too many listeners, or the log cannot be read.
pub async fn follow(
    pass: Pass<FollowLog>,
    tails: &Tails,
    asked: TailAsked,
    knows: impl KnowAgain,
) -> Result<(Tail, Receipt), Problem> {
    let seat = match tails.sit(pass.tenant()) {
        Ok(seat) => seat,
        Err(problem) => return Err(pass.fail(Draft::failed(EventKind::AuditRead), problem).await),
    };
    let draft = Draft::done(EventKind::AuditRead).fact("format", asked.format.name());
    let receipt =
        pass.record(draft.fact("after", asked.after.and_then(|after| u64::try_from(after).ok()))).await?;
    let mut tx = pass.read().await?;
    let (origin, size) = store::audit_events::log(&mut tx).await?.unwrap_or_default();
    drop(tx);
    let next = asked.after.map_or(size, |after| after.saturating_add(1)).clamp(0, size);
    let (send, pieces) = mpsc::channel(WAITING_WINDOWS_MAX);
    let now = Instant::now();
    let listener = Listener {
        pass,
        knows,
        seat,
        send,
        next,
        sought: asked.sought,
        format: asked.format,
        origin,
        known: now,
        said: now,
        ends: asked.stay.map(|stay| now + stay),
    };
    tokio::spawn(listener.listen(size));
    Ok((pieces, receipt))
}

struct Listener<K> {
    pass: Pass<FollowLog>,
    knows: K,
    seat: Seat,
    send: mpsc::Sender<Bytes>,
    next: i64,
    sought: Sought,
    format: Format,
    origin: String,
    known: Instant,
    said: Instant,
    ends: Option<Instant>,
}

/// Why a tail ends; the word its last event says, where there is somebody left to read it.
enum End {
    /// The listener has gone.
    Gone,
    /// As said by this word.
    Said(&'static str),
}

impl<K: KnowAgain> Listener<K> {
    async fn listen(mut self, size: i64) {
        let tails = self.seat.tails.clone();
        let ended = tokio::select! {
            ended = self.go_on(size) => ended,
            () = tails.stopped() => End::Said("restarting"),
        };
        if let End::Said(word) = ended {
            let last = format!("event: end\ndata: {word}\n\n");
            // Who has gone does not hear it; who takes nothing any more is not waited for.
            let _ = self.send.try_send(last.into());
        }
    }

    async fn go_on(&mut self, mut size: i64) -> End {
        // Names the place from which a listener goes on that is cut off before the first event.
        let hello = format!("retry: {RETRY_MILLIS}\nid: {}\n: following\n\n", self.next - 1);
        if let Err(end) = self.put(hello.into()).await {
            return end;
        }
        loop {
            size = size.max(*self.seat.size.borrow_and_update());
            if let Err(end) = self.catch_up(size).await {
                return end;
            }
            if self.is_over() {
                return End::Said("over");
            }
            let tick = Instant::now() + Duration::from_millis(KNOWN_MILLIS_MAX);
            let tick = self.ends.map_or(tick, |ends| ends.min(tick));
            tokio::select! {
                _ = self.seat.size.changed() => {}
                () = self.send.closed() => return End::Gone,
                () = tokio::time::sleep_until(tick) => {}
            }
            if let Err(end) = self.stay_known().await {
                return end;
            }
            if self.said.elapsed() >= Duration::from_secs(SILENCE_SECONDS_MAX) {
                let beat = format!(": still here\nid: {}\n\n", self.next - 1);
                if let Err(end) = self.put(beat.into()).await {
                    return end;
                }
            }
        }
    }

    fn is_over(&self) -> bool {
        self.ends.is_some_and(|ends| ends <= Instant::now())
    }

    /// Sends what stands before `size`.
    async fn catch_up(&mut self, size: i64) -> Result<(), End> {
        while self.next < size {
            self.stay_known().await?;
            let window = Window { from: self.next, to: size.min(self.next + WINDOW_ENTRIES) };
            let mut piece = String::new();
            let read = async {
                let mut tx = self.pass.read().await?;
                if self.origin.is_empty() {
                    // The log was opened only after this listener had come.
                    self.origin = store::audit_events::log(&mut tx).await?.unwrap_or_default().0;
                }
                let writer = Writer::new(self.format, self.origin.as_str(), VERSION);
                let put = |event: &audit_log::Event<'_>| {
                    // A line has no line feed in it, and writing to a String cannot fail.
                    let _ = write!(piece, "id: {}\ndata: {}\n\n", event.index, writer.line(event)?);
                    Ok(())
                };
                self.sought.lines((self.pass.vault(), &mut tx), window, u64::MAX, put).await
            };
            if let Err(problem) = read.await {
                return Err(End::Said(problem.kind.slug()));
            }
            if !piece.is_empty() {
                self.put(piece.into()).await?;
            }
            self.next = window.to;
        }
        Ok(())
    }

    /// Hands a piece on. A listener who takes none meanwhile must still be who they were.
    async fn put(&mut self, piece: Bytes) -> Result<(), End> {
        let send = self.send.clone();
        loop {
            let tick = Duration::from_millis(KNOWN_MILLIS_MAX);
            match tokio::time::timeout(tick, send.reserve()).await {
                Ok(Ok(place)) => {
                    place.send(piece);
                    self.said = Instant::now();
                    return Ok(());
                }
                Ok(Err(_)) => return Err(End::Gone),
                Err(_) if self.is_over() => return Err(End::Gone),
                Err(_) => self.stay_known().await?,
            }
        }
    }

    /// Gates one to three once more, when the last time is a while ago.
    async fn stay_known(&mut self) -> Result<(), End> {
        if self.known.elapsed() < Duration::from_millis(KNOWN_MILLIS_MAX) {
            return Ok(());
        }
        match self.knows.know_again().await {
            Ok(pass) if pass.tenant() == self.seat.tenant => {
                self.pass = pass;
                self.known = Instant::now();
                Ok(())
            }
            Ok(_) => Err(End::Said(ProblemKind::Forbidden.slug())),
            Err(problem) => Err(End::Said(problem.kind.slug())),
        }
    }
}
