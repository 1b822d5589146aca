//! Telling owners of reviews that are overdue: once for each override.

use std::sync::Arc;
use std::time::Duration;

use gates::{Draft, Reason, Vault};
use kernel::{EventKind, Face, RequestContext};
use mail::{Address, Letter, LinkError, Words};
use store::{StoreError, break_glass, members};
use tokio::sync::watch;

use crate::accounts::Site;
use crate::mail::{MailError, Outbox};

/// Time between two looks, in seconds.
const LOOK_SECONDS: u64 = 3_600;
const ACTION: &str = "break_glass.remind";

/// Owners could not be told.
#[derive(Debug, thiserror::Error)]
pub enum ReminderError {
    /// The database could not be used.
    #[error(transparent)]
    Database(#[from] gates::DatabaseError),
    /// A statement failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A letter could not be put in.
    #[error(transparent)]
    Mail(#[from] MailError),
    /// The link could not be made.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// It could not be recorded.
    #[error(transparent)]
    Seal(#[from] gates::SealError),
}

/// The job. Any number may run, here and in other processes: an override that one of them holds the others pass over.
pub struct Reminder {
    vault: Arc<Vault>,
    site: Site,
    outbox: Outbox,
}

impl Reminder {
    /// A job over this instance.
    pub fn new(vault: Arc<Vault>, site: Site) -> Self {
        let outbox = Outbox::new(Arc::clone(&vault), site.letterhead().clone());
        Self { vault, site, outbox }
    }

    /// Works until `stop` turns true.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            if let Err(error) = self.round().await {
                tracing::error!(%error, "owners could not be told of overdue reviews");
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(LOOK_SECONDS)) => {}
                changed = stop.changed() => {
                    if changed.is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// Tells of every review that is overdue and was not told of yet; answers how many those were.
    ///
    /// # Errors
    /// When the database cannot be used; what was told of until then stays told.
    pub async fn round(&self) -> Result<u64, ReminderError> {
        let mut told = 0;
        while self.tell_one().await? {
            told += 1;
        }
        Ok(told)
    }

    /// One transaction: the letters, the note that they were written, and its entry.
    async fn tell_one(&self) -> Result<bool, ReminderError> {
        let now = self.vault.clock().now();
        let mut tx = self.vault.system(Reason::Reminder).await?;
        let Some(overdue) = break_glass::take_overdue(&mut tx, now).await? else { return Ok(false) };
        let letter = Letter::BreakGlassReviewDue {
            organization: Words::name(&overdue.organization),
            by: Words::name(&overdue.by),
            reason: Words::reason(&overdue.reason),
            opened: overdue.opened_at,
            due: overdue.review_due_at,
            review: self.site.page(&format!("/break-glass/{}", overdue.id))?,
        };
        let owners = members::owners_of(&mut tx, overdue.tenant).await?;
        let mut letters: u64 = 0;
        for owner in owners {
            let Ok(to) = Address::parse(&owner.address) else { continue };
            self.outbox.put(&mut tx, &to, &letter).await?;
            letters += 1;
        }
        break_glass::reminded(&mut tx, &overdue, now).await?;
        let draft = Draft::done(EventKind::BreakGlassOverdue)
            .subject("break_glass", overdue.id)
            .fact("letters", letters);
        let request = RequestContext::internal(Face::System, self.vault.clock(), self.vault.rng());
        tx.seal(overdue.tenant, draft, &request, ACTION).await?;
        Ok(true)
    }
}
