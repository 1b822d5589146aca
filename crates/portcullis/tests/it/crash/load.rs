//! Clients that call without pause and remember what was acknowledged to them.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Method;
use tokio::task::JoinHandle;

use crate::house::web::Web;

/// Pause of a client whose call failed: the server is down.
const PAUSE_MILLIS: u64 = 5;

/// What clients were told is on record.
#[derive(Debug, Default, Clone)]
pub(crate) struct Acknowledged {
    /// Entries that an answer named.
    pub(crate) entries: BTreeSet<String>,
    /// Intents of calls that were answered to the end, so that their outcomes are on record too.
    pub(crate) calls: BTreeSet<String>,
    /// The receipts that answers carried, where they were asked for.
    pub(crate) receipts: BTreeSet<String>,
    /// Calls that ended without an answer.
    pub(crate) lost: u64,
}

impl Acknowledged {
    pub(crate) fn add(&mut self, other: &Self) {
        self.entries.extend(other.entries.iter().cloned());
        self.calls.extend(other.calls.iter().cloned());
        self.receipts.extend(other.receipts.iter().cloned());
        self.lost += other.lost;
    }
}

/// Clients at work.
pub(crate) struct Load {
    clients: Vec<JoinHandle<()>>,
    acknowledged: Arc<Mutex<Acknowledged>>,
    stop: Arc<AtomicBool>,
}

impl Load {
    /// Starts one client for each of `webs`; each calls a model and reads a list in turn.
    pub(crate) fn start(webs: impl IntoIterator<Item = Web>) -> Self {
        let acknowledged = Arc::<Mutex<Acknowledged>>::default();
        let stop = Arc::new(AtomicBool::new(false));
        let clients = webs.into_iter().map(|web| {
            let (acknowledged, stop) = (Arc::clone(&acknowledged), Arc::clone(&stop));
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    one(&web, &acknowledged).await;
                }
            })
        });
        Self { clients: clients.collect(), acknowledged, stop }
    }

    /// How many entries were acknowledged so far.
    pub(crate) fn count(&self) -> usize {
        self.acknowledged.lock().expect("no client panics").entries.len()
    }

    /// What was acknowledged so far.
    pub(crate) fn so_far(&self) -> Acknowledged {
        self.acknowledged.lock().expect("no client panics").clone()
    }

    /// Ends the clients and returns what was acknowledged to them.
    pub(crate) async fn stop(self) -> Acknowledged {
        self.stop.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.await.expect("no client panics");
        }
        self.acknowledged.lock().expect("no client panics").clone()
    }
}

async fn one(web: &Web, acknowledged: &Mutex<Acknowledged>) {
    let call = web.try_chat("loopback", "hello").await;
    let read = web.try_call(Method::GET, "/v1/models", None).await;
    let lost = {
        let mut acknowledged = acknowledged.lock().expect("no client panics");
        for (answer, is_call) in [(&call, true), (&read, false)] {
            let Ok(answer) = answer else {
                acknowledged.lost += 1;
                continue;
            };
            acknowledged.receipts.extend(answer.receipts());
            let entry = answer.header("x-portcullis-entry").to_owned();
            if entry.is_empty() {
                continue;
            }
            if is_call && answer.status.is_success() {
                acknowledged.calls.insert(entry.clone());
            }
            acknowledged.entries.insert(entry);
        }
        [call, read].iter().any(|answer| {
            answer.as_ref().is_ok_and(|answer| answer.status.is_server_error()) || answer.is_err()
        })
    };
    if lost {
        tokio::time::sleep(Duration::from_millis(PAUSE_MILLIS)).await;
    }
}
