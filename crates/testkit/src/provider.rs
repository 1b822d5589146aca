use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::answers::{Script, Step};
use crate::request::Received;

struct Shared {
    /// What to do with the next requests; when empty, `always` again and again.
    next: Mutex<VecDeque<Script>>,
    always: Mutex<Script>,
    received: Mutex<Vec<Received>>,
    /// How many requests arrived, and how many connections the other side closed while an answer was hanging.
    arrived: watch::Sender<usize>,
    left: watch::Sender<usize>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A provider on a port of its own, which does as it is told and writes down what it received. Stops when dropped.
pub struct FakeProvider {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl FakeProvider {
    /// Starts on 127.0.0.1 and a free port; answers every request with `always`.
    ///
    /// # Errors
    /// When no port is to be had.
    pub async fn start(always: Script) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            next: Mutex::default(),
            always: Mutex::new(always),
            received: Mutex::default(),
            arrived: watch::Sender::new(0),
            left: watch::Sender::new(0),
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, task })
    }

    /// The base URL to configure, `http://127.0.0.1:<port>/v1`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it does from now on.
    pub fn always(&self, script: Script) {
        *lock(&self.shared.always) = script;
    }

    /// What it does with the next request; several calls queue up.
    pub fn next(&self, script: Script) {
        lock(&self.shared.next).push_back(script);
    }

    /// Every request so far, in the order of arrival.
    pub fn received(&self) -> Vec<Received> {
        lock(&self.shared.received).clone()
    }

    /// The last request.
    pub fn last(&self) -> Option<Received> {
        lock(&self.shared.received).last().cloned()
    }

    /// Resolves when at least `count` requests have arrived.
    pub async fn arrived(&self, count: usize) {
        // The sender lives as long as this does, so waiting cannot fail.
        let _ = self.shared.arrived.subscribe().wait_for(|arrived| *arrived >= count).await;
    }

    /// Resolves when the other side has closed at least `count` connections on which an answer was hanging.
    pub async fn abandoned(&self, count: usize) {
        let _ = self.shared.left.subscribe().wait_for(|left| *left >= count).await;
    }
}

impl Drop for FakeProvider {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // Aborted with this task, and with it everything spawned here.
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        connections.spawn(serve(stream, Arc::clone(&shared)));
    }
}

async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    let _ = stream.set_nodelay(true);
    let mut buffer = Vec::new();
    while let Some(request) = Received::read(&mut stream, &mut buffer).await {
        lock(&shared.received).push(request);
        let script = lock(&shared.next).pop_front();
        let script = script.unwrap_or_else(|| lock(&shared.always).clone());
        shared.arrived.send_modify(|arrived| *arrived += 1);
        for step in script.0 {
            match step {
                Step::Send(bytes) => {
                    if stream.write_all(&bytes).await.is_err() {
                        shared.left.send_modify(|left| *left += 1);
                        return;
                    }
                    // A write of its own arrives as one, mostly.
                    tokio::task::yield_now().await;
                }
                Step::Hang => {
                    let mut rest = [0; 1024];
                    while stream.read(&mut rest).await.is_ok_and(|read| read > 0) {}
                    shared.left.send_modify(|left| *left += 1);
                    return;
                }
                Step::Wait(gate) => gate.notified().await,
                Step::Close => return,
            }
        }
    }
}
