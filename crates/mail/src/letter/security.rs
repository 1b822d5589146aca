//! Letters about how somebody signs in: devices, second factors, passkeys, tokens.

use kernel::Timestamp;

use crate::page::{Page, moment};
use crate::{Link, Words};

use super::{Circumstances, Facts as _, SecondFactor, quoted};

const SECURITY: &str =
    "You get this because this is the address of your account; it is sent at every such event.";
const BUTTON: &str = "Look at your security page";
const NOTHING_TO_DO: &str = "If it was you, there is nothing to do.";
const NOT_YOU: &str =
    "If it was not you, end the sessions you do not know on that page and choose a new password.";

pub(super) fn new_device(how: &Circumstances, security: &Link) -> Page {
    Page::new("New sign-in to your account", SECURITY)
        .says("Somebody signed in to your account with a device that was not seen before.")
        .circumstances(how)
        .button(BUTTON, security)
        .then(NOTHING_TO_DO)
        .then(NOT_YOU)
}

pub(super) fn factor(factor: SecondFactor, added: bool, how: &Circumstances, security: &Link) -> Page {
    let name = match factor {
        SecondFactor::Totp => "An authenticator app",
        SecondFactor::SecurityKey => "A security key",
    };
    let (subject, says) = if added {
        (
            "A second factor was added to your account",
            format!("{name} was added as a second step of signing in to your account."),
        )
    } else {
        (
            "A second factor was removed from your account",
            format!("{name} is no longer asked for when somebody signs in to your account."),
        )
    };
    Page::new(subject, SECURITY)
        .says(says)
        .circumstances(how)
        .button(BUTTON, security)
        .then(NOTHING_TO_DO)
        .then(NOT_YOU)
}

pub(super) fn code_used(left: u32, how: &Circumstances, security: &Link) -> Page {
    let left = match left {
        0 => "That was the last one: make new ones now, or you could be locked out.".to_owned(),
        1 => "One code is left.".to_owned(),
        count => format!("{count} codes are left."),
    };
    Page::new("A recovery code was used", SECURITY)
        .says(format!("Somebody signed in to your account with one of your recovery codes. {left}"))
        .circumstances(how)
        .button(BUTTON, security)
        .then(NOTHING_TO_DO)
        .then(
            "If it was not you, somebody has your recovery codes: make new ones on that page, end the sessions you do \
             not know and choose a new password.",
        )
}

pub(super) fn codes_made(how: &Circumstances, security: &Link) -> Page {
    Page::new("New recovery codes were made", SECURITY)
        .says("New recovery codes were made for your account. The old ones do not work any more.")
        .circumstances(how)
        .button(BUTTON, security)
        .then("If it was you, keep the new codes where nobody else finds them, and throw the old ones away.")
        .then(
            "If it was not you, make new codes yourself on that page, end the sessions you do not know and choose a \
             new password.",
        )
}

pub(super) fn passkey(name: &Words, added: bool, how: &Circumstances, security: &Link) -> Page {
    let (subject, says) = if added {
        (
            "A passkey was added to your account",
            "A passkey was added to your account; whoever holds it can sign in.",
        )
    } else {
        (
            "A passkey was removed from your account",
            "A passkey was removed from your account; nobody can sign in with it any more.",
        )
    };
    Page::new(subject, SECURITY)
        .says(says)
        .fact("Passkey", name.as_str())
        .circumstances(how)
        .button(BUTTON, security)
        .then(NOTHING_TO_DO)
        .then("If it was not you, remove the passkeys you do not know, end the sessions and choose a new password.")
}

pub(super) fn factors_reset(at: Timestamp, sign_in: &Link, reset: &Link) -> Page {
    Page::new("Your second factors were removed", SECURITY)
        .says(
            "The operator of this server removed the authenticator app, the passkeys and the recovery codes of your \
             account, and signed it out everywhere. From now on the password alone signs in.",
        )
        .fact("When", moment(at))
        .fact("By", "the operator of this server")
        .button("Sign in and set up a new second factor", sign_in)
        .other("If you have no password, set one", reset)
        .then("If you asked for it, do this now: until then your account is less safe than it was.")
        .then("If you did not ask for it, choose a new password at once and ask the operator who did.")
}

pub(super) fn token_reuse(client: &Words, how: &Circumstances, security: &Link) -> Page {
    Page::new("A session was ended to protect your account", SECURITY)
        .says(format!(
            "A token of {} was used twice. That happens when somebody has copied it, so the session was ended: \
             neither copy works any more.",
            quoted(client)
        ))
        .fact("Program", client.as_str())
        .circumstances(how)
        .button(BUTTON, security)
        .then("Sign in to the program again. Nothing else was ended, and your password was not involved.")
        .then(
            "If it happens again, look for unknown programs on the device, end all sessions on that page and \
             tell your administrator.",
        )
}
