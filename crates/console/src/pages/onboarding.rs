//! Between signing in and being inside: an organization to belong to, and a second factor where one is asked for.

use askama::Template;

use super::PasskeyPaths;
use crate::layout::{Frame, Membership};
use crate::parts::{Form, Icon, Qr, Secret};

/// `/onboarding`: create an organization or join one.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/onboarding.html")]
pub struct Onboarding {
    /// What surrounds it.
    pub frame: Frame,
    /// `name`; POST to `/onboarding/create`.
    pub create: Form,
    /// `code`; POST to `/onboarding/join`.
    pub join: Form,
    /// Whether people may create organizations on this instance.
    pub may_create: bool,
    /// Whether the person belongs to one already and may turn back.
    pub may_turn_back: bool,
}

/// `/enrol`: the organization asks for a second factor, and nothing else is open before there is one.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/enrol.html")]
pub struct Enrol {
    /// What surrounds it.
    pub frame: Frame,
    /// `name`, of the passkey.
    pub form: Form,
    /// Who asks for it.
    pub organization: String,
    /// The ceremony of making a passkey.
    pub passkey: PasskeyPaths,
    /// Whether the person belongs to another organization, to go to that one instead.
    pub may_switch: bool,
}

/// `/enrol/totp`: the authenticator app, before anything else is open.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/enrol_totp.html")]
pub struct EnrolTotp {
    /// What surrounds it.
    pub frame: Frame,
    /// `code`.
    pub form: Form,
    /// The picture to scan.
    pub qr: Qr,
    /// The same in letters (base32).
    pub secret: Secret,
}

/// `/enrol/codes`: the recovery codes, shown once.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/enrol_codes.html")]
pub struct EnrolCodes {
    /// What surrounds it.
    pub frame: Frame,
    /// The codes.
    pub codes: Vec<Secret>,
    /// Where the way goes on.
    pub next: String,
}

/// `/switch`: choose the organization to work in.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/switch.html")]
pub struct Switch {
    /// What surrounds it.
    pub frame: Frame,
    /// The person's organizations.
    pub memberships: Vec<Membership>,
    /// Where to go afterwards; a path of this server, sent as `return`.
    pub return_to: Option<String>,
}
