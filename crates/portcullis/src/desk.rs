//! The gates over a database, for commands of the operator on the machine itself, beside servers that may run.

use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use crypto::{InstanceKey, SystemRng};
use gates::{AuthMode, Vault, VaultOptions};
use kernel::SystemClock;
use store::schema::RolePasswords;

use crate::server::Logins;
use crate::settings::{
    DatabaseUrls, Environment, Faults, KeySetting, Place, PlaceArgs, existing_embedded_key,
};
use crate::{database, home, say, serve};

/// Connections the embedded PostgreSQL is started for when it does not run.
const CONNECTIONS: u32 = 10;
/// Connections of each role while the command runs.
const ROLE_CONNECTIONS: u32 = 2;

/// Opens the gates over the named or the embedded database, works, and leaves everything as it was.
///
/// # Errors
/// When there is no database, it cannot be used, or the work fails.
pub(crate) async fn with_vault<T>(
    place: &PlaceArgs,
    environment: &dyn Environment,
    work: impl AsyncFnOnce(&Arc<Vault>) -> Result<T>,
) -> Result<T> {
    let mut faults = Faults::default();
    let place = Place::read(place, environment, &mut faults);
    let urls = DatabaseUrls::read(environment, &mut faults);
    let key = KeySetting::read(environment, &mut faults);
    if !faults.0.is_empty() {
        return Err(faults.into());
    }
    if urls.owner.is_some() || urls.app.is_some() {
        let key = key.required()?;
        let (app, system) = urls.serving(&RolePasswords::derive(&key))?;
        return over(Logins { app, system }, key, work).await;
    }
    if !place.cluster_dir().exists() {
        bail!(
            "there is no database in {}; name its directory with --data-dir, or a database with DATABASE_URL",
            place.data_dir.display()
        );
    }
    let key = match key {
        KeySetting::Given(key) => key,
        KeySetting::Absent => existing_embedded_key(&place.key_file())?.with_context(|| {
            format!("{} is gone; what is stored is sealed under it", place.key_file().display())
        })?,
    };
    let postgres = home::open(&place, CONNECTIONS, &|line| say::note(line)).await?;
    let done = over(home::logins(&postgres, &key), key, work).await;
    postgres.stop().await?;
    done
}

async fn over<T>(
    logins: Logins,
    key: InstanceKey,
    work: impl AsyncFnOnce(&Arc<Vault>) -> Result<T>,
) -> Result<T> {
    serve::check_schema(&logins.system, &key).await?;
    let vault = Vault::open(VaultOptions {
        app: database::quiet(logins.app),
        system: database::quiet(logins.system),
        app_connections_max: ROLE_CONNECTIONS,
        system_connections_max: ROLE_CONNECTIONS,
        instance_key: key,
        issuer: "http://localhost".to_owned(),
        auth: AuthMode::Db,
        static_keys: Vec::new(),
        authorizer: None,
        reader: None,
        clock: Arc::new(SystemClock),
        rng: Arc::new(SystemRng),
    })
    .await?;
    let done = work(&vault).await;
    vault.close();
    done
}
