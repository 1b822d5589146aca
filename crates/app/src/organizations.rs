//! Organizations, and the question who one is.

use gates::{Draft, Pass, Receipt};
use kernel::{EventKind, Problem};
pub use store::organizations::Organization;

use crate::action;

action! {
    /// Reads the organization's record.
    ReadOrganization = "organization.read", OrganizationRead, Principal, Read
}

action! {
    /// Says who the caller is and what it may do.
    WhoAmI = "identity.read", OrganizationRead, Principal, Record
}

/// The caller's organization. A credential whose organization is gone answers like a stranger's.
pub async fn read(mut pass: Pass<ReadOrganization>) -> Result<(Organization, Receipt), Problem> {
    let found = store::organizations::read(pass.tx()).await?;
    let draft = Draft::done(EventKind::OrganizationRead);
    match found {
        Some(organization) => Ok((organization, pass.seal(draft).await?)),
        None => Err(pass.fail(Draft::failed(EventKind::OrganizationRead), Problem::not_found()).await),
    }
}

/// The caller itself.
pub async fn who_am_i(pass: Pass<WhoAmI>) -> Result<(gates::Principal, Receipt), Problem> {
    let principal = pass.principal();
    Ok((principal, pass.seal(Draft::done(EventKind::IdentityRead)).await?))
}
