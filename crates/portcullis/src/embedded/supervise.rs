//! Keeping one server alive for as long as we are.

use std::collections::VecDeque;
use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, interval, sleep};

use super::cluster::Site;
use super::error::Error;
use super::lifeline::Lifeline;
use super::server::{self, Holder, Server};

/// A server that dies more often than this within [`RESTART_WINDOW`] is given up.
const RESTARTS_MAX: usize = 5;
const RESTART_WINDOW: Duration = Duration::from_mins(2);
/// Pause before the first restart of a window; each further one waits twice as long.
const BACKOFF_FIRST: Duration = Duration::from_millis(50);
/// How often the log's size and the watchdog are looked at.
const HOUSEKEEPING: Duration = Duration::from_secs(5);
/// How often a guest looks whether the owner has gone.
const GUEST_POLL: Duration = Duration::from_millis(250);
/// How long to wait for a server that was interrupted in its start.
const INTERRUPTED_STOP_LIMIT: Duration = Duration::from_secs(75);

/// How the server is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// It accepts connections, as far as is known.
    Ready,
    /// It died and is being started again; connections fail for a moment.
    Restarting,
    /// It was stopped on request.
    Stopped,
    /// It could not be kept running; the text says why.
    Failed(String),
}

/// Takes the lock that makes a process the owner of a cluster; `None` when another has it. The lock goes with
/// the file, however the process ends.
pub(super) fn try_own(path: &Path) -> Result<Option<File>, Error> {
    let failed = || Error::file("cannot lock", path);
    let file = File::options().create(true).append(true).open(path).map_err(failed())?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(source)) => Err(failed()(source)),
    }
}

/// The owner's side: the lock, the watchdog and the server. The lock is the last field, so that it is dropped
/// last: who gets it next must find the server told to stop.
pub(super) struct Supervisor {
    site: Arc<Site>,
    server: Server,
    lifeline: Lifeline,
    _owned: File,
}

impl Supervisor {
    /// Starts or adopts the server.
    pub(super) async fn begin(site: Arc<Site>, owned: File) -> Result<Self, Error> {
        let mut lifeline = attach(&site).await?;
        if let Err(error) = server::bound_log(&site.layout.log) {
            tracing::warn!(%error, "the PostgreSQL log could not be shortened");
        }
        let server = server::start(&site, &mut lifeline).await?;
        Ok(Self { site, server, lifeline, _owned: owned })
    }

    pub(super) fn pid(&self) -> i32 {
        self.server.pid()
    }

    /// Watches until told to stop, then stops the server.
    pub(super) async fn run(
        mut self,
        state: watch::Sender<State>,
        mut stop: oneshot::Receiver<()>,
    ) -> Result<(), Error> {
        let mut restarts = VecDeque::new();
        let mut housekeeping = interval(HOUSEKEEPING);
        loop {
            tokio::select! {
                _ = &mut stop => break,
                how = self.server.ended() => {
                    tracing::error!(pid = self.pid(), how, "PostgreSQL ended unexpectedly: starting it again");
                    state.send_replace(State::Restarting);
                    tokio::select! {
                        _ = &mut stop => return self.interrupted(&state).await,
                        restarted = restart(&self.site, &mut self.lifeline, &mut restarts) => match restarted {
                            Ok(server) => self.server = server,
                            Err(error) => {
                                tracing::error!(%error, "PostgreSQL could not be started again");
                                state.send_replace(State::Failed(error.to_string()));
                                return Err(error);
                            }
                        }
                    }
                    tracing::info!(pid = self.pid(), "PostgreSQL is back");
                    state.send_replace(State::Ready);
                }
                _ = housekeeping.tick() => self.keep_house().await,
            }
        }
        let Self { server, lifeline, .. } = self;
        let stopped = server.stop().await;
        if stopped.is_ok()
            && let Err(error) = lifeline.done().await
        {
            tracing::warn!(%error, "the watchdog was gone before us");
        }
        state.send_replace(State::Stopped);
        stopped
    }

    async fn keep_house(&mut self) {
        if let Err(error) = server::bound_log(&self.site.layout.log) {
            tracing::warn!(%error, "the PostgreSQL log could not be shortened");
        }
        if self.lifeline.is_alive() {
            return;
        }
        tracing::warn!("the watchdog of PostgreSQL has ended: starting another");
        match attach(&self.site).await {
            Ok(mut fresh) => {
                if let Err(error) = fresh.watch(self.server.pid()).await {
                    tracing::warn!(%error, "the new watchdog could not be told what to watch");
                }
                self.lifeline = fresh;
            }
            Err(error) => tracing::warn!(%error, "the watchdog could not be started"),
        }
    }

    /// Told to stop in the middle of a restart: letting go of the lifeline stops whatever was started.
    async fn interrupted(self, state: &watch::Sender<State>) -> Result<(), Error> {
        let Self { site, lifeline, _owned, .. } = self;
        drop(lifeline);
        state.send_replace(State::Stopped);
        let begun = Instant::now();
        while begun.elapsed() < INTERRUPTED_STOP_LIMIT {
            match server::holder(&site.layout.data) {
                Holder::Server(_) => sleep(GUEST_POLL).await,
                Holder::Nobody | Holder::Stranger(_) => return Ok(()),
            }
        }
        Err(Error::HeldElsewhere { path: site.layout.dir.clone(), seconds: INTERRUPTED_STOP_LIMIT.as_secs() })
    }
}

async fn attach(site: &Site) -> Result<Lifeline, Error> {
    Lifeline::attach(&site.layout.data, &site.run_as).await.map_err(Error::Watchdog)
}

/// Starts the server again, with growing pauses, until it is up or has died too often.
async fn restart(
    site: &Site,
    lifeline: &mut Lifeline,
    restarts: &mut VecDeque<Instant>,
) -> Result<Server, Error> {
    loop {
        restarts.retain(|at| at.elapsed() < RESTART_WINDOW);
        if restarts.len() >= RESTARTS_MAX {
            return Err(Error::KeepsDying { times: restarts.len(), seconds: RESTART_WINDOW.as_secs() });
        }
        let pause = BACKOFF_FIRST * 2_u32.saturating_pow(u32::try_from(restarts.len()).unwrap_or(u32::MAX));
        restarts.push_back(Instant::now());
        sleep(pause).await;
        // A watchdog that was killed together with the server would fail every attempt.
        if !lifeline.is_alive() {
            *lifeline = attach(site).await?;
        }
        match server::start(site, lifeline).await {
            Ok(server) => return Ok(server),
            Err(error) if restarts.len() >= RESTARTS_MAX => return Err(error),
            Err(error) => tracing::warn!(%error, "PostgreSQL did not start; trying again"),
        }
    }
}

/// The guest's side: another process owns the server. When it goes, we take over, so that a short-lived command
/// that happened to come first does not take the server away from a long-lived one.
pub(super) async fn stand_by(
    site: Arc<Site>,
    state: watch::Sender<State>,
    mut stop: oneshot::Receiver<()>,
) -> Result<(), Error> {
    let owned = loop {
        tokio::select! {
            _ = &mut stop => {
                state.send_replace(State::Stopped);
                return Ok(());
            }
            () = sleep(GUEST_POLL) => if let Some(owned) = try_own(&site.layout.lock)? {
                break owned;
            }
        }
    };
    tracing::info!("the process that ran PostgreSQL has gone: taking over");
    state.send_replace(State::Restarting);
    let begun = tokio::select! {
        _ = &mut stop => {
            // Dropping the half-begun owner closes its lifeline, which stops whatever was started.
            state.send_replace(State::Stopped);
            return Ok(());
        }
        begun = Supervisor::begin(site, owned) => begun,
    };
    match begun {
        Ok(supervisor) => {
            state.send_replace(State::Ready);
            supervisor.run(state, stop).await
        }
        Err(error) => {
            tracing::error!(%error, "PostgreSQL could not be taken over");
            state.send_replace(State::Failed(error.to_string()));
            Err(error)
        }
    }
}
