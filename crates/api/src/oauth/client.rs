//! How OAuth clients prove who they are (RFC 6749 §2.3.1): a header or two parameters, never both.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gates::Principal;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use zeroize::Zeroizing;

use super::form::{Form, Sent};
use super::refusal::{Refusal, Scheme};
use crate::State;

/// Longest credential in a header that is looked at, in bytes.
const CREDENTIAL_BYTES_MAX: usize = 16 * 1_024;

/// What a request carries to prove who sent it.
pub(super) enum Credential {
    /// Nothing at all.
    Nothing,
    /// An API key or an access token (RFC 6750 §2.1).
    Bearer(Zeroizing<String>),
    /// A client's id and secret. Both are empty when the header is there and cannot be read.
    Client { id: String, secret: Zeroizing<String> },
}

impl Credential {
    /// Reads it.
    pub(super) fn read(headers: &HeaderMap, form: &Form) -> Result<Self, Refusal> {
        let mut sent = headers.get_all(AUTHORIZATION).iter();
        let (first, more) = (sent.next(), sent.next());
        let Some(first) = first else {
            return Ok(match (form.get("client_id"), form.get("client_secret")) {
                (None, None) => Self::Nothing,
                (id, secret) => Self::Client {
                    id: id.unwrap_or_default().to_owned(),
                    secret: Zeroizing::new(secret.unwrap_or_default().to_owned()),
                },
            });
        };
        if form.get("client_secret").is_some() {
            return Err(Refusal::invalid_request("Prove who you are in one way, not in two."));
        }
        let text = first.to_str().ok().filter(|text| more.is_none() && text.len() <= CREDENTIAL_BYTES_MAX);
        let (scheme, value) = text.and_then(|text| text.split_once(' ')).unwrap_or_default();
        if scheme.eq_ignore_ascii_case("bearer") {
            return Ok(Self::Bearer(Zeroizing::new(value.trim().to_owned())));
        }
        let pair = if scheme.eq_ignore_ascii_case("basic") { basic(value.trim()) } else { None };
        let (id, secret) = pair.unwrap_or_default();
        if form.get("client_id").is_some_and(|named| named != id) {
            return Err(Refusal::invalid_request(
                "The parameter client_id names another client than the header.",
            ));
        }
        Ok(Self::Client { id, secret })
    }

    /// By which scheme a refusal asks for a better one.
    pub(super) fn scheme(&self) -> Scheme {
        if matches!(self, Self::Bearer(_)) { Scheme::Bearer } else { Scheme::Basic }
    }
}

/// The two parts of Basic credentials, each encoded like a form's (RFC 6749 §2.3.1).
fn basic(value: &str) -> Option<(String, Zeroizing<String>)> {
    let decoded = Zeroizing::new(STANDARD.decode(value).ok()?);
    let text = std::str::from_utf8(&decoded).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((unescaped(id), Zeroizing::new(unescaped(secret))))
}

fn unescaped(text: &str) -> String {
    let mut pairs = form_urlencoded::parse(text.as_bytes());
    match (pairs.next(), pairs.next(), text.contains(['=', '&'])) {
        (Some((part, _)), None, false) => part.into_owned(),
        // Sent as it is, by a client that does not encode.
        _ => text.to_owned(),
    }
}

/// Gates one and two for whoever asks about tokens: by a bearer's credential, or as an OAuth client.
pub(super) async fn caller(
    state: &State,
    sent: &Sent,
    action: &'static str,
) -> Result<(Principal, Scheme), Refusal> {
    let credential = Credential::read(&sent.headers, &sent.form)?;
    let scheme = credential.scheme();
    let (vault, context) = (&state.vault, &sent.context);
    let known = match &credential {
        Credential::Nothing => vault.authenticate_for(action, None, context).await,
        Credential::Bearer(token) => vault.authenticate_for(action, Some(token), context).await,
        Credential::Client { id, secret } => {
            vault.authenticate_client(action, Some((id, secret)), context).await
        }
    };
    let who = known.map_err(|problem| Refusal::from_problem(problem, scheme))?;
    sent.note(&who, action);
    Ok((who, scheme))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_parts_are_read_encoded_or_not() {
        let read = |text: &str| basic(&STANDARD.encode(text)).map(|(id, secret)| (id, secret.to_string()));
        let pair = |id: &str, secret: &str| Some((id.to_owned(), secret.to_owned()));
        assert_eq!(read("id:pcl_live_x"), pair("id", "pcl_live_x"));
        assert_eq!(read("a%2Db:c%3Ad+e"), pair("a-b", "c:d e"));
        assert_eq!(read("id:a=b&c"), pair("id", "a=b&c"));
        assert_eq!(read("id:"), pair("id", ""));
        assert_eq!(read("no colon"), None);
        assert_eq!(basic("not base64!"), None);
    }
}
