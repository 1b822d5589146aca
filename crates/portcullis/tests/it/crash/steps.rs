//! The sequencer, dropped at every point where it waits. A dropped future leaves its statement with the server, as a
//! killed process does: the statement may still be done, or even the commit, and nobody hears of it.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use app::audit::jobs::Sequencer;
use gates::Vault;
use sqlx::Row as _;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::house::{Database, Tenant, run};

/// The longest pause between checkpoints, which these tests never wait for.
const NEVER: Duration = Duration::from_mins(5);
/// Statements of a round over one log that has yet to be opened: three to see who waits; then begin, lock, look, the
/// two of opening and a look at it, take, place, grow, commit.
const ROUND_STATEMENTS: usize = 13;
/// Statements of signing one log: three to see which are due; then begin, the pen, look, alarms, the last checkpoint, the
/// seed, keep, the entry of the instance's log and the anchor, commit.
const SIGNING_STATEMENTS: usize = 13;
/// Statements of settling one entry: seven to place it, ten to sign, three to see that it is covered.
const SETTLING_STATEMENTS: usize = 20;

/// Counts the statements begun while it listens, which is while a work is polled.
struct Statements(Arc<AtomicUsize>);

impl Subscriber for Statements {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == gates::STATEMENTS
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn event(&self, event: &Event<'_>) {
        if event.metadata().target() == gates::STATEMENTS {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// Does the work until its statement number `last` is under way and drops it then; returns what it said, if it ended
/// before, and how many statements it had begun.
async fn dropped_at<F: Future>(work: F, last: usize) -> (Option<F::Output>, usize) {
    let begun = Arc::new(AtomicUsize::new(0));
    let listener = tracing::Dispatch::new(Statements(Arc::clone(&begun)));
    let mut work = pin!(work);
    let said = std::future::poll_fn(|context| {
        match tracing::dispatcher::with_default(&listener, || work.as_mut().poll(context)) {
            Poll::Ready(said) => Poll::Ready(Some(said)),
            Poll::Pending if begun.load(Ordering::Relaxed) >= last => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await;
    (said, begun.load(Ordering::Relaxed))
}

/// Does the work of `begin` once undisturbed, in exactly so many statements, and then drops it at each of them.
/// `prepare` gives it something to do each time.
async fn every_step<P, B, T>(statements: usize, mut prepare: P, mut begin: B)
where
    P: AsyncFnMut(),
    B: AsyncFnMut() -> T,
{
    prepare().await;
    let (said, begun) = dropped_at(begin(), usize::MAX).await;
    assert!(said.is_some());
    assert_eq!(begun, statements, "statements of the work");
    for last in 1..=statements {
        prepare().await;
        dropped_at(begin(), last).await;
    }
}

struct Stage {
    database: Database,
    vault: Arc<Vault>,
    sequencer: Sequencer,
}

impl Stage {
    async fn set(house: &'static crate::house::House, purpose: &str) -> Self {
        let database = house.database(purpose).await;
        let vault = database.vault().await.expect("served");
        let sequencer = Sequencer::new(Arc::clone(&vault), "steps.example.com", NEVER);
        Self { database, vault, sequencer }
    }

    async fn count(&self, sql: &'static str) -> i64 {
        let row = sqlx::query(sql).fetch_one(&mut self.database.superuser().await).await;
        row.expect("a count").get(0)
    }

    /// After all that dropping, one undisturbed round puts everything right.
    async fn ends_well(self, cases: usize) {
        let settled = async {
            // A connection whose transaction was dropped holds its lock until the server notices.
            while self.count("select count(*) from audit_queue").await > 0 {
                self.sequencer.round().await.expect("a round");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), settled).await.expect("everything gets its place");
        // Twice: the heads of the organizations' logs are entries of the instance's.
        for _ in 0..2 {
            self.sequencer.round().await.expect("a round");
            self.sequencer.sign_due(Duration::ZERO).await.expect("signed");
        }
        let (entries, leaves) = (
            self.count("select count(*) from audit_entry").await,
            self.count("select count(*) from audit_leaf").await,
        );
        assert_eq!(entries, leaves, "every entry has one place");
        assert!(entries >= i64::try_from(cases).expect("few"));
        let unsigned = "select count(*) from audit_tree t where t.size <> \
                        (select max(c.size) from audit_checkpoint c where c.tenant_id = t.tenant_id)";
        assert_eq!(self.count(unsigned).await, 0, "every log is signed to its end");
        self.vault.close();
        self.database.verified().await.exited(0);
    }
}

#[test]
fn a_round_can_be_dropped_at_every_step() {
    run(async |house| {
        let stage = Stage::set(house, "steps_round").await;
        stage.sequencer.round().await.expect("a round");
        // A log of its own each time, so that opening it is among the steps.
        let prepare = async || drop(Tenant::make(&stage.vault, "steps").await);
        let round = async || stage.sequencer.round().await.expect("a round");
        every_step(ROUND_STATEMENTS, prepare, round).await;
        stage.ends_well(ROUND_STATEMENTS).await;
    });
}

#[test]
fn signing_can_be_dropped_at_every_step() {
    run(async |house| {
        let stage = Stage::set(house, "steps_sign").await;
        stage.sequencer.round().await.expect("a round");
        stage.sequencer.sign_due(Duration::ZERO).await.expect("signed");
        let prepare = async || {
            Tenant::make(&stage.vault, "steps").await;
            stage.sequencer.round().await.expect("a round");
        };
        let sign = async || stage.sequencer.sign_due(Duration::ZERO).await.expect("signed");
        every_step(SIGNING_STATEMENTS, prepare, sign).await;
        stage.ends_well(SIGNING_STATEMENTS).await;
    });
}

#[test]
fn settling_can_be_dropped_at_every_step() {
    run(async |house| {
        let stage = Stage::set(house, "steps_settle").await;
        let tenant = Tenant::make(&stage.vault, "steps").await;
        stage.sequencer.round().await.expect("a round");
        let (vault, id) = (Arc::clone(&stage.vault), tenant.id);
        for last in (1..=SETTLING_STATEMENTS).chain([usize::MAX]).rev() {
            let entry = written(&vault, id).await;
            let (said, begun) = dropped_at(stage.sequencer.settle(id, entry), last).await;
            if last == usize::MAX {
                said.expect("it ended").expect("settled");
                assert_eq!(begun, SETTLING_STATEMENTS, "statements of settling");
            }
        }
        stage.ends_well(SETTLING_STATEMENTS).await;
    });
}

/// One more entry in the organization's log.
async fn written(vault: &Arc<Vault>, tenant: kernel::TenantId) -> kernel::EntryId {
    let tx = vault.system(gates::Reason::SetUp).await.expect("a system transaction");
    let draft = gates::Draft::done(kernel::EventKind::OrganizationRead);
    let receipt =
        tx.seal(tenant, draft, &crate::house::request(), "organization.read").await.expect("sealed");
    receipt.entry()
}
