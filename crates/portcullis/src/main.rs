//! The `portcullis` binary. For now it runs the embedded PostgreSQL, for trying it by hand:
//! `portcullis pg DIRECTORY [BIN]` until Ctrl-C.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use portcullis::embedded::{Cluster, Error, Options, Search, find};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> std::process::ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(verb), Some(dir)) = (arguments.next(), arguments.next()) else {
        return say("usage: portcullis pg DIRECTORY [BIN]", 2);
    };
    if verb != "pg" {
        return say("usage: portcullis pg DIRECTORY [BIN]", 2);
    }
    match run(Path::new(&dir), arguments.next().map(PathBuf::from)).await {
        Ok(()) => say("stopped", 0),
        Err(error) => say(&error.to_string(), 1),
    }
}

async fn run(data_dir: &Path, explicit: Option<PathBuf>) -> Result<(), Error> {
    let cluster = data_dir.join("cluster");
    let major = Cluster::major_of(&cluster)?;
    let search = Search { explicit, major, ..Search::new(data_dir) };
    let home = find(&search, &|line| {
        say(line, 0);
    })
    .await?;
    let running = Cluster::open(&home, &cluster, &Options::default()).await?;
    say(&format!("PostgreSQL {} in {}", running.version(), running.connection().socket_dir.display()), 0);
    // Without a signal handler the watchdog stops the server all the same.
    let _ = tokio::signal::ctrl_c().await;
    running.stop().await
}

fn say(line: &str, code: u8) -> std::process::ExitCode {
    // Nobody is left to be told when standard error is closed.
    let _ = writeln!(std::io::stderr(), "{line}");
    code.into()
}
