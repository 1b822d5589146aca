//! Providers the operator configures for all tenants.

use crypto::Secret;

use super::parse::{base_url, list};
use super::{Environment, Faults};

/// Longest name of a provider, in bytes.
const NAME_BYTES_MAX: usize = 63;
/// Where OpenAI's own API is.
const OPENAI_URL: &str = "https://api.openai.com/v1";
/// The provider that is built in and needs no configuration.
const BUILT_IN: &str = "loopback";

/// A provider the operator named. Has no `Debug`: it holds a key.
pub struct ProviderSetting {
    /// Its name, the first part of `name/model`.
    pub name: String,
    /// Its base URL, without a slash at its end.
    pub base_url: String,
    /// The key that is sent to it.
    pub key: Option<Secret>,
}

/// The providers of `OPENAI_API_KEY` and of the list.
pub(super) fn read(
    text: Option<&str>,
    environment: &dyn Environment,
    faults: &mut Faults,
) -> Vec<ProviderSetting> {
    let mut found: Vec<ProviderSetting> = Vec::new();
    for item in list(text) {
        let Some(provider) = named(&item, environment, faults) else { continue };
        if found.iter().any(|other| other.name == provider.name) {
            faults.add("PORTCULLIS_PROVIDERS", format!("{} is there twice.", provider.name));
        } else {
            found.push(provider);
        }
    }
    if let Some(key) = environment.get("OPENAI_API_KEY")
        && !found.iter().any(|provider| provider.name == "openai")
    {
        let url = environment.get("OPENAI_BASE_URL");
        let url = faults.keep("OPENAI_BASE_URL", base_url(url.as_deref().map(String::as_str)), None);
        let base_url = url.unwrap_or_else(|| OPENAI_URL.to_owned());
        found.push(ProviderSetting {
            name: "openai".to_owned(),
            base_url,
            key: Some(Secret::new(key.as_bytes())),
        });
    }
    found
}

fn named(item: &str, environment: &dyn Environment, faults: &mut Faults) -> Option<ProviderSetting> {
    const LIST: &str = "PORTCULLIS_PROVIDERS";
    let Some((name, url)) = item.split_once('=') else {
        faults.add(LIST, format!("{item:?} is not name=base-url, such as local=http://127.0.0.1:11434/v1."));
        return None;
    };
    let (name, url) = (name.trim(), url.trim());
    if !is_name(name) {
        faults.add(
            LIST,
            format!("{name:?} is no name: lower-case letters, digits and hyphens, at most {NAME_BYTES_MAX}."),
        );
        return None;
    }
    if name == BUILT_IN {
        faults.add(LIST, format!("{BUILT_IN} is the built-in provider; choose another name."));
        return None;
    }
    let base_url = match base_url(Some(url)) {
        Ok(Some(url)) => url,
        Ok(None) => {
            faults.add(LIST, format!("{name} has no URL."));
            return None;
        }
        Err(sentence) => {
            faults.add(LIST, format!("{name}: {sentence}"));
            return None;
        }
    };
    let variable = format!("PORTCULLIS_PROVIDER_{}_KEY", name.to_ascii_uppercase().replace('-', "_"));
    let key = environment.get(&variable);
    if key.as_ref().is_some_and(|key| !key.bytes().all(|byte| byte.is_ascii_graphic())) {
        faults.add(variable, "it holds blanks or other characters that cannot be sent in a header.");
        return None;
    }
    let key = key.map(|key| Secret::new(key.as_bytes()));
    Some(ProviderSetting { name: name.to_owned(), base_url, key })
}

fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    name.len() <= NAME_BYTES_MAX
        && name.bytes().next().is_some_and(plain)
        && name.bytes().all(|byte| plain(byte) || byte == b'-')
}
