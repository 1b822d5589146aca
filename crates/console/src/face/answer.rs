//! What a handler answers with: a page, a way on, or a few words for a script.

use app::accounts::Site;
use app::evidence::BrokenOff;
use askama::Template;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use kernel::{Problem, RequestContext};
use tokio::sync::mpsc;

use super::cookies::Cookie;
use super::record::RefusedAs;
use crate::layout::{Flash, Frame};
use crate::pages::ProblemPage;

/// The content policy of the console: its own files and forms, nothing from elsewhere, nothing inline.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
     trusted-types default";

/// An answer on its way to the browser.
pub(super) struct Answer(Response);

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        self.0
    }
}

impl Answer {
    /// A page.
    pub(super) fn page(page: &impl Template) -> Self {
        Self::page_with(StatusCode::OK, page)
    }

    /// A page with another status than 200: a form that comes back, for example.
    pub(super) fn page_with(status: StatusCode, page: &impl Template) -> Self {
        let html = match page.render() {
            Ok(html) => html,
            Err(error) => {
                tracing::error!(%error, "a page could not be rendered");
                return Self(StatusCode::INTERNAL_SERVER_ERROR.into_response());
            }
        };
        let mut response = (status, html).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        Self(response)
    }

    /// A form that comes back with what is wrong.
    pub(super) fn form(problem: &Problem, page: &impl Template) -> Self {
        let status = StatusCode::from_u16(problem.kind.status()).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
        let mut answer = Self::page_with(status, page);
        answer.0.extensions_mut().insert(RefusedAs::from(problem));
        if let Some(seconds) = problem.retry_after_seconds {
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        answer
    }

    /// The way on, always by GET (RFC 9110 §15.4.4).
    pub(super) fn redirect(path: &str) -> Self {
        let mut response = StatusCode::SEE_OTHER.into_response();
        match HeaderValue::from_str(path) {
            Ok(path) => response.headers_mut().insert(header::LOCATION, path),
            Err(_) => response.headers_mut().insert(header::LOCATION, HeaderValue::from_static("/")),
        };
        Self(response)
    }

    /// A problem as a page.
    pub(super) fn problem(frame: Frame, problem: &Problem, context: &RequestContext) -> Self {
        let page = ProblemPage::new(frame, problem, context.id.as_str());
        Self::form(problem, &page)
    }

    /// JSON for one of the console's own scripts.
    pub(super) fn json(status: StatusCode, body: &serde_json::Value) -> Self {
        let mut response = (status, body.to_string()).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Self(response)
    }

    /// A problem for a script.
    pub(super) fn json_problem(problem: &Problem) -> Self {
        let status = StatusCode::from_u16(problem.kind.status()).unwrap_or(StatusCode::BAD_REQUEST);
        let body = serde_json::json!({ "title": problem.kind.title(), "detail": problem.detail });
        let mut answer = Self::json(status, &body);
        answer.0.extensions_mut().insert(RefusedAs::from(problem));
        answer
    }

    /// A file to keep. Its name is ours: an id and an ending.
    pub(super) fn file(name: &str, text: String) -> Self {
        let mut response = (StatusCode::OK, text).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        if let Ok(name) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
            headers.insert(header::CONTENT_DISPOSITION, name);
        }
        Self(response)
    }

    /// A table to keep, as CSV. Its name is ours.
    pub(super) fn table(name: &str, text: String) -> Self {
        let mut answer = Self::file(name, text);
        let csv = HeaderValue::from_static("text/csv; charset=utf-8; header=present");
        answer.headers_mut().insert(header::CONTENT_TYPE, csv);
        answer
    }

    /// An evidence pack, piece by piece. Its name is ours.
    pub(super) fn archive(name: &str, pieces: mpsc::Receiver<Result<Bytes, BrokenOff>>) -> Self {
        let pieces = stream::unfold(pieces, |mut pieces| async {
            let piece = pieces.recv().await?;
            Some((piece, pieces))
        });
        let mut response = Response::new(Body::from_stream(pieces));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/zip"));
        if let Ok(name) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
            headers.insert(header::CONTENT_DISPOSITION, name);
        }
        Self(response)
    }

    pub(super) fn headers_mut(&mut self) -> &mut HeaderMap {
        self.0.headers_mut()
    }

    /// Says something on the next page.
    pub(super) fn saying(mut self, site: &Site, said: Said) -> Self {
        Cookie::Flash.keep(self.headers_mut(), site, said.name());
        self
    }
}

macro_rules! said {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $tone:ident, $text:literal;)*) => {
        /// What a page can say of the request before. A fixed list, so that nobody else's cookie puts words into ours.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Said {
            $($(#[$doc])* $name,)*
        }

        impl Said {
            const fn name(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            fn flash(word: &str) -> Option<Flash> {
                match word {
                    $($word => Some(Flash::$tone($text)),)*
                    _ => None,
                }
            }
        }
    };
}

said! {
    SignedOut = "signed-out", done, "You are signed out.";
    PasswordReset = "password-reset", done, "Your new password is set, and everything that was signed in has been signed out. Sign in with it now. The letter about it names the passkeys that go on working.";
    PasswordChanged = "password-changed", done, "Your password is changed. Everywhere else you are signed out.";
    EmailChanged = "email-changed", done, "Your address is changed.";
    EmailChangeWithdrawn = "email-change-withdrawn", done, "The change is withdrawn: its link leads nowhere.";
    TotpAdded = "totp-added", done, "Your authenticator app is set up.";
    TotpRemoved = "totp-removed", done, "Your authenticator app is removed.";
    PasskeyAdded = "passkey-added", done, "Your passkey is ready to use.";
    PasskeyRenamed = "passkey-renamed", done, "The passkey has its new name.";
    PasskeyRemoved = "passkey-removed", done, "The passkey is removed.";
    CodesStored = "codes-stored", done, "Good. Each recovery code works once.";
    SessionEnded = "session-ended", done, "That session has ended.";
    SessionsEnded = "sessions-ended", done, "All other sessions have ended.";
    DelegationEnded = "delegation-ended", done, "The agent does nothing on your behalf any more.";
    SteppedUp = "stepped-up", done, "Thank you. For the next ten minutes you will not be asked again.";
    Founded = "founded", done, "Your organization is ready. Here is what to do first.";
    Joined = "joined", done, "Welcome: you are a member now.";
    AgentCreated = "agent-created", done, "The agent is created. Give it a key next.";
    AgentSuspended = "agent-suspended", done, "The agent is suspended: nothing it holds opens anything.";
    AgentResumed = "agent-resumed", done, "The agent may work again.";
    KeyRevoked = "key-revoked", done, "The key is revoked.";
    Invited = "invited", done, "The invitation is on its way.";
    InvitedLately = "invited-lately", warn, "That address was invited a moment ago. Wait a minute before the next letter.";
    InvitationWithdrawn = "invitation-withdrawn", done, "The invitation is withdrawn: its link leads nowhere.";
    RoleChanged = "role-changed", done, "The role is changed, on every device, and the member is told by mail.";
    MemberSuspended = "member-suspended", done, "The member is suspended and signed out of this organization.";
    MemberResumed = "member-resumed", done, "The member may come in again.";
    MemberRemoved = "member-removed", done, "The member is removed and signed out of this organization.";
    MemberSignedOut = "member-signed-out", done, "The member is signed out of this organization there.";
    HandedOver = "handed-over", done, "The organization is handed over. You are an administrator of it still.";
    Left = "left", done, "You have left the organization.";
    WebhookSaved = "webhook-saved", done, "The webhook is saved and in force.";
    WebhookDeleted = "webhook-deleted", done, "The webhook is removed, with what was on its way there.";
    WebhookTested = "webhook-tested", done, "The test is on its way. Load this page again in a moment to see what came of it.";
    WebhookReplayed = "webhook-replayed", done, "It is on its way once more.";
    SettingsSaved = "settings-saved", done, "The settings are saved and in force.";
    PolicySaved = "policy-saved", done, "The rules are in force.";
    KeyTrusted = "policy-key-trusted", done, "The key is trusted: packs it signs can be uploaded.";
    KeyTrustedNoMore = "policy-key-revoked", done, "The key is revoked. Nothing it signed comes into force any more; what is in force stays.";
    PolicyPackTaken = "policy-pack-taken", done, "The pack is uploaded and sound. It is not in force: see what it would refuse next.";
    PolicyPackInForce = "policy-pack-in-force", done, "The pack is in force, in every process within a second.";
    PolicyPackBack = "policy-pack-back", done, "Rolled back, in every process within a second.";
    PolicyPackBackInPart = "policy-pack-back-in-part", warn, "Rolled back. Some templates of roles stayed as they are: only who holds what they carry changes them.";
    GlassOpened = "glass-opened", done, "The glass is broken. Every step is written into a part of the log of its own.";
    GlassClosed = "glass-closed", done, "The break-glass is closed. Its review is due within seven days.";
    PackMade = "pack-made", done, "The pack is made and signed. Download it, or make a link for an assessor.";
    PackDeleted = "pack-deleted", done, "The pack is deleted. The log stays as it is.";
    RetentionChanged = "retention-changed", done, "How long entries stay is changed, and in force.";
    RetentionWaits = "retention-waits", done, "The shorter time waits. Until it counts, asking for the old one again takes it back.";
    HoldPlaced = "hold-placed", done, "The hold stands: nothing of what it is about leaves the database.";
    HoldLifted = "hold-lifted", done, "The hold is lifted. It stays in this list, with your reason.";
    TemplateMade = "template-made", done, "The template is made. Give it to members on their pages, or to keys through the API.";
    TemplateChanged = "template-changed", done, "The template is changed, for everybody who holds it.";
    TemplateRemoved = "template-removed", done, "The template is removed, and taken from everybody who held it.";
    RoleGiven = "role-given", done, "They have it, within a second everywhere.";
    RoleTaken = "role-taken", done, "It is taken back.";
    StoreMade = "store-made", done, "The store is made. Give it a model next.";
    TupleWritten = "tuple-written", done, "The relation is written and counts at once.";
    TupleRemoved = "tuple-removed", done, "The relation is removed and opens nothing any more.";
    GlassReviewed = "glass-reviewed", done, "The review is written down.";
}

/// What the request before said.
pub(super) fn said(headers: &HeaderMap, site: &Site) -> Option<Flash> {
    Cookie::Flash.read(headers, site).and_then(|word| Said::flash(&word))
}
