use std::borrow::Cow;

use serde::Serialize;

use crate::Gate;

macro_rules! problems {
    ($($(#[$doc:meta])* $name:ident = $slug:literal, $status:literal, $title:literal;)*) => {
        /// Every kind of refusal or failure a client can meet. The documentation of problems is made from this table.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ProblemKind {
            $($(#[$doc])* $name,)*
        }

        impl ProblemKind {
            /// Every kind, in the order of the table.
            pub const ALL: &'static [ProblemKind] = &[$(ProblemKind::$name),*];

            /// The last segment of the problem's `type`.
            pub const fn slug(self) -> &'static str {
                match self { $(ProblemKind::$name => $slug,)* }
            }

            /// The HTTP status code.
            pub const fn status(self) -> u16 {
                match self { $(ProblemKind::$name => $status,)* }
            }

            /// A short sentence that is the same for every occurrence.
            pub const fn title(self) -> &'static str {
                match self { $(ProblemKind::$name => $title,)* }
            }
        }
    };
}

problems! {
    /// The request could not be read.
    BadRequest = "bad-request", 400, "The request could not be understood";
    /// A field is missing, of the wrong shape or out of range.
    Invalid = "invalid", 422, "Some values cannot be accepted";
    /// No credential, or one that does not open anything.
    Unauthenticated = "unauthenticated", 401, "A valid API key is needed";
    /// The caller is known, but this is not among its permissions.
    Forbidden = "forbidden", 403, "This credential may not do that";
    /// The person is known, but this needs a factor confirmed a moment ago (RFC 9470).
    StepUp = "step-up-required", 401, "Confirm that it is you";
    /// The organization asks for a second factor, and this person has none yet.
    MustEnrol = "second-factor-required", 403, "Set up a second factor first";
    /// There is no such thing, or it is somebody else's.
    NotFound = "not-found", 404, "There is nothing here for this credential";
    /// The path exists, the method does not.
    MethodNotAllowed = "method-not-allowed", 405, "That method does not exist here";
    /// The thing exists already, or changed meanwhile.
    Conflict = "conflict", 409, "That conflicts with what is already there";
    /// The body is larger than the limit.
    TooLarge = "too-large", 413, "The request is larger than allowed";
    /// The client took too long to send its body.
    TooSlow = "too-slow", 408, "The request did not arrive in time";
    /// The body is not the kind of content that is read here.
    UnsupportedMediaType = "unsupported-media-type", 415, "That kind of content is not read here";
    /// More requests than the limit for this address and kind of path.
    RateLimited = "rate-limited", 429, "Too many requests";
    /// Something broke on our side.
    Internal = "internal", 500, "Something went wrong on our side";
    /// The provider behind us failed.
    BadGateway = "bad-gateway", 502, "The provider could not answer";
    /// A part the request needs cannot be reached; nothing was done.
    Unavailable = "unavailable", 503, "The service cannot do this right now";
    /// The request or the provider took too long.
    Timeout = "timeout", 504, "That took too long";
}

/// One field that cannot be accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// Where it stands, as a JSON Pointer (RFC 6901) such as `/name`.
    pub pointer: String,
    /// What is wrong with it, in plain words.
    pub detail: String,
}

/// A refusal or failure on its way to a client, as in RFC 9457. The face adds `instance` and `request_id`.
///
/// `detail` is written for the caller and never carries internals: no SQL, no paths, no upstream addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {detail}", kind.title())]
pub struct Problem {
    /// Which kind.
    pub kind: ProblemKind,
    /// What happened this time and what to do about it.
    pub detail: Cow<'static, str>,
    /// The gate that refused, when one did.
    pub gate: Option<Gate>,
    /// The fields at fault, for [`ProblemKind::Invalid`].
    pub errors: Vec<FieldError>,
    /// Seconds after which trying again makes sense, for the `Retry-After` header.
    pub retry_after_seconds: Option<u64>,
}

impl Problem {
    /// A problem of `kind` that no gate caused.
    pub fn new(kind: ProblemKind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, detail: detail.into(), gate: None, errors: Vec::new(), retry_after_seconds: None }
    }

    /// A refusal at `gate`.
    pub fn at(gate: Gate, kind: ProblemKind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { gate: Some(gate), ..Self::new(kind, detail) }
    }

    /// The answer for what does not exist and for what is somebody else's: the same in every respect.
    pub fn not_found() -> Self {
        Self::new(ProblemKind::NotFound, "Check the id; things of other organizations answer the same way.")
    }

    /// One field at fault.
    pub fn invalid(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        let errors = vec![FieldError { pointer: pointer.into(), detail: detail.into() }];
        Self { errors, ..Self::new(ProblemKind::Invalid, "See errors for the fields and what each needs.") }
    }

    /// A failure on our side; the cause goes to the log, not to the client.
    pub fn internal() -> Self {
        Self::new(ProblemKind::Internal, "Nothing was changed. Quote the request id when you report this.")
    }

    /// The problem's `type`: a relative reference (RFC 9457 §3.1.1) that this server answers with an explanation.
    pub fn type_reference(&self) -> String {
        format!("/problems/{}", self.kind.slug())
    }

    /// The same problem with a time after which to try again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_unique_and_statuses_are_errors() {
        let mut slugs: Vec<_> = ProblemKind::ALL.iter().map(|kind| kind.slug()).collect();
        slugs.sort_unstable();
        slugs.dedup();
        assert_eq!(slugs.len(), ProblemKind::ALL.len());
        assert!(ProblemKind::ALL.iter().all(|kind| (400..600).contains(&kind.status())));
    }
}
