//! Personal values in the tables, compared with what the entries commit to.

use anyhow::Result;
use audit_log::entry::EntryView;
use audit_log::personal::{commitment_in, may_hold};
use crypto::Envelope;
use kernel::{EntryId, TenantId};
use serde::Serialize;
use sqlx::postgres::PgConnection;
use store::verify::LeafRow;

use super::rows::{Finding, FindingKind, Findings, Spot};

/// What became of the personal values that a log's entries commit to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct PersonalValues {
    /// Values that are there, and are the ones that were committed to.
    pub(crate) disclosed: u64,
    /// Values that are not there, because the key of their person is destroyed.
    pub(crate) erased: u64,
    /// Values that could not be looked at without ENCRYPTION_KEY.
    pub(crate) not_checked: u64,
}

/// Checks what a chunk of entries commits to, in one look.
///
/// # Errors
/// When the tables cannot be read.
pub(super) async fn check(
    conn: &mut PgConnection,
    tenant: TenantId,
    envelope: Option<&Envelope>,
    rows: &[LeafRow],
    (values, findings): (&mut PersonalValues, &mut Findings),
) -> Result<()> {
    let committing = rows.iter().filter_map(|row| {
        let leaf = &row.row.as_ref()?.leaf;
        // What does not read is a finding already.
        let view = if may_hold(leaf) { EntryView::parse(leaf).ok()? } else { return None };
        Some((row.seq, row.entry, view.data_map().ok()?))
    });
    let committing: Vec<_> = committing.collect();
    if committing.is_empty() {
        return Ok(());
    }
    let entries: Vec<EntryId> = committing.iter().map(|(_, id, _)| EntryId::from_uuid(*id)).collect();
    let stored = match envelope {
        Some(_) => store::personal::read(conn, tenant, &entries).await?,
        None => Vec::new(),
    };
    let opened = envelope.map(|envelope| gates::disclose(envelope, tenant, &stored)).unwrap_or_default();
    for (seq, id, data) in &committing {
        for (field, value) in data {
            let Some(commitment) = commitment_in(value) else { continue };
            let there = stored.iter().any(|value| value.entry.uuid() == *id && value.field == *field);
            let wrong = match opened.of(*id, field) {
                _ if envelope.is_none() => {
                    values.not_checked += 1;
                    continue;
                }
                Some(one) if one.opens(commitment) => {
                    values.disclosed += 1;
                    continue;
                }
                None if !there => {
                    values.erased += 1;
                    continue;
                }
                Some(_) => "is not the one that the entry commits to",
                None => "does not open with its key: it was changed or moved",
            };
            let spot = Spot { tenant, index: Some(*seq), entry: Some(*id) };
            let detail = format!("the stored value of `{field}` {wrong}");
            findings
                .add(Finding { field: Some("personal"), ..spot.finding(FindingKind::ValueAltered, detail) });
        }
    }
    Ok(())
}
