//! Gate one and the front of gate two: from what a request carries to a principal.

use std::sync::Arc;

use crypto::{ApiKey, KeyHash};
use kernel::{Capabilities, EventKind, Gate, Problem, ProblemKind, RequestContext, Role, TenantId};

use crate::audit::{Author, Draft, Row};
use crate::personal::Keys;
use crate::principal::{Principal, Standing, Who};
use crate::token::Refusal;
use crate::vault::Vault;

/// How API callers are recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthMode {
    /// Keys in the database, and those of the static list when there is one.
    Auto,
    /// The static list alone.
    Env,
    /// Keys in the database alone.
    Db,
    /// No key needed: everybody is the owner of the first organization. Only ever on a loopback address.
    Dev,
}

/// A key of the static list: `key=organization-id:role`.
pub struct StaticKey {
    pub(crate) hash: KeyHash,
    pub(crate) tenant: TenantId,
    pub(crate) role: Role,
}

/// An item of the static list cannot be used. The key itself is never part of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StaticKeyError {
    /// Not `key=organization-id:role`.
    #[error("expected key=organization-id:role")]
    Shape,
    /// The key has not the form of a Portcullis key; make one with `portcullis key generate`.
    #[error("the key is not of the form pcl_<env>_…; make one with: portcullis key generate")]
    Key,
}

impl std::str::FromStr for StaticKey {
    type Err = StaticKeyError;

    fn from_str(item: &str) -> Result<Self, Self::Err> {
        let (key, scope) = item.trim().split_once('=').ok_or(StaticKeyError::Shape)?;
        let (tenant, role) = scope.split_once(':').ok_or(StaticKeyError::Shape)?;
        let key = ApiKey::parse(key).map_err(|_| StaticKeyError::Key)?;
        let (tenant, role) = (tenant.parse().ok(), role.parse().ok());
        match (tenant, role) {
            (Some(tenant), Some(role)) => Ok(Self { hash: key.hash(), tenant, role }),
            _ => Err(StaticKeyError::Shape),
        }
    }
}

impl StaticKey {
    /// Whether this is the same key as `other`, whatever it opens.
    pub fn is_key_of(&self, other: &Self) -> bool {
        self.hash == other.hash
    }

    fn standing(&self) -> Standing {
        Standing {
            tenant: self.tenant,
            who: Who::Service,
            project: None,
            key: None,
            name: "static key".to_owned(),
            capabilities: Capabilities::new(self.role, None),
            links: Arc::default(),
        }
    }
}

/// The action under which refused credentials are written down that were sent to open something else.
pub(crate) const VERIFY: &str = "token.verify";

impl Vault {
    /// Gates one and two: who sent this, and is the credential good. `bearer` is the credential as sent, without its
    /// scheme. Every refusal is an entry: in the tenant's log when the key is known, else in the instance's own.
    pub async fn authenticate(
        self: &Arc<Self>,
        bearer: Option<&str>,
        request: &RequestContext,
    ) -> Result<Principal, Problem> {
        self.authenticate_for(VERIFY, bearer, request).await
    }

    /// The same for a credential that is looked at in the course of the action `action`: under its name a refusal is
    /// written down.
    pub async fn authenticate_for(
        self: &Arc<Self>,
        action: &'static str,
        bearer: Option<&str>,
        request: &RequestContext,
    ) -> Result<Principal, Problem> {
        let refusal = match bearer {
            None if self.mode == AuthMode::Dev => return self.dev_principal().await,
            None => Refusal::unknown("missing"),
            Some(text) if text.bytes().filter(|byte| *byte == b'.').count() == 2 => {
                match self.recognise_token(text, request).await? {
                    Ok(standing) => return Ok(self.used(standing)),
                    Err(refusal) => refusal,
                }
            }
            Some(text) => match ApiKey::parse(text) {
                Err(_) => Refusal::unknown("malformed"),
                Ok(key) => match self.recognise(&key).await? {
                    Ok(standing) => return Ok(self.used(standing)),
                    Err(refusal) => refusal,
                },
            },
        };
        self.refuse(action, refusal, request).await
    }

    /// Gates one and two for an OAuth client (RFC 6749 §2.3): an agent, named by its id, with one of its API keys as its
    /// secret. An access token is no secret of a client: whoever took one could renew it for ever.
    ///
    /// # Errors
    /// When nothing was sent, or it does not match; both are written down under the name `action`.
    pub async fn authenticate_client(
        self: &Arc<Self>,
        action: &'static str,
        client: Option<(&str, &str)>,
        request: &RequestContext,
    ) -> Result<Principal, Problem> {
        let refusal = match client {
            None => Refusal::unknown("missing"),
            Some((id, secret)) => match ApiKey::parse(secret) {
                Err(_) => Refusal::unknown("malformed"),
                Ok(key) => match self.recognise(&key).await? {
                    Err(refusal) => refusal,
                    Ok(standing) => match &standing.who {
                        Who::Agent(delegate) if id.parse() == Ok(delegate.agent) => {
                            return Ok(self.used(standing));
                        }
                        _ => Refusal::of(standing.tenant, "key of another client"),
                    },
                },
            },
        };
        self.refuse(action, refusal, request).await
    }

    /// The principal of a credential that opened something, which is noted for whoever asks later when that was last.
    fn used(&self, standing: Arc<Standing>) -> Principal {
        self.seen.note(&standing, self.clock.now());
        Principal::of(standing)
    }

    async fn recognise(&self, key: &ApiKey) -> Result<Result<Arc<Standing>, Refusal>, Problem> {
        let hash = key.hash();
        if matches!(self.mode, AuthMode::Auto | AuthMode::Env)
            // Hashes are compared in constant time, and a key of no list is compared with all of it.
            && let Some(found) = self.static_keys.iter().find(|candidate| candidate.hash == hash)
        {
            return Ok(Ok(self.listed(hash, found.standing()).await?));
        }
        if self.mode == AuthMode::Env {
            return Ok(Err(Refusal::unknown("unknown")));
        }
        self.look_up(hash).await
    }

    async fn dev_principal(&self) -> Result<Principal, Problem> {
        let tenant = self.first_organization().await?.ok_or_else(Problem::not_found)?;
        let standing = Standing {
            who: Who::Service,
            tenant,
            project: None,
            key: None,
            name: "development mode".to_owned(),
            capabilities: Capabilities::new(Role::Owner, None),
            links: Arc::default(),
        };
        let authority = self.authority(tenant).await?;
        Ok(Principal::of(Arc::new(authority.holding(&standing)?)))
    }

    pub(crate) async fn refuse(
        &self,
        action: &'static str,
        refusal: Refusal,
        request: &RequestContext,
    ) -> Result<Principal, Problem> {
        let author = Author {
            tenant: refusal.tenant.unwrap_or(self.instance),
            actor: refusal.actor,
            project: None,
            action,
            policy: "none",
            request,
        };
        let draft = Draft::refused(EventKind::AuthFailure).fact("reason", refusal.reason);
        let row = Row::write(draft, &author, &*self.clock, &*self.rng, &Keys::default())
            .map_err(|_| Problem::internal())?;
        self.append(row).await?;
        // One answer for every reason: what a stranger may learn is that this key opens nothing.
        let gate = if refusal.reason == "missing" { Gate::Identity } else { Gate::Token };
        let detail = "Send an API key or an access token as `Authorization: Bearer …`; expired, revoked and unknown ones \
                      answer alike.";
        Err(Problem::at(gate, ProblemKind::Unauthenticated, detail))
    }
}
