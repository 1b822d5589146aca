//! Measurements: `cargo run --release -p benches -- gateway` and `… -- audit`.
//!
//! Each is a ratio against a yardstick measured in the same run, because the machine is not ours alone. The product is
//! the binary named by `PORTCULLIS_BIN`, else `target/release/portcullis`.

#![expect(clippy::print_stdout, reason = "a report on standard output is what this program is for")]

mod audit;
mod bare;
mod cpu;
mod gateway;
mod load;
mod process;
mod product;
mod proxy;
mod upstream;

use anyhow::{Result, bail};

const USAGE: &str = "usage: benches gateway | audit";

#[tokio::main]
async fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["gateway"] => gateway::run().await,
        ["audit"] => audit::run().await,
        // The yardsticks are processes of their own, so that their CPU time can be told apart.
        ["upstream"] => upstream::serve().await,
        ["proxy", upstream] => proxy::serve(upstream).await,
        _ => bail!(USAGE),
    }
}
