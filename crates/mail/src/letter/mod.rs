//! Every letter there is, typed: what it must know and nothing more.

mod account;
mod organization;
mod security;

use std::net::IpAddr;

use kernel::{MemberRole, Timestamp};

use crate::page::{Page, moment};
use crate::{Address, Link, Message, MessageError, Words};

/// What is the same on every letter of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letterhead {
    /// The instance's public URL, as configured.
    pub instance: Link,
}

/// When something was done, from where, and with what, as far as it is known.
#[derive(Clone, PartialEq, Eq)]
pub struct Circumstances {
    /// When.
    pub at: Timestamp,
    /// The network address it came from.
    pub address: Option<IpAddr>,
    /// The browser or program, such as "Firefox on Linux".
    pub device: Option<Words>,
}

/// A second factor, by its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecondFactor {
    /// One-time codes of an authenticator app.
    Totp,
    /// A security key or passkey used as the second step.
    SecurityKey,
}

/// What became of a membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Another role.
    Role {
        /// The role before.
        before: MemberRole,
        /// The role now.
        now: MemberRole,
    },
    /// Access is stopped for the time being.
    Suspended,
    /// Access works again.
    Restored,
    /// The membership has ended.
    Removed,
}

/// A letter. Its links come ready from the caller; `security` links lead to the person's own security page.
#[derive(Clone, PartialEq, Eq)]
pub enum Letter {
    /// Somebody signed up with this address: confirm that it is theirs.
    VerifyAddress {
        /// What to press.
        link: Link,
        /// When the link runs out.
        until: Timestamp,
        /// When, from where, with what.
        how: Circumstances,
    },
    /// The answer to a sign-up with an address that has an account, so that the web answers the same to both.
    AccountExists {
        /// The sign-in page.
        sign_in: Link,
        /// Where a new password is chosen.
        reset: Link,
        /// When, from where, with what.
        how: Circumstances,
    },
    /// Somebody asked for a new password.
    ResetPassword {
        /// What to press.
        link: Link,
        /// When the link runs out.
        until: Timestamp,
        /// When, from where, with what.
        how: Circumstances,
    },
    /// The password was changed.
    PasswordChanged {
        /// When, from where, with what.
        how: Circumstances,
        /// Where a new password is chosen.
        reset: Link,
        /// The passkeys that go on signing in alone, as their owner called them.
        passkeys: Vec<Words>,
        /// The person's security page.
        security: Link,
    },
    /// To the new address: confirm the change.
    AddressChangeRequested {
        /// The present address of the account that asked.
        account: Address,
        /// What to press.
        link: Link,
        /// When the link runs out.
        until: Timestamp,
        /// When, from where, with what.
        how: Circumstances,
    },
    /// To the old address: it is no longer the account's.
    AddressChanged {
        /// The new address; the letter shows one letter of it.
        new: Address,
        /// When, from where, with what.
        how: Circumstances,
        /// Where the owner of the account undoes it.
        help: Link,
    },
    /// Somebody signed in on a device that was not seen before.
    SignedInFromNewDevice {
        /// When, from where, with what.
        how: Circumstances,
        /// The person's security page.
        security: Link,
    },
    /// A second factor was added.
    SecondFactorAdded {
        /// Which.
        factor: SecondFactor,
        /// When, from where, with what.
        how: Circumstances,
        /// The person's security page.
        security: Link,
    },
    /// A second factor was removed.
    SecondFactorRemoved {
        /// Which.
        factor: SecondFactor,
        /// When, from where, with what.
        how: Circumstances,
        /// The person's security page.
        security: Link,
    },
    /// A recovery code was used to sign in.
    RecoveryCodesUsed {
        /// Codes that still work.
        left: u32,
        /// When, from where, with what.
        how: Circumstances,
        /// The person's security page.
        security: Link,
    },
    /// New recovery codes were made; the old ones do not work any more.
    RecoveryCodesRegenerated {
        /// When, from where, with what.
        how: Circumstances,
        /// The person's security page.
        security: Link,
    },
    /// A passkey was added.
    PasskeyAdded {
        /// What its owner called it.
        name: Words,
        /// When, from where, with what.
        how: Circumstances,
        /// The person's security page.
        security: Link,
    },
    /// A passkey was removed.
    PasskeyRemoved {
        /// What its owner called it.
        name: Words,
        /// When, from where, with what.
        how: Circumstances,
        /// The person's security page.
        security: Link,
    },
    /// The operator of the instance removed all second factors of the account.
    FactorsReset {
        /// When.
        at: Timestamp,
        /// The sign-in page.
        sign_in: Link,
        /// Where a new password is chosen.
        reset: Link,
    },
    /// A refresh token was used twice: somebody holds a copy, and the session was ended.
    RefreshTokenReuse {
        /// The program it belonged to.
        client: Words,
        /// When, from where, with what.
        how: Circumstances,
        /// The person's security page.
        security: Link,
    },
    /// An invitation to an organization.
    Invitation {
        /// The organization.
        organization: Words,
        /// The role that comes with it.
        role: MemberRole,
        /// Who did it.
        by: Words,
        /// What to press.
        link: Link,
        /// When the link runs out.
        until: Timestamp,
    },
    /// To every owner: an administrator opened what is otherwise closed.
    BreakGlassOpened {
        /// The organization.
        organization: Words,
        /// Who did it.
        by: Words,
        /// The reason that was written down.
        reason: Words,
        /// When that ends.
        until: Timestamp,
        /// When, from where, with what.
        how: Circumstances,
        /// Where it is reviewed or ended.
        review: Link,
    },
    /// To the reviewers: such an access waits for its review.
    BreakGlassReviewDue {
        /// The organization.
        organization: Words,
        /// Who did it.
        by: Words,
        /// The reason that was written down.
        reason: Words,
        /// When it was opened.
        opened: Timestamp,
        /// When the review must be done.
        due: Timestamp,
        /// Where it is reviewed or ended.
        review: Link,
    },
    /// An organization has another owner.
    OwnershipTransferred {
        /// The organization.
        organization: Words,
        /// Who it was.
        before: Words,
        /// Who it is.
        now: Words,
        /// When, from where, with what.
        how: Circumstances,
        /// The list of members.
        members: Link,
    },
    /// What somebody may do in an organization has changed.
    MembershipChanged {
        /// The organization.
        organization: Words,
        /// What became of it.
        change: Change,
        /// Who did it.
        by: Words,
        /// When.
        at: Timestamp,
        /// Where the product is.
        instance: Link,
    },
}

impl Letter {
    /// The stable name of the kind of letter, for lists and logs.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::VerifyAddress { .. } => "verify_address",
            Self::AccountExists { .. } => "account_exists",
            Self::ResetPassword { .. } => "reset_password",
            Self::PasswordChanged { .. } => "password_changed",
            Self::AddressChangeRequested { .. } => "address_change_requested",
            Self::AddressChanged { .. } => "address_changed",
            Self::SignedInFromNewDevice { .. } => "signed_in_from_new_device",
            Self::SecondFactorAdded { .. } => "second_factor_added",
            Self::SecondFactorRemoved { .. } => "second_factor_removed",
            Self::RecoveryCodesUsed { .. } => "recovery_codes_used",
            Self::RecoveryCodesRegenerated { .. } => "recovery_codes_regenerated",
            Self::PasskeyAdded { .. } => "passkey_added",
            Self::PasskeyRemoved { .. } => "passkey_removed",
            Self::FactorsReset { .. } => "factors_reset",
            Self::RefreshTokenReuse { .. } => "refresh_token_reuse",
            Self::Invitation { .. } => "invitation",
            Self::BreakGlassOpened { .. } => "break_glass_opened",
            Self::BreakGlassReviewDue { .. } => "break_glass_review_due",
            Self::OwnershipTransferred { .. } => "ownership_transferred",
            Self::MembershipChanged { .. } => "membership_changed",
        }
    }

    /// Writes it.
    ///
    /// # Errors
    /// When it would be too long, which the bounds of its parts prevent.
    pub fn write(&self, head: &Letterhead, to: &Address) -> Result<Message, MessageError> {
        self.page().write(head, to)
    }

    fn page(&self) -> Page {
        match self {
            Self::VerifyAddress { link, until, how } => account::verify(link, *until, how),
            Self::AccountExists { sign_in, reset, how } => account::exists(sign_in, reset, how),
            Self::ResetPassword { link, until, how } => account::reset(link, *until, how),
            Self::PasswordChanged { how, reset, passkeys, security } => {
                account::password_changed(how, reset, passkeys, security)
            }
            Self::AddressChangeRequested { account, link, until, how } => {
                account::change_requested(account, link, *until, how)
            }
            Self::AddressChanged { new, how, help } => account::address_changed(new, how, help),
            Self::SignedInFromNewDevice { how, security } => security::new_device(how, security),
            Self::SecondFactorAdded { factor, how, security } => {
                security::factor(*factor, true, how, security)
            }
            Self::SecondFactorRemoved { factor, how, security } => {
                security::factor(*factor, false, how, security)
            }
            Self::RecoveryCodesUsed { left, how, security } => security::code_used(*left, how, security),
            Self::RecoveryCodesRegenerated { how, security } => security::codes_made(how, security),
            Self::PasskeyAdded { name, how, security } => security::passkey(name, true, how, security),
            Self::PasskeyRemoved { name, how, security } => security::passkey(name, false, how, security),
            Self::FactorsReset { at, sign_in, reset } => security::factors_reset(*at, sign_in, reset),
            Self::RefreshTokenReuse { client, how, security } => security::token_reuse(client, how, security),
            Self::Invitation { organization, role, by, link, until } => {
                organization::invitation(organization, *role, by, link, *until)
            }
            Self::BreakGlassOpened { organization, by, reason, until, how, review } => {
                organization::glass_opened(organization, by, reason, *until, how, review)
            }
            Self::BreakGlassReviewDue { organization, by, reason, opened, due, review } => {
                organization::review_due(organization, by, reason, (*opened, *due), review)
            }
            Self::OwnershipTransferred { organization, before, now, how, members } => {
                organization::new_owner(organization, (before, now), how, members)
            }
            Self::MembershipChanged { organization, change, by, at, instance } => {
                organization::membership(organization, *change, by, *at, instance)
            }
        }
    }
}

/// When, from where, with what, as facts.
trait Facts {
    fn circumstances(self, how: &Circumstances) -> Self;
}

impl Facts for Page {
    fn circumstances(self, how: &Circumstances) -> Self {
        let mut page = self.fact("When", moment(how.at));
        if let Some(address) = how.address {
            page = page.fact("From", format!("network address {address}"));
        }
        match &how.device {
            Some(device) => page.fact("With", device.as_str()),
            None => page,
        }
    }
}

/// A name in a sentence.
fn quoted(words: &Words) -> String {
    format!("“{}”", words.as_str())
}
