//! What entries say about people, opened for whoever may read the log: the one place where that happens.
//!
//! Of a page of entries, of a window of events, of a chunk of an export: one look at the database for all of them, and none
//! when none of them commits to anything.

use audit_log::entry::EntryView;
use audit_log::personal::{self, may_hold};
use audit_log::{Disclosures, EntryError, Shown};
use gates::{SystemTx, Tx, Vault};
use kernel::{EntryId, Problem, TenantId};
use store::StoreError;
use store::audit::Placed;

use super::EntryRecord;

/// The entries among these leaves that may commit to personal values.
fn committing<'l>(leaves: impl IntoIterator<Item = &'l [u8]>) -> Vec<EntryId> {
    let views = leaves.into_iter().filter(|leaf| may_hold(leaf)).map(EntryView::parse);
    // What does not read is named by whoever reads it.
    views.filter_map(Result::ok).map(|view| EntryId::from_uuid(view.id)).collect()
}

/// What there is of the values that leaves of the tenant's log commit to.
///
/// # Errors
/// When the database cannot be used.
pub(crate) async fn disclosed<'l>(
    vault: &Vault,
    tx: &mut Tx,
    leaves: impl IntoIterator<Item = &'l [u8]>,
) -> Result<Disclosures, StoreError> {
    let entries = committing(leaves);
    if entries.is_empty() {
        return Ok(Disclosures::default());
    }
    let stored = store::personal::of_entries(tx, &entries).await?;
    Ok(vault.disclose(tx.tenant(), &stored))
}

/// The same, for work of the system.
///
/// # Errors
/// When the database cannot be used.
pub(crate) async fn disclosed_of<'l>(
    vault: &Vault,
    tx: &mut SystemTx,
    tenant: TenantId,
    leaves: impl IntoIterator<Item = &'l [u8]>,
) -> Result<Disclosures, StoreError> {
    let entries = committing(leaves);
    if entries.is_empty() {
        return Ok(Disclosures::default());
    }
    let stored = store::personal::of_tenant(tx, tenant, &entries).await?;
    Ok(vault.disclose(tenant, &stored))
}

/// How a leaf is shown; `None` when it commits to nothing.
///
/// # Errors
/// When it is no entry.
pub(crate) fn shown(leaf: &[u8], disclosed: &Disclosures) -> Result<Option<Shown>, EntryError> {
    if may_hold(leaf) { Shown::of(&EntryView::parse(leaf)?, disclosed) } else { Ok(None) }
}

/// Appends the lines that disclose what a leaf commits to.
///
/// # Errors
/// When it is no entry.
pub(crate) fn put_lines(leaf: &[u8], disclosed: &Disclosures, out: &mut Vec<u8>) -> Result<(), EntryError> {
    if may_hold(leaf) { personal::put_lines(&EntryView::parse(leaf)?, disclosed, out) } else { Ok(()) }
}

/// Entries as they are shown.
///
/// # Errors
/// When the database cannot be used.
pub(crate) async fn records(
    vault: &Vault,
    tx: &mut Tx,
    found: Vec<Placed>,
) -> Result<Vec<EntryRecord>, Problem> {
    let disclosed = disclosed(vault, tx, found.iter().map(|placed| placed.leaf.as_slice())).await?;
    let record = |placed: Placed| {
        // A leaf that is no entry is shown as it is, by those who show bytes.
        let shown = shown(&placed.leaf, &disclosed).unwrap_or_default();
        EntryRecord { shown, ..EntryRecord::bare(placed) }
    };
    Ok(found.into_iter().map(record).collect())
}
