//! The OpenFGA server that is asked beside the engine of this process, where the operator names one.

use std::time::Duration;

use crypto::Secret;
use kernel::TenantId;

use super::args::ServerArgs;
use super::database::is_local;
use super::key::secret_text;
use super::parse::{base_url, list, number};
use super::{Environment, Faults};

const URL: &str = "PORTCULLIS_OPENFGA_URL";
const STORES: &str = "PORTCULLIS_OPENFGA_STORES";
const TOKEN: (&str, &str) = ("PORTCULLIS_OPENFGA_TOKEN", "PORTCULLIS_OPENFGA_TOKEN_FILE");
const TIMEOUT: &str = "PORTCULLIS_OPENFGA_TIMEOUT_MILLIS";
const CONNECTIONS: &str = "PORTCULLIS_OPENFGA_CONNECTIONS";
/// Longest time for an answer by default, in milliseconds: what it takes is added to every action.
const TIMEOUT_MILLIS_DEFAULT: u64 = 500;
/// Longest such time an operator may choose, in milliseconds.
const TIMEOUT_MILLIS_MAX: u64 = 10_000;
/// Connections by default.
const CONNECTIONS_DEFAULT: u64 = 16;
/// Most connections.
const CONNECTIONS_MAX: u64 = 256;
/// Length of an id, in characters (a ULID).
const ID_CHARS: usize = 26;

/// Where the relations of one organization are over there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenFgaStore {
    /// The organization.
    pub tenant: TenantId,
    /// The store.
    pub store: String,
    /// The model that is asked.
    pub model: String,
}

/// An OpenFGA server. Has no `Debug`: it holds a token.
pub struct OpenFgaSettings {
    /// Its URL, without a slash at its end.
    pub url: String,
    /// A store for each organization that it is asked about.
    pub stores: Vec<OpenFgaStore>,
    /// The token it wants.
    pub token: Option<Secret>,
    /// Longest time for an answer.
    pub timeout: Duration,
    /// Most questions at once.
    pub connections: usize,
}

pub(super) fn read(
    args: &ServerArgs,
    environment: &dyn Environment,
    faults: &mut Faults,
) -> Option<OpenFgaSettings> {
    let given = args.openfga_url.as_deref();
    // What is wrong is shown, and a password would be too.
    let with_login = given.is_some_and(|url| url.contains('@'));
    let url = if with_login {
        Err(format!("a login has no place in it; {} takes the token.", TOKEN.0))
    } else {
        base_url(given)
    };
    let url = faults.keep(URL, url, None);
    let stores = stores(args.openfga_stores.as_deref(), faults);
    let token = token(environment, faults);
    let timeout =
        number(args.openfga_timeout_millis.as_deref(), 1, TIMEOUT_MILLIS_MAX, TIMEOUT_MILLIS_DEFAULT);
    let timeout = faults.keep(TIMEOUT, timeout, TIMEOUT_MILLIS_DEFAULT);
    let connections = number(args.openfga_connections.as_deref(), 1, CONNECTIONS_MAX, CONNECTIONS_DEFAULT);
    let connections = faults.keep(CONNECTIONS, connections, CONNECTIONS_DEFAULT);
    let Some(url) = url else {
        if !stores.is_empty() {
            faults.add(STORES, format!("it is of use only together with {URL}."));
        }
        return None;
    };
    if stores.is_empty() {
        faults.add(STORES, "name a store for each organization: organization-id=store-id/model-id items.");
    }
    let host = url.parse::<http::Uri>().ok().and_then(|uri| uri.host().map(str::to_owned));
    if !url.starts_with("https://") && !host.is_some_and(|host| is_local(&host)) {
        faults.add(URL, "the way to another machine is encrypted: give an https:// URL.");
    }
    let connections = usize::try_from(connections).unwrap_or(1);
    Some(OpenFgaSettings { url, stores, token, timeout: Duration::from_millis(timeout), connections })
}

fn stores(text: Option<&str>, faults: &mut Faults) -> Vec<OpenFgaStore> {
    let mut stores: Vec<OpenFgaStore> = Vec::new();
    for (at, item) in list(text).iter().enumerate() {
        match store(item) {
            Some(store) if stores.iter().any(|known| known.tenant == store.tenant) => {
                faults.add(STORES, format!("item {}: this organization has a store already.", at + 1));
            }
            Some(store) => stores.push(store),
            None => {
                faults.add(STORES, format!("item {}: expected organization-id=store-id/model-id.", at + 1));
            }
        }
    }
    stores
}

fn store(item: &str) -> Option<OpenFgaStore> {
    let (tenant, ids) = item.split_once('=')?;
    let (store, model) = ids.split_once('/')?;
    // What else a path could hold would lead elsewhere.
    let fits =
        |id: &str| id.len() == ID_CHARS && id.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
    (fits(store) && fits(model)).then_some(())?;
    Some(OpenFgaStore { tenant: tenant.parse().ok()?, store: store.to_owned(), model: model.to_owned() })
}

fn token(environment: &dyn Environment, faults: &mut Faults) -> Option<Secret> {
    let (text, name) = secret_text(environment, faults, TOKEN)?;
    let token = text.trim();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        faults.add(name, "it is no token: visible ASCII characters without spaces.");
        return None;
    }
    Some(Secret::new(token.as_bytes()))
}
