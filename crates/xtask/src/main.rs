//! The project's own commands, run as `cargo xtask <command>`.
//!
//! They need nothing but a Rust toolchain and git; whatever else a step needs it installs under the build folder.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line speaks to people by printing")]

mod browser;
mod deny;
mod drift;
mod fuzz;
mod gate;
mod launch;
mod layers;
mod limits;
mod metadata;
mod notices;
mod process;
mod repo;
mod tidy;
mod twice;

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand, ValueEnum};

use gate::Outcome;
use repo::{Repo, SERVER};

#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "The project's own commands: start the server, run the whole gate, prove the floor plan",
    after_help = "Exit codes: 0 all is well, 1 a check or a build failed, 2 the command was not understood.\n\
                  `up` becomes the server: its exit code is the server's."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Build the server and start it with `portcullis up`
    #[command(after_help = "Examples:\n  cargo xtask up\n  cargo xtask up --dev --listen 127.0.0.1:8080\n  \
        cargo xtask up --json --listen 127.0.0.1:0     one JSON object on standard output\n  \
        cargo xtask up -- --help                       the server's own options")]
    Up {
        /// Build without optimisation: builds sooner, runs slower. Stands before the server's options
        #[arg(long)]
        dev: bool,
        /// Handed to `portcullis up` as they are
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
        args: Vec<String>,
    },
    /// Run the whole gate, every step whatever happens, and print a table with the seconds of each
    #[command(
        after_help = "Examples:\n  cargo xtask test\n  cargo xtask test --quick     before a commit\n\n\
        Steps: fmt layers tidy clippy docs fuzz test drift start browser deny; each is a command of its own, `test` is `cargo test`."
    )]
    Test {
        /// Only fmt, layers, tidy, clippy and the tests
        #[arg(long)]
        quick: bool,
    },
    /// Click through the console with a real browser, against a server of its own
    #[command(after_help = "Examples:\n  cargo xtask browser\n  \
        cargo xtask browser -- --test-name-pattern=passkey     only tests of that name\n\n\
        Needs Node.js 20 or newer with npm, and Chromium; as root it installs Debian's package of that.\n\
        Screenshots: target/browser/screenshots. How to add a page: browser/README.md")]
    Browser {
        /// Handed to Node.js as they are
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
        args: Vec<String>,
    },
    /// Start the server twice in a fresh folder: the second time within 3 s, with the same data and no new credential
    #[command(after_help = "Example:\n  cargo xtask start")]
    Start,
    /// Check that rustfmt would change nothing
    #[command(after_help = "Example:\n  cargo xtask fmt || cargo fmt --all")]
    Fmt,
    /// Run clippy on all targets; a warning is an error
    #[command(after_help = "Example:\n  cargo xtask clippy")]
    Clippy,
    /// Prove from `cargo metadata` that arrows between crates point down only
    #[command(after_help = "Example:\n  cargo xtask layers\n\nThe plan: crates/xtask/src/layers/plan.rs")]
    Layers,
    /// Run the source lints rustc and clippy cannot do
    #[command(
        after_help = "Examples:\n  cargo xtask tidy\n  cargo xtask tidy --list     every rule and exception"
    )]
    Tidy {
        /// Print the rules with their purpose, and the exceptions in force, instead of checking
        #[arg(long)]
        list: bool,
    },
    /// Check licences, banned crates and sources with cargo-deny
    #[command(
        after_help = "Examples:\n  cargo xtask deny\n  cargo xtask deny --fetch     known weaknesses too; needs the network\n\n\
        cargo-deny is taken from the search path, or installed under the build folder."
    )]
    Deny {
        /// Bring the database of known weaknesses up to date first; needs the network
        #[arg(long)]
        fetch: bool,
    },
    /// Check that generated files are up to date: Cargo.lock, openapi.json, docs/roles.md, the table in docs/keys.md, .sqlx, THIRD-PARTY-NOTICES.md
    #[command(after_help = "Example:\n  cargo xtask drift || cargo xtask regenerate")]
    Drift,
    /// Build the documentation; a warning is an error
    #[command(after_help = "Example:\n  cargo xtask docs")]
    Docs,
    /// Check that the fuzz targets compile; needs neither a nightly compiler nor one for C++
    #[command(
        after_help = "Example:\n  cargo xtask fuzz\n\nFuzzing itself: cargo +nightly fuzz run json_splice"
    )]
    Fuzz,
    /// Write THIRD-PARTY-NOTICES.md
    #[command(after_help = "Example:\n  cargo xtask notices")]
    Notices {
        /// The crate whose dependencies are listed
        #[arg(long, default_value = SERVER)]
        package: String,
    },
    /// Write every generated file anew
    #[command(after_help = "Example:\n  cargo xtask regenerate && git diff --stat")]
    Regenerate,
    /// Measure: the server built in release, or, of `pii` and `authz`, the crate alone
    #[command(after_help = "Examples:\n  cargo xtask bench gateway\n  cargo xtask bench audit --help")]
    Bench {
        /// What to measure
        name: Bench,
        /// Handed to the benchmark as they are
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
        args: Vec<String>,
    },
}

/// What can be measured.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Bench {
    /// CPU and latency a request spends in the gateway
    Gateway,
    /// Entries the audit log takes and verifies
    Audit,
    /// How fast personal data is found, and what texts made to be slow cost
    Pii,
    /// Sign-ins beside the bound of the password hash, and token verifications beside the bare signature check
    Identity,
    /// Checks of relations: how long they take and, with valgrind, how many instructions
    Authz,
}

impl Bench {
    fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Identity => "identity",
            Self::Audit => "audit",
            Self::Pii => "pii",
            Self::Authz => "authz",
        }
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli.command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// True when all is well; false when a step failed and has said so.
fn run(command: Command) -> Result<bool> {
    if matches!(command, Command::Tidy { list: true }) {
        tidy::list();
        return Ok(true);
    }
    let repo = Repo::find()?;
    let one = |name: &str| -> Result<bool> {
        let step = gate::step(name).with_context(|| format!("no step `{name}`"))?;
        Ok(gate::run(&repo, &[step]))
    };
    match command {
        Command::Up { dev, args } => launch::up(&repo, dev, &args).map(|()| true),
        Command::Test { quick } => Ok(gate::run(&repo, &gate::steps(quick))),
        Command::Browser { args } if args.is_empty() => one("browser"),
        Command::Browser { args } => browser::run(&repo, &args).map(|outcome| said(&outcome)),
        Command::Fmt => one("fmt"),
        Command::Clippy => one("clippy"),
        Command::Layers => one("layers"),
        Command::Tidy { .. } => one("tidy"),
        Command::Drift => one("drift"),
        Command::Docs => one("docs"),
        Command::Fuzz => one("fuzz"),
        Command::Start => one("start"),
        Command::Deny { fetch: false } => one("deny"),
        Command::Deny { fetch: true } => deny::run(&repo, true).map(|outcome| said(&outcome)),
        Command::Notices { package } => {
            let metadata = metadata::Metadata::locked(repo.root())?;
            notices::write(repo.root(), &metadata, &package).map(|()| true)
        }
        Command::Regenerate => drift::regenerate(&repo).map(|outcome| said(&outcome)),
        Command::Bench { name: Bench::Pii, args } => launch::bench_pii(&repo, &args).map(|()| true),
        Command::Bench { name: Bench::Authz, args } => launch::bench_authz(&repo, &args).map(|()| true),
        Command::Bench { name, args } => launch::bench(&repo, name.name(), &args).map(|()| true),
    }
}

/// Tells what was left out; that is not a failure.
fn said(outcome: &Outcome) -> bool {
    if let Outcome::Partly(why) = outcome {
        println!("xtask: {why}");
    }
    true
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound_and_every_command_has_examples() {
        Cli::command().debug_assert();
        for command in Cli::command().get_subcommands().filter(|command| command.get_name() != "help") {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("cargo xtask"), "{} has no example", command.get_name());
        }
    }

    #[test]
    fn the_servers_options_pass_through() {
        let args = |line: &str| match Cli::try_parse_from(line.split(' ')).unwrap().command {
            Command::Up { dev, args } => (dev, args.join(" ")),
            other => panic!("{other:?}"),
        };
        let listen = "--json --listen 127.0.0.1:0";
        assert_eq!(args(&format!("xtask up {listen}")), (false, listen.to_owned()));
        assert_eq!(args(&format!("xtask up --dev {listen}")), (true, listen.to_owned()));
        assert_eq!(args(&format!("xtask up -- {listen}")), (false, listen.to_owned()));
        assert_eq!(args("xtask up --json --dev"), (false, "--json --dev".to_owned()));
        assert_eq!(args("xtask up -- --help"), (false, "--help".to_owned()));
    }

    #[test]
    fn every_step_is_a_command() {
        for step in gate::steps(false) {
            assert!(Cli::try_parse_from(["xtask", step.name]).is_ok(), "{}", step.name);
        }
    }
}
