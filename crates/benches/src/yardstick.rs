//! The yardsticks: an upstream that always answers the same, and the least a forwarding proxy in Rust can be.

use std::convert::Infallible;

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, Uri, header};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;

const ANSWER: &str = r#"{"id":"chatcmpl-bench","object":"chat.completion","created":1700000000,"model":"bench","choices":[{"index":0,"message":{"role":"assistant","content":"The quick brown fox jumps over the lazy dog, and everything that it saw on the way was of no concern to anybody at all."},"finish_reason":"stop"}],"usage":{"prompt_tokens":40,"completion_tokens":25,"total_tokens":65}}"#;

async fn listen() -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    Ok(listener)
}

fn answer(body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

/// Reads each request whole and gives the same answer.
pub(crate) async fn upstream() -> anyhow::Result<()> {
    let listener = listen().await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            let service = service_fn(|request: Request<Incoming>| async move {
                // A client that went away mid-request is no concern of a yardstick.
                let _ = request.into_body().collect().await;
                Ok::<_, Infallible>(answer(Bytes::from_static(ANSWER.as_bytes())))
            });
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

/// Reads each request whole, sends it on, reads the answer whole, sends it back. No checks of any kind.
pub(crate) async fn proxy(upstream: &str) -> anyhow::Result<()> {
    let target: Uri = format!("http://{upstream}/v1/chat/completions").parse().context("upstream address")?;
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let listener = listen().await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (client, target) = (client.clone(), target.clone());
        tokio::spawn(async move {
            let service = service_fn(move |request: Request<Incoming>| {
                let (client, target) = (client.clone(), target.clone());
                async move {
                    let body = request.into_body().collect().await?.to_bytes();
                    let forward = Request::post(target)
                        .header(header::CONTENT_TYPE, "application/json")
                        .body(Full::new(body))?;
                    let body = client.request(forward).await?.into_body().collect().await?.to_bytes();
                    Ok::<_, anyhow::Error>(answer(body))
                }
            });
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}
