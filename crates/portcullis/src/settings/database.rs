//! Which databases to use, and that the way there is safe.

use std::str::FromStr as _;

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use store::schema::{APP_ROLE, RolePasswords, SYSTEM_ROLE};

use super::{Environment, Faults};

/// The databases the operator named. Has no `Debug`: it holds passwords.
#[derive(Clone, Default)]
pub struct DatabaseUrls {
    /// `DATABASE_URL`: the login that owns the schema; serving uses only its host, port, name and TLS settings.
    pub owner: Option<PgConnectOptions>,
    /// `DATABASE_APP_URL`: the application role.
    pub app: Option<PgConnectOptions>,
    /// `DATABASE_SYSTEM_URL`: the system role.
    pub system: Option<PgConnectOptions>,
}

impl DatabaseUrls {
    /// Reads and judges the three.
    pub fn read(environment: &dyn Environment, faults: &mut Faults) -> Self {
        let mut one = |name: &str| {
            let text = environment.get(name)?;
            match check_database_url(&text) {
                Ok(options) => Some(options),
                Err(sentence) => {
                    faults.add(name, sentence);
                    None
                }
            }
        };
        Self { owner: one("DATABASE_URL"), app: one("DATABASE_APP_URL"), system: one("DATABASE_SYSTEM_URL") }
    }

    /// The logins of the two serving roles: as named, else derived from `DATABASE_URL` and the instance's key.
    ///
    /// # Errors
    /// When neither says where the database is.
    pub fn serving(&self, passwords: &RolePasswords) -> Result<(PgConnectOptions, PgConnectOptions), Faults> {
        let derived = |role: &str, password: &str| {
            self.owner.as_ref().map(|owner| with_role(owner.clone(), role, password))
        };
        let app = self.app.clone().or_else(|| derived(APP_ROLE, &passwords.app));
        let system = self.system.clone().or_else(|| derived(SYSTEM_ROLE, &passwords.system));
        app.zip(system).ok_or_else(|| {
            let mut faults = Faults::default();
            faults.add(
                "DATABASE_URL",
                "no database is named; set it, or DATABASE_APP_URL and DATABASE_SYSTEM_URL. \
                 To try the product without a database of your own: portcullis up.",
            );
            faults
        })
    }
}

/// The same database under another login.
pub fn with_role(options: PgConnectOptions, role: &str, password: &str) -> PgConnectOptions {
    options.username(role).password(password)
}

/// Reads a URL and judges the way to it. The text is never part of the message: it holds a password.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn check_database_url(text: &str) -> Result<PgConnectOptions, String> {
    if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
        return Err(
            "it is no PostgreSQL URL; one reads postgres://user:password@host:5432/database.".to_owned()
        );
    }
    let options = PgConnectOptions::from_str(text).map_err(|_| {
        "it cannot be read as a PostgreSQL URL; escape special characters of the password with %.".to_owned()
    })?;
    let local = options.get_socket().is_some() || is_local(options.get_host());
    let tls =
        matches!(options.get_ssl_mode(), PgSslMode::Require | PgSslMode::VerifyCa | PgSslMode::VerifyFull);
    if local || tls {
        return Ok(options);
    }
    Err(format!(
        "the way to {} is not encrypted; add ?sslmode=verify-full (or at least ?sslmode=require).",
        options.get_host()
    ))
}

pub(super) fn is_local(host: &str) -> bool {
    host == "localhost"
        || host.starts_with('/')
        || host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}
