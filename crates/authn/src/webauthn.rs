//! Passkeys (Web Authentication, level 3) over a kept library: ceremonies as opaque text, credentials as opaque text.
//!
//! Every passkey is discoverable and verifies its user, so one ceremony serves all: signing in without a name, the second
//! factor, and confirming once more. Whose passkey it was is known by the credential's id.
//!
//! The state of a ceremony must be kept by the server, used once, and forgotten soon: it is the challenge, which the library
//! draws from the operating system's generator itself. A passkey must not belong to two people: the caller keeps ids unique.

mod provider;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;
use webauthn_rs::prelude::{
    CredentialID, DiscoverableAuthentication, Passkey, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential, Url,
};
use webauthn_rs::{Webauthn, WebauthnBuilder};

use self::provider::{Said, said};

/// Largest answer of a browser that is read, in bytes.
pub const ANSWER_BYTES_MAX: usize = 64 * 1_024;

/// The origin is no place passkeys can be bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("passkeys need an https origin with a domain name, or http://localhost")]
pub struct OriginError;

/// A ceremony did not end well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasskeyError {
    /// The browser's answer cannot be read.
    #[error("the browser's answer is not that of a passkey ceremony")]
    Malformed,
    /// The answer does not fit the challenge, the origin, the credential or its signature.
    #[error("the passkey was not accepted")]
    Refused,
    /// The authenticator's counter went backwards: there may be a copy of it.
    #[error("the passkey may have been copied, so it was not accepted")]
    Copied,
    /// What was kept of the ceremony or the credential cannot be read.
    #[error("what was kept of the passkey cannot be read")]
    State,
}

/// This server, as authenticators know it: its domain and the origins it is reached by.
pub struct RelyingParty(Webauthn);

/// A ceremony just begun.
pub struct Begun {
    /// What the browser is asked, as JSON: the argument of `navigator.credentials.create` or `.get`.
    pub options: String,
    /// What must be kept until the answer comes.
    pub state: String,
}

/// A passkey just made.
pub struct Enrolled {
    /// The credential, to be kept.
    pub credential: String,
    /// Its id.
    pub credential_id: Vec<u8>,
    /// Where it is kept, when its authenticator says so and is a known one: for the name in a list, no more.
    pub provider: Option<&'static str>,
    /// Whether it is one that is synchronised between devices.
    pub synchronised: bool,
}

/// A passkey just used.
pub struct Used {
    /// The credential with what changed, to be kept.
    pub credential: String,
    /// Whether it is one that is synchronised between devices.
    pub synchronised: bool,
}

fn read<'a, T: Deserialize<'a>>(text: &'a str, error: PasskeyError) -> Result<T, PasskeyError> {
    if text.len() > ANSWER_BYTES_MAX {
        return Err(PasskeyError::Malformed);
    }
    serde_json::from_str(text).map_err(|_| error)
}

fn write<T: Serialize>(value: &T) -> Result<String, PasskeyError> {
    serde_json::to_string(value).map_err(|_| PasskeyError::State)
}

fn refused(error: &webauthn_rs::prelude::WebauthnError) -> PasskeyError {
    match error {
        webauthn_rs::prelude::WebauthnError::CredentialPossibleCompromise => PasskeyError::Copied,
        _ => PasskeyError::Refused,
    }
}

/// Refuses what was answered inside another site's page: nobody embeds this one. The library looks at that when a passkey
/// is made, but not when it is used. The bytes are those whose signature it has checked.
fn check_framing(client_data: &[u8]) -> Result<(), PasskeyError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Framing {
        #[serde(default)]
        cross_origin: bool,
        #[serde(default)]
        top_origin: Option<Value>,
    }
    let framing: Framing = serde_json::from_slice(client_data).map_err(|_| PasskeyError::Malformed)?;
    if framing.cross_origin || framing.top_origin.is_some() {
        return Err(PasskeyError::Refused);
    }
    Ok(())
}

impl RelyingParty {
    /// The relying party at an origin such as `https://portcullis.example.com` or `http://localhost:8080`.
    ///
    /// # Errors
    /// When browsers bind no passkeys to such an origin.
    pub fn new(origin: &str, name: &str) -> Result<Self, OriginError> {
        let url = Url::parse(origin).map_err(|_| OriginError)?;
        let host = url.domain().ok_or(OriginError)?;
        let secure = url.scheme() == "https" || (url.scheme() == "http" && host == "localhost");
        // An origin and nothing behind it: what else stands there was meant for something else.
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if !secure || !bare || !url.username().is_empty() || url.password().is_some() {
            return Err(OriginError);
        }
        let builder = WebauthnBuilder::new(host, &url).map_err(|_| OriginError)?;
        builder.rp_name(name).build().map(Self).map_err(|_| OriginError)
    }

    /// Begins to make a passkey for a person. `existing` are the ids of those the person has, which are not made again.
    ///
    /// # Errors
    /// When the library refuses, which its inputs prevent.
    pub fn begin_registration(
        &self,
        person: Uuid,
        name: &str,
        display_name: &str,
        existing: &[Vec<u8>],
    ) -> Result<Begun, PasskeyError> {
        let existing = existing.iter().map(|id| CredentialID::from(id.as_slice())).collect();
        let (options, state) = self
            .0
            .start_passkey_registration(person, name, display_name, Some(existing))
            .map_err(|error| refused(&error))?;
        let mut options = serde_json::to_value(&options).map_err(|_| PasskeyError::State)?;
        // Discoverable, so that signing in needs no name.
        if let Some(selection) = options.pointer_mut("/publicKey/authenticatorSelection") {
            selection["residentKey"] = Value::from("required");
            selection["requireResidentKey"] = Value::from(true);
        }
        Ok(Begun { options: options.to_string(), state: write(&state)? })
    }

    /// Ends it with the browser's answer.
    ///
    /// # Errors
    /// When the answer does not fit.
    pub fn finish_registration(&self, state: &str, answer: &str) -> Result<Enrolled, PasskeyError> {
        let state: PasskeyRegistration = read(state, PasskeyError::State)?;
        let answer: RegisterPublicKeyCredential = read(answer, PasskeyError::Malformed)?;
        let passkey = self.0.finish_passkey_registration(&answer, &state).map_err(|error| refused(&error))?;
        check_framing(&answer.response.client_data_json)?;
        let Said { provider, synchronised } = said(&answer.response.attestation_object);
        let credential_id = passkey.cred_id().clone();
        Ok(Enrolled { credential_id, credential: write(&passkey)?, provider, synchronised })
    }

    /// Begins to ask for a passkey, whoever it belongs to. The options say `mediation: conditional`, for autofill; a
    /// page that asks by a button leaves that member out.
    ///
    /// # Errors
    /// When the library refuses, which its inputs prevent.
    pub fn begin_authentication(&self) -> Result<Begun, PasskeyError> {
        let (options, state) = self.0.start_discoverable_authentication().map_err(|error| refused(&error))?;
        Ok(Begun { options: write(&options)?, state: write(&state)? })
    }

    /// Which credential the browser's answer is of. It proves nothing yet.
    ///
    /// # Errors
    /// When the answer cannot be read.
    pub fn credential_of(&self, answer: &str) -> Result<Vec<u8>, PasskeyError> {
        let answer: PublicKeyCredential = read(answer, PasskeyError::Malformed)?;
        Ok(answer.get_credential_id().to_vec())
    }

    /// Ends it with the browser's answer and the credential it is of. `person` is whose credential that is; when the
    /// authenticator names somebody else, it is refused.
    ///
    /// # Errors
    /// When the answer does not fit.
    pub fn finish_authentication(
        &self,
        state: &str,
        answer: &str,
        credential: &str,
        person: Uuid,
    ) -> Result<Used, PasskeyError> {
        let state: DiscoverableAuthentication = read(state, PasskeyError::State)?;
        let answer: PublicKeyCredential = read(answer, PasskeyError::Malformed)?;
        let mut passkey: Passkey = read(credential, PasskeyError::State)?;
        if answer.get_user_unique_id().is_some_and(|named| named != person.as_bytes()) {
            return Err(PasskeyError::Refused);
        }
        let result = self
            .0
            .finish_discoverable_authentication_v2(&answer, state, &passkey)
            .map_err(|error| refused(&error))?;
        check_framing(&answer.response.client_data_json)?;
        if !result.user_verified() {
            return Err(PasskeyError::Refused);
        }
        passkey.update_credential(&result);
        Ok(Used { credential: write(&passkey)?, synchronised: result.backup_eligible() })
    }
}

#[cfg(test)]
mod soft;
#[cfg(test)]
mod tests;
