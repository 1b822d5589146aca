//! `portcullis up`: everything at once, with a PostgreSQL of its own.

use std::path::Path;

use anyhow::{Context as _, Result};
use app::setup::{FirstRun, Names, first_run};
use gates::Reason;
use kernel::{Face, RequestContext};
use serde_json::{Value, json};

use crate::embedded::{State, files};
use crate::root::{self, Root};
use crate::server::{self, Server};
use crate::settings::{Faults, Settings, embedded_key};
use crate::signals::Signals;
use crate::{home, say};

/// Mode of the data directory: PostgreSQL's own account must pass through when the server is root.
const DATA_DIR_MODE_ROOT: u32 = 0o711;
/// Mode of the data directory otherwise.
const DATA_DIR_MODE: u32 = 0o700;

/// What the first organization is called.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "First run")]
pub struct NameArgs {
    /// Name of the organization the first run makes.
    #[arg(long, env = "PORTCULLIS_ORGANIZATION", value_name = "NAME", default_value = "First organization")]
    pub organization: String,
    /// Name of its project.
    #[arg(long, env = "PORTCULLIS_PROJECT", value_name = "NAME", default_value = "default")]
    pub project: String,
    /// Name of its agent.
    #[arg(long, env = "PORTCULLIS_AGENT", value_name = "NAME", default_value = "first-agent")]
    pub agent: String,
}

impl NameArgs {
    /// The names, checked.
    ///
    /// # Errors
    /// Each name that is empty or too long.
    pub fn names(&self) -> Result<Names, Faults> {
        let mut faults = Faults::default();
        let names = [
            ("PORTCULLIS_ORGANIZATION", &self.organization),
            ("PORTCULLIS_PROJECT", &self.project),
            ("PORTCULLIS_AGENT", &self.agent),
        ];
        for (variable, name) in names {
            let chars = name.chars().count();
            if chars == 0 || chars > kernel::limits::NAME_CHARS_MAX || name.chars().any(char::is_control) {
                faults.add(
                    variable,
                    format!("a name has 1 to {} characters on one line.", kernel::limits::NAME_CHARS_MAX),
                );
            }
        }
        if !faults.0.is_empty() {
            return Err(faults);
        }
        Ok(Names {
            organization: self.organization.clone(),
            project: self.project.clone(),
            agent: self.agent.clone(),
        })
    }
}

/// Runs until told to stop.
///
/// # Errors
/// When something cannot be opened, or PostgreSQL fails for good.
pub(crate) async fn run(settings: Settings, names: Names, json: bool) -> Result<()> {
    root::settle(&settings, Root::Warn)?;
    let mut signals = Signals::take()?;
    let data_dir = settings.place.data_dir.clone();
    prepare_data_dir(&data_dir)?;
    if settings.database.owner.is_some() {
        say::note(
            "portcullis: DATABASE_URL is set and not used: `up` brings its own PostgreSQL. \
             For a database of your own: portcullis migrate, then portcullis serve.",
        );
    }
    let tell = |line: &str| say::note(format_args!("portcullis: {line}"));
    let place = settings.place.clone();
    let connections = settings.app_connections + settings.system_connections;
    let (settings, key) = take_key(settings)?;
    // Ctrl-C while PostgreSQL is fetched or made ends the work where it stands; both are safe to repeat.
    let opened = tokio::select! {
        opened = home::open_migrated(&place, connections, &key, &tell) => opened?,
        () = signals.wait() => return Ok(()),
    };
    tracing::info!(applied = opened.prepared.applied, total = opened.prepared.total, "schema");
    let mut postgres = opened.postgres.watch();
    let logins = home::logins(&opened.postgres, &key);
    let outcome = match server::start(settings, key, logins).await {
        Ok(server) => {
            let announced = announce(&server, names, &data_dir, json).await;
            if announced.is_ok() {
                tokio::select! {
                    () = signals.wait() => {}
                    _ = postgres.wait_for(|state| matches!(state, State::Failed(_))) => {}
                }
            }
            signals.force_on_second();
            server.stop().await;
            announced
        }
        Err(error) => Err(error),
    };
    // Why PostgreSQL failed, if it did, is the more useful error of the two.
    opened.postgres.stop().await?;
    outcome
}

fn take_key(mut settings: Settings) -> Result<(Settings, crypto::InstanceKey)> {
    let given = std::mem::replace(&mut settings.key, crate::settings::KeySetting::Absent);
    let key = embedded_key(given, &settings.place.key_file())?;
    Ok((settings, key))
}

/// Makes the data directory as the server would.
pub(crate) fn prepare_data_dir(dir: &Path) -> Result<()> {
    let mode = if rustix::process::geteuid().is_root() { DATA_DIR_MODE_ROOT } else { DATA_DIR_MODE };
    files::make_dir(dir, mode).with_context(|| {
        format!("cannot create the data directory {}; choose another with --data-dir", dir.display())
    })
}

/// Makes the first organization when there is none, and says where the server is and what opens it.
async fn announce(server: &Server, names: Names, data_dir: &Path, as_json: bool) -> Result<()> {
    let vault = &server.vault;
    let context = RequestContext::internal(Face::Cli, vault.clock(), vault.rng());
    let made = first_run(vault, &context, names).await.context("the first organization could not be made")?;
    let sign_in = server.accounts.welcome_link().await.map_err(|problem| anyhow::anyhow!("{problem}"))?;
    let sign_in = sign_in.as_ref().map(mail::Link::as_str);
    let mut tx = vault.system(Reason::SetUp).await?;
    let first = store::organizations::first(&mut tx).await?;
    tx.finish().await?;
    let named = |pair: Option<(String, String)>| {
        pair.map_or(Value::Null, |(id, name)| json!({ "id": id, "name": name }))
    };
    let (organization, project, agent) = match &first {
        None => (None, None, None),
        Some(first) => (
            Some((first.organization.0.to_string(), first.organization.1.clone())),
            first.project.as_ref().map(|(id, name)| (id.to_string(), name.clone())),
            first.agent.as_ref().map(|(id, name)| (id.to_string(), name.clone())),
        ),
    };
    // A closed standard output means nobody reads; the server still serves.
    let _ = if as_json {
        say::json_line(&json!({
            "url": server.url,
            "organization": named(organization),
            "project": named(project),
            "agent": named(agent),
            "api_key": made.as_ref().map(|made| made.agent_key.expose()),
            "admin": {
                "api_key": made.as_ref().map(|made| made.admin_key.expose()),
                "sign_in_url": sign_in,
            },
            "data_dir": data_dir.display().to_string(),
            "metrics_url": server.metrics_url,
            "first_run": made.is_some(),
            "pid": std::process::id(),
        }))
    } else {
        say::out(text(server, made.as_ref(), organization, data_dir, sign_in))
    };
    Ok(())
}

fn text(
    server: &Server,
    made: Option<&FirstRun>,
    organization: Option<(String, String)>,
    data_dir: &Path,
    sign_in: Option<&str>,
) -> String {
    let url = &server.url;
    let sign_in = sign_in.map(|link| {
        format!("\n  Console       {link}\n                this link makes you the first administrator, once, within 24 hours\n")
    });
    let sign_in = sign_in.unwrap_or_else(|| format!("\n  Console       {url}\n"));
    let name = organization.map_or_else(|| "none".to_owned(), |(id, name)| format!("{name} ({id})"));
    let data = data_dir.display();
    let Some(made) = made else {
        return format!(
            "\nPortcullis is ready at {url}\n\n  Organization  {name}\n  Data          {data}\n  \
             Keys          those you have; none were made\n{sign_in}\nStop with Ctrl-C.\n"
        );
    };
    let (agent, owner) = (made.agent_key.expose(), made.admin_key.expose());
    format!(
        r#"
Portcullis is ready at {url}

  Organization  {name}
  Project       {project}
  Agent         {agent_name}
  Agent key     {agent}
  Owner key     {owner}
  Data          {data}
{sign_in}
Keep the two keys: they are shown only now. The agent key calls models; the owner key administers.

Try it; the built-in model `loopback-echo` answers what it was sent, without any network:

  curl {url}/v1/chat/completions -H "Authorization: Bearer {agent}" \
    -H "Content-Type: application/json" \
    -d '{{"model":"loopback-echo","messages":[{{"role":"user","content":"Write to someone@example.com"}}]}}'

  Python:      OpenAI(base_url="{url}/v1", api_key="…")
  JavaScript:  new OpenAI({{ baseURL: "{url}/v1", apiKey: "…" }})

Take the audit log away and check it without this server:

  PORTCULLIS_API_KEY={agent} portcullis audit export --url {url} --out audit-log
  portcullis verify audit-log

Stop with Ctrl-C.
"#,
        project = made.names.project,
        agent_name = made.names.agent,
    )
}
