//! Providers: whom a tenant's calls may go to. Their keys are sealed at rest and opened only to be sent.

mod directory;
mod input;
mod reach;
#[cfg(test)]
mod tests;

use crypto::{Envelope, Place as SealPlace, Secret};
use gates::{Channel, Draft, Pass, Raw, Receipt};
use kernel::{EventKind, FieldError, Problem, ProviderId, Rng, TenantId, Timestamp};

use crate::action;

pub use directory::{Destination, Directory, Endpoint, EnvProvider, ListedModel, Route};
pub(crate) use input::reach_of;
pub use input::{
    BASE_URL_BYTES_MAX, BaseUrl, LOOPBACK, ModelName, PROVIDER_KEY_BYTES_MAX, PROVIDER_NAME_BYTES_MAX,
    ProviderKey, ProviderName, UrlRules, literal,
};
pub use reach::{Place, Reach, place};

/// Most providers of one organization.
pub const PROVIDERS_MAX: usize = 200;

action! {
    /// Lists the organization's providers.
    ListProviders = "providers.list", ProvidersRead, Principal, Read
}

action! {
    /// Configures a provider.
    CreateProvider = "providers.create", ProvidersManage, Principal, Write, Fresh
}

action! {
    /// Removes a provider and its key.
    DeleteProvider = "providers.delete", ProvidersManage, Principal, Write, Fresh
}

/// A configured provider, as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// Its id.
    pub id: ProviderId,
    /// Its name, unique in the organization.
    pub name: String,
    /// Where it is.
    pub base_url: String,
    /// The models it serves; none means whatever is asked for as `name/model`.
    pub models: Vec<String>,
    /// Whether a key is kept for it. The key itself is never shown.
    pub has_key: bool,
    /// When it was configured.
    pub created_at: Timestamp,
}

/// A provider to be configured, every part checked.
pub struct NewProvider {
    /// Its name.
    pub name: ProviderName,
    /// Where it is.
    pub base_url: BaseUrl,
    /// The models it serves.
    pub models: Vec<ModelName>,
    /// Its key.
    pub key: Option<ProviderKey>,
}

impl NewProvider {
    /// Checks all parts and tells all faults at once.
    ///
    /// # Errors
    /// A problem with one error per faulty field, by JSON pointer.
    pub fn parse(
        name: &str,
        base_url: &str,
        models: &[String],
        key: Option<Secret>,
        rules: UrlRules,
    ) -> Result<Self, Problem> {
        let (name, base_url) = (ProviderName::parse(name), BaseUrl::parse(base_url, rules));
        let (models, key) = (ModelName::parse_list(models), key.map(ProviderKey::parse).transpose());
        match (name, base_url, models, key) {
            (Ok(name), Ok(base_url), Ok(models), Ok(key)) => Ok(Self { name, base_url, models, key }),
            (name, base_url, models, key) => {
                let errors = [name.err(), base_url.err(), models.err(), key.err()];
                Err(input::invalid(errors.into_iter().flatten().collect()))
            }
        }
    }
}

/// The organization's providers, by id.
///
/// # Errors
/// When the database fails or the entry cannot be written.
pub async fn list(mut pass: Pass<ListProviders>) -> Result<(Vec<Provider>, Receipt), Problem> {
    let rows = i64::try_from(PROVIDERS_MAX).unwrap_or(i64::MAX);
    let found = match store::providers::list(pass.tx(), rows).await {
        Ok(found) => found,
        Err(error) => return Err(pass.fail(Draft::failed(EventKind::ProvidersListed), error.into()).await),
    };
    let shown: Vec<Provider> = found
        .into_iter()
        .map(|row| Provider {
            id: row.id,
            name: row.name,
            base_url: row.base_url,
            models: row.models,
            has_key: row.key_sealed.is_some(),
            created_at: row.created_at,
        })
        .collect();
    let receipt =
        pass.seal(Draft::done(EventKind::ProvidersListed).fact("count", shown.len() as u64)).await?;
    Ok((shown, receipt))
}

/// Configures a provider; its key is sealed before it reaches the database.
///
/// # Errors
/// A conflict when the name is taken, invalid when a name holds personal data or there are too many providers, and
/// when the database or the log fails.
pub async fn create(
    mut pass: Pass<CreateProvider>,
    new: NewProvider,
) -> Result<(Provider, Receipt), Problem> {
    match keep(&mut pass, &new).await {
        Ok(provider) => {
            let words = pass.privacy(Channel::Log);
            let draft = Draft::done(EventKind::ProviderCreated)
                .subject("provider", provider.id)
                .fact("name", &words.text(Raw::new(provider.name.clone())))
                .fact("host", &words.text(Raw::new(new.base_url.host().to_owned())))
                .fact("models", provider.models.len() as u64)
                .fact("has_key", provider.has_key);
            let receipt = pass.seal(draft).await?;
            Ok((provider, receipt))
        }
        Err(problem) => Err(pass.fail(Draft::failed(EventKind::ProviderCreated), problem).await),
    }
}

async fn keep(pass: &mut Pass<CreateProvider>, new: &NewProvider) -> Result<Provider, Problem> {
    let words = pass.privacy(Channel::Log);
    let name = words.text(Raw::new(new.name.as_str().to_owned()));
    if name.get() != new.name.as_str() {
        return Err(input::invalid(vec![personal("/name")]));
    }
    for (index, model) in new.models.iter().enumerate() {
        if words.text(Raw::new(model.as_str().to_owned())).get() != model.as_str() {
            return Err(input::invalid(vec![personal(&format!("/models/{index}"))]));
        }
    }
    let (tenant, vault) = (pass.tenant(), std::sync::Arc::clone(pass.vault()));
    let (id, at) = (ProviderId::new(vault.clock(), vault.rng()), vault.clock().now());
    let sealed = match &new.key {
        Some(key) => Some(seal_key(vault.envelope(), vault.rng(), tenant, id, key)?),
        None => None,
    };
    let held = store::providers::list(pass.tx(), i64::try_from(PROVIDERS_MAX).unwrap_or(i64::MAX)).await?;
    if held.len() >= PROVIDERS_MAX {
        return Err(Problem::invalid("", format!("an organization has at most {PROVIDERS_MAX} providers")));
    }
    let models: Vec<String> = new.models.iter().map(|model| model.as_str().to_owned()).collect();
    let row = store::providers::NewProvider {
        id,
        name: &name,
        base_url: new.base_url.as_str(),
        models: &models,
        key_sealed: sealed.as_deref(),
        at,
    };
    store::providers::create(pass.tx(), &row).await?;
    Ok(Provider {
        id,
        name: name.into_inner(),
        base_url: new.base_url.as_str().to_owned(),
        models,
        has_key: sealed.is_some(),
        created_at: at,
    })
}

/// Removes a provider and its key; calls under way keep the connection they have.
///
/// # Errors
/// Not found when the organization has none of that id; and when the database or the log fails.
pub async fn delete(mut pass: Pass<DeleteProvider>, id: ProviderId) -> Result<Receipt, Problem> {
    let problem = match store::providers::delete(pass.tx(), id).await {
        Ok(true) => return pass.seal(Draft::done(EventKind::ProviderDeleted).subject("provider", id)).await,
        Ok(false) => Problem::not_found(),
        Err(error) => error.into(),
    };
    Err(pass.fail(Draft::failed(EventKind::ProviderDeleted).subject("provider", id), problem).await)
}

/// Seals a key for the row it will stand in.
fn seal_key(
    envelope: &Envelope,
    rng: &dyn Rng,
    tenant: TenantId,
    id: ProviderId,
    key: &ProviderKey,
) -> Result<Vec<u8>, Problem> {
    let row = id.to_string();
    envelope.seal(rng, &seal_place(tenant, &row), key.expose()).map_err(|error| {
        tracing::error!(%error, "a provider's key could not be sealed");
        Problem::internal()
    })
}

/// Where a sealed key lives, which is part of what the seal is bound to.
fn seal_place(tenant: TenantId, row: &str) -> SealPlace<'_> {
    let (table, column) = store::providers::KEY_PLACE;
    SealPlace { tenant: Some(tenant), table, column, row }
}

fn personal(pointer: &str) -> FieldError {
    let detail = "this looks like personal data or a secret; choose another name".to_owned();
    FieldError { pointer: pointer.to_owned(), detail }
}
