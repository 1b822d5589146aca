//! Providers the operator configures for all tenants.

use app::providers::EnvProvider;
use crypto::Secret;
use kernel::Timestamp;

use super::parse::list;
use super::{Environment, Faults};

const LIST: &str = "PORTCULLIS_PROVIDERS";
/// Where OpenAI's own API is.
const OPENAI_URL: &str = "https://api.openai.com/v1";
/// The name that `OPENAI_API_KEY` configures.
const OPENAI: &str = "openai";
/// The provider that is built in and needs no configuration.
const BUILT_IN: &str = "loopback";

/// The providers of the list and of `OPENAI_API_KEY`.
pub(super) fn read(
    text: Option<&str>,
    environment: &dyn Environment,
    now: Timestamp,
    faults: &mut Faults,
) -> Vec<EnvProvider> {
    let mut names: Vec<String> = Vec::new();
    let mut found = Vec::new();
    for (at, item) in list(text).into_iter().enumerate() {
        let Some((name, url)) = item.split_once('=') else {
            // It is not repeated: it may hold a password.
            let sentence =
                format!("item {} is not name=base-url, such as local=http://127.0.0.1:11434/v1.", at + 1);
            faults.add(LIST, sentence);
            continue;
        };
        let (name, url) = (name.trim(), url.trim());
        if name == BUILT_IN || names.iter().any(|other| other == name) {
            faults.add(LIST, format!("the name {name} is taken; choose another."));
            continue;
        }
        names.push(name.to_owned());
        let stem = format!("PORTCULLIS_PROVIDER_{}", name.to_ascii_uppercase().replace('-', "_"));
        let key = environment.get(&format!("{stem}_KEY"));
        let models = environment.get(&format!("{stem}_MODELS"));
        let models = list(models.as_deref().map(String::as_str));
        let key = key.map(|key| Secret::new(key.trim().as_bytes()));
        match EnvProvider::new(name, url, key, &models, now) {
            Ok(provider) => found.push(provider),
            Err(fault) => faults.add(LIST, format!("{name}: {} {}", fault.pointer, fault.detail)),
        }
    }
    if let Some(key) = environment.get("OPENAI_API_KEY").filter(|_| !names.iter().any(|name| name == OPENAI))
    {
        let url = environment.get("OPENAI_BASE_URL");
        let url = url.as_deref().map_or(OPENAI_URL, String::as_str).trim_end_matches('/');
        match EnvProvider::new(OPENAI, url, Some(Secret::new(key.trim().as_bytes())), &[], now) {
            Ok(provider) => found.push(provider),
            Err(fault) => {
                let name = if fault.pointer.contains("key") { "OPENAI_API_KEY" } else { "OPENAI_BASE_URL" };
                faults.add(name, fault.detail);
            }
        }
    }
    found
}
