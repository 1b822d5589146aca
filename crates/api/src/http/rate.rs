//! Rate limits by path class, and how they are told: `RateLimit-Policy` and `RateLimit` as structured fields
//! (draft-ietf-httpapi-ratelimit-headers), and the older trio that most clients read.

use http::{HeaderMap, HeaderValue, Method};
use kernel::limits::RATE_CONSOLE_PER_MINUTE;
use kernel::quota::{Quota, Verdict, WINDOW_SECONDS};
use kernel::{Problem, ProblemKind, Timestamp};

use super::settings::HttpSettings;

/// The fields that list every policy; the older ones have room for one.
const LISTS: [&str; 2] = ["ratelimit-policy", "ratelimit"];

/// Kinds of paths with a limit of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PathClass {
    /// Not counted.
    Exempt,
    /// All that is neither of the others.
    Standard,
    /// Calls of a model.
    Llm,
    /// Relations, of which a program asks many times a second.
    Relations,
    /// Paths under which people sign in, and agents ask for tokens: somebody guesses there.
    Auth,
    /// Pages of the console, of which a person opens many.
    Console,
}

/// What the paths begin with under which people sign in.
const AUTH_PATHS: &str = "/api/v1/auth/";
/// Where agents prove who they are.
const TOKEN_PATH: &str = "/oauth/token";

/// First segments of the console's pages. Every other path counts as a program's, unknown ones too: who tries paths at
/// random is no person reading pages.
const PAGES: [&str; 30] = [
    "",
    "sign-in",
    "sign-out",
    "sign-up",
    "verify",
    "reset",
    "welcome",
    "invitation",
    "onboarding",
    "switch",
    "enrol",
    "step-up",
    "theme",
    "security",
    "sessions",
    "roles",
    "audit",
    "agents",
    "keys",
    "members",
    "settings",
    "break-glass",
    "evidence",
    "privacy",
    "instance",
    "invitations",
    "passkey",
    "policies",
    "relations",
    "webhooks",
];

/// What the paths begin with under which relations are asked about, before every step of a program.
const RELATIONS_PATHS: &str = "/fga/";

/// Whether a path is counted as a page of the console.
pub fn is_page(path: &str) -> bool {
    PathClass::of(&Method::GET, path) == PathClass::Console
}

impl PathClass {
    pub(super) fn of(method: &Method, path: &str) -> Self {
        match path {
            "/health" => Self::Exempt,
            _ if path.starts_with("/assets/") => Self::Exempt,
            "/v1/chat/completions" if method == Method::POST => Self::Llm,
            _ if path.starts_with(RELATIONS_PATHS) => Self::Relations,
            _ if path == TOKEN_PATH || path.starts_with(AUTH_PATHS) => Self::Auth,
            _ if PAGES.contains(&path.split('/').nth(1).unwrap_or_default()) => Self::Console,
            _ => Self::Standard,
        }
    }

    /// The name of the policy in the headers.
    fn name(self) -> &'static str {
        match self {
            Self::Exempt => "none",
            Self::Standard => "standard",
            Self::Llm => "llm",
            Self::Relations => "relations",
            Self::Auth => "auth",
            Self::Console => "console",
        }
    }
}

/// The counts of all classes.
pub(super) struct Rates {
    standard: Option<Quota>,
    llm: Option<Quota>,
    relations: Option<Quota>,
    auth: Option<Quota>,
    console: Option<Quota>,
}

/// A verdict and the class it was found under.
pub(super) struct Counted {
    class: PathClass,
    verdict: Verdict,
}

impl Rates {
    pub(super) fn new(settings: &HttpSettings) -> Self {
        Self {
            standard: settings.rate_standard_per_minute.map(Quota::new),
            llm: settings.rate_llm_per_minute.map(Quota::new),
            relations: settings.rate_relations_per_minute.map(Quota::new),
            auth: settings.rate_auth_per_minute.map(Quota::new),
            // Off together with the standard limit.
            console: settings.rate_standard_per_minute.map(|_| Quota::new(RATE_CONSOLE_PER_MINUTE)),
        }
    }

    /// Counts a request; `None` when its class has no limit.
    pub(super) fn count(&self, class: PathClass, client: u64, now: Timestamp) -> Option<Counted> {
        let quota = match class {
            PathClass::Exempt => None,
            PathClass::Standard => self.standard.as_ref(),
            PathClass::Llm => self.llm.as_ref(),
            PathClass::Relations => self.relations.as_ref(),
            PathClass::Auth => self.auth.as_ref(),
            PathClass::Console => self.console.as_ref(),
        };
        quota.map(|quota| Counted { class, verdict: quota.take(client, now) })
    }
}

impl Counted {
    /// The refusal, when there is one.
    pub(super) fn refusal(&self) -> Option<Problem> {
        if self.verdict.allowed {
            return None;
        }
        let Verdict { quota, reset_seconds, .. } = self.verdict;
        let detail = format!(
            "This address may send {quota} requests to paths of class {} in {WINDOW_SECONDS} seconds; \
             wait {reset_seconds} seconds.",
            self.class.name()
        );
        Some(Problem::new(ProblemKind::RateLimited, detail).retry_after(reset_seconds.max(1)))
    }

    /// Tells the client where it stands. A face that counts something narrower has told it already: then the lists name both,
    /// and the older fields stay the face's.
    pub(super) fn put(&self, headers: &mut HeaderMap) {
        for (name, value) in self.verdict.fields(self.class.name()) {
            let told = headers.get(name).and_then(|told| told.to_str().ok());
            let value = match told {
                Some(told) if LISTS.contains(&name) => format!("{told}, {value}"),
                Some(_) => continue,
                None => value,
            };
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
    }
}
