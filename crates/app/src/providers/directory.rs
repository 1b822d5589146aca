//! Which provider answers for a model.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use crypto::Secret;
use gates::{Action, Channel, Pass, Raw, Record, Vault};
use http::Uri;
use kernel::{FieldError, Gate, Problem, ProblemKind, TenantId, Timestamp};
use llm::loopback;
use llm::price::{PicoUsd, Price, PriceTable, PriceTableError};
use llm::usage::Usage;

use super::input::{BaseUrl, LOOPBACK, ModelName, ProviderKey, ProviderName, UrlRules, is_model_name};
use super::reach::Reach;
use super::{PROVIDERS_MAX, seal_place};

/// Most tenants whose providers are remembered.
const TENANTS_MAX: usize = 10_000;
/// Ends an operator's model entry that stands for every model beginning so.
const WILDCARD: char = '*';

/// Where an HTTP provider is and how to speak to it.
pub struct Endpoint {
    uri: Uri,
    authorization: Option<Secret>,
    reach: Reach,
}

impl Endpoint {
    fn new(url: &BaseUrl, key: Option<&[u8]>) -> Self {
        let authorization = key.map(|key| Secret::new([b"Bearer ", key].concat()));
        Self { uri: url.endpoint().clone(), authorization, reach: url.reach() }
    }

    /// Where chat requests go.
    pub const fn uri(&self) -> &Uri {
        &self.uri
    }

    /// The value of the `Authorization` header, when the provider has a key.
    pub const fn authorization(&self) -> Option<&Secret> {
        self.authorization.as_ref()
    }

    /// Which addresses its host may resolve to.
    pub const fn reach(&self) -> Reach {
        self.reach
    }
}

/// What stands at the end of a route.
pub enum Destination<'a> {
    /// The built-in provider, which calls no model.
    Loopback,
    /// Somebody's server.
    Http(&'a Endpoint),
}

enum Way {
    Loopback,
    Http(Endpoint),
    /// The stored key or address cannot be used any more.
    Broken,
}

struct Target {
    name: String,
    way: Way,
    /// Model names; an operator's may end in [`WILDCARD`]. None: any model, by `name/model`.
    models: Vec<String>,
    created: Timestamp,
}

impl Target {
    fn serves(&self, model: &str) -> bool {
        self.models.iter().any(|name| match name.strip_suffix(WILDCARD) {
            Some(start) => model.starts_with(start),
            None => name == model,
        })
    }

    /// The name under which the price table knows the provider: by its host where that is known, else by the name
    /// it was given here.
    fn vendor(&self) -> &str {
        let host = match &self.way {
            Way::Http(endpoint) => endpoint.uri.host().unwrap_or_default(),
            _ => return LOOPBACK,
        };
        match host {
            "api.openai.com" => "openai",
            "api.groq.com" => "groq",
            "api.anthropic.com" => "anthropic",
            "generativelanguage.googleapis.com" => "gemini",
            _ => &self.name,
        }
    }
}

/// A provider the operator configured for every tenant.
pub struct EnvProvider(Target);

impl EnvProvider {
    /// Checks an operator's provider. Private addresses are the operator's own affair; plain `http` goes to private
    /// addresses only. A model ending in `*` stands for every model beginning so; no models means every model that
    /// nobody else serves.
    ///
    /// # Errors
    /// The faulty part and what it needs.
    pub fn new(
        name: &str,
        base_url: &str,
        key: Option<Secret>,
        models: &[String],
        configured: Timestamp,
    ) -> Result<Self, FieldError> {
        let rules = UrlRules { allow_private: true, allow_plain_http: true };
        let name = ProviderName::parse(name)?;
        let url = BaseUrl::parse(base_url, rules)?;
        let models = ModelName::parse_list(models)?;
        let key = key.map(ProviderKey::parse).transpose()?;
        Ok(Self(Target {
            name: name.as_str().to_owned(),
            way: Way::Http(Endpoint::new(&url, key.as_ref().map(ProviderKey::expose))),
            models: models.iter().map(|model| model.as_str().to_owned()).collect(),
            created: configured,
        }))
    }
}

/// Where a call goes: a provider and the model's name there.
#[derive(Clone)]
pub struct Route {
    target: Arc<Target>,
    model: Arc<str>,
    price: Option<Price>,
}

impl Route {
    /// The provider's name.
    pub fn provider(&self) -> &str {
        &self.target.name
    }

    /// The model, as the provider calls it.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// What stands at the end.
    pub fn destination(&self) -> Destination<'_> {
        match &self.target.way {
            Way::Http(endpoint) => Destination::Http(endpoint),
            // A broken target is refused before it becomes a route.
            Way::Loopback | Way::Broken => Destination::Loopback,
        }
    }

    /// What such a use of the model costs; `None` when its price is not known.
    pub fn cost(&self, usage: &Usage) -> Option<PicoUsd> {
        self.price.map(|price| price.cost(usage))
    }
}

/// A model in a caller's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedModel {
    /// The name to put into `model`.
    pub id: String,
    /// The provider's name.
    pub owned_by: String,
    /// Since when it is there.
    pub created: Timestamp,
}

type Targets = Arc<[Arc<Target>]>;

/// All providers: the operator's, the built-in one, and each tenant's as remembered from the database until the
/// vault says that something changed.
pub struct Directory {
    rules: UrlRules,
    operator: Vec<Arc<Target>>,
    loopback: Arc<Target>,
    prices: PriceTable,
    remembered: RwLock<HashMap<TenantId, (u64, Targets)>>,
}

impl Directory {
    /// A directory with the operator's providers. `started` is shown as the time since when built-in models exist.
    ///
    /// # Errors
    /// None in a build whose tests passed: the price table is data that comes with the product.
    pub fn new(
        rules: UrlRules,
        operator: Vec<EnvProvider>,
        started: Timestamp,
    ) -> Result<Self, PriceTableError> {
        let loopback = Target {
            name: LOOPBACK.to_owned(),
            way: Way::Loopback,
            models: vec![loopback::MODEL.to_owned(), loopback::MODEL_ECHO.to_owned()],
            created: started,
        };
        Ok(Self {
            rules,
            operator: operator.into_iter().map(|provider| Arc::new(provider.0)).collect(),
            loopback: Arc::new(loopback),
            prices: PriceTable::builtin()?,
            remembered: RwLock::default(),
        })
    }

    /// What tenants may name as a provider's address.
    pub const fn rules(&self) -> UrlRules {
        self.rules
    }

    /// Where a call of `model` goes, if anywhere. In this order: `provider/model`; the first of the tenant's
    /// providers that lists the model; the first of the operator's that does; the built-in models; the first of
    /// the operator's providers without a list.
    ///
    /// # Errors
    /// When the database fails, or the provider's stored key does not open.
    pub async fn route<A: Action<Mode = Record>>(
        &self,
        pass: &Pass<A>,
        model: &str,
    ) -> Result<Option<Route>, Problem> {
        let own = self.tenants(pass).await?;
        let Some((target, name)) = self.find(&own, model) else { return Ok(None) };
        if matches!(target.way, Way::Broken) {
            let detail = "The provider's stored key or address cannot be used; configure it again.";
            return Err(Problem::at(Gate::Tenancy, ProblemKind::Unavailable, detail));
        }
        // A name nobody listed is the caller's own words, and goes to the provider.
        let listed = target.models.iter().any(|model| model == name);
        if !listed && pass.privacy(Channel::Prompt).text(Raw::new(name.to_owned())).get() != name {
            return Ok(None);
        }
        let price = match &target.way {
            Way::Loopback => Some(FREE),
            _ => self.prices.price(target.vendor(), name).copied(),
        };
        Ok(Some(Route { target: Arc::clone(target), model: name.into(), price }))
    }

    fn find<'a, 'm>(&'a self, own: &'a Targets, model: &'m str) -> Option<(&'a Arc<Target>, &'m str)> {
        if !is_model_name(model) {
            return None;
        }
        let everybody = || own.iter().chain(&self.operator).chain([&self.loopback]);
        if let Some((prefix, rest)) = model.split_once('/').filter(|(_, rest)| !rest.is_empty()) {
            let named = everybody().find(|target| target.name == prefix);
            if let Some(target) = named.filter(|target| target.models.is_empty() || target.serves(rest)) {
                return Some((target, rest));
            }
        }
        let listed = everybody().find(|target| target.serves(model));
        let catch_all = || self.operator.iter().find(|target| target.models.is_empty());
        listed.or_else(catch_all).map(|target| (target, model))
    }

    /// The models this caller may name, the tenant's first, each once.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn models<A: Action<Mode = Record>>(
        &self,
        pass: &Pass<A>,
    ) -> Result<Vec<ListedModel>, Problem> {
        let own = self.tenants(pass).await?;
        Ok(self.list(&own))
    }

    fn list(&self, own: &Targets) -> Vec<ListedModel> {
        let mut seen = HashSet::new();
        let mut models = Vec::new();
        for target in own.iter().chain(&self.operator).chain([&self.loopback]) {
            for id in target.models.iter().filter(|id| !id.ends_with(WILDCARD)) {
                if seen.insert(id) {
                    let (id, owned_by) = (id.clone(), target.name.clone());
                    models.push(ListedModel { id, owned_by, created: target.created });
                }
            }
        }
        models
    }

    async fn tenants<A: Action<Mode = Record>>(&self, pass: &Pass<A>) -> Result<Targets, Problem> {
        let (tenant, vault) = (pass.tenant(), pass.vault());
        // Before the read: what changes during it moves the number on.
        let generation = vault.memory_generation();
        if let Some(generation) = generation {
            let remembered = self.remembered.read().unwrap_or_else(PoisonError::into_inner);
            if let Some((since, targets)) = remembered.get(&tenant)
                && *since == generation
            {
                return Ok(Arc::clone(targets));
            }
        }
        let mut tx = pass.read().await?;
        let rows = store::providers::list(&mut tx, i64::try_from(PROVIDERS_MAX).unwrap_or(i64::MAX)).await?;
        drop(tx);
        let targets: Targets = rows.into_iter().map(|row| Arc::new(self.open(vault, tenant, row))).collect();
        if let Some(generation) = generation {
            let mut remembered = self.remembered.write().unwrap_or_else(PoisonError::into_inner);
            if remembered.len() >= TENANTS_MAX {
                remembered.clear();
            }
            remembered.insert(tenant, (generation, Arc::clone(&targets)));
        }
        Ok(targets)
    }

    fn open(&self, vault: &Vault, tenant: TenantId, row: store::providers::Provider) -> Target {
        let id = row.id.to_string();
        let way = match BaseUrl::parse(&row.base_url, self.rules) {
            // The rules may have become stricter since it was configured.
            Err(_) => {
                tracing::warn!(provider = %id, "a provider's address is no longer allowed");
                Way::Broken
            }
            Ok(url) => {
                match row.key_sealed.map(|sealed| vault.envelope().open(&seal_place(tenant, &id), &sealed)) {
                    None => Way::Http(Endpoint::new(&url, None)),
                    Some(Ok(key)) => Way::Http(Endpoint::new(&url, Some(key.expose()))),
                    Some(Err(error)) => {
                        tracing::error!(provider = %id, %error, "a provider's key does not open");
                        Way::Broken
                    }
                }
            }
        };
        Target { name: row.name, way, models: row.models, created: row.created_at }
    }
}

/// The built-in provider costs nothing.
const FREE: Price = Price {
    input: PicoUsd::ZERO,
    cached_input: PicoUsd::ZERO,
    cache_write: PicoUsd::ZERO,
    output: PicoUsd::ZERO,
};

#[cfg(test)]
mod tests;
