//! The one place that reads environment variables that are not flags: secrets and the machine's own.

use zeroize::Zeroizing;

/// Environment variables by name. The process's own outside tests.
pub trait Environment {
    /// The value; `None` when it is not set or is empty, which deployment tools make of "not set".
    fn get(&self, name: &str) -> Option<Zeroizing<String>>;
}

/// The environment of this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    fn get(&self, name: &str) -> Option<Zeroizing<String>> {
        std::env::var(name).ok().filter(|value| !value.is_empty()).map(Zeroizing::new)
    }
}

#[cfg(test)]
impl Environment for std::collections::BTreeMap<&str, &str> {
    fn get(&self, name: &str) -> Option<Zeroizing<String>> {
        std::collections::BTreeMap::get(self, name).map(|value| Zeroizing::new((*value).to_owned()))
    }
}
