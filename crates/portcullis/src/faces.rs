//! The faces put together: one router, the manners they share around it.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use api::http::{HttpSettings, layers, with_receipts};
use app::accounts::Accounts;
use app::audit::jobs::Sequencer;
use app::audit::{Receipts, Tails};
use app::models::Calls;
use app::providers::{Directory, EnvProvider, UrlRules};
use app::relations::Relations;
use axum::Router;
use crypto::SystemRng;
use fga::Fga;
use gates::{AuthMode, Vault};
use gateway::{Gateway, Limits, Upstream};
use kernel::SystemClock;

use crate::loopback::only_this_machine;
use crate::settings::{CallTimes, UpstreamRules};

/// The router of all faces, and the calls under way, to be awaited when the server stops. `tails` are told to go then.
///
/// # Errors
/// When TLS towards providers cannot be set up.
pub(crate) fn router(
    vault: &Arc<Vault>,
    accounts: &Accounts,
    console: console::State,
    sequencer: &Sequencer,
    tails: Tails,
    (http, security_contact): (HttpSettings, Option<&str>),
    (rules, times, webhooks, operator): (UpstreamRules, CallTimes, UrlRules, Vec<EnvProvider>),
) -> Result<(Router, Calls)> {
    let rules = UrlRules { allow_private: rules.private, allow_plain_http: rules.plain_http };
    let directory = Directory::new(rules, operator, vault.clock().now());
    let directory = Arc::new(directory.context("the price table cannot be read")?);
    let limits = Limits { body_bytes_max: http.body_bytes_max, total: times.most, ..Limits::default() };
    let upstream = Upstream::new(&limits).context("the way to providers could not be set up")?;
    let receipts = Receipts::new(sequencer.clone());
    let gateway =
        Gateway::new(Arc::clone(vault), directory, upstream, limits).with_receipts(receipts.clone());
    let calls = gateway.calls().clone();
    let control = api::State::new(accounts.clone(), sequencer.clone(), rules, &http.cors_origins);
    let control = control.with_tails(tails).with_security_contact(security_contact).with_webhooks(webhooks);
    let control = control.with_receipts(receipts.clone());
    let console = console.with_webhooks(webhooks).with_receipts(receipts.clone());
    let relations = Arc::new(Relations::new());
    let console = console.with_relations(Arc::clone(&relations));
    let fga = Fga::new(Arc::clone(vault), relations);
    let programs = api::router(control).merge(gateway::router(gateway)).merge(fga::router(fga));
    let programs = with_receipts(programs, receipts);
    let mut faces = programs.merge(console::router(console));
    if vault.auth_mode() == AuthMode::Dev {
        faces = only_this_machine(faces, vault.issuer(), &http.cors_origins);
    }
    Ok((layers(faces, http, Arc::new(SystemClock), Arc::new(SystemRng)), calls))
}

#[cfg(test)]
mod tests {
    /// Who reads pages opens many: none of them may be counted as a program's request.
    #[test]
    fn every_page_of_the_console_is_counted_as_a_page() {
        // What programs and libraries ask for on a page's behalf.
        let apart = |path: &&str| !path.starts_with("/.well-known/");
        let paths = console::paths();
        let wrong: Vec<&str> =
            paths.into_iter().filter(apart).filter(|path| !api::http::is_page(path)).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
        for path in ["/api/v1/keys", "/v1/models", "/fga/stores", "/oauth/token", "/somewhere"] {
            assert!(!api::http::is_page(path), "{path}");
        }
    }
}
