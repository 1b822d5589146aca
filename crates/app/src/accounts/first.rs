//! The first administrator: made by a link that the operator finds on the machine itself.

use gates::{By, Draft};
use kernel::{EventKind, MemberRole, Problem, ProblemKind};
use mail::{Address, Link};
use store::accounts::{self, NewAccount};
use store::doors::LinkPurpose;
use store::joining::{self, NewMember};

use super::newcomers::Secret;
use super::{Accounts, NewSession, SessionKind, Visitor, unavailable};
use crate::input::Name;

const WELCOME: &str = "account.welcome";

/// What the first administrator says of themselves.
pub struct First {
    /// The address.
    pub address: Address,
    /// The name they go by.
    pub name: Name,
    /// How they will sign in.
    pub secret: Secret,
}

impl Accounts {
    /// A link that makes the first administrator; `None` when there is an account already. For the operator.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn welcome_link(&self) -> Result<Option<Link>, Problem> {
        let mut tx = self.begin().await?;
        if accounts::any(&mut tx).await? {
            return Ok(None);
        }
        let (link, _) = self.make_link(&mut tx, LinkPurpose::Welcome, None, None).await?;
        tx.finish().await.map_err(|error| unavailable(&error))?;
        Ok(Some(link))
    }

    /// Whether a welcome link still works.
    ///
    /// # Errors
    /// When it does not.
    pub async fn welcome_link_works(&self, token: &str) -> Result<(), Problem> {
        let mut tx = self.begin().await?;
        self.look_at_link(&mut tx, LinkPurpose::Welcome, token).await.map(drop)
    }

    /// Makes the first administrator: a person who administers the instance and owns the first organization. The address
    /// is taken as verified, because whoever holds the link has the machine.
    ///
    /// # Errors
    /// When the link does not work, the password is weak, or somebody was first.
    pub async fn welcome(
        &self,
        visitor: Visitor<'_>,
        token: &str,
        new: First,
        kind: SessionKind,
    ) -> Result<NewSession, Problem> {
        let done = self.follow_welcome(visitor, token, new, kind).await;
        self.watched(visitor, WELCOME, done).await
    }

    async fn follow_welcome(
        &self,
        visitor: Visitor<'_>,
        token: &str,
        new: First,
        kind: SessionKind,
    ) -> Result<NewSession, Problem> {
        // Looked at first: whoever has no link must not have a hash computed.
        self.welcome_link_works(token).await?;
        let (name, key) = (new.name.into_inner(), new.address.key());
        let words = [new.address.as_str(), new.address.local(), name.as_str()];
        let checked = self.look_at(new.secret, &words).await?;
        let at = self.vault.clock().now();
        let mut tx = self.begin().await?;
        self.take_link(&mut tx, LinkPurpose::Welcome, token).await?;
        if accounts::any(&mut tx).await? {
            let detail = "There is an administrator already. Sign in, or ask them for an invitation.";
            return Err(Problem::new(ProblemKind::Conflict, detail));
        }
        let way = self.way_in(&mut tx, checked).await?;
        let (id, proved) = (way.id, way.proved("first administrator's link", &["link"]));
        let account = NewAccount {
            id,
            address: new.address.as_str(),
            address_key: &key,
            verified: true,
            name: &name,
            password: way.password.as_deref(),
            super_admin: true,
            at,
        };
        accounts::create(&mut tx, &account).await?;
        let by = By::Person(id, None);
        if let Some(first) = store::organizations::first(&mut tx).await? {
            let tenant = first.organization.0;
            let member = NewMember {
                tenant,
                account: id,
                address: new.address.as_str(),
                name: &name,
                role: MemberRole::Admin,
                owner: true,
                at,
            };
            joining::join(&mut tx, &member).await?;
            let draft = Draft::done(EventKind::MemberJoined)
                .subject("account", id)
                .fact("role", MemberRole::Admin)
                .fact("owner", true);
            tx.also(by, tenant, draft, visitor.request, WELCOME)
                .await
                .map_err(|error| unavailable(&error))?;
        }
        let draft = Draft::done(EventKind::AccountCreated).subject("account", id).fact("super_admin", true);
        tx.also(by, self.vault.instance(), draft, visitor.request, WELCOME)
            .await
            .map_err(|error| unavailable(&error))?;
        let recovery_codes = self.keep_way(&mut tx, way, at).await?;
        let account = accounts::lock(&mut tx, id).await?.ok_or_else(Problem::internal)?;
        let opened = self.open(tx, visitor, &account, kind, proved, WELCOME).await?;
        Ok(NewSession { recovery_codes, ..opened })
    }
}
