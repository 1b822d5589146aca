//! Links: a pack may be handed to somebody without an account, for a limited time.
//!
//! A link holds what it opens and until when, under a MAC whose key only this instance has. Nothing is stored; deleting the
//! pack makes every link to it worthless. Each use is an entry of the organization's log.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gates::{By, Draft, Pass, Reason, Receipt, Vault};
use kernel::limits::{EVIDENCE_LINK_SECONDS_MAX, EVIDENCE_LINK_SECONDS_MIN};
use kernel::{EventKind, EvidencePackId, Problem, RequestContext, TenantId, Timestamp};
use uuid::Uuid;

use super::take::{Download, Held, check, start};
use crate::action;

action! {
    /// Makes a link that opens an evidence pack without a session.
    MakeLink = "evidence.link", AuditExport, Staff, Record, Fresh
}

/// What the MAC is apart from other uses of the key.
const PURPOSE: &str = "evidence link";
/// Tenant, pack and the end in seconds since 1970.
const BODY_BYTES: usize = 16 + 16 + 8;
const MAC_BYTES: usize = 32;

/// A link's token as it came in: nothing is known of it yet.
#[derive(Clone)]
pub struct LinkToken(String);

impl LinkToken {
    /// Takes what stands in the path.
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// What it opens, if this instance made it and its time is not over.
    fn open(&self, vault: &Vault, now: Timestamp) -> Option<(TenantId, EvidencePackId)> {
        if self.0.len() != (BODY_BYTES + MAC_BYTES) * 4 / 3 {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(&self.0).ok()?;
        let (body, mac) = bytes.split_at_checked(BODY_BYTES)?;
        if !vault.is_blind(PURPOSE, body, mac) {
            return None;
        }
        let (tenant, rest) = body.split_first_chunk::<16>()?;
        let (pack, end) = rest.split_first_chunk::<16>()?;
        let end = i64::from_be_bytes(end.try_into().ok()?);
        let live = now.unix_seconds() < end;
        live.then(|| {
            (
                TenantId::from_uuid(Uuid::from_bytes(*tenant)),
                EvidencePackId::from_uuid(Uuid::from_bytes(*pack)),
            )
        })
    }
}

/// A link that was made. It is shown once and kept nowhere.
#[derive(Clone)]
pub struct Link {
    /// The token in its path.
    pub token: String,
    /// When it stops working.
    pub until: Timestamp,
}

fn make(vault: &Vault, tenant: TenantId, pack: EvidencePackId, until: Timestamp) -> Link {
    let mut body = Vec::with_capacity(BODY_BYTES + MAC_BYTES);
    body.extend_from_slice(tenant.uuid().as_bytes());
    body.extend_from_slice(pack.uuid().as_bytes());
    body.extend_from_slice(&until.unix_seconds().to_be_bytes());
    let mac = vault.blind(PURPOSE, &body);
    body.extend_from_slice(&mac);
    Link { token: URL_SAFE_NO_PAD.encode(body), until }
}

/// Makes a link to a pack that works for so many seconds.
///
/// # Errors
/// When there is no such pack, or the time is out of bounds.
pub async fn link(
    pass: Pass<MakeLink>,
    id: EvidencePackId,
    seconds: u64,
) -> Result<(Link, Receipt), Problem> {
    let draft = |draft: Draft| draft.subject("evidence_pack", id).fact("seconds", seconds);
    let kind = EventKind::EvidenceLinkCreated;
    if !(EVIDENCE_LINK_SECONDS_MIN..=EVIDENCE_LINK_SECONDS_MAX).contains(&seconds) {
        let detail =
            format!("A link works for {EVIDENCE_LINK_SECONDS_MIN} to {EVIDENCE_LINK_SECONDS_MAX} seconds.");
        return Err(pass.fail(draft(Draft::failed(kind)), Problem::invalid("/seconds", detail)).await);
    }
    let mut tx = pass.read().await?;
    if store::evidence::read(&mut tx, id).await?.is_none() {
        drop(tx);
        return Err(pass.fail(draft(Draft::failed(kind)), Problem::not_found()).await);
    }
    drop(tx);
    let until = pass.vault().clock().now().plus(std::time::Duration::from_secs(seconds));
    let link = make(pass.vault(), pass.tenant(), id, until);
    let receipt = pass.seal(draft(Draft::done(kind)).fact("until", until)).await?;
    Ok((link, receipt))
}

/// The name of what following a link is, in entries.
const FOLLOW: &str = "evidence.follow_link";

/// Follows a link. Whoever comes with one is nobody who is known; that it was used is on record before the first byte.
///
/// # Errors
/// Not found, whatever is wrong with the link; which is on record too.
pub async fn follow(
    vault: &Arc<Vault>,
    token: &LinkToken,
    request: &RequestContext,
) -> Result<(Download, Receipt), Problem> {
    let opened = token.open(vault, vault.clock().now());
    let mut tx = vault.system(Reason::EvidenceLink).await.map_err(|error| unavailable(&error))?;
    let found = match opened {
        Some((tenant, id)) => {
            let found = store::evidence::find(&mut tx, tenant, id).await?;
            found.map_or_else(|| Err(Problem::not_found()), check).map(|found| (tenant, found))
        }
        None => Err(Problem::not_found()),
    };
    // A link that this instance never made says nothing of any organization.
    let log = opened.map_or_else(|| vault.instance(), |(tenant, _)| tenant);
    let kind = EventKind::EvidencePackDownloaded;
    let draft = match &found {
        Ok(_) => Draft::done(kind),
        Err(problem) => Draft::failed(kind).fact("status", problem.kind.status()),
    };
    let draft = match opened {
        Some((_, id)) => draft.subject("evidence_pack", id),
        None => draft,
    };
    let sealed = tx.seal_by(By::Nobody, log, draft.fact("by_link", true), request, FOLLOW).await;
    let receipt = sealed.map_err(|error| unavailable(&error))?;
    let (tenant, found) = found?;
    let held = Held::System { vault: Arc::clone(vault), tenant, tx: None };
    Ok((start(held, tenant, found), receipt))
}

fn unavailable(error: &dyn std::fmt::Display) -> Problem {
    tracing::error!(%error, "a link to an evidence pack cannot be followed");
    Problem::new(kernel::ProblemKind::Unavailable, "The pack cannot be read now; try again shortly.")
        .retry_after(2)
}
