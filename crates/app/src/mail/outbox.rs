//! The outbox as the house uses it: letters go in sealed and are opened again for a carrier or for the operator.

use std::sync::Arc;

use crypto::Place;
use gates::{DatabaseError, Reason, SystemTx, Vault};
use kernel::{LetterId, Problem, Timestamp};
use mail::{Address, Letter, Letterhead, Message, MessageError};
use store::StoreError;
use store::mail::{Listed, NewLetter};

/// Letters looked at together when those to one person are removed.
const FORGET_ROWS: i64 = 500;

/// The outbox could not be used.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The database could not be used.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A statement failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The letter could not be written.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// A letter could not be sealed, or what is kept does not open.
    #[error("a letter in the outbox could not be sealed or opened: {0}")]
    Sealed(String),
}

impl From<MailError> for Problem {
    fn from(error: MailError) -> Self {
        match error {
            MailError::Store(error) => error.into(),
            error => {
                tracing::error!(%error, "a letter could not be put into the outbox");
                Problem::internal()
            }
        }
    }
}

/// Writes letters and puts them in. Cheap to clone.
#[derive(Clone)]
pub struct Outbox {
    vault: Arc<Vault>,
    head: Arc<Letterhead>,
}

impl Outbox {
    /// The outbox of this instance.
    pub fn new(vault: Arc<Vault>, head: Letterhead) -> Self {
        Self { vault, head: Arc::new(head) }
    }

    /// Puts a letter in with the change it tells of: both commit or neither does.
    ///
    /// # Errors
    /// When it cannot be written or kept; the transaction must not commit then.
    pub async fn put(&self, tx: &mut SystemTx, to: &Address, letter: &Letter) -> Result<LetterId, MailError> {
        let sealed = Sealed::of(&self.vault, &self.head, to, letter)?;
        store::mail::put(tx, &sealed.row()).await?;
        Ok(sealed.id)
    }

    /// Puts a letter in by itself.
    ///
    /// # Errors
    /// As [`Outbox::put`], or when the database cannot be used.
    pub async fn send(&self, to: &Address, letter: &Letter) -> Result<LetterId, MailError> {
        let mut tx = self.vault.system(Reason::Mail).await?;
        let id = self.put(&mut tx, to, letter).await?;
        tx.finish().await?;
        Ok(id)
    }
}

/// A letter as it is kept.
pub(super) struct Sealed {
    pub(super) id: LetterId,
    kind: &'static str,
    at: Timestamp,
    to: Vec<u8>,
    message: Vec<u8>,
}

impl Sealed {
    /// Writes a letter and seals it.
    pub(super) fn of(
        vault: &Vault,
        head: &Letterhead,
        to: &Address,
        letter: &Letter,
    ) -> Result<Self, MailError> {
        let id = LetterId::new(vault.clock(), vault.rng());
        let row = id.to_string();
        let message = letter.write(head, to)?;
        let seal = |column, plain: &[u8]| {
            let sealed = vault.envelope().seal(vault.rng(), &place(column, &row), plain);
            sealed.map_err(|error| MailError::Sealed(error.to_string()))
        };
        Ok(Self {
            id,
            kind: letter.kind(),
            at: vault.clock().now(),
            to: seal(TO, to.as_str().as_bytes())?,
            message: seal(MESSAGE, &message.to_bytes()?)?,
        })
    }

    pub(super) fn row(&self) -> NewLetter<'_> {
        NewLetter {
            id: self.id,
            kind: self.kind,
            at: self.at,
            to_sealed: &self.to,
            message_sealed: &self.message,
        }
    }
}

const TO: &str = "to_sealed";
const MESSAGE: &str = "message_sealed";

fn place<'a>(column: &'static str, row: &'a str) -> Place<'a> {
    Place { tenant: None, table: "mail_outbox", column, row }
}

/// Opens the address of a letter.
fn open_address(vault: &Vault, id: LetterId, sealed: &[u8]) -> Result<Address, MailError> {
    let failed = |error: &dyn std::fmt::Display| MailError::Sealed(error.to_string());
    let plain = vault.envelope().open(&place(TO, &id.to_string()), sealed).map_err(|error| failed(&error))?;
    let text = plain.expose_str().ok_or_else(|| failed(&"the address is no text"))?;
    Address::parse(text).map_err(|error| failed(&error))
}

/// Opens a whole letter.
pub(super) fn open(
    vault: &Vault,
    id: LetterId,
    to_sealed: &[u8],
    message_sealed: &[u8],
) -> Result<Message, MailError> {
    let to = open_address(vault, id, to_sealed)?;
    let plain = vault
        .envelope()
        .open(&place(MESSAGE, &id.to_string()), message_sealed)
        .map_err(|error| MailError::Sealed(error.to_string()))?;
    Ok(Message::from_bytes(to, plain.expose())?)
}

/// Where a letter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It waits for its next attempt, or for a mail server to be configured.
    Waiting,
    /// The mail server took it.
    Sent,
    /// It was given up.
    Failed,
}

impl State {
    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Failed => "failed",
        }
    }
}

/// A letter as the operator sees it.
pub struct Shown {
    /// Its id.
    pub id: LetterId,
    /// The kind of letter.
    pub kind: String,
    /// To whom; `None` when what is kept does not open.
    pub to: Option<Address>,
    /// Where it stands.
    pub state: State,
    /// When it was put in.
    pub made_at: Timestamp,
    /// When it is tried next, while it waits.
    pub due_at: Option<Timestamp>,
    /// When the mail server took it.
    pub sent_at: Option<Timestamp>,
    /// When it was given up.
    pub failed_at: Option<Timestamp>,
    /// Attempts so far.
    pub attempts: i32,
    /// Why the last one failed.
    pub last_error: Option<String>,
}

impl Shown {
    pub(super) fn of(vault: &Vault, listed: Listed) -> Self {
        let state = match (listed.sent_at, listed.failed_at) {
            (Some(_), _) => State::Sent,
            (None, Some(_)) => State::Failed,
            (None, None) => State::Waiting,
        };
        Self {
            to: open_address(vault, listed.id, &listed.to_sealed).ok(),
            id: listed.id,
            kind: listed.kind,
            state,
            made_at: listed.made_at,
            due_at: (state == State::Waiting).then_some(listed.due_at),
            sent_at: listed.sent_at,
            failed_at: listed.failed_at,
            attempts: listed.attempts,
            last_error: listed.last_error,
        }
    }
}

/// Removes every letter to somebody, sent or not. How many there were.
///
/// # Errors
/// When the database cannot be used.
pub(crate) async fn forget_letters_to(
    vault: &Vault,
    tx: &mut SystemTx,
    to: &Address,
) -> Result<u64, StoreError> {
    let (mut before, mut removed) = (None, 0);
    loop {
        let page = store::mail::list(tx, before, FORGET_ROWS).await?;
        let Some(last) = page.last() else { return Ok(removed) };
        before = Some(last.id);
        let theirs = page.iter().filter(|letter| {
            open_address(vault, letter.id, &letter.to_sealed).is_ok_and(|found| found.key() == to.key())
        });
        let theirs: Vec<LetterId> = theirs.map(|letter| letter.id).collect();
        removed += store::mail::remove(tx, &theirs).await?;
    }
}

/// The letters of the outbox before `before`, newest first, for the operator on the machine.
///
/// # Errors
/// When the database cannot be used.
pub async fn list(vault: &Arc<Vault>, before: Option<LetterId>, rows: i64) -> Result<Vec<Shown>, MailError> {
    let mut tx = vault.system(Reason::Mail).await?;
    let found = store::mail::list(&mut tx, before, rows).await?;
    tx.finish().await?;
    Ok(found.into_iter().map(|listed| Shown::of(vault, listed)).collect())
}

/// One letter with what it says.
///
/// # Errors
/// When the database cannot be used, or what is kept does not open.
pub async fn show(vault: &Arc<Vault>, id: LetterId) -> Result<Option<(Shown, Message)>, MailError> {
    let mut tx = vault.system(Reason::Mail).await?;
    let found = store::mail::get(&mut tx, id).await?;
    tx.finish().await?;
    let Some((listed, sealed)) = found else { return Ok(None) };
    let message = open(vault, id, &listed.to_sealed, &sealed)?;
    Ok(Some((Shown::of(vault, listed), message)))
}
