//! A tenant of a test's own: an organization with a project, an agent and keys, made the way first-run set-up does.

use std::sync::Arc;

use crypto::{ApiKey, ApiKeyEnv, SystemRng};
use gates::{Draft, Principal, Reason, Vault};
use kernel::{AgentId, Clock as _, EventKind, Face, KeyId, ProjectId, RequestContext, SystemClock, TenantId};
use store::agents::NewAgent;
use store::keys::NewKey;

/// An organization and what it starts with.
pub(crate) struct Tenant {
    pub(crate) id: TenantId,
    pub(crate) project: ProjectId,
    pub(crate) agent: AgentId,
    /// A service key with the role owner.
    pub(crate) owner_key: ApiKey,
    pub(crate) owner_key_id: KeyId,
    /// The agent's key, with the role editor.
    pub(crate) agent_key: ApiKey,
    pub(crate) agent_key_id: KeyId,
}

/// The context of a request that came over no network.
pub(crate) fn request() -> RequestContext {
    RequestContext::internal(Face::Api, &SystemClock, &SystemRng)
}

impl Tenant {
    /// Makes one. `words` are its organization's name and its agent's description.
    pub(crate) async fn make(vault: &Arc<Vault>, words: &str) -> Self {
        let (clock, rng) = (&SystemClock, &SystemRng);
        let tenant = Self {
            id: TenantId::new(clock, rng),
            project: ProjectId::new(clock, rng),
            agent: AgentId::new(clock, rng),
            owner_key: ApiKey::generate(ApiKeyEnv::Test, rng),
            owner_key_id: KeyId::new(clock, rng),
            agent_key: ApiKey::generate(ApiKeyEnv::Test, rng),
            agent_key_id: KeyId::new(clock, rng),
        };
        let at = clock.now();
        let mut tx = vault.system(Reason::SetUp).await.expect("a system transaction");
        store::organizations::create(&mut tx, tenant.id, words, at).await.expect("an organization");
        store::projects::create_first(&mut tx, tenant.id, tenant.project, "default", at)
            .await
            .expect("a project");
        let agent =
            NewAgent { id: tenant.agent, project: tenant.project, name: "helper", description: words, at };
        store::agents::create_first(&mut tx, tenant.id, &agent).await.expect("an agent");
        for key in tenant.first_keys(at) {
            store::keys::create_first(&mut tx, tenant.id, &key).await.expect("a key");
        }
        let draft = Draft::done(EventKind::OrganizationCreated).subject("organization", tenant.id);
        tx.seal(tenant.id, draft, &request(), "organizations.create").await.expect("sealed");
        tenant
    }

    fn first_keys(&self, at: kernel::Timestamp) -> [NewKey<'_>; 2] {
        let key = |id, agent, name, role, key: &'_ ApiKey| NewKey {
            id,
            project: self.project,
            agent,
            name,
            role,
            capabilities: None,
            hint: "pcl_test_",
            hash: key.hash(),
            at,
            expires_at: None,
        };
        [
            key(self.owner_key_id, None, "first", "owner", &self.owner_key),
            key(self.agent_key_id, Some(self.agent), "agent", "editor", &self.agent_key),
        ]
    }

    /// Its owner's key, through gates one and two.
    pub(crate) async fn owner(&self, vault: &Arc<Vault>) -> Principal {
        vault.authenticate(Some(self.owner_key.expose()), &request()).await.expect("the owner's key is good")
    }

    /// Its agent's key, through gates one and two.
    pub(crate) async fn agent(&self, vault: &Arc<Vault>) -> Principal {
        vault.authenticate(Some(self.agent_key.expose()), &request()).await.expect("the agent's key is good")
    }
}
