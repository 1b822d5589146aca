//! Accepting connections, and letting go of them in order.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tower::ServiceExt as _;

/// Most connections at once; further ones wait in the system's queue.
const CONNECTIONS_AT_ONCE_MAX: usize = 8_192;
/// Longest time for a request's head to arrive, also on an idle connection, in seconds.
const HEAD_SECONDS_MAX: u64 = 60;
/// Largest head of a request, in bytes.
const HEAD_BYTES_MAX: usize = 64 * 1_024;
/// Most header lines of a request.
const HEADERS_MAX: usize = 100;
/// How long connections that are cut off may take to let go of what they hold, in seconds.
const CUT_SECONDS_MAX: u64 = 2;
/// Pause after a failed accept, in milliseconds: the usual reason is that file descriptors ran out.
const ACCEPT_PAUSE_MILLIS: u64 = 100;

/// Serves until `stop` turns true; then accepts nothing more, lets requests under way finish for at most `grace`,
/// and returns how many connections had to be cut off. By then each of them has let go of its request, so that calls
/// under way know that they ended.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    mut stop: watch::Receiver<bool>,
    grace: Duration,
) -> usize {
    let places = Arc::new(Semaphore::new(CONNECTIONS_AT_ONCE_MAX));
    let graceful = GracefulShutdown::new();
    let (cut, told_to_end) = watch::channel(false);
    loop {
        let accepted = tokio::select! {
            biased;
            () = stopped(&mut stop) => break,
            accepted = accept(&listener, &places) => accepted,
        };
        match accepted {
            Ok((stream, peer, place)) => {
                connection(stream, peer, place, &router, &graceful, told_to_end.clone());
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(ACCEPT_PAUSE_MILLIS)).await;
            }
        }
    }
    // New clients are told at once instead of waiting in a queue nobody empties.
    drop(listener);
    let open = CONNECTIONS_AT_ONCE_MAX - places.available_permits();
    if open > 0 {
        tracing::info!(connections = open, grace_seconds = grace.as_secs(), "waiting for requests under way");
    }
    if tokio::time::timeout(grace, graceful.shutdown()).await.is_ok() {
        return 0;
    }
    let left = CONNECTIONS_AT_ONCE_MAX - places.available_permits();
    let _ = cut.send(true);
    let all = u32::try_from(CONNECTIONS_AT_ONCE_MAX).unwrap_or(u32::MAX);
    let _ = tokio::time::timeout(Duration::from_secs(CUT_SECONDS_MAX), places.acquire_many(all)).await;
    left
}

/// Resolves when the server shall stop, or nobody is left to say so.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, place))
}

fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    place: OwnedSemaphorePermit,
    router: &Router,
    graceful: &GracefulShutdown,
    mut cut: watch::Receiver<bool>,
) {
    // Answers are small and streams are made of small pieces: waiting to fill a packet only delays them.
    let _ = stream.set_nodelay(true);
    let router = router.clone();
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        let answering = router.clone().oneshot(request.map(Body::new));
        async move { Ok::<_, Infallible>(answering.await.unwrap_or_else(|never| match never {})) }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(HEAD_SECONDS_MAX))
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let watched = graceful.watch(served);
    tokio::spawn(async move {
        tokio::select! {
            ended = watched => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended early");
                }
            }
            () = stopped(&mut cut) => {}
        }
        drop(place);
    });
}
