//! The way to the operator's OpenFGA server, which is asked beside the engine of this process.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use crypto::Secret;
use gates::{Answering, Authorizer, Question, Unanswered};
use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use kernel::TenantId;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Semaphore;

use crate::settings::OpenFgaSettings;
use crate::web::{self, WebClient};

/// Longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 65_536;
/// Its name in entries.
const NAME: &str = "openfga";

/// Where the relations of an organization are over there.
struct Place {
    check: Uri,
    model: String,
}

/// An OpenFGA server.
pub(crate) struct OpenFga {
    client: WebClient,
    places: HashMap<TenantId, Place>,
    authorization: Option<HeaderValue>,
    timeout: Duration,
    /// A connection each.
    connections: Semaphore,
}

/// What `check` answers.
#[derive(Deserialize)]
struct Checked {
    allowed: bool,
}

impl OpenFga {
    /// # Errors
    /// When TLS cannot be set up, or the URL has no place for paths.
    pub(crate) fn new(settings: OpenFgaSettings) -> anyhow::Result<Self> {
        let mut places = HashMap::new();
        for store in settings.stores {
            let check = format!("{}/stores/{}/check", settings.url, store.store).parse()?;
            places.insert(store.tenant, Place { check, model: store.model });
        }
        Ok(Self {
            client: web::client()?,
            places,
            authorization: settings.token.as_ref().map(bearer).transpose()?,
            timeout: settings.timeout,
            connections: Semaphore::new(settings.connections),
        })
    }

    async fn every_link(&self, question: Question<'_>) -> Result<bool, Unanswered> {
        let Some(place) = self.places.get(&question.tenant) else { return Err(Unanswered::Malformed) };
        // It is closed nowhere.
        let _connection = self.connections.acquire().await.map_err(|_| Unanswered::Unreachable)?;
        for link in question.links {
            if !self.check(place, link, &question).await? {
                return Ok(false);
            }
        }
        Ok(!question.links.is_empty())
    }

    async fn check(&self, place: &Place, user: &str, question: &Question<'_>) -> Result<bool, Unanswered> {
        let body = json!({
            "tuple_key": { "user": user, "relation": question.relation, "object": question.object },
            "authorization_model_id": place.model,
            // What it remembers may be a yes that was taken back.
            "consistency": "HIGHER_CONSISTENCY",
        });
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(place.check.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, concat!("portcullis/", env!("CARGO_PKG_VERSION")));
        if let Some(authorization) = &self.authorization {
            request = request.header(header::AUTHORIZATION, authorization.clone());
        }
        let request =
            request.body(Full::new(Bytes::from(body.to_string()))).map_err(|_| Unanswered::Unreachable)?;
        let answer = self.client.request(request).await.map_err(|_| Unanswered::Unreachable)?;
        let (head, body) = answer.into_parts();
        if head.status != StatusCode::OK {
            tracing::warn!(status = head.status.as_u16(), "the OpenFGA server refused a question");
            return Err(Unanswered::Refused);
        }
        // Too long, or broken off.
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(|_| Unanswered::Malformed)?;
        let checked: Checked = serde_json::from_slice(&body.to_bytes()).map_err(|_| Unanswered::Malformed)?;
        Ok(checked.allowed)
    }
}

fn bearer(token: &Secret) -> anyhow::Result<HeaderValue> {
    let mut value = HeaderValue::from_bytes(&[b"Bearer ".as_slice(), token.expose()].concat())?;
    value.set_sensitive(true);
    Ok(value)
}

impl Authorizer for OpenFga {
    fn name(&self) -> &'static str {
        NAME
    }

    fn serves(&self, tenant: TenantId) -> bool {
        self.places.contains_key(&tenant)
    }

    fn allows<'a>(&'a self, question: Question<'a>) -> Answering<'a> {
        Box::pin(async move {
            tokio::time::timeout(self.timeout, self.every_link(question))
                .await
                .map_err(|_| Unanswered::Silent)?
        })
    }
}

/// The operator's server as one of those who are asked, if there is one.
///
/// # Errors
/// As [`OpenFga::new`].
pub(crate) fn authorizer(settings: Option<OpenFgaSettings>) -> anyhow::Result<Option<Arc<dyn Authorizer>>> {
    let Some(settings) = settings else { return Ok(None) };
    tracing::info!(
        url = settings.url,
        organizations = settings.stores.len(),
        "an OpenFGA server is asked besides"
    );
    Ok(Some(Arc::new(OpenFga::new(settings)?)))
}
