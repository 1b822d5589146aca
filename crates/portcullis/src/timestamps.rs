//! The way to the operator's time-stamping authority: RFC 3161 over HTTP (§3.4).

use std::time::Duration;

use app::evidence::{Asked, Authority, Unstamped};
use bytes::Bytes;
use evidence::timestamp::TOKEN_BYTES_MAX;
use http::{Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use tokio::sync::Semaphore;

use crate::web::{self, WebClient};

/// Longest time that an authority has for its whole answer, in seconds. Whoever makes a pack waits for it.
const ANSWER_SECONDS_MAX: u64 = 10;
/// Most questions at once. Each holds a database connection meanwhile, and a silent authority must not hold them all.
const QUESTIONS_AT_ONCE_MAX: usize = 4;

/// An authority.
pub(crate) struct HttpAuthority {
    url: Uri,
    client: WebClient,
    places: Semaphore,
}

impl HttpAuthority {
    /// # Errors
    /// When TLS cannot be set up.
    pub(crate) fn new(url: Uri) -> Result<Self, rustls::Error> {
        Ok(Self { url, client: web::client()?, places: Semaphore::new(QUESTIONS_AT_ONCE_MAX) })
    }

    async fn exchange(&self, question: Vec<u8>) -> Result<Vec<u8>, Unstamped> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(self.url.clone())
            .header(header::CONTENT_TYPE, "application/timestamp-query")
            .header(header::ACCEPT, "application/timestamp-reply")
            .header(header::USER_AGENT, concat!("portcullis/", env!("CARGO_PKG_VERSION")))
            .body(Full::new(Bytes::from(question)))
            .map_err(|_| Unstamped::Unreachable)?;
        let (head, body) =
            self.client.request(request).await.map_err(|_| Unstamped::Unreachable)?.into_parts();
        if head.status != StatusCode::OK {
            return Err(Unstamped::Refused);
        }
        // Too long, or broken off.
        let body = Limited::new(body, TOKEN_BYTES_MAX).collect().await.map_err(|_| Unstamped::Malformed)?;
        Ok(body.to_bytes().into())
    }
}

impl Authority for HttpAuthority {
    fn ask(&self, question: Vec<u8>) -> Asked<'_> {
        Box::pin(async {
            let _place = self.places.try_acquire().map_err(|_| Unstamped::Busy)?;
            let limit = Duration::from_secs(ANSWER_SECONDS_MAX);
            tokio::time::timeout(limit, self.exchange(question)).await.map_err(|_| Unstamped::Silent)?
        })
    }
}
