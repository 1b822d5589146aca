//! Alarms about the audit logs, and what the operator does about them.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use app::audit::jobs::Sequencer;
use app::audit::{Alarm, AlarmKind, Began};
use clap::ValueEnum;
use gates::Vault;
use kernel::{RequestContext, TenantId};
use serde_json::{Value, json};

use super::Told;
use crate::server;
use crate::settings::Place;

/// The server beside this command signs; here nothing is due.
const NEVER: Duration = Duration::from_secs(u32::MAX as u64);

/// An alarm that can be settled by looking into it.
#[derive(ValueEnum, Clone, Copy, Debug)]
pub enum Settled {
    /// Rows are not those that were written.
    RowsChanged,
    /// A witness saw another history: its key was taken out of the policy, or its folder made anew.
    WitnessRefused,
}

fn keeper(vault: &Arc<Vault>, place: &Place) -> Result<Sequencer> {
    server::sequencer(vault, NEVER, place, None)
}

fn row(alarm: &Alarm) -> Value {
    json!({
        "organization": alarm.tenant,
        "alarm": alarm.kind.name(),
        "detail": alarm.detail,
        "raised_at": alarm.raised_at,
    })
}

/// Lists alarms.
pub(super) async fn alarms(vault: &Arc<Vault>, place: &Place) -> Result<Told> {
    let alarms = keeper(vault, place)?.alarms().await?;
    let mut text = String::new();
    for alarm in &alarms {
        // Writing to memory cannot fail.
        let _ =
            writeln!(text, "{}  {}  {}  {}", alarm.raised_at, alarm.tenant, alarm.kind.name(), alarm.detail);
    }
    if alarms.is_empty() {
        text.push_str("There is no alarm.\n");
    }
    Ok(Told { text, json: json!({ "alarms": alarms.iter().map(row).collect::<Vec<_>>() }) })
}

/// Whose logs are not signed any further.
async fn stopped(keeper: &Sequencer) -> Result<Vec<TenantId>> {
    let mut tenants: Vec<TenantId> = keeper
        .alarms()
        .await?
        .into_iter()
        .filter(|alarm| alarm.kind.stops_signing())
        .map(|alarm| alarm.tenant)
        .collect();
    tenants.sort_unstable();
    tenants.dedup();
    Ok(tenants)
}

/// Begins an epoch of one log, or of every log with an alarm that stops it.
pub(super) async fn new_epoch(
    vault: &Arc<Vault>,
    place: &Place,
    organization: Option<TenantId>,
    request: &RequestContext,
) -> Result<Told> {
    let keeper = keeper(vault, place)?;
    let tenants = if let Some(tenant) = organization { vec![tenant] } else { stopped(&keeper).await? };
    let (mut text, mut begun) = (String::new(), Vec::new());
    for tenant in tenants {
        let Some(Began { lost, key }) = keeper.begin_epoch(tenant, request).await? else { continue };
        let lost = lost.map_or_else(|| "a witness saw another history".to_owned(), |lost| lost.words());
        let _ = writeln!(text, "{tenant}: {lost}. It goes on as {}\n  key {key}", key.name());
        begun.push(json!({ "organization": tenant, "because": lost, "vkey": key.to_string() }));
    }
    if begun.is_empty() {
        bail!("every log continues what was signed of it; there is nothing to begin anew");
    }
    text.push_str("Give the new keys to everybody who verifies these logs, and keep the old ones for what they signed.\n");
    Ok(Told { text, json: json!({ "begun": begun, "request_id": request.id.as_str() }) })
}

/// Settles an alarm.
pub(super) async fn settle(
    vault: &Arc<Vault>,
    place: &Place,
    organization: TenantId,
    settled: Settled,
    request: &RequestContext,
) -> Result<Told> {
    let kind = match settled {
        Settled::RowsChanged => AlarmKind::RowsChanged,
        Settled::WitnessRefused => AlarmKind::WitnessRefused,
    };
    if !keeper(vault, place)?.settle_alarm(organization, kind, request).await? {
        bail!("there is no such alarm about this log");
    }
    let json = json!({ "done": "settled", "alarm": kind.name(), "request_id": request.id.as_str() });
    Ok(Told { text: format!("settled: {} of {organization}\n", kind.name()), json })
}
