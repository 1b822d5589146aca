//! First run: the first organization with a project, an agent and two keys, so that the product can be used at once.

use std::collections::BTreeSet;
use std::sync::Arc;

use crypto::{ApiKey, ApiKeyEnv};
use gates::{DatabaseError, Draft, Reason, SealError, SystemTx, Vault};
use kernel::{AgentId, EventKind, KeyId, Permission, ProjectId, RequestContext, Role, TenantId, Timestamp};
use store::StoreError;

/// The first organization could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    /// The database could not be used.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A row could not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It could not be recorded.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// What the first organization and what is in it are called. The operator's own words, typed on the machine.
#[derive(Debug, Clone)]
pub struct Names {
    /// The organization.
    pub organization: String,
    /// Its project.
    pub project: String,
    /// Its agent.
    pub agent: String,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            organization: "First organization".into(),
            project: "default".into(),
            agent: "first-agent".into(),
        }
    }
}

/// What an organization's first agent key may do: call models, and take the log away to verify it.
pub const AGENT_CAPABILITIES: [Permission; 4] =
    [Permission::ModelsInvoke, Permission::ModelsRead, Permission::AuditRead, Permission::AuditExport];

/// What the first run made. The two keys are shown once.
pub struct FirstRun {
    /// The organization.
    pub organization: TenantId,
    /// Its project.
    pub project: ProjectId,
    /// Its agent.
    pub agent: AgentId,
    /// The agent's key.
    pub agent_key: ApiKey,
    /// The owner's key.
    pub admin_key: ApiKey,
    /// What they are called.
    pub names: Names,
}

/// Makes the first organization; `None` when there is one already. Two starts at once make one.
pub async fn first_run(
    vault: &Arc<Vault>,
    request: &RequestContext,
    names: Names,
) -> Result<Option<FirstRun>, SetUpError> {
    let mut tx = vault.system(Reason::SetUp).await?;
    if store::organizations::any(&mut tx).await? {
        return Ok(None);
    }
    create(vault, tx, request, names).await.map(Some)
}

/// Makes another organization, from the operator's command line.
pub async fn another(
    vault: &Arc<Vault>,
    request: &RequestContext,
    names: Names,
) -> Result<FirstRun, SetUpError> {
    let tx = vault.system(Reason::SetUp).await?;
    create(vault, tx, request, names).await
}

async fn create(
    vault: &Arc<Vault>,
    mut tx: SystemTx,
    request: &RequestContext,
    names: Names,
) -> Result<FirstRun, SetUpError> {
    let (clock, rng, at) = (vault.clock(), vault.rng(), vault.clock().now());
    let made = FirstRun {
        organization: TenantId::new(clock, rng),
        project: ProjectId::new(clock, rng),
        agent: AgentId::new(clock, rng),
        agent_key: ApiKey::generate(ApiKeyEnv::Live, rng),
        admin_key: ApiKey::generate(ApiKeyEnv::Live, rng),
        names,
    };
    let tenant = made.organization;
    store::organizations::create(&mut tx, tenant, &made.names.organization, at).await?;
    store::projects::create_first(&mut tx, tenant, made.project, &made.names.project, at).await?;
    let agent = store::agents::NewAgent {
        id: made.agent,
        project: made.project,
        name: &made.names.agent,
        description: "The organization's first agent.",
        at,
    };
    store::agents::create_first(&mut tx, tenant, &agent).await?;
    let only: BTreeSet<String> = AGENT_CAPABILITIES.iter().map(ToString::to_string).collect();
    let only: Vec<String> = only.into_iter().collect();
    let agent_key = (KeyId::new(clock, rng), "first agent key", Role::Editor, Some(only.as_slice()));
    let admin_key = (KeyId::new(clock, rng), "first owner key", Role::Owner, None);
    keep_key(&mut tx, &made, Some(made.agent), &made.agent_key, agent_key, at).await?;
    keep_key(&mut tx, &made, None, &made.admin_key, admin_key, at).await?;
    let draft = Draft::done(EventKind::OrganizationCreated)
        .subject("organization", tenant)
        .fact("project", made.project)
        .fact("agent", made.agent)
        .fact("agent_key", agent_key.0)
        .fact("owner_key", admin_key.0);
    tx.seal(tenant, draft, request, "organization.create").await?;
    Ok(made)
}

async fn keep_key(
    tx: &mut SystemTx,
    made: &FirstRun,
    agent: Option<AgentId>,
    secret: &ApiKey,
    (id, name, role, capabilities): (KeyId, &str, Role, Option<&[String]>),
    at: Timestamp,
) -> Result<(), StoreError> {
    let new = store::keys::NewKey {
        id,
        project: made.project,
        agent,
        name,
        role: role.name(),
        capabilities,
        hint: secret.hint(),
        hash: secret.hash(),
        at,
        expires_at: None,
    };
    store::keys::create_first(tx, made.organization, &new).await
}
