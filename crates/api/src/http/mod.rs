//! The manners every face shares: request ids, traces, addresses, limits, problems and security headers.
//!
//! [`layers`] wraps the merged router of all faces once. Everything in it happens in one pass over the request, in
//! this order: name the request, answer CORS preflights, count it, bound its body and its time, let the face answer,
//! render what was refused, and put the headers on whatever comes out — a panic included.

mod address;
mod body;
mod cors;
mod headers;
mod manners;
mod problem;
mod rate;
mod receipts;
mod settings;

#[cfg(test)]
pub(crate) mod tests;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use kernel::{Clock, Rng};

pub use address::{Cidr, CidrError, ForwardedBy};
pub(crate) use body::BodyFate;
pub use headers::{CSP_ANSWERS, CSP_PAGES};
pub(crate) use problem::{FieldProblem, OAuthErrorBody, ProblemBody, oauth_code, oauth_status};
pub use problem::{PROBLEM_JSON, Refused, problem_response};
pub use rate::is_page;
pub use receipts::{RECEIPT_HEADER, with_receipts};
pub use settings::{CorsOrigin, CorsOriginError, HttpSettings, REQUEST_SECONDS_DEFAULT};

use manners::Manners;

/// Puts the manners around the merged router of all faces; also answers what no face knows (404, 405) as a problem.
///
/// Reads the peer's address from [`axum::extract::ConnectInfo`] when the server provides it. What comes after finds
/// a [`kernel::RequestContext`] in the request's extensions. `clock` counts requests and times names, `rng` makes them.
pub fn layers(router: Router, settings: HttpSettings, clock: Arc<dyn Clock>, rng: Arc<dyn Rng>) -> Router {
    let manners = Arc::new(Manners::new(settings, clock, rng));
    router
        .fallback(manners::no_such_path)
        .method_not_allowed_fallback(manners::no_such_method)
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(manners, manners::apply))
}
