//! Signing in.

use askama::Template;

use crate::layout::Frame;
use crate::parts::{Form, Icon};

/// Where a WebAuthn ceremony gets its options and sends its result. Both are POSTs of JSON with the page's CSRF token
/// in `X-CSRF-Token`; see the crate's documentation.
#[derive(Debug, Clone, Default)]
pub struct PasskeyPaths {
    /// Answers with the ceremony's options.
    pub options: String,
    /// Takes the browser's credential, answers with where to go.
    pub finish: String,
}

/// The organization an address signs in through.
#[derive(Debug, Clone)]
pub struct SingleSignOn {
    /// The address that was typed.
    pub email: String,
    /// The organization its domain belongs to.
    pub organization: String,
    /// The name of its sign-in service.
    pub provider: String,
    /// Where the form goes that starts it.
    pub action: String,
}

/// A sign-in service anybody may use.
#[derive(Debug, Clone)]
pub struct SignInProvider {
    /// Its name.
    pub name: String,
    /// Where the form goes that starts it.
    pub action: String,
}

/// `/sign-in`: an address with a password, or a passkey.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/sign_in.html")]
pub struct SignIn {
    /// What surrounds it.
    pub frame: Frame,
    /// `email`, `password`.
    pub form: Form,
    /// Where to go afterwards; a path of this server.
    pub return_to: Option<String>,
    /// The ceremony of signing in with a passkey.
    pub passkey: PasskeyPaths,
    /// Shown instead of the form when the address's organization signs its people in itself.
    pub sso: Option<SingleSignOn>,
    /// Sign-in services anybody may use.
    pub providers: Vec<SignInProvider>,
    /// Whether strangers may make an account.
    pub sign_up_open: bool,
}

/// A way to prove a second time that it is you.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecondWay {
    /// A passkey or security key.
    Passkey,
    /// A code from an authenticator app.
    App,
    /// A recovery code.
    Recovery,
    /// The password; for confirming only, never as a second factor.
    Password,
}

impl SecondWay {
    /// The value of `?way=` and of the form's field.
    pub const fn name(self) -> &'static str {
        match self {
            SecondWay::Passkey => "passkey",
            SecondWay::App => "app",
            SecondWay::Recovery => "recovery",
            SecondWay::Password => "password",
        }
    }

    pub(crate) const fn label(self) -> &'static str {
        match self {
            SecondWay::Passkey => "Use a passkey",
            SecondWay::App => "Use your authenticator app",
            SecondWay::Recovery => "Use a recovery code",
            SecondWay::Password => "Use your password",
        }
    }
}

/// `/sign-in/second`: the second factor, after the password was right.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/second_factor.html")]
pub struct SecondFactor {
    /// What surrounds it.
    pub frame: Frame,
    /// `code`.
    pub form: Form,
    /// The way that is open; also sent as `way`.
    pub way: SecondWay,
    /// The other ways this person has.
    pub others: Vec<SecondWay>,
    /// The ceremony of confirming with a passkey.
    pub passkey: PasskeyPaths,
    /// Where to go afterwards.
    pub return_to: Option<String>,
}

/// `/step-up`: prove again that it is you, before something that matters.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/step_up.html")]
pub struct StepUp {
    /// What surrounds it.
    pub frame: Frame,
    /// `code` or `password`.
    pub form: Form,
    /// What is about to be done, after the words "You are about to".
    pub about_to: String,
    /// The way that is open; also sent as `way`.
    pub way: SecondWay,
    /// The other ways this person has.
    pub others: Vec<SecondWay>,
    /// The ceremony of confirming with a passkey.
    pub passkey: PasskeyPaths,
    /// Where to go afterwards; a path of this server, sent as `return`.
    pub return_to: String,
    /// For how many minutes the proof counts.
    pub minutes: u32,
}

/// `/sign-out`: asks once more, for those who came by a link.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/sign_out.html")]
pub struct SignOut {
    /// What surrounds it.
    pub frame: Frame,
    /// The address that is signed in.
    pub email: String,
}
