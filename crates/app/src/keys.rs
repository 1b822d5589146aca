//! API keys: shown once, kept as SHA-256, rotated without downtime, revoked at once.

use std::collections::BTreeSet;
use std::time::Duration;

use crypto::{ApiKey, ApiKeyEnv};
use gates::{Action, Channel, Draft, Pass, Receipt, Write};
use kernel::limits::KEY_OVERLAP_SECONDS_MAX;
use kernel::{
    AgentId, Capabilities, EventKind, Gate, KeyId, Permission, Problem, ProblemKind, ProjectId, Role,
    Timestamp,
};
pub use store::keys::Key;

use crate::action;
use crate::input::{Listed, Name, Page};
use crate::projects::project_of;

/// How long a replaced key goes on working when the caller does not say, in seconds.
pub const OVERLAP_SECONDS_DEFAULT: i64 = 3_600;

action! {
    /// Lists keys, never their secrets.
    ListKeys = "key.list", KeysRead, Principal, Read
}

action! {
    /// Issues a key. Not for agents: an agent cannot issue itself another.
    CreateKey = "key.create", KeysManage, Staff, Write, Fresh
}

action! {
    /// Replaces a key by a new one.
    RotateKey = "key.rotate", KeysManage, Staff, Write, Fresh
}

action! {
    /// Replaces the very key the request was made with.
    RotateOwnKey = "key.rotate_own", OrganizationRead, Principal, Write
}

action! {
    /// Revokes a key.
    RevokeKey = "key.revoke", KeysManage, Staff, Write
}

/// A page of the keys that the caller reaches: the organization's, or those of the project its own is bound to.
pub async fn list(
    mut pass: Pass<ListKeys>,
    page: Page<KeyId>,
) -> Result<(Listed<Key, KeyId>, Receipt), Problem> {
    let found = store::keys::list(pass.tx(), page.after, page.rows + 1).await?;
    let listed = Listed::cut(found, page.rows, |key| key.id);
    let draft = Draft::done(EventKind::KeysListed).fact("items", listed.items.len() as u64);
    Ok((listed, pass.seal(draft).await?))
}

/// What a new key is to be.
pub struct NewKey {
    /// Its name.
    pub name: Name,
    /// The project it is bound to; the credential's own when absent, and no other than that.
    pub project: Option<ProjectId>,
    /// The agent its holder will be; a service without one.
    pub agent: Option<AgentId>,
    /// Its role.
    pub role: Role,
    /// The part of the role it has; all of it when absent.
    pub capabilities: Option<BTreeSet<Permission>>,
    /// When it stops working by itself.
    pub expires_at: Option<Timestamp>,
}

/// A key just made: the only time its secret is there to be shown.
pub struct Issued {
    /// The key itself.
    pub secret: ApiKey,
    /// Its record.
    pub record: Key,
}

/// Issues a key. It may not do more than the key that issues it.
pub async fn create(mut pass: Pass<CreateKey>, new: NewKey) -> Result<(Issued, Receipt), Problem> {
    let now = pass.vault().clock().now();
    let project = match project_of(&pass, new.project) {
        Ok(project) => project,
        Err(problem) => return Err(pass.fail(Draft::failed(EventKind::KeyCreated), problem).await),
    };
    let wanted = Capabilities::new(new.role, new.capabilities.as_ref());
    let problem = if !pass.principal().capabilities().covers(&wanted) {
        Some(Problem::invalid("/role", "A key may not do more than the key that issues it."))
    } else if new.expires_at.is_some_and(|at| at <= now) {
        Some(Problem::invalid("/expires_at", "This moment is already past."))
    } else {
        None
    };
    if let Some(problem) = problem {
        return Err(pass.fail(Draft::failed(EventKind::KeyCreated), problem).await);
    }
    if let Some(bounds) = pass.bounds()
        && let Err(refused) = bounds.key(new.agent.is_some(), now, new.expires_at, "/expires_at")
    {
        return Err(pass.refused_by_pack(refused).await);
    }
    let name = pass.privacy(Channel::Log).text(new.name.raw()).into_inner();
    let held = new.capabilities.map(|only| only.iter().map(ToString::to_string).collect());
    let record = Key {
        id: KeyId::new(pass.vault().clock(), pass.vault().rng()),
        project,
        agent: new.agent,
        name,
        role: new.role.to_string(),
        capabilities: held,
        hint: String::new(),
        created_at: now,
        expires_at: new.expires_at,
        revoked_at: None,
        replaced_by: None,
        last_used_at: None,
    };
    let issued = match issue(&mut pass, record).await {
        Ok(issued) => issued,
        Err(problem) => return Err(pass.fail(Draft::failed(EventKind::KeyCreated), problem).await),
    };
    let draft = Draft::done(EventKind::KeyCreated)
        .subject("key", issued.record.id)
        .fact("role", new.role)
        .fact("project", project)
        .fact("agent", issued.record.agent);
    let receipt = pass.seal(draft).await?;
    Ok((issued, receipt))
}

async fn issue<A: Action<Mode = Write>>(pass: &mut Pass<A>, mut record: Key) -> Result<Issued, Problem> {
    let secret = ApiKey::generate(ApiKeyEnv::Live, pass.vault().rng());
    secret.hint().clone_into(&mut record.hint);
    let new = store::keys::NewKey {
        id: record.id,
        project: record.project,
        agent: record.agent,
        name: &record.name,
        role: &record.role,
        capabilities: record.capabilities.as_deref(),
        hint: &record.hint,
        hash: secret.hash(),
        at: record.created_at,
        expires_at: record.expires_at,
    };
    store::keys::create(pass.tx(), &new).await?;
    Ok(Issued { secret, record })
}

/// Replaces a key. The old one goes on working for `overlap_seconds`, so that its holder can change over.
pub async fn rotate(
    pass: Pass<RotateKey>,
    id: KeyId,
    overlap_seconds: Option<i64>,
) -> Result<(Issued, Receipt), Problem> {
    rotate_any(pass, id, overlap_seconds).await
}

/// Replaces the very key the request was made with; its holder needs nobody's help for that.
pub async fn rotate_own(
    pass: Pass<RotateOwnKey>,
    overlap_seconds: Option<i64>,
) -> Result<(Issued, Receipt), Problem> {
    if let Some(id) = pass.principal().key() {
        return rotate_any(pass, id, overlap_seconds).await;
    }
    let problem = Problem::new(ProblemKind::Conflict, "This credential is not a key kept in the database.");
    Err(pass.fail(Draft::failed(EventKind::KeyRotated), problem).await)
}

async fn rotate_any<A: Action<Mode = Write>>(
    mut pass: Pass<A>,
    id: KeyId,
    overlap_seconds: Option<i64>,
) -> Result<(Issued, Receipt), Problem> {
    match exchange(&mut pass, id, overlap_seconds.unwrap_or(OVERLAP_SECONDS_DEFAULT)).await {
        Ok((issued, until)) => {
            let draft = Draft::done(EventKind::KeyRotated)
                .subject("key", id)
                .fact("replaced_by", issued.record.id)
                .fact("old_valid_until", until);
            let receipt = pass.seal(draft).await?;
            Ok((issued, receipt))
        }
        Err(problem) => {
            Err(pass.fail(Draft::failed(EventKind::KeyRotated).subject("key", id), problem).await)
        }
    }
}

/// What a key may do.
fn may(key: &Key) -> Result<Capabilities, Problem> {
    let unreadable = |error: &dyn std::fmt::Display| {
        tracing::error!(key = %key.id, %error, "what a stored key may do cannot be read");
        Problem::internal()
    };
    let role = key.role.parse::<Role>().map_err(|error| unreadable(&error))?;
    let words = key.capabilities.as_ref();
    let only = words.map(|words| words.iter().map(|word| word.parse::<Permission>()).collect());
    let only = only.transpose().map_err(|error| unreadable(&error))?;
    Ok(Capabilities::new(role, only.as_ref()))
}

async fn exchange<A: Action<Mode = Write>>(
    pass: &mut Pass<A>,
    id: KeyId,
    overlap_seconds: i64,
) -> Result<(Issued, Timestamp), Problem> {
    if !(0..=KEY_OVERLAP_SECONDS_MAX).contains(&overlap_seconds) {
        let detail = format!("The overlap is 0 to {KEY_OVERLAP_SECONDS_MAX} seconds.");
        return Err(Problem::invalid("/overlap_seconds", detail));
    }
    let now = pass.vault().clock().now();
    let old = store::keys::lock(pass.tx(), id).await?.ok_or_else(Problem::not_found)?;
    let dead = old.revoked_at.is_some() || old.expires_at.is_some_and(|at| at <= now);
    if dead || old.replaced_by.is_some() {
        let detail = "The key is revoked, expired or replaced already; issue a new one instead.";
        return Err(Problem::new(ProblemKind::Conflict, detail));
    }
    // The successor is shown to whoever rotates: a weaker caller must not come by a stronger key.
    if !pass.principal().capabilities().covers(&may(&old)?) {
        let detail = "This key may do more than the one that asks, so its successor is not yours to see.";
        return Err(Problem::at(Gate::Token, ProblemKind::Forbidden, detail));
    }
    // A successor ends when the key it follows does, or sooner where a pack does not let it live so long.
    let latest = pass.bounds().and_then(|bounds| bounds.key_end_max(old.agent.is_some(), now));
    let expires_at = old.expires_at.into_iter().chain(latest).min();
    let until = now.plus(Duration::from_secs(overlap_seconds.unsigned_abs()));
    let record = Key {
        id: KeyId::new(pass.vault().clock(), pass.vault().rng()),
        created_at: now,
        expires_at,
        replaced_by: None,
        last_used_at: None,
        ..old
    };
    let issued = issue(pass, record).await?;
    store::keys::replace(pass.tx(), id, issued.record.id, until).await?;
    Ok((issued, until))
}

/// Revokes a key: it stops working here at once and on every replica within a second.
pub async fn revoke(mut pass: Pass<RevokeKey>, id: KeyId) -> Result<Receipt, Problem> {
    let now = pass.vault().clock().now();
    let draft = |draft: Draft| draft.subject("key", id);
    if store::keys::revoke(pass.tx(), id, now).await? {
        return pass.seal(draft(Draft::done(EventKind::KeyRevoked))).await;
    }
    Err(pass.fail(draft(Draft::failed(EventKind::KeyRevoked)), Problem::not_found()).await)
}
