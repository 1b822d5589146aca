//! Agents that hold tokens which act for a person (RFC 8693).

use gates::{SystemTx, WriteTx};
use kernel::{AccountId, AgentId, KeyId, SessionId, TenantId, Timestamp};
use time::OffsetDateTime;

use crate::StoreError;

/// A token just issued to an agent, on behalf of a person.
pub struct NewToken {
    /// The session it ends with.
    pub session: SessionId,
    /// The agent.
    pub agent: AgentId,
    /// The person.
    pub account: AccountId,
    /// The key the agent proved itself with.
    pub key: KeyId,
    /// Now.
    pub at: Timestamp,
    /// When it ends by itself.
    pub until: Timestamp,
}

/// Keeps that an agent holds such a token. False when the person ended what it held after `ended_since`: then it must get
/// none.
pub async fn keep(tx: &mut WriteTx, new: &NewToken, ended_since: Timestamp) -> Result<bool, StoreError> {
    let tenant = tx.tenant().uuid();
    let done = sqlx::query!(
        "insert into delegation as d (tenant_id, session_id, agent_id, account_id, key_id, since, until) \
         values ($1, $2, $3, $4, $5, $6, $7) \
         on conflict (tenant_id, session_id, agent_id) do update \
         set account_id = excluded.account_id, key_id = excluded.key_id, until = excluded.until, ended_at = null, \
             since = case when d.ended_at is null and d.until > excluded.since then d.since else excluded.since end \
         where d.ended_at is null or d.ended_at <= $8",
        tenant,
        new.session.uuid(),
        new.agent.uuid(),
        new.account.uuid(),
        new.key.uuid(),
        OffsetDateTime::from(new.at),
        OffsetDateTime::from(new.until),
        OffsetDateTime::from(ended_since)
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// An agent that holds a living token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delegation {
    /// The agent.
    pub agent: AgentId,
    /// Its name.
    pub name: String,
    /// The organization it is of.
    pub tenant: TenantId,
    /// That organization's name.
    pub organization: String,
    /// The session its tokens end with.
    pub session: SessionId,
    /// Since when it holds one without a gap.
    pub since: Timestamp,
    /// When the last one ends by itself.
    pub until: Timestamp,
}

/// The agents that act for a person now, in any organization, at most `rows`: with a session that is open, a key that
/// works, and not suspended.
pub async fn of_account(
    tx: &mut SystemTx,
    account: AccountId,
    now: Timestamp,
    rows: i64,
) -> Result<Vec<Delegation>, StoreError> {
    let found = sqlx::query!(
        "select d.agent_id, a.name, d.tenant_id, o.name as organization, d.session_id, d.since, d.until \
         from delegation d \
         join agent a on a.tenant_id = d.tenant_id and a.id = d.agent_id and a.suspended_at is null \
         join organization o on o.tenant_id = d.tenant_id \
         join api_key k on k.tenant_id = d.tenant_id and k.id = d.key_id and (k.revoked_at is null or k.revoked_at > $2) \
              and (k.expires_at is null or k.expires_at > $2) \
         join session s on s.tenant_id = d.tenant_id and s.id = d.session_id and s.revoked_at is null \
              and s.expires_at > $2 \
         where d.account_id = $1 and d.until > $2 and d.ended_at is null \
         order by d.since desc, d.agent_id limit $3",
        account.uuid(),
        OffsetDateTime::from(now),
        rows
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found
        .into_iter()
        .map(|row| Delegation {
            agent: AgentId::from_uuid(row.agent_id),
            name: row.name,
            tenant: TenantId::from_uuid(row.tenant_id),
            organization: row.organization,
            session: SessionId::from_uuid(row.session_id),
            since: row.since.into(),
            until: row.until.into(),
        })
        .collect())
}

/// Ends what an agent holds for a person, in all of the person's sessions; answers in which organization, and `None` when it
/// holds nothing.
pub async fn end(
    tx: &mut SystemTx,
    account: AccountId,
    agent: AgentId,
    at: Timestamp,
) -> Result<Option<TenantId>, StoreError> {
    let found = sqlx::query!(
        "update delegation set ended_at = $3 \
         where account_id = $1 and agent_id = $2 and until > $3 and ended_at is null returning tenant_id",
        account.uuid(),
        agent.uuid(),
        OffsetDateTime::from(at)
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found.first().map(|row| TenantId::from_uuid(row.tenant_id)))
}
