//! What others need in order to verify tokens, and to find the rest: open to everybody, and kept for a while.

use axum::extract;
use axum::response::{IntoResponse as _, Response};
use gates::Vault;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, StatusCode};
use kernel::{Problem, RequestContext};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::token::{CLIENT_CREDENTIALS, TOKEN_EXCHANGE};
use crate::State;
use crate::extract::Knock;
use crate::http::Refused;

/// How long anybody may keep what is published here, in seconds. A key is published long before it signs, and an hour after.
const KEPT_SECONDS: u32 = 300;

/// The keys that sign access tokens (RFC 7517 §5).
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"keys": [{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "…", "n": "…", "e": "AQAB"}]}))]
pub(super) struct JsonWebKeySet {
    /// The next one, the current one, and those retired within the last hour.
    #[schema(value_type = Vec<Object>)]
    keys: Vec<Value>,
}

/// What this server does as an authorization server (RFC 8414 §2).
#[derive(Serialize, ToSchema)]
pub(super) struct ServerMetadata {
    /// This server's public URL: `iss` of its tokens.
    #[schema(example = "https://portcullis.example.com")]
    issuer: String,
    /// Where agents get tokens.
    token_endpoint: String,
    /// How they prove who they are there.
    token_endpoint_auth_methods_supported: [&'static str; 2],
    /// For what.
    grant_types_supported: [&'static str; 2],
    /// None: people sign in at the console or through the API, not through a client.
    response_types_supported: [&'static str; 0],
    /// Where the keys are.
    jwks_uri: String,
    /// Where tokens are asked about.
    introspection_endpoint: String,
    /// By whom: an OAuth client, or the bearer of any credential of this server.
    introspection_endpoint_auth_methods_supported: [&'static str; 3],
    /// Where tokens are called back.
    revocation_endpoint: String,
    /// By whom.
    revocation_endpoint_auth_methods_supported: [&'static str; 2],
    /// For people.
    service_documentation: String,
}

const CLIENT_METHODS: [&str; 2] = ["client_secret_basic", "client_secret_post"];

fn metadata(vault: &Vault) -> ServerMetadata {
    let issuer = vault.issuer();
    let at = |path: &str| format!("{issuer}{path}");
    ServerMetadata {
        issuer: issuer.to_owned(),
        token_endpoint: at("/oauth/token"),
        token_endpoint_auth_methods_supported: CLIENT_METHODS,
        grant_types_supported: [CLIENT_CREDENTIALS, TOKEN_EXCHANGE],
        response_types_supported: [],
        jwks_uri: at("/.well-known/jwks.json"),
        introspection_endpoint: at("/oauth/introspect"),
        introspection_endpoint_auth_methods_supported: [CLIENT_METHODS[0], CLIENT_METHODS[1], "Bearer"],
        revocation_endpoint: at("/oauth/revoke"),
        revocation_endpoint_auth_methods_supported: CLIENT_METHODS,
        service_documentation: at("/docs"),
    }
}

/// Publish the keys that verify access tokens.
///
/// Any JOSE library verifies this server's tokens with them. Keep them for as long as the answer says; ask again for a key
/// id you do not know.
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "oauth", operation_id = "token.keys", security(()),
    responses((status = 200, description = "The keys", body = JsonWebKeySet)))]
pub(super) async fn get_keys(
    extract::State(state): extract::State<State>,
    knock: Knock,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let document = keys(&state, knock.visitor().request).await?;
    Ok(kept(&headers, &document)?)
}

async fn keys(state: &State, request: &RequestContext) -> Result<Value, Problem> {
    // So that whoever asks before the first token does not remember that there is no key.
    state.vault.ensure_access_keys(request).await?;
    state.vault.jwks().await
}

/// Describe this server to OAuth clients.
///
/// Names what there is (RFC 8414), and nothing else.
#[utoipa::path(get, path = "/.well-known/oauth-authorization-server", tag = "oauth", security(()),
    operation_id = "token.server",
    responses((status = 200, description = "The description", body = ServerMetadata)))]
pub(super) async fn get_server(
    extract::State(state): extract::State<State>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    described(&state, &headers)
}

/// Describe this server to verifiers of tokens.
///
/// The same description where libraries for OpenID Connect look for it. No ID tokens are issued.
#[utoipa::path(get, path = "/.well-known/openid-configuration", tag = "oauth", security(()),
    operation_id = "token.openid",
    responses((status = 200, description = "The description", body = ServerMetadata)))]
pub(super) async fn get_openid(
    extract::State(state): extract::State<State>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    described(&state, &headers)
}

fn described(state: &State, headers: &HeaderMap) -> Result<Response, Refused> {
    let document = serde_json::to_value(metadata(&state.vault)).map_err(|_| Problem::internal())?;
    Ok(kept(headers, &document)?)
}

/// An answer that may be kept, or the word that what is kept is still good (RFC 9110 §13.1.2).
fn kept(request: &HeaderMap, document: &Value) -> Result<Response, Problem> {
    let body = serde_json::to_string(document).map_err(|_| Problem::internal())?;
    let tag = format!("\"{}\"", &crypto::hex(&crypto::sha256(body.as_bytes()))[..32]);
    let known = request
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(','))
        .any(|known| known.trim().trim_start_matches("W/") == tag || known.trim() == "*");
    let mut response = if known { StatusCode::NOT_MODIFIED.into_response() } else { body.into_response() };
    let headers = response.headers_mut();
    if !known {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    let may = format!("public, max-age={KEPT_SECONDS}");
    for (name, value) in [(ETAG, tag), (CACHE_CONTROL, may)] {
        headers.insert(name, HeaderValue::from_str(&value).map_err(|_| Problem::internal())?);
    }
    Ok(response)
}
