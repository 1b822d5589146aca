//! Benchmarks. Each measures a yardstick and the product in the same run on the same machine and prints the ratio;
//! absolute figures of a shared machine say little.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its result")]
#![expect(clippy::cast_precision_loss, reason = "counts and nanoseconds of one run are far below 2^52")]

mod audit;
mod authz;
mod cluster;
mod cpu;
mod gateway;
mod identity;
mod load;
mod verify;
mod yardstick;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Benchmarks against yardsticks measured in the same run")]
struct Cli {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Subcommand)]
enum Bench {
    /// CPU per request of the LLM endpoint with all gates on, beside the upstream called directly and beside a
    /// minimal proxy that only forwards.
    Gateway {
        /// The server to measure.
        #[arg(long, env = "PORTCULLIS_BIN", default_value = "target/release/portcullis")]
        server: PathBuf,
        /// Seconds each contender is driven in each round.
        #[arg(long, default_value_t = 4)]
        seconds: u64,
        /// Rounds; contenders take turns and medians are printed.
        #[arg(long, default_value_t = 3)]
        rounds: usize,
        /// Requests under way at once.
        #[arg(long, default_value_t = 16)]
        clients: usize,
        /// Print one JSON object instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Sealed changes per second beside the bare insert, the time until an entry has its place in the tree, and the verification
    /// of a long log beside the bare hash of its leaves.
    Audit {
        /// Seconds each point is measured.
        #[arg(long, default_value_t = 4)]
        seconds: u64,
        /// Numbers of clients.
        #[arg(long, value_delimiter = ',', default_values_t = [1, 8, 32, 64])]
        clients: Vec<usize>,
        /// Connections the sealed changes share; the bare insert has one for each client.
        #[arg(long, default_value_t = 20)]
        connections: u32,
        /// Entries of the log that is verified on one core; about 1.2 KiB of memory each.
        #[arg(long, default_value_t = 1_000_000)]
        entries: u64,
        /// Print one JSON object instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Checks of relations in process and over HTTP, on the same tuples, and SpiceDB beside them when it is asked for.
    Authz {
        /// The server to measure.
        #[arg(long, env = "PORTCULLIS_BIN", default_value = "target/release/portcullis")]
        server: PathBuf,
        /// About so many tuples, beside those of the list of 100,000 objects.
        #[arg(long, default_value_t = 100_000)]
        tuples: usize,
        /// Seconds each point is measured.
        #[arg(long, default_value_t = 4)]
        seconds: u64,
        /// Numbers of clients.
        #[arg(long, value_delimiter = ',', default_values_t = [1, 16])]
        clients: Vec<usize>,
        /// Who is measured beside us.
        #[arg(long, value_enum)]
        beside: Option<authz::Beside>,
        /// Print one JSON object instead of tables.
        #[arg(long)]
        json: bool,
    },
    /// Sign-ins per second beside what the password hash alone allows, and verifications of access tokens per second beside
    /// the bare signature check.
    Identity {
        /// Seconds each contender is driven in each round.
        #[arg(long, default_value_t = 4)]
        seconds: u64,
        /// Rounds; contenders take turns and medians are printed.
        #[arg(long, default_value_t = 3)]
        rounds: usize,
        /// Print one JSON object instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// A fixed-answer upstream; started by `gateway`.
    #[command(hide = true)]
    Upstream,
    /// A proxy that only forwards; started by `gateway`.
    #[command(hide = true)]
    Proxy {
        /// Where to.
        upstream: String,
    },
}

fn main() -> anyhow::Result<()> {
    let single = || tokio::runtime::Builder::new_current_thread().enable_all().build();
    match Cli::parse().bench {
        Bench::Upstream => single()?.block_on(yardstick::upstream()),
        Bench::Proxy { upstream } => single()?.block_on(yardstick::proxy(&upstream)),
        Bench::Gateway { server, seconds, rounds, clients, json } => {
            single()?.block_on(gateway::run(&server, seconds, rounds, clients, json))
        }
        Bench::Authz { server, tuples, seconds, clients, beside, json } => {
            let plan = authz::Plan { tuples, seconds, clients, beside, json };
            single()?.block_on(authz::run(&server, plan))
        }
        Bench::Identity { seconds, rounds, json } => {
            tokio::runtime::Runtime::new()?.block_on(identity::run(seconds, rounds, json))
        }
        Bench::Audit { seconds, clients, connections, entries, json } => tokio::runtime::Runtime::new()?
            .block_on(audit::run(seconds, &clients, connections, entries, json)),
    }
}
