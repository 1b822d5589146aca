//! AI agents.

use gates::{Clean, SystemTx, Tx, WriteTx};
use kernel::{AccountId, AgentId, KeyId, ProjectId, TenantId, Timestamp};
use sqlx::postgres::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::StoreError;

/// An agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Its id.
    pub id: AgentId,
    /// The project it works in.
    pub project: ProjectId,
    /// Its name, unique in the project.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Since when it is suspended.
    pub suspended_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it; nobody is known for an organization's first agent.
    pub created_by: Option<Maker>,
    /// When one of its keys was last used, to the minute, as far as is known.
    pub last_used_at: Option<Timestamp>,
}

/// Who made something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maker {
    /// A person.
    Person(AccountId),
    /// A service, by its key.
    Service(KeyId),
}

impl Maker {
    /// As two columns say it.
    pub(crate) fn of(account: Option<Uuid>, key: Option<Uuid>) -> Option<Self> {
        let person = account.map(|account| Self::Person(AccountId::from_uuid(account)));
        person.or_else(|| key.map(|key| Self::Service(KeyId::from_uuid(key))))
    }
}

/// The agents after `after`, by id: the organization's, or those of the project that the credential is bound to.
pub async fn list(tx: &mut Tx, after: Option<AgentId>, rows: i64) -> Result<Vec<Agent>, StoreError> {
    let (tenant, project) = (tx.tenant().uuid(), tx.project().map(ProjectId::uuid));
    let found = sqlx::query!(
        r#"select a.id, a.project_id, a.name, a.description, a.suspended_at, a.created_at, a.created_by_account,
               a.created_by_key, u.at as "last_used_at?"
           from agent a left join gate.agents_seen() u on u.agent_id = a.id
           where a.tenant_id = $1 and ($2::uuid is null or a.id > $2) and ($4::uuid is null or a.project_id = $4)
           order by a.id limit $3"#,
        tenant,
        after.map(AgentId::uuid),
        rows,
        project
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found
        .into_iter()
        .map(|row| Agent {
            id: AgentId::from_uuid(row.id),
            project: ProjectId::from_uuid(row.project_id),
            name: row.name,
            description: row.description,
            suspended_at: row.suspended_at.map(Timestamp::from),
            created_at: row.created_at.into(),
            created_by: Maker::of(row.created_by_account, row.created_by_key),
            last_used_at: row.last_used_at.map(Timestamp::from),
        })
        .collect())
}

/// What a new agent is.
pub struct NewAgent<'a> {
    /// Its id.
    pub id: AgentId,
    /// The project it works in.
    pub project: ProjectId,
    /// Its name.
    pub name: &'a str,
    /// What it is for.
    pub description: &'a str,
    /// Now.
    pub at: Timestamp,
}

/// Makes an agent, in the name of whoever asks for it.
pub async fn create(
    tx: &mut WriteTx,
    (id, by): (AgentId, Option<Maker>),
    project: ProjectId,
    name: &Clean<String>,
    description: &Clean<String>,
    at: Timestamp,
) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let new = NewAgent { id, project, name: name.get(), description: description.get(), at };
    insert(tx.connection(), tenant, &new, by).await
}

/// Makes an organization's first agent, at set-up.
pub async fn create_first(tx: &mut SystemTx, tenant: TenantId, new: &NewAgent<'_>) -> Result<(), StoreError> {
    insert(tx.connection(), tenant, new, None).await
}

async fn insert(
    connection: &mut PgConnection,
    tenant: TenantId,
    new: &NewAgent<'_>,
    by: Option<Maker>,
) -> Result<(), StoreError> {
    let (account, key) = match by {
        Some(Maker::Person(account)) => (Some(account.uuid()), None),
        Some(Maker::Service(key)) => (None, Some(key.uuid())),
        None => (None, None),
    };
    sqlx::query!(
        "insert into agent (tenant_id, id, project_id, name, description, created_at, created_by_account, \
         created_by_key) values ($1, $2, $3, $4, $5, $6, $7, $8)",
        tenant.uuid(),
        new.id.uuid(),
        new.project.uuid(),
        new.name,
        new.description,
        OffsetDateTime::from(new.at),
        account,
        key
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Suspends an agent, or lets it work again with `None`. False when there is no such agent that the credential reaches.
pub async fn set_suspended(
    tx: &mut WriteTx,
    id: AgentId,
    since: Option<Timestamp>,
) -> Result<bool, StoreError> {
    let (tenant, project) = (tx.tenant().uuid(), tx.project().map(ProjectId::uuid));
    let done = sqlx::query!(
        "update agent set suspended_at = $3 where tenant_id = $1 and id = $2 \
         and ($4::uuid is null or project_id = $4)",
        tenant,
        id.uuid(),
        since.map(OffsetDateTime::from),
        project
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}
