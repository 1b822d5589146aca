use audit_log::{Actor, ActorKind, At, Entry, EntryCore, Kind, Outcome, leaf_hash};
use kernel::{TenantId, Timestamp};
use store::verify::EntryRow;
use uuid::Uuid;

use super::rows::{FindingKind, Findings, Spot, check_entry};

const MICROS: i64 = 1_700_000_000_123_456;

fn tenant() -> TenantId {
    TenantId::from_uuid(Uuid::from_u128(1))
}

/// An entry as the server writes it, and the row it is kept in.
fn row() -> EntryRow {
    let id = Uuid::from_u128(2);
    let entry = Entry::builder(EntryCore {
        id,
        at: At::from_unix_micros(MICROS).unwrap(),
        tenant: tenant().uuid(),
        kind: Kind::new("organization.created").unwrap(),
        actor: Actor::new(ActorKind::Service, "key-1"),
        action: "organization.create".into(),
        outcome: Outcome::Ok,
        request_id: "request-1".into(),
        policy: "none".into(),
        source: "cli".into(),
    });
    EntryRow {
        id,
        at: Timestamp::from_unix_micros(MICROS).into(),
        kind: "organization.created".into(),
        actor: "service:key-1".into(),
        request_id: "request-1".into(),
        leaf: entry.build().unwrap().to_leaf().unwrap(),
    }
}

/// The kinds and fields found wrong with a row.
fn found(tenant: TenantId, row: &EntryRow) -> Vec<(FindingKind, Option<&'static str>)> {
    let mut findings = Findings::default();
    let spot = Spot { tenant, index: Some(7), entry: Some(row.id) };
    assert_eq!(check_entry(spot, row, &mut findings), leaf_hash(&row.leaf));
    assert_eq!(findings.total, findings.kept.len() as u64);
    findings.kept.into_iter().map(|finding| (finding.kind, finding.field)).collect()
}

#[test]
fn a_row_that_says_what_its_bytes_say_is_fine() {
    assert_eq!(found(tenant(), &row()), []);
}

#[test]
fn each_column_is_compared_with_the_bytes() {
    let changed = |field: &'static str, change: fn(&mut EntryRow)| {
        let mut row = row();
        change(&mut row);
        assert_eq!(found(tenant(), &row), [(FindingKind::ColumnChanged, Some(field))], "{field}");
    };
    changed("id", |row| row.id = Uuid::from_u128(9));
    changed("at", |row| row.at = Timestamp::from_unix_micros(MICROS + 1).into());
    changed("kind", |row| row.kind = "AUTH_FAILURE".into());
    changed("actor", |row| row.actor = "service:key-2".into());
    changed("request_id", |row| row.request_id = "request-2".into());
    let other = TenantId::from_uuid(Uuid::from_u128(3));
    assert_eq!(found(other, &row()), [(FindingKind::ColumnChanged, Some("tenant_id"))]);
}

#[test]
fn bytes_that_are_no_entry_are_said_to_be_none() {
    let mut row = row();
    row.leaf.pop();
    assert_eq!(found(tenant(), &row), [(FindingKind::EntryMalformed, None)]);
}
