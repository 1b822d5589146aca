//! The sequencer, dropped at every point where it waits. A dropped future leaves its statement with the server, as a
//! killed process does: the statement may still be done, or even the commit, and nobody hears of it.

use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use app::audit::jobs::Sequencer;
use gates::Vault;
use sqlx::Row as _;

use crate::house::{Database, Tenant, run};

/// More waiting points than any of the sequencer's works has.
const POLLS_MAX: usize = 2_000;
/// The longest pause between checkpoints, which these tests never wait for.
const NEVER: Duration = Duration::from_mins(5);

/// Polls `work` at most `polls` times and then drops it.
async fn polled<F: Future>(work: F, polls: usize) -> Option<F::Output> {
    let mut work = pin!(work);
    let mut left = polls;
    std::future::poll_fn(move |context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        work.as_mut().poll(context).map(Some)
    })
    .await
}

/// Drops the work of `begin` after one poll, after two, and so on until it is done; returns how many there were.
/// `prepare` gives it something to do each time.
async fn every_step<P, B, T>(mut prepare: P, mut begin: B) -> usize
where
    P: AsyncFnMut(usize),
    B: AsyncFnMut() -> T,
{
    for polls in 1..POLLS_MAX {
        prepare(polls).await;
        if polled(begin(), polls).await.is_some() {
            return polls;
        }
    }
    panic!("it never ends");
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
        self.sequencer.sign_due(Duration::ZERO).await.expect("signed");
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

/// Points at which a step must at least have been dropped. How often it is polled depends on how quickly the database
/// answers: on a busy machine several answers wait for one poll.
const STEPS_MIN: usize = 1;

#[test]
fn a_round_can_be_dropped_at_every_step() {
    run(async |house| {
        let stage = Stage::set(house, "steps_round").await;
        // A log of its own each time, so that opening it is among the steps.
        let prepare = async |_| drop(Tenant::make(&stage.vault, "steps").await);
        let steps = every_step(prepare, async || stage.sequencer.round().await.expect("a round")).await;
        println!("a round was dropped at {steps} points");
        assert!(steps > STEPS_MIN, "it was hardly interrupted");
        stage.ends_well(steps).await;
    });
}

#[test]
fn signing_can_be_dropped_at_every_step() {
    run(async |house| {
        let stage = Stage::set(house, "steps_sign").await;
        let prepare = async |_| {
            Tenant::make(&stage.vault, "steps").await;
            stage.sequencer.round().await.expect("a round");
        };
        let sign = async || stage.sequencer.sign_due(Duration::ZERO).await.expect("signed");
        let steps = every_step(prepare, sign).await;
        println!("signing was dropped at {steps} points");
        assert!(steps > STEPS_MIN, "it was hardly interrupted");
        stage.ends_well(steps).await;
    });
}

#[test]
fn settling_can_be_dropped_at_every_step() {
    run(async |house| {
        let stage = Stage::set(house, "steps_settle").await;
        let tenant = Tenant::make(&stage.vault, "steps").await;
        let (vault, id) = (Arc::clone(&stage.vault), tenant.id);
        for polls in 1..POLLS_MAX {
            let entry = written(&vault, id).await;
            if let Some(done) = polled(stage.sequencer.settle(id, entry), polls).await {
                done.expect("settled");
                println!("settling was dropped at {polls} points");
                break;
            }
        }
        stage.ends_well(1).await;
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
