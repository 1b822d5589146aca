//! `portcullis operator`: what only the operator may do, on the machine itself. None of it has a route.

mod logs;
mod rewrap;

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Result, anyhow, bail};
use app::accounts::{Site, totp_keys};
use app::operator::{DataKeyState, Erased, FactorsReset, Operator, SuperAdmin};
use clap::{Args, Subcommand, ValueEnum};
use gates::Vault;
use kernel::{Face, MemberRole, RequestContext, TenantId};
use mail::Address;
use serde_json::{Value, json};

use crate::desk::with_vault;
use crate::say;
use crate::settings::{Environment, Faults, Place, PlaceArgs};

/// What to do, and where.
#[derive(Args, Clone, Debug)]
pub struct OperatorArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: OperatorCommand,
    /// Print a JSON object.
    #[arg(long, global = true)]
    pub json: bool,
    /// Where the embedded PostgreSQL is.
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// What the operator does.
#[derive(Subcommand, Clone, Debug)]
pub enum OperatorCommand {
    /// List the administrators of the instance.
    Admins,
    /// Make a person administrator of the instance.
    GrantAdmin(Whose),
    /// Take that away from a person.
    RevokeAdmin(Whose),
    /// Close an account: its sessions and tokens end, and nothing opens until it is enabled again.
    Disable(Whose),
    /// Open a closed account again. Its old sessions stay ended.
    Enable(Whose),
    /// Erase a person for ever: the keys of all that the logs hold about them are destroyed, what is theirs goes out of the
    /// rooms, and their account is closed and has no address any more. Proofs and checkpoints hold as before.
    ErasePerson {
        /// Whom.
        #[command(flatten)]
        whose: Whose,
        /// Do it. Without this, nothing is done.
        #[arg(long)]
        yes: bool,
    },
    /// Take back the guesses counted against an account, so that its person can try again at once.
    Unlock(Whose),
    /// Remove every second factor and the recovery codes of somebody who lost them all: their sessions end, and a letter tells
    /// them. Make sure first that it is them.
    ResetFactors {
        /// Whose.
        #[command(flatten)]
        whose: Whose,
        /// The URL that people use, for the links of the letter.
        #[arg(long, env = "PORTCULLIS_PUBLIC_URL", value_name = "URL", value_parser = site,
            default_value = "http://localhost:8080")]
        public_url: Site,
    },
    /// Give a member a role, the one that reaches across organizations included.
    Role {
        /// Whose.
        #[command(flatten)]
        whose: Whose,
        /// viewer, member, admin or provider_admin.
        #[arg(value_name = "ROLE")]
        role: MemberRole,
        /// In which organization.
        #[arg(long, value_name = "ID")]
        organization: TenantId,
    },
    /// Give an organization that has no owner left one of its members as its owner.
    Owner {
        /// Whom.
        #[command(flatten)]
        whose: Whose,
        /// Which organization.
        #[arg(long, value_name = "ID")]
        organization: TenantId,
    },
    /// List what is wrong with audit logs and not settled.
    Alarms,
    /// Let logs that have lost what was signed of them go on under another name and key; the entry that says so names the
    /// head that is missing.
    NewEpoch {
        /// Whose log; every one that is stopped by an alarm when it is left out.
        #[arg(long, value_name = "ID")]
        organization: Option<TenantId>,
    },
    /// Settle an alarm that you have looked into.
    SettleAlarm {
        /// Which.
        #[arg(value_enum)]
        alarm: logs::Settled,
        /// About whose log.
        #[arg(long, value_name = "ID")]
        organization: TenantId,
    },
    /// Put a new data key of an organization into force, under which gate four keeps what it can put back; and list its keys,
    /// with how much still stands under each. Retired ones are destroyed when nothing does any more.
    RotateDataKey {
        /// Which organization.
        #[arg(value_name = "ID")]
        organization: TenantId,
    },
    /// Change ENCRYPTION_KEY: seal everything anew with it that still lies under ENCRYPTION_KEY_OTHER, while servers run.
    /// Broken off, it goes on where it was. docs/operating.md has the whole way.
    Rewrap {
        /// Finish although some values open with neither key: they are lost already, and are named.
        #[arg(long)]
        leave_unreadable: bool,
    },
    /// Put the next key of the instance into force. What the last one signed or sealed goes on being good.
    RotateKey {
        /// Which.
        #[arg(value_enum)]
        ring: RingName,
    },
}

/// A person.
#[derive(Args, Clone, Debug)]
pub struct Whose {
    /// The address of the account.
    #[arg(value_name = "ADDRESS", value_parser = address)]
    pub address: Address,
}

/// A ring of keys.
#[derive(ValueEnum, Clone, Copy, Debug)]
pub enum RingName {
    /// The key that signs access tokens.
    Signing,
    /// The key that seals the secrets of authenticator apps.
    Totp,
}

fn address(text: &str) -> Result<Address, String> {
    Address::parse(text).map_err(|error| error.to_string())
}

fn site(text: &str) -> Result<Site, String> {
    Site::new(text).map_err(|error| error.to_string())
}

/// What was done, for people and for programs.
struct Told {
    text: String,
    json: Value,
}

/// `portcullis operator …`.
///
/// # Errors
/// When there is no such account or member, or the database cannot be used.
pub(crate) async fn run(args: &OperatorArgs, environment: &dyn Environment) -> Result<ExitCode> {
    let mut faults = Faults::default();
    let place = Place::read(&args.place, environment, &mut faults);
    if !faults.0.is_empty() {
        return Err(faults.into());
    }
    let work = async |vault: &Arc<Vault>| work(vault, &place, &args.command, args.json).await;
    let told = with_vault(&args.place, environment, work).await?;
    if args.json {
        say::json(&told.json)?;
    } else {
        say::out(told.text)?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn work(vault: &Arc<Vault>, place: &Place, command: &OperatorCommand, as_json: bool) -> Result<Told> {
    let request = RequestContext::internal(Face::Cli, vault.clock(), vault.rng());
    let operator = Operator::new(Arc::clone(vault), request.clone());
    let done = |did: &str, whose: &Whose| Told {
        text: format!("{did}: {}\n", whose.address.as_str()),
        json: json!({ "done": did, "address": whose.address.as_str(), "request_id": request.id.as_str() }),
    };
    Ok(match command {
        OperatorCommand::Admins => admins(&operator.super_admins().await?),
        OperatorCommand::GrantAdmin(whose) => {
            operator.super_admin(&whose.address, true).await?;
            done("administrator of the instance", whose)
        }
        OperatorCommand::RevokeAdmin(whose) => {
            operator.super_admin(&whose.address, false).await?;
            done("no administrator of the instance any more", whose)
        }
        OperatorCommand::Disable(whose) => {
            let ended = operator.disable(&whose.address).await?;
            let mut told = done("closed", whose);
            told.json["sessions_ended"] = ended.into();
            told.text = format!("closed: {}, {ended} sessions ended\n", whose.address.as_str());
            told
        }
        OperatorCommand::Enable(whose) => {
            operator.enable(&whose.address).await?;
            done("open again", whose)
        }
        OperatorCommand::ErasePerson { whose, yes } => {
            if !yes {
                bail!("this cannot be undone, by nobody: give --yes to erase {}", whose.address.as_str());
            }
            erased(&operator.erase(&whose.address).await?, done("erased", whose))
        }
        OperatorCommand::Unlock(whose) => {
            operator.unlock(&whose.address).await?;
            done("unlocked", whose)
        }
        OperatorCommand::ResetFactors { whose, public_url } => {
            let removed = operator.reset_factors(&whose.address, public_url).await?;
            factors_reset(&removed, whose, done("second factors removed", whose))
        }
        OperatorCommand::Role { whose, role, organization } => {
            operator.role(&whose.address, *organization, *role).await?;
            done(role.name(), whose)
        }
        OperatorCommand::Owner { whose, organization } => {
            operator.owner(&whose.address, *organization).await?;
            done("owner", whose)
        }
        OperatorCommand::Alarms => logs::alarms(vault, place).await?,
        OperatorCommand::NewEpoch { organization } => {
            logs::new_epoch(vault, place, *organization, &request).await?
        }
        OperatorCommand::SettleAlarm { alarm, organization } => {
            logs::settle(vault, place, *organization, *alarm, &request).await?
        }
        OperatorCommand::RotateDataKey { organization } => {
            data_keys(&operator.rotate_data_key(*organization).await?, request.id.as_str())
        }
        OperatorCommand::Rewrap { leave_unreadable } => {
            rewrap::run(vault, &request, (*leave_unreadable, as_json)).await?
        }
        OperatorCommand::RotateKey { ring } => rotate(vault, *ring, &request).await?,
    })
}

async fn rotate(vault: &Arc<Vault>, ring: RingName, request: &RequestContext) -> Result<Told> {
    let (name, text) = match ring {
        RingName::Signing => {
            vault.rotate_access_keys(request).await.map_err(|problem| anyhow!("{problem}"))?;
            ("signing", "the next key signs access tokens now; the last one is published for another hour\n")
        }
        RingName::Totp => {
            totp_keys::rotate(vault, request).await.map_err(|problem| anyhow!("{problem}"))?;
            (
                "totp",
                "a new key seals the secrets of authenticator apps; old ones move to it when they are used\n",
            )
        }
    };
    let json = json!({ "done": "rotated", "ring": name, "request_id": request.id.as_str() });
    Ok(Told { text: text.to_owned(), json })
}

fn factors_reset(removed: &FactorsReset, whose: &Whose, mut told: Told) -> Told {
    let FactorsReset { apps, passkeys, sessions_ended } = removed;
    told.json["apps"] = (*apps).into();
    told.json["passkeys"] = (*passkeys).into();
    told.json["sessions_ended"] = (*sessions_ended).into();
    told.text = format!(
        "second factors removed: {}, {apps} apps and {passkeys} passkeys, {sessions_ended} sessions ended\n",
        whose.address.as_str()
    );
    told
}

fn data_keys(keys: &[DataKeyState], request: &str) -> Told {
    let mut text =
        "a new data key seals from now on; retired ones open what they sealed until it expires\n".to_owned();
    for key in keys {
        let state = if key.is_current { "current" } else { "retired" };
        let until = key.last_expires_at.map(|at| format!(", the last until {at}")).unwrap_or_default();
        // Writing to memory cannot fail.
        let _ = writeln!(text, "{}  {state}  made {}  {} values{until}", key.id, key.made_at, key.values);
    }
    let rows: Vec<Value> = keys
        .iter()
        .map(|key| {
            json!({ "id": key.id, "current": key.is_current, "made_at": key.made_at, "values": key.values,
                    "last_expires_at": key.last_expires_at })
        })
        .collect();
    Told { text, json: json!({ "done": "rotated", "keys": rows, "request_id": request }) }
}

fn erased(done: &Erased, mut told: Told) -> Told {
    let Erased { keys, sessions_ended, organizations } = done;
    told.json["keys_destroyed"] = (*keys).into();
    told.json["sessions_ended"] = (*sessions_ended).into();
    told.json["organizations"] = organizations.iter().map(ToString::to_string).collect();
    // Writing to memory cannot fail.
    let _ = write!(
        told.text,
        "{keys} keys destroyed, {sessions_ended} sessions ended; {} organizations have it in their logs\n\
         Backups of the database made before hold the keys until they are gone too.\n",
        organizations.len()
    );
    told
}

fn admins(found: &[SuperAdmin]) -> Told {
    let mut text = String::new();
    for admin in found {
        // Writing to memory cannot fail.
        let _ = writeln!(text, "{}  {}  since {}", admin.id, admin.address, admin.since);
    }
    if found.is_empty() {
        text.push_str("There is no administrator of the instance.\n");
    }
    let rows: Vec<Value> = found
        .iter()
        .map(|admin| json!({ "id": admin.id, "address": admin.address, "since": admin.since }))
        .collect();
    Told { text, json: json!({ "administrators": rows }) }
}
