//! What keeps the mode `dev` on this machine, where everybody who can send a request is the owner. A loopback address
//! alone does not: a browser on this machine sends requests for whatever page it shows. A page elsewhere is known by
//! its origin, and one that had its own name resolve to this machine (DNS rebinding) by the name in `Host`.

use std::net::IpAddr;
use std::sync::Arc;

use api::http::{CorsOrigin, Refused};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::{Router, middleware};
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use kernel::{Gate, Problem, ProblemKind};

/// What browsers say of where a request comes from (Fetch Metadata Request Headers §2.4).
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whose requests are answered besides those that name this machine.
struct Known {
    origins: Vec<CorsOrigin>,
    /// The host of the URL that clients use.
    public: Option<String>,
}

/// Lets through what names this machine, its public URL or a listed origin, and nothing else.
pub(crate) fn only_this_machine(router: Router, url: &str, origins: &[CorsOrigin]) -> Router {
    let public = url.parse::<Uri>().ok().and_then(|url| url.host().map(str::to_owned));
    let known = Arc::new(Known { origins: origins.to_vec(), public });
    router.layer(middleware::from_fn_with_state(known, apply))
}

async fn apply(State(known): State<Arc<Known>>, request: Request, next: Next) -> Response {
    if known.admits(request.headers()) {
        return next.run(request).await;
    }
    let detail = "In the mode `dev` this server answers whoever asks it by a name of this machine, \
                  and pages of this machine or of a listed origin.";
    Refused(Problem::at(Gate::Identity, ProblemKind::Forbidden, detail)).into_response()
}

impl Known {
    fn admits(&self, headers: &HeaderMap) -> bool {
        let mut hosts = headers.get_all(header::HOST).iter();
        let named = match (hosts.next(), hosts.next()) {
            // Old programs send none; browsers always do.
            (None, _) => true,
            (Some(host), None) => {
                let host = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok());
                host.is_some_and(|host| self.is_here(host.host()))
            }
            (Some(_), Some(_)) => false,
        };
        named && headers.get_all(header::ORIGIN).iter().all(|origin| self.is_known(origin, headers))
    }

    fn is_known(&self, origin: &HeaderValue, headers: &HeaderMap) -> bool {
        if origin == "null" {
            // Our pages send no referrer, and with it browsers withhold the origin of a form.
            return headers.get(SEC_FETCH_SITE).is_some_and(|site| site == "same-origin");
        }
        let page = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok());
        self.origins.iter().any(|listed| listed.is(origin))
            || page.as_ref().and_then(Uri::host).is_some_and(|host| self.is_here(host))
    }

    fn is_here(&self, host: &str) -> bool {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let own = bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
            || host.eq_ignore_ascii_case("localhost")
            || host.to_ascii_lowercase().ends_with(".localhost");
        own || self.public.as_deref().is_some_and(|public| public.eq_ignore_ascii_case(host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Known {
        let listed = "https://app.example.com".parse().expect("an origin");
        Known { origins: vec![listed], public: Some("portcullis.example.org".to_owned()) }
    }

    fn admitted(fields: &[(HeaderName, &'static str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(name, HeaderValue::from_static(value));
        }
        known().admits(&headers)
    }

    #[test]
    fn who_asks_by_a_name_of_this_machine_is_answered() {
        for host in [
            "localhost:8080",
            "LOCALHOST",
            "app.localhost:1",
            "127.0.0.1:8080",
            "127.8.9.1",
            "[::1]:8080",
            "portcullis.example.org",
        ] {
            assert!(admitted(&[(header::HOST, host)]), "{host}");
        }
        for host in
            ["attacker.example", "localhost.attacker.example", "127.0.0.1.attacker.example", "192.0.2.1", ""]
        {
            assert!(!admitted(&[(header::HOST, host)]), "{host}");
        }
        assert!(!admitted(&[(header::HOST, "localhost"), (header::HOST, "attacker.example")]));
        assert!(admitted(&[]));
    }

    #[test]
    fn a_page_from_elsewhere_is_not_answered() {
        let from = |origin| admitted(&[(header::HOST, "localhost:8080"), (header::ORIGIN, origin)]);
        for origin in ["http://localhost:3000", "http://127.0.0.1:8080", "https://app.example.com"] {
            assert!(from(origin), "{origin}");
        }
        for origin in ["https://attacker.example", "null", "https://app.example.com.attacker.example", ""] {
            assert!(!from(origin), "{origin}");
        }
        // The server's own form.
        let form = [(header::HOST, "localhost:8080"), (header::ORIGIN, "null")];
        assert!(admitted(&[&form[..], &[(SEC_FETCH_SITE, "same-origin")]].concat()));
        assert!(!admitted(&[&form[..], &[(SEC_FETCH_SITE, "cross-site")]].concat()));
    }
}
