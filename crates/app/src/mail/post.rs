//! Letters that tell of a change in an organization: they commit with it, as the role that serves tenants.

use authn::secrets::OpaqueToken;
use gates::{Action, Pass, Write};
use kernel::Problem;
use mail::{Address, Letter, Link};

use super::outbox::{MailError, Sealed};
use crate::accounts::Site;

/// Puts letters in from an organization's transactions. Cheap to clone.
#[derive(Clone)]
pub struct Post(Site);

impl Post {
    /// Letters of this site.
    pub fn new(site: Site) -> Self {
        Self(site)
    }

    /// Puts a letter in with the change that this pass makes: both commit or neither does. `to` was read as an address
    /// when it was taken.
    ///
    /// # Errors
    /// When it cannot be written or kept; the pass must not be sealed then.
    pub(crate) async fn put<A: Action<Mode = Write>>(
        &self,
        pass: &mut Pass<A>,
        to: &str,
        letter: &Letter,
    ) -> Result<(), Problem> {
        let to = Address::parse(to).map_err(|_| Problem::internal())?;
        let vault = pass.vault().clone();
        let sealed = Sealed::of(&vault, self.0.letterhead(), &to, letter)?;
        store::mail::post(pass.tx(), &sealed.row()).await.map_err(MailError::from)?;
        Ok(())
    }

    /// A page of this site, for a letter.
    pub(crate) fn page(&self, path: &str) -> Result<Link, Problem> {
        self.0.page(path).map_err(|_| Problem::internal())
    }

    /// A link that opens something once.
    pub(crate) fn link(&self, path: &str, token: &OpaqueToken) -> Result<Link, Problem> {
        self.0.link(path, token).map_err(|_| Problem::internal())
    }
}
