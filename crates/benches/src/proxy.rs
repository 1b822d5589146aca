//! The least a Rust program can do between a client and a provider: read the request, send it on, send the answer
//! back. No key, no policy, no log. The yardstick for the gateway.

use std::io::Write as _;

use anyhow::Result;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;

type Forward = Client<HttpConnector, Full<Bytes>>;

/// Serves until killed; says where on standard output.
pub(crate) async fn serve(upstream: &str) -> Result<()> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: Forward = Client::builder(TokioExecutor::new()).build(connector);
    let uri: Uri = format!("http://{upstream}/v1/chat/completions").parse()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    writeln!(std::io::stdout(), "{}", listener.local_addr()?)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (client, uri) = (client.clone(), uri.clone());
        tokio::spawn(async move {
            let service = service_fn(|request| forward(client.clone(), uri.clone(), request));
            let http = hyper::server::conn::http1::Builder::new();
            // A client that breaks off is not the proxy's trouble.
            let _ = http.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn forward(
    client: Forward,
    uri: Uri,
    request: Request<Incoming>,
) -> Result<Response<Incoming>, anyhow::Error> {
    let body = request.into_body().collect().await?.to_bytes();
    let mut out = Request::new(Full::new(body));
    *out.method_mut() = http::Method::POST;
    *out.uri_mut() = uri;
    out.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    Ok(client.request(out).await?)
}
