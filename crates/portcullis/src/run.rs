//! From the command line to the exit status.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser as _;
use crypto::{ApiKey, SystemRng};
use kernel::{Clock as _, SystemClock};

use crate::cli::{AuditCommand, Cli, Command, KeyCommand};
use crate::dev::{self, DevCommand};
use crate::scan::PiiCommand;
use crate::settings::{Environment as _, Faults, ProcessEnvironment, ServerArgs, Settings};
use crate::{
    archive, deep, doctor, events, export, holds, mail, operator, packs, policy, retention, say, scan, serve,
    telemetry, up, verify, witness,
};

/// Exit status of a command that failed.
const FAILED: u8 = 1;
/// Exit status of wrong usage or settings; clap uses the same.
const WRONG_SETTINGS: u8 = 2;

/// Runs the command this process was started with.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli.command) {
        Ok(code) => code,
        // Who reads only the beginning, as `head` does, has had enough.
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            if let Some(faults) = error.downcast_ref::<Faults>() {
                for fault in &faults.0 {
                    say::fault(format_args!("portcullis: {fault}"));
                }
                return WRONG_SETTINGS.into();
            }
            say::fault(format_args!("portcullis: {error:#}"));
            FAILED.into()
        }
    }
}

fn run(command: Command) -> Result<ExitCode> {
    let environment = ProcessEnvironment;
    match command {
        Command::Up { json, names, server } => {
            let (settings, names) = both(load(&server), names.names())?;
            with_server(settings, |settings| up::run(settings, names, json))
        }
        Command::Serve { server } => with_server(load(&server)?, serve::serve),
        Command::Migrate { keep_passwords, json } => {
            wait(serve::migrate(&environment, keep_passwords, json)).map(|()| ExitCode::SUCCESS)
        }
        Command::Verify(args) => match &args.dir {
            Some(path) => match verify::url_of(path) {
                Some(url) => wait(verify::online(&args, url, environment.get("PORTCULLIS_API_KEY"))),
                None => verify::offline(&args, path),
            },
            None => wait(verify::database::run(&args, &environment)),
        },
        Command::Audit(AuditCommand::Export(args)) => {
            wait(export::run(&args, environment.get("PORTCULLIS_API_KEY")))
        }
        Command::Audit(AuditCommand::Events(args)) => {
            wait(events::run(&args, environment.get("PORTCULLIS_API_KEY")))
        }
        Command::Evidence(command) => wait(packs::run(&command, environment.get("PORTCULLIS_API_KEY"))),
        Command::Witness(args) => wait(witness::run(&args)).map(|()| ExitCode::SUCCESS),
        Command::Audit(AuditCommand::Retention(args)) => {
            wait(retention::run(&args, environment.get("PORTCULLIS_API_KEY")))
        }
        Command::Audit(AuditCommand::Hold(command)) => {
            wait(holds::run(&command, environment.get("PORTCULLIS_API_KEY")))
        }
        Command::Audit(AuditCommand::Archive(args)) => wait(archive::run(&args, &environment)),
        Command::Audit(AuditCommand::Witness(args)) => wait(witness::collect::run(&args)),
        Command::Mail(args) => wait(mail::run(&args, &environment)),
        Command::Operator(args) => wait(operator::run(&args, &environment)),
        Command::Doctor { json, server } => wait(doctor::run(load(&server), json)),
        Command::Pii(PiiCommand::Scan(args)) => scan::run(&args, &environment),
        Command::Pii(PiiCommand::FetchModel(args)) => wait(deep::fetch::run(&args, &environment)),
        Command::Policy(command) => wait(policy::run(&command, environment.get("PORTCULLIS_API_KEY"))),
        Command::Openapi => done(say::out(api::openapi_json())),
        Command::Key(KeyCommand::Generate { env }) => {
            let key = ApiKey::generate(env.parse().context("--env is live, test or dev")?, &SystemRng);
            done(say::out(format_args!("{}\n", key.expose())))
        }
        Command::Dev(DevCommand::PrepareQueries { check, place }) => {
            wait(dev::prepare(check, &place, &environment)).map(|()| ExitCode::SUCCESS)
        }
        Command::Dev(DevCommand::Roles) => {
            say::out(format_args!("{}", app::roles::page()))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Dev(DevCommand::KeyPermissions) => done(say::out(app::roles::of_keys())),
        Command::Dev(DevCommand::Pages) => done(say::out(console::paths().join("\n"))),
        Command::Dev(DevCommand::Events) => done(say::out(app::audit::kinds_page())),
        Command::Dev(DevCommand::Database { dir, place }) => {
            wait(dev::database(dir, &place, &environment)).map(|()| ExitCode::SUCCESS)
        }
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

fn load(args: &ServerArgs) -> Result<Settings, Faults> {
    Settings::load(args, &ProcessEnvironment, std::io::stderr().is_terminal(), SystemClock.now())
}

/// Both, or the faults of both.
fn both<A, B>(first: Result<A, Faults>, second: Result<B, Faults>) -> Result<(A, B), Faults> {
    match (first, second) {
        (Ok(first), Ok(second)) => Ok((first, second)),
        (Err(mut first), Err(second)) => {
            first.0.extend(second.0);
            Err(first)
        }
        (Err(faults), _) | (_, Err(faults)) => Err(faults),
    }
}

fn with_server<F>(settings: Settings, work: impl FnOnce(Settings) -> F) -> Result<ExitCode>
where
    F: Future<Output = Result<()>>,
{
    runtime()?.block_on(async {
        let started = telemetry::start(&settings.telemetry)?;
        let done = work(settings).await;
        started.stop().await;
        done
    })?;
    Ok(ExitCode::SUCCESS)
}

fn done(said: std::io::Result<()>) -> Result<ExitCode> {
    said?;
    Ok(ExitCode::SUCCESS)
}

fn wait<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = runtime()?;
    let done = runtime.block_on(work);
    // A thread that still reads standard input must not keep the process.
    runtime.shutdown_background();
    done
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no runtime could be started")
}
