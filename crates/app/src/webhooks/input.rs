//! What an endpoint may be: text from outside, parsed once.

use gates::Raw;
use http::Uri;
use kernel::limits::{WEBHOOK_KINDS_MAX, WEBHOOK_URL_BYTES_MAX};
use kernel::{EventKind, FieldError, Problem, ProblemKind};

use crate::input::Description;
use crate::providers::{Reach, UrlRules, reach_of};

/// The kinds that webhooks do not tell of: their own, which would never come to an end.
const OWN: &str = "webhook.";
/// What asks for every kind.
const ALL: &str = "*";

/// Where an endpoint is, and which addresses it may resolve to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    url: Uri,
    reach: Reach,
}

impl Target {
    /// Reads an address under the operator's rules: `https` (or `http`, where allowed), a host, perhaps a port, a path and a
    /// query; no user and no fragment.
    ///
    /// # Errors
    /// What is wrong with it, at the pointer `/url`.
    pub fn parse(text: &str, rules: UrlRules) -> Result<Self, FieldError> {
        let refuse = |detail: &str| FieldError { pointer: "/url".to_owned(), detail: detail.to_owned() };
        if text.len() > WEBHOOK_URL_BYTES_MAX {
            return Err(refuse("use at most 2000 bytes"));
        }
        let odd = ['#', '@', '\\', '"', '<', '>', '`', '{', '}'];
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) || text.contains(odd) {
            return Err(refuse(
                "give an address such as https://hooks.example.com/portcullis, without user or fragment",
            ));
        }
        let url: Uri = text
            .parse()
            .map_err(|_| refuse("this is no address; one looks like https://hooks.example.com/portcullis"))?;
        let reach = reach_of(&url, rules).map_err(refuse)?;
        Ok(Self { url, reach })
    }

    /// The address.
    pub const fn url(&self) -> &Uri {
        &self.url
    }

    /// The host.
    pub fn host(&self) -> &str {
        self.url.host().unwrap_or_default()
    }

    /// Which addresses it may resolve to.
    pub const fn reach(&self) -> Reach {
        self.reach
    }
}

/// The kinds of events an endpoint asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kinds(Vec<String>);

impl Kinds {
    /// Reads names of kinds, `agent.*` for all that begin so, and `*` for all there are; sorted, none twice.
    ///
    /// # Errors
    /// What is wrong with the list, at the pointer `/kinds` or `/kinds/<index>`.
    pub fn parse(texts: Vec<String>) -> Result<Self, FieldError> {
        if texts.is_empty() || texts.len() > WEBHOOK_KINDS_MAX {
            let detail = format!("name 1 to {WEBHOOK_KINDS_MAX} kinds of events");
            return Err(FieldError { pointer: "/kinds".to_owned(), detail });
        }
        for (index, text) in texts.iter().enumerate() {
            if let Err(detail) = judge(text) {
                return Err(FieldError { pointer: format!("/kinds/{index}"), detail: detail.to_owned() });
            }
        }
        let mut kinds = texts;
        kinds.sort_unstable();
        kinds.dedup();
        Ok(Self(kinds))
    }

    /// The names and patterns.
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }

    pub(super) fn into_inner(self) -> Vec<String> {
        self.0
    }

    /// Every kind that can be asked for, in the order of the catalogue.
    pub fn known() -> impl Iterator<Item = EventKind> {
        EventKind::ALL.iter().copied().filter(|kind| !kind.name().starts_with(OWN))
    }
}

fn judge(text: &str) -> Result<(), &'static str> {
    if text.starts_with(OWN) {
        return Err("webhooks do not tell of themselves");
    }
    let found = match text.strip_suffix('*') {
        Some("") => text == ALL,
        Some(front) => front.ends_with('.') && Kinds::known().any(|kind| kind.name().starts_with(front)),
        None => Kinds::known().any(|kind| kind.name() == text),
    };
    if found { Ok(()) } else { Err("there is no such kind of event, and none that begins so") }
}

/// An endpoint to be configured, or what one is to be from now on, every part checked.
pub struct NewEndpoint {
    pub(super) target: Target,
    pub(super) description: Raw<String>,
    pub(super) kinds: Kinds,
}

impl NewEndpoint {
    /// Checks all parts and tells all faults at once.
    ///
    /// # Errors
    /// A problem with one error per faulty field, by JSON pointer.
    pub fn parse(
        url: &str,
        description: String,
        kinds: Vec<String>,
        rules: UrlRules,
    ) -> Result<Self, Problem> {
        let target = Target::parse(url, rules);
        let description = Description::parse(description, "/description");
        match (target, description, Kinds::parse(kinds)) {
            (Ok(target), Ok(description), Ok(kinds)) => {
                Ok(Self { target, description: description.raw(), kinds })
            }
            (target, description, kinds) => {
                let mut errors: Vec<FieldError> = target.err().into_iter().collect();
                errors.extend(description.err().into_iter().flat_map(|problem| problem.errors));
                errors.extend(kinds.err());
                let detail = "See errors for the fields and what each needs.";
                Err(Problem { errors, ..Problem::new(ProblemKind::Invalid, detail) })
            }
        }
    }
}
