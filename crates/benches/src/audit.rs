//! Entries per second: recorded reads (group commit) and recorded writes (one commit with the change), beside the same
//! PostgreSQL taking the bare business row.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;

use crate::bare::Bare;
use crate::load::{self, request};
use crate::product::Product;

const CLIENTS: [usize; 4] = [1, 8, 32, 64];
const WARM_UP_REQUESTS: usize = 500;
/// Requests for each client of a run, and at least [`REQUESTS_MIN`] together.
const REQUESTS_PER_CLIENT: usize = 150;
const REQUESTS_MIN: usize = 1_000;
const BARE_SECONDS: u64 = 3;

/// Measures and prints the table.
pub(crate) async fn run() -> Result<()> {
    let product = Product::start(None).await?;
    let bare = Bare::open(&product.data).await?;
    let measured = measure(&product, bare.as_ref()).await;
    product.stop().await?;
    measured
}

async fn measure(product: &Product, bare: Option<&Bare>) -> Result<()> {
    println!("audit: entries a second; each request is answered after its entry is committed");
    println!(
        "{:>8} {:>16} {:>17} {:>12} {:>13}",
        "clients", "recorded reads", "recorded writes", "bare rows", "writes/bare"
    );
    reads(product, 8, WARM_UP_REQUESTS).await?;
    for clients in CLIENTS {
        let requests = (clients * REQUESTS_PER_CLIENT).max(REQUESTS_MIN);
        let read = reads(product, clients, requests).await?;
        let written = writes(product, clients, requests).await?;
        let (rows, ratio) = match bare {
            None => ("no pgbench".to_owned(), "-".to_owned()),
            Some(bare) => {
                let rows = bare.per_second(clients, BARE_SECONDS).await?;
                (rows.to_string(), format!("{} %", written * 100 / rows.max(1)))
            }
        };
        println!("{clients:>8} {read:>16} {written:>17} {rows:>12} {ratio:>13}");
    }
    println!(
        "requests come over HTTP and pass all gates; bare rows come from pgbench over the socket. Aim: 75 % at 32."
    );
    Ok(())
}

async fn reads(product: &Product, clients: usize, requests: usize) -> Result<u64> {
    let request = request("GET", "/v1/models", &product.key, "");
    Ok(load::run(product.address, clients, requests, move |_| request.clone()).await?.per_second())
}

#[expect(clippy::disallowed_methods, reason = "a name that no earlier run has taken, not a time")]
async fn writes(product: &Product, clients: usize, requests: usize) -> Result<u64> {
    let (key, run) = (product.admin.clone(), SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos());
    let make = move |number: usize| {
        let body = format!(r#"{{"name":"bench {run} {number}"}}"#);
        request("POST", "/api/v1/projects", &key, &body)
    };
    Ok(load::run(product.address, clients, requests, make).await?.per_second())
}
