//! Letters about organizations: who belongs to them, who owns them, and who reached into them.

use kernel::{MemberRole, Timestamp};

use crate::page::{Page, moment};
use crate::{Link, Words};

use super::{Change, Circumstances, Facts as _, quoted};

const OWNER: &str = "You get this because you are an owner of the organization; it cannot be switched off.";
const MEMBER: &str = "You get this because you are or were a member of the organization.";

pub(super) fn invitation(
    organization: &Words,
    role: MemberRole,
    by: &Words,
    link: &Link,
    until: Timestamp,
) -> Page {
    let because = "You get this because somebody entered this address in an invitation.";
    Page::new(format!("You are invited to {}", quoted(organization)), because)
        .says(format!("{} invites you to join {}.", by.as_str(), quoted(organization)))
        .fact("Organization", organization.as_str())
        .fact("Your role", role_says(role))
        .fact("Invited by", by.as_str())
        .button("Look at the invitation", link)
        .until(until)
        .then(
            "If you do not know who this is, do nothing: you belong to nothing unless you accept. \
             The names above are as they were typed, and nobody has checked them.",
        )
}

pub(super) fn glass_opened(
    organization: &Words,
    by: &Words,
    reason: &Words,
    until: Timestamp,
    how: &Circumstances,
    review: &Link,
) -> Page {
    Page::new(format!("Break-glass access to {} was opened", quoted(organization)), OWNER)
        .says(format!(
            "{} has opened access that is otherwise closed. Everything done with it is written to the audit log, in \
             a part of its own, and must be reviewed.",
            by.as_str()
        ))
        .says(format!("The reason given: {}", quoted(reason)))
        .fact("Organization", organization.as_str())
        .fact("Opened by", by.as_str())
        .circumstances(how)
        .fact("Ends by itself", moment(until))
        .button("Look at it, or end it now", review)
        .then("If you did not expect this, end the access with the link above and ask who opened it.")
}

pub(super) fn review_due(
    organization: &Words,
    by: &Words,
    reason: &Words,
    (opened, due): (Timestamp, Timestamp),
    review: &Link,
) -> Page {
    Page::new(format!("Break-glass access to {} waits for review", quoted(organization)), OWNER)
        .says(
            "Access that is otherwise closed was opened, and nobody has reviewed yet what was done with it.",
        )
        .says(format!("The reason given: {}", quoted(reason)))
        .fact("Organization", organization.as_str())
        .fact("Opened by", by.as_str())
        .fact("When", moment(opened))
        .fact("Review due", moment(due))
        .button("Review it", review)
        .then("Read what was done, compare it with the reason, and write down what you found.")
}

pub(super) fn new_owner(
    organization: &Words,
    (before, now): (&Words, &Words),
    how: &Circumstances,
    members: &Link,
) -> Page {
    Page::new(format!("{} has a new owner", quoted(organization)), MEMBER)
        .says(format!("{} has handed the ownership of {} to {}.", before.as_str(), quoted(organization), now.as_str()))
        .fact("Organization", organization.as_str())
        .fact("Owner before", before.as_str())
        .fact("Owner now", now.as_str())
        .circumstances(how)
        .button("Look at the members", members)
        .then("An owner can do everything in the organization. If you did not expect this, ask the one before at once.")
}

pub(super) fn membership(
    organization: &Words,
    change: Change,
    by: &Words,
    at: Timestamp,
    instance: &Link,
) -> Page {
    let name = quoted(organization);
    let (subject, says) = match change {
        Change::Role { .. } => {
            (format!("Your role in {name} was changed"), "What you may do in the organization has changed.")
        }
        Change::Suspended => (
            format!("Your access to {name} was suspended"),
            "You cannot use the organization for the time being. Your sessions and keys in it do not work meanwhile.",
        ),
        Change::Restored => {
            (format!("Your access to {name} works again"), "You can use the organization again, as before.")
        }
        Change::Removed => (
            format!("You are no longer a member of {name}"),
            "Your membership has ended. Your sessions and keys in the organization do not work any more.",
        ),
    };
    let mut page = Page::new(subject, MEMBER).says(says).fact("Organization", organization.as_str());
    if let Change::Role { before, now } = change {
        page = page.fact("Role before", role_says(before)).fact("Role now", role_says(now));
    }
    page.fact("Done by", by.as_str())
        .fact("When", moment(at))
        .button("Open Portcullis", instance)
        .then("If you did not expect this, ask an administrator of the organization.")
}

/// A role with what it means.
fn role_says(role: MemberRole) -> String {
    format!("{}. {}", role.title(), role.says())
}
