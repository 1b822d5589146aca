//! An HTTP client of few words, for the command line and for telemetry.

use bytes::Bytes;
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// Speaks HTTP/1.1, over TLS (certificates of the web's public authorities) or without.
pub(crate) type WebClient = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// A client of its own pool.
///
/// # Errors
/// When the TLS library refuses its own defaults.
pub(crate) fn client() -> Result<WebClient, rustls::Error> {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let connector = HttpsConnectorBuilder::new()
        .with_provider_and_webpki_roots(provider)?
        .https_or_http()
        .enable_http1()
        .build();
    Ok(Client::builder(TokioExecutor::new()).build(connector))
}

/// Whether a URL leads to this machine, so that nothing on the way could listen.
pub(crate) fn is_local(url: &http::Uri) -> bool {
    url.host().is_some_and(|host| {
        let host = host.trim_matches(['[', ']']);
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}
