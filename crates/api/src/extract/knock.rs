//! Somebody knocks: what is known of a visitor before anybody has proved anything.

use app::accounts::{DEVICE_COOKIE, Site, Visitor, device_name};
use axum::extract::{FromRequest, FromRequestParts, Request};
use http::header::{ORIGIN, USER_AGENT};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use http_body_util::BodyExt as _;
use kernel::{Gate, Problem, ProblemKind, RequestContext};
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::{broken_body, context_of, json};
use crate::State;
use crate::cookies;
use crate::http::{CorsOrigin, Refused};

/// A visitor, owned: the request, what it calls itself, and the mark of a device that signed in before.
pub(crate) struct Knock {
    request: RequestContext,
    device: String,
    known_device: Option<Zeroizing<String>>,
}

impl Knock {
    fn read(parts: &Parts, state: &State) -> Self {
        let agent = parts.headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
        Self {
            request: context_of(parts, &state.vault),
            device: device_name(agent),
            known_device: cookies::read(&parts.headers, &device_cookie(state.accounts.site())),
        }
    }

    /// The visitor, as the house wants it.
    pub(crate) fn visitor(&self) -> Visitor<'_> {
        Visitor {
            request: &self.request,
            device: &self.device,
            known_device: self.known_device.as_deref().map(String::as_str),
        }
    }
}

impl FromRequestParts<State> for Knock {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Refused> {
        Ok(Self::read(parts, state))
    }
}

/// A visitor at a door that reads or sets the refresh cookie, of whom no other site's page is the author (CSRF).
pub(crate) struct AtDoor {
    pub(crate) knock: Knock,
    pub(crate) refresh: Option<Zeroizing<String>>,
}

impl FromRequestParts<State> for AtDoor {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Refused> {
        let site = state.accounts.site();
        own_origin(&parts.headers, site, &state.origins)?;
        Ok(Self {
            knock: Knock::read(parts, state),
            refresh: cookies::read(&parts.headers, &cookies::refresh_name(site)),
        })
    }
}

/// The same with what was sent along, as JSON.
pub(crate) struct Knocked<T> {
    pub(crate) knock: Knock,
    pub(crate) body: T,
}

impl<T: DeserializeOwned> FromRequest<State> for Knocked<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &State) -> Result<Self, Refused> {
        let (parts, body) = request.into_parts();
        own_origin(&parts.headers, state.accounts.site(), &state.origins)?;
        let collected = body.collect().await.map_err(|_| broken_body(&parts))?;
        let body = json::read(&parts.headers, &collected.to_bytes())?;
        Ok(Self { knock: Knock::read(&parts, state), body })
    }
}

/// The device's cookie as browsers send it: under TLS its name says that no other host can have set it.
fn device_cookie(site: &Site) -> String {
    let prefix = if site.is_secure() { "__Host-" } else { "" };
    format!("{prefix}{DEVICE_COOKIE}")
}

/// Refuses requests that a browser made for another site's page. Browsers say with every POST whose page it is; programs
/// say nothing. `null` is nobody in particular, and so another.
fn own_origin(headers: &HeaderMap, site: &Site, listed: &[CorsOrigin]) -> Result<(), Problem> {
    let own = |origin: &HeaderValue| {
        origin.as_bytes() == site.origin().as_bytes() || listed.iter().any(|listed| listed.is(origin))
    };
    if headers.get_all(ORIGIN).iter().all(own) {
        return Ok(());
    }
    let detail =
        "Pages of this origin may not sign people in here; the operator of this server can list the origin.";
    Err(Problem::at(Gate::Identity, ProblemKind::Forbidden, detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_and_listed_origins_come_in() {
        let site = Site::new("https://portcullis.example.com").unwrap();
        let listed = ["https://console.example.org".parse().unwrap()];
        let sent = |origins: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for origin in origins {
                headers.append(ORIGIN, HeaderValue::from_static(origin));
            }
            own_origin(&headers, &site, &listed).map_err(|problem| problem.kind)
        };
        for good in [&[][..], &["https://portcullis.example.com"], &["https://console.example.org"]] {
            assert_eq!(sent(good), Ok(()), "{good:?}");
        }
        for bad in [
            &["null"][..],
            &[""],
            &["http://portcullis.example.com"],
            &["https://portcullis.example.com.example.org"],
            &["https://portcullis.example.com", "https://other.example.org"],
        ] {
            assert_eq!(sent(bad), Err(ProblemKind::Forbidden), "{bad:?}");
        }
    }
}
