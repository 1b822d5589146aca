//! Being told to stop.

use anyhow::{Context as _, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Exit status of a program that was interrupted: 128 and the signal's number.
const INTERRUPTED: i32 = 130;

/// The signals that stop the server.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Takes the signals over; from now on they do not end the process by themselves.
    ///
    /// # Errors
    /// When the system does not let us.
    pub(crate) fn take() -> Result<Self> {
        let take = |kind| signal(kind).context("signals cannot be handled");
        Ok(Self { interrupt: take(SignalKind::interrupt())?, terminate: take(SignalKind::terminate())? })
    }

    /// Waits for the first.
    pub(crate) async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// A second signal means now: nothing is waited for, and the next start recovers what was under way.
    pub(crate) fn force_on_second(mut self) {
        tokio::spawn(async move {
            self.wait().await;
            crate::say::note("portcullis: stopping at once");
            std::process::exit(INTERRUPTED);
        });
    }
}
