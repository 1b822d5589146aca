//! Letters about the account itself: its address and its password.

use kernel::Timestamp;

use crate::page::Page;
use crate::{Address, Link, Words};

use super::{Circumstances, Facts as _, quoted};

const SIGN_UP: &str = "You get this because somebody signed up with this address.";
const ACCOUNT: &str =
    "You get this because this is the address of your account; it is sent at every such change.";

pub(super) fn verify(link: &Link, until: Timestamp, how: &Circumstances) -> Page {
    Page::new("Confirm your e-mail address", SIGN_UP)
        .says("Somebody, most likely you, signed up with this address. Confirm that it is yours to finish.")
        .circumstances(how)
        .button("Confirm the address", link)
        .until(until)
        .then("If it was not you, do nothing: without the confirmation there is no account, and no further letter.")
}

pub(super) fn exists(sign_in: &Link, reset: &Link, how: &Circumstances) -> Page {
    Page::new("You already have an account", SIGN_UP)
        .says(
            "Somebody, most likely you, tried to sign up with this address. It has an account already, \
             so nothing was made and nothing was changed.",
        )
        .circumstances(how)
        .button("Sign in", sign_in)
        .other("If you do not remember your password, choose a new one", reset)
        .then("If it was not you, do nothing. The one who tried was not told that there is an account.")
}

pub(super) fn reset(link: &Link, until: Timestamp, how: &Circumstances) -> Page {
    let because = "You get this because somebody asked for a new password for this address.";
    Page::new("Choose a new password", because)
        .says("Somebody, most likely you, asked for a new password for your account. Your password still works.")
        .circumstances(how)
        .button("Choose a new password", link)
        .until(until)
        .then(
            "If it was not you, do nothing: the password stays as it is. Never give this link to anybody; \
             nobody who works for you will ask for it.",
        )
}

pub(super) fn password_changed(
    how: &Circumstances,
    reset: &Link,
    passkeys: &[Words],
    security: &Link,
) -> Page {
    let mut page = Page::new("Your password was changed", ACCOUNT)
        .says("The password of your account was changed, and every other session was signed out.")
        .circumstances(how);
    let named: Vec<String> = passkeys.iter().map(quoted).collect();
    if !named.is_empty() {
        page = page
            .says(
                "Passkeys sign in without a password and go on working. Look whether each of them is yours, and remove \
                 what is not.",
            )
            .fact("Passkeys that work", named.join(", "))
            .other("Look at your passkeys", security);
    }
    page.then("If it was you, there is nothing to do.")
        .button("It was not me: choose a new password", reset)
        .then(
            "If it was not you, somebody else knows your password or your mailbox. Choose a new password with the \
             link above, then change the password of this mailbox too.",
        )
}

pub(super) fn change_requested(
    account: &Address,
    link: &Link,
    until: Timestamp,
    how: &Circumstances,
) -> Page {
    let because = "You get this because somebody asked to make this the address of an account.";
    Page::new("Confirm your new e-mail address", because)
        .says(
            "Somebody asked to make this the address of the account named below. If that account is yours, confirm \
             it; you will be asked to sign in to that account, with the address it has now.",
        )
        .fact("Account", account.as_str())
        .circumstances(how)
        .button("Confirm the new address", link)
        .until(until)
        .then(
            "If that is not your account, do nothing: it gets your address only if you confirm it, signed in to that \
             account.",
        )
}

pub(super) fn address_changed(new: &Address, how: &Circumstances, help: &Link) -> Page {
    let because = "You get this because this was the address of your account until now.";
    Page::new("The e-mail address of your account was changed", because)
        .says("Letters about your account go to another address from now on, and you sign in with that one.")
        .fact("New address", new.hint())
        .circumstances(how)
        .then("If it was you, there is nothing to do, and this address gets no further letter.")
        .button("It was not me", help)
        .then(
            "If it was not you, somebody else has your account: act at once with the link above, \
             and tell the administrator of your organization.",
        )
}
