//! Coming in for the first time, and coming back after a password is lost.

use askama::Template;

use super::PasskeyPaths;
use crate::layout::Frame;
use crate::parts::{Form, Icon, Secret};

/// `/sign-up`: an account for oneself.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/sign_up.html")]
pub struct SignUp {
    /// What surrounds it.
    pub frame: Frame,
    /// `name`, `email`, `password`.
    pub form: Form,
    /// The shortest password that is taken.
    pub password_characters_min: u32,
}

/// Which mail was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailKind {
    /// To confirm the address of a new account.
    SignUp,
    /// To set a new password.
    Reset,
    /// To confirm a new address of an account.
    EmailChange,
}

/// `/sign-up/sent`, `/reset/sent`, `/security/email/sent`: look into your mail. It says the same whether or not the
/// address is known.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/mail_sent.html")]
pub struct MailSent {
    /// What surrounds it.
    pub frame: Frame,
    /// Which mail.
    pub kind: MailKind,
    /// How long its link works.
    pub minutes_valid: u32,
}

impl MailSent {
    fn again(&self) -> &'static str {
        match self.kind {
            MailKind::SignUp => "/sign-up",
            MailKind::Reset => "/reset",
            MailKind::EmailChange => "/security/email",
        }
    }
}

/// `/verify?t=`: the link together with the password that was chosen. A mail scanner that follows links confirms
/// nothing, and neither does somebody whose address was used by a stranger.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/verify.html")]
pub struct Verify {
    /// What surrounds it.
    pub frame: Frame,
    /// `password`.
    pub form: Form,
    /// The link's token, sent back as `t`.
    pub token: Secret,
}

/// `/reset`: ask for a mail.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/reset.html")]
pub struct Reset {
    /// What surrounds it.
    pub frame: Frame,
    /// `email`.
    pub form: Form,
}

/// `/reset/new?t=`: the new password.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/reset_new.html")]
pub struct ResetNew {
    /// What surrounds it.
    pub frame: Frame,
    /// `password`.
    pub form: Form,
    /// The link's token, sent back as `t`.
    pub token: Secret,
    /// The address the account has, for password managers.
    pub email: String,
    /// The shortest password that is taken.
    pub password_characters_min: u32,
}

/// `/welcome?t=`: the first administrator of a new instance.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/welcome.html")]
pub struct Welcome {
    /// What surrounds it.
    pub frame: Frame,
    /// `name`, `email`, `password`.
    pub form: Form,
    /// The link's token, sent back as `t`.
    pub token: Secret,
    /// The ceremony of making a passkey instead of a password.
    pub passkey: PasskeyPaths,
    /// The shortest password that is taken.
    pub password_characters_min: u32,
}

/// Whose account an invitation meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invited {
    /// Nobody is signed in and the address has no account: one is made here.
    New,
    /// Nobody is signed in and the address has an account.
    HasAccount,
    /// The invited person is signed in.
    SignedIn,
    /// Somebody else is signed in.
    SomebodyElse,
}

/// `/invitation?t=`: come into an organization.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/invitation.html")]
pub struct InvitationPage {
    /// What surrounds it.
    pub frame: Frame,
    /// `name`, `password`; for [`Invited::New`] only.
    pub form: Form,
    /// The link's token, sent back as `t`.
    pub token: Secret,
    /// The organization's name.
    pub organization: String,
    /// The role, in words.
    pub role: String,
    /// Who invites.
    pub by: String,
    /// The address that is invited.
    pub email: String,
    /// Whose account it meets.
    pub invited: Invited,
    /// The ceremony of making a passkey instead of a password.
    pub passkey: PasskeyPaths,
    /// The shortest password that is taken.
    pub password_characters_min: u32,
}

/// What a link that does not work any more was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkKind {
    /// To confirm an address.
    Verify,
    /// To set a new password.
    Reset,
    /// To come into an organization.
    Invitation,
    /// To change the address of an account.
    EmailChange,
    /// To make the first administrator.
    Welcome,
}

/// A link that was used, is too old, or never was: one page, so that it tells nothing more.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/link_spent.html")]
pub struct LinkSpent {
    /// What surrounds it.
    pub frame: Frame,
    /// What it was for.
    pub kind: LinkKind,
}
