//! The change of `ENCRYPTION_KEY`: what lies under the key of before is sealed anew under the one of now, while servers run.
//!
//! A value is opened, sealed and put back in one statement that says what it replaces, so that a server that changes it at the
//! same moment wins. Every hundred values are one transaction with an entry in the log of whose they are; broken off, it goes on
//! where it was.

use std::sync::Arc;

use crypto::Place;
use gates::{By, Draft, Reason, Vault};
use kernel::{EventKind, RequestContext, TenantId};
use store::rewrap::{SEALED_COLUMNS, SealedColumn, Stale};

use crate::operator::OperatorError;

/// Values sealed anew in one transaction.
const VALUES_PER_COMMIT_MAX: i64 = 100;
/// How often everything is gone through, when servers seal with the other key meanwhile.
const PASSES_MAX: usize = 5;
/// Values that open with neither key and are named.
const UNREADABLE_NAMED_MAX: usize = 100;

const ACTION: &str = "operator.rewrap";

/// Why the change of key was not finished. What was sealed anew stays so.
#[derive(Debug, thiserror::Error)]
pub enum RewrapError {
    /// There is one key only.
    #[error(
        "there is nothing to change from: set ENCRYPTION_KEY_OTHER to the key of before, beside the new ENCRYPTION_KEY"
    )]
    NoOther,
    /// It is not done after all passes.
    #[error(
        "{0} values were sealed with the other key meanwhile: restart every server with ENCRYPTION_KEY set to the new key"
    )]
    Moving(i64),
    /// Some values open with neither key.
    #[error("{} values open with neither key; name them with --json, or go on without them with --leave-unreadable", .0.unreadable_values)]
    Unreadable(Rewrapped),
    /// The database could not be used.
    #[error(transparent)]
    Operator(#[from] OperatorError),
}

/// How far it is.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// Values that were sealed anew.
    pub done: u64,
    /// Values there were to seal at the start.
    pub of: u64,
    /// The table that is gone through.
    pub table: &'static str,
}

/// What was done.
#[derive(Debug, Default, Clone)]
pub struct Rewrapped {
    /// Values that were sealed anew.
    pub values: u64,
    /// Values that open with neither key, the first hundred of them.
    pub unreadable: Vec<Unreadable>,
    /// How many there are in all.
    pub unreadable_values: u64,
}

/// A value that opens with neither key: from a backup under another one, or altered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Its table.
    pub table: &'static str,
    /// Its column.
    pub column: &'static str,
    /// Whose it is; `None` for the instance's own.
    pub tenant: Option<TenantId>,
    /// Its row.
    pub row: String,
}

/// How many values lie under another key than the `ENCRYPTION_KEY` of now. Those from before ids of keys stood in them count
/// only while the key is being changed: otherwise there was never another one.
///
/// # Errors
/// When the database cannot be used.
pub async fn values_elsewhere(vault: &Arc<Vault>) -> Result<i64, OperatorError> {
    let header = header(vault);
    let mut tx = vault.system(Reason::KeyRotation).await?;
    let mut values = 0;
    for column in &SEALED_COLUMNS {
        values += if vault.is_key_changing() {
            column.count(&mut tx, &header).await?
        } else {
            column.elsewhere(&mut tx, &header).await?
        };
    }
    tx.finish().await?;
    Ok(values)
}

fn header(vault: &Vault) -> Vec<u8> {
    let mut header = Vec::new();
    vault.envelope().header(&mut header);
    header
}

/// Seals everything anew that does not lie under the key of now; at the end the value by which servers know their database's key.
///
/// # Errors
/// See [`RewrapError`]. It can be run again.
pub async fn rewrap(
    vault: &Arc<Vault>,
    request: &RequestContext,
    leave_unreadable: bool,
    tell: &mut dyn FnMut(Progress),
) -> Result<Rewrapped, RewrapError> {
    if !vault.is_key_changing() {
        return Err(RewrapError::NoOther);
    }
    let [columns @ .., canary] = &SEALED_COLUMNS;
    let mut work = Work { vault, request, header: header(vault), of: 0, done: Rewrapped::default() };
    work.of = u64::try_from(work.left(columns).await?).unwrap_or_default();
    let mut left = 0;
    for _ in 0..PASSES_MAX {
        work.done.unreadable.clear();
        work.done.unreadable_values = 0;
        for column in columns {
            work.column(column, tell).await?;
        }
        left = work.left(columns).await?;
        if u64::try_from(left).unwrap_or_default() <= work.done.unreadable_values {
            if work.done.unreadable_values > 0 && !leave_unreadable {
                return Err(RewrapError::Unreadable(work.done));
            }
            work.column(canary, tell).await?;
            return Ok(work.done);
        }
    }
    Err(RewrapError::Moving(left))
}

struct Work<'a> {
    vault: &'a Arc<Vault>,
    request: &'a RequestContext,
    header: Vec<u8>,
    of: u64,
    done: Rewrapped,
}

impl Work<'_> {
    async fn left(&self, columns: &[SealedColumn]) -> Result<i64, OperatorError> {
        let mut tx = self.vault.system(Reason::KeyRotation).await?;
        let mut left = 0;
        for column in columns {
            left += column.count(&mut tx, &self.header).await?;
        }
        tx.finish().await?;
        Ok(left)
    }

    /// Goes through a column once.
    async fn column(
        &mut self,
        column: &SealedColumn,
        tell: &mut dyn FnMut(Progress),
    ) -> Result<(), OperatorError> {
        let mut tx = self.vault.system(Reason::KeyRotation).await?;
        let tenants = column.tenants(&mut tx, &self.header).await?;
        tx.finish().await?;
        for tenant in tenants {
            let mut after = None;
            while let Some(last) = self.batch(column, tenant, after.as_deref()).await? {
                after = Some(last);
                tell(Progress { done: self.done.values, of: self.of, table: column.table });
            }
        }
        Ok(())
    }

    /// Seals the next values of an organization anew; answers the last row of them, `None` when there were none.
    async fn batch(
        &mut self,
        column: &SealedColumn,
        tenant: Option<TenantId>,
        after: Option<&str>,
    ) -> Result<Option<String>, OperatorError> {
        let mut tx = self.vault.system(Reason::KeyRotation).await?;
        let stale = column.stale(&mut tx, &self.header, tenant, (after, VALUES_PER_COMMIT_MAX)).await?;
        let mut values = 0_u64;
        for was in &stale {
            match self.anew(column, tenant, was) {
                Some(sealed) => values += u64::from(column.replace(&mut tx, tenant, was, &sealed).await?),
                None => self.unreadable(column, tenant, was),
            }
        }
        if values == 0 {
            tx.finish().await?;
        } else {
            let draft = Draft::done(EventKind::EncryptionKeyChanged)
                .fact("table", column.table)
                .fact("column", column.column)
                .fact("values", values);
            let log = tenant.unwrap_or_else(|| self.vault.instance());
            tx.seal_by(By::System, log, draft, self.request, ACTION).await?;
            self.done.values += values;
        }
        Ok(stale.into_iter().next_back().map(|was| was.row))
    }

    fn anew(&self, column: &SealedColumn, tenant: Option<TenantId>, was: &Stale) -> Option<Vec<u8>> {
        let place = Place { tenant, table: column.table, column: column.column, row: &was.row };
        let plain = self.vault.envelope().open(&place, &was.sealed).ok()?;
        self.vault.envelope().seal(self.vault.rng(), &place, plain.expose()).ok()
    }

    fn unreadable(&mut self, column: &SealedColumn, tenant: Option<TenantId>, was: &Stale) {
        self.done.unreadable_values += 1;
        if self.done.unreadable.len() < UNREADABLE_NAMED_MAX {
            let (table, column, row) = (column.table, column.column, was.row.clone());
            self.done.unreadable.push(Unreadable { table, column, tenant, row });
        }
    }
}
