//! A command that writes files, broken at each of its calls.

use std::path::PathBuf;
use std::time::Duration;

use super::plan::{Effect, Fault, faults};
use super::strace::{Follow, Hit, Seen, hit, seen, tracing};
use crate::house::process::{Env, Folder, Ran, command, program_by, run_to_end};

/// Longest run of a broken command, in seconds.
const RUN_SECONDS_MAX: u64 = 20;

/// What a program says when it did not expect something itself.
pub(super) const PANICKED: &str = "panicked at";

/// A command, and where it writes.
pub(super) struct Act<'a> {
    pub(super) name: &'static str,
    pub(super) arguments: Vec<String>,
    pub(super) env: Env<'a>,
    pub(super) folder: &'a Folder,
    /// Everything that it reads and writes of its own lies below this folder.
    pub(super) place: PathBuf,
    /// When this is there, whole, there is nothing to do again.
    pub(super) result: Option<PathBuf>,
    /// Calls that are broken where not all of them are.
    pub(super) most: usize,
}

/// What befell a command.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Calls about its files.
    pub(super) calls: usize,
    /// Calls that were broken.
    pub(super) broken: usize,
    /// Faults that hit something else, or nothing.
    pub(super) missed: usize,
    /// Runs that came to their end all the same.
    pub(super) got_over: usize,
}

impl Act<'_> {
    fn log(&self) -> PathBuf {
        self.folder.path().join("strace.log")
    }

    /// Runs it; what it did, unless it hung.
    async fn run(&self, fault: Option<&Fault>) -> Option<Ran> {
        let _ = std::fs::remove_file(self.log());
        let mut command = program_by(&tracing(&self.log(), Follow::Threads, fault), &self.arguments);
        command.envs(self.env.iter().copied());
        tokio::time::timeout(Duration::from_secs(RUN_SECONDS_MAX), run_to_end(command)).await.ok()
    }

    /// Runs it without any fault, to its end.
    async fn run_well(&self) {
        command(&self.arguments, self.env).await.exited(0);
    }

    /// The calls about its files when nothing is broken.
    async fn calls(&self, set: &impl AsyncFn()) -> Vec<Seen> {
        set().await;
        self.run(None).await.expect("it ends").exited(0);
        seen(&self.log(), &self.place).await
    }

    /// Breaks it everywhere. `set` makes the place ready before each run, `cut` looks at what a run left that did not get to its
    /// end, `whole` at what one left that says it did.
    pub(super) async fn break_everywhere(
        &self,
        set: impl AsyncFn(),
        cut: impl AsyncFn(),
        whole: impl AsyncFn(),
    ) -> Tally {
        let calls = self.calls(&set).await;
        whole().await;
        let other = self.calls(&set).await;
        let mut tally = Tally { calls: calls.len(), ..Tally::default() };
        for fault in faults(&calls, &other, self.most) {
            let note = Note(format!("{}, {fault}", self.name));
            set().await;
            let ran = self.run(Some(&fault)).await;
            let there = hit(&self.log(), &self.place, &fault).await == Hit::There;
            if there {
                tally.broken += 1;
            } else {
                tally.missed += 1;
            }
            match ran {
                Some(ran) if ran.code == Some(0) => {
                    tally.got_over += 1;
                    whole().await;
                }
                // What hit the runtime's own pipes, or standard error, is nothing that it could speak of.
                Some(ran) if there => {
                    said_why(&fault, &ran);
                    cut().await;
                }
                Some(_) => cut().await,
                None => assert!(!there, "it hung for {RUN_SECONDS_MAX} s"),
            }
            if !self.result.as_ref().is_some_and(|result| result.exists()) {
                self.run_well().await;
            }
            whole().await;
            drop(note);
        }
        println!("{}: {tally:?}", self.name);
        tally
    }
}

/// It failed with a word about it, or was killed.
#[track_caller]
pub(super) fn said_why(fault: &Fault, ran: &Ran) {
    match fault.effect {
        Effect::Kill => assert!(ran.code.is_none() || ran.code != Some(0), "{ran:?}"),
        Effect::Error(_) => assert!(
            ran.code.is_some() && ran.said_something() && !ran.err.contains(PANICKED),
            "it did not say what failed: {ran:?}"
        ),
    }
}

/// Says what was being done when a test fails.
pub(super) struct Note(pub(super) String);

impl Drop for Note {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("---- {}", self.0);
        }
    }
}
