//! One's own security.

use askama::Template;

use super::{PasskeyPaths, SessionRow};
use crate::layout::Shell;
use crate::parts::{Badge, Form, Icon, Qr, Secret, Tone, When};

/// Something that would make the account safer.
#[derive(Debug, Clone)]
pub struct Advice {
    /// How much it matters.
    pub tone: Tone,
    /// What to do.
    pub title: String,
    /// What it is good for.
    pub why: String,
    /// The words on the button.
    pub button: String,
    /// Where it leads.
    pub path: String,
}

/// A passkey.
#[derive(Debug, Clone)]
pub struct PasskeyRow {
    /// For paths.
    pub id: String,
    /// The name its owner gave it.
    pub name: String,
    /// Who keeps it: "iCloud Keychain", "Security key"…
    pub provider: String,
    /// When it was added.
    pub created: When,
    /// When it last signed somebody in.
    pub last_used: Option<When>,
    /// The credential's own id in base64url, by which the browser knows it.
    pub credential: String,
}

/// `/security`: everything about how one signs in.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/security.html")]
pub struct Security {
    /// What surrounds it.
    pub shell: Shell,
    /// What would make the account safer; nothing when all is well.
    pub advice: Vec<Advice>,
    /// The passkeys.
    pub passkeys: Vec<PasskeyRow>,
    /// Whose they are: the account's id.
    pub account: String,
    /// Where they count: the relying party's id.
    pub relying_party: String,
    /// When the password was last changed; nothing when there is none.
    pub password_changed: Option<When>,
    /// Since when an authenticator app is set up.
    pub totp_since: Option<When>,
    /// Recovery codes that still work.
    pub recovery_codes_left: u32,
    /// The agents that act for this person, the latest first.
    pub delegations: Vec<DelegationRow>,
    /// What lately happened to the account, newest first.
    pub events: Vec<EventRow>,
}

/// An agent that holds a token which acts for this person.
#[derive(Debug, Clone)]
pub struct DelegationRow {
    /// For paths.
    pub agent: String,
    /// Its name.
    pub name: String,
    /// The organization it is of.
    pub organization: String,
    /// Since when it holds one.
    pub since: When,
    /// When the last one ends by itself.
    pub until: When,
}

/// Something that happened to the account.
#[derive(Debug, Clone)]
pub struct EventRow {
    /// [`Tone::Warn`] is worth a second look.
    pub tone: Tone,
    /// What happened: "Signed in".
    pub what: String,
    /// When.
    pub at: When,
    /// What the browser or program called itself.
    pub device: Option<String>,
    /// From which network address.
    pub address: Option<String>,
}

/// `/sessions`: where one is signed in.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/sessions.html")]
pub struct Sessions {
    /// What surrounds it.
    pub shell: Shell,
    /// The sessions, this one first.
    pub sessions: Vec<SessionRow>,
}

/// `/security/password`: change the password, or set the first one.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/security_password.html")]
pub struct SecurityPassword {
    /// What surrounds it.
    pub shell: Shell,
    /// `current`, `password`.
    pub form: Form,
    /// Whether there is one that must be given.
    pub has_password: bool,
    /// The shortest password that is taken.
    pub password_characters_min: u32,
}

/// `/security/totp`: set up the authenticator app.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/security_totp.html")]
pub struct SecurityTotp {
    /// What surrounds it.
    pub shell: Shell,
    /// `code`.
    pub form: Form,
    /// The picture to scan.
    pub qr: Qr,
    /// The same in letters (base32).
    pub secret: Secret,
    /// Whether it replaces one that works.
    pub replaces: bool,
}

/// `/security/recovery-codes`: make codes; after that, see them once.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/recovery_codes.html")]
pub struct RecoveryCodes {
    /// What surrounds it.
    pub shell: Shell,
    /// The new codes, right after they were made; empty otherwise.
    pub codes: Vec<Secret>,
    /// How many of the present codes still work.
    pub left: u32,
    /// When the present ones were made.
    pub made: Option<When>,
}

/// `/security/passkeys/new`: add a passkey.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/passkey_new.html")]
pub struct PasskeyNew {
    /// What surrounds it.
    pub shell: Shell,
    /// `name`.
    pub form: Form,
    /// The ceremony of making one.
    pub passkey: PasskeyPaths,
}

/// `/security/passkeys/{id}`: give a passkey another name.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/passkey_rename.html")]
pub struct PasskeyRename {
    /// What surrounds it.
    pub shell: Shell,
    /// `name`.
    pub form: Form,
    /// Which.
    pub passkey: PasskeyRow,
}

/// `/security/email`: change the address.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/security_email.html")]
pub struct SecurityEmail {
    /// What surrounds it.
    pub shell: Shell,
    /// `email`.
    pub form: Form,
    /// The new address that waits to be confirmed.
    pub pending: Option<String>,
}
