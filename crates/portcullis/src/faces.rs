//! The faces put together: one router, the manners they share around it.

use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow};
use api::http::{HttpSettings, layers};
use app::audit::jobs::Sequencer;
use app::models::Calls;
use app::providers::{Directory, EnvProvider, UrlRules};
use axum::Router;
use crypto::SystemRng;
use gates::Vault;
use gateway::{Gateway, Limits, Upstream};
use kernel::SystemClock;

use crate::settings::{HttpLimits, ProviderSetting, UpstreamRules};

/// The router of all faces, and the calls under way, to be awaited when the server stops.
///
/// # Errors
/// When a configured provider cannot be used or TLS cannot be set up.
pub(crate) fn router(
    vault: &Arc<Vault>,
    sequencer: &Sequencer,
    http: &HttpLimits,
    rules: UpstreamRules,
    providers: Vec<ProviderSetting>,
) -> Result<(Router, Calls)> {
    let now = vault.clock().now();
    let operator = providers
        .into_iter()
        .map(|provider| {
            EnvProvider::new(&provider.name, &provider.base_url, provider.key, &[], now)
                .map_err(|fault| anyhow!("the provider {}: {}", provider.name, fault.detail))
        })
        .collect::<Result<Vec<_>>>()?;
    let rules = UrlRules { allow_private: rules.private, allow_plain_http: rules.plain_http };
    let directory = Arc::new(Directory::new(rules, operator, now).context("the price table cannot be read")?);
    let limits = Limits { body_bytes_max: http.body_bytes_max, ..Limits::default() };
    let upstream = Upstream::new(&limits)?;
    let gateway = Gateway::new(Arc::clone(vault), directory, upstream, limits);
    let calls = gateway.calls().clone();
    let control = api::router(api::State::new(Arc::clone(vault), sequencer.clone(), rules));
    Ok((layers(control.merge(gateway::router(gateway)), manners(http)?), calls))
}

fn manners(http: &HttpLimits) -> Result<HttpSettings> {
    let mut settings = HttpSettings::new(Arc::new(SystemClock), Arc::new(SystemRng));
    settings.body_bytes_max = http.body_bytes_max;
    settings.rate_standard_per_minute = http.rate_standard_per_minute;
    settings.rate_llm_per_minute = http.rate_llm_per_minute;
    settings.request_timeout = http.request_timeout;
    settings.cors_origins =
        http.cors_origins.iter().map(|origin| origin.parse()).collect::<Result<_, _>>()?;
    settings.trusted_proxies =
        http.trusted_proxies.iter().map(|proxy| proxy.parse()).collect::<Result<_, _>>()?;
    Ok(settings)
}
