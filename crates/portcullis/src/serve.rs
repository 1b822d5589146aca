//! `portcullis serve` and `portcullis migrate`: production, with a database of the operator's.

use anyhow::{Result, bail};
use crypto::InstanceKey;
use gates::ClaimsKey;
use serde_json::json;
use sqlx::Connection as _;
use sqlx::postgres::PgConnectOptions;
use store::schema::{self, RolePasswords, Standing};

use crate::root::{self, Root};
use crate::server::{self, Logins};
use crate::settings::{DatabaseUrls, Environment, Faults, KeySetting, Settings};
use crate::signals::Signals;
use crate::{database, say};

/// Serves until told to stop.
///
/// # Errors
/// When the schema is not this program's, the database is not safe to serve, or something cannot be opened.
pub(crate) async fn serve(mut settings: Settings) -> Result<()> {
    root::settle(&settings, Root::Refuse)?;
    let mut signals = Signals::take()?;
    let key = std::mem::replace(&mut settings.key, KeySetting::Absent).required()?;
    let (app, system) = settings.database.serving(&RolePasswords::derive(&key))?;
    check_schema(&system, &key).await?;
    let server = server::start(settings, key, Logins { app, system }).await?;
    say::note(format_args!("portcullis: ready at {}", server.url));
    signals.wait().await;
    signals.force_on_second();
    server.stop().await;
    Ok(())
}

/// A server never migrates: that is done once, by the owner, before servers start.
///
/// # Errors
/// When the schema is not this program's, with what to do about it.
pub(crate) async fn check_schema(login: &PgConnectOptions, key: &InstanceKey) -> Result<()> {
    let mut connection = database::connect_serving(login, key).await?;
    let standing = schema::standing(&mut connection).await?;
    let _ = connection.close().await;
    match standing {
        Standing::Current { .. } => Ok(()),
        Standing::Absent => bail!("the database has no schema yet; run: portcullis migrate"),
        Standing::Behind { applied, total } => {
            bail!("the schema is behind ({applied} of {total} migrations); run: portcullis migrate")
        }
        Standing::Foreign { version } => bail!(
            "the schema has migration {version}, which this program does not know; \
             it was migrated by a newer or another version: run that one"
        ),
    }
}

/// Makes roles and tables, or brings them up to date, as the owner.
///
/// # Errors
/// When the owner's login or the key is missing, or a statement fails.
pub(crate) async fn migrate(
    environment: &dyn Environment,
    keep_passwords: bool,
    as_json: bool,
) -> Result<()> {
    let mut faults = Faults::default();
    let urls = DatabaseUrls::read(environment, &mut faults);
    let key = KeySetting::read(environment, &mut faults);
    if urls.owner.is_none() && faults.0.is_empty() {
        faults.add("DATABASE_URL", "it is not set; give the login that owns the database.");
    }
    let key = match key.required() {
        Ok(key) => Some(key),
        Err(missing) => {
            if !faults.0.iter().any(|fault| fault.name.starts_with("ENCRYPTION_KEY")) {
                faults.0.extend(missing.0);
            }
            None
        }
    };
    let (Some(owner), Some(key), true) = (urls.owner, key, faults.0.is_empty()) else {
        return Err(faults.into());
    };
    let mut connection = database::connect(&owner).await?;
    let passwords = (!keep_passwords).then(|| RolePasswords::derive(&key));
    let done = schema::prepare(&mut connection, &ClaimsKey::new(&key), passwords.as_ref()).await?;
    let _ = connection.close().await;
    if as_json {
        say::json(&json!({
            "applied": done.applied,
            "total": done.total,
            "passwords_set": !keep_passwords,
            "roles": { "app": schema::APP_ROLE, "system": schema::SYSTEM_ROLE },
        }))?;
        return Ok(());
    }
    let what = match done.applied {
        0 => "the schema was up to date".to_owned(),
        count => format!("{count} migrations applied"),
    };
    let logins = if keep_passwords {
        "the passwords of the serving roles were left alone"
    } else {
        "the serving roles log in with passwords derived from ENCRYPTION_KEY"
    };
    say::out(format_args!("{what}, {} in all; {logins}.\nNext: portcullis serve\n", done.total))?;
    Ok(())
}
