//! People of a test's own: accounts, members, sessions, made through the doors that real people use.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use app::accounts::sign_in::Step;
use app::accounts::sign_up::SignUp;
use app::accounts::{Accounts, NewSession, SessionKind, Site, Visitor};
use app::input::Name;
use authn::password::Scheme;
use gates::{By, Caller as _, Draft, Human, Principal, Reason, Vault};
use kernel::{AccountId, Clock as _, EventKind, MemberRole, Problem, RequestContext, SystemClock, TenantId};
use mail::Address;
use store::joining::{self, NewMember};

use super::request;

/// Where people of tests find the server.
pub(crate) const SITE: &str = "http://localhost:8080";
/// A password that is taken.
pub(crate) const PASSWORD: &str = "seven blue lanterns drift";
/// A number for everybody, so that no two have one address.
static SERIAL: AtomicU32 = AtomicU32::new(0);

/// The cheapest hash there is.
pub(crate) const CHEAP: Scheme = Scheme::Bcrypt { cost: 4 };

/// The doors of a vault, with the cheapest hash.
pub(crate) fn accounts(vault: &Arc<Vault>) -> Accounts {
    accounts_with(vault, CHEAP)
}

/// The doors of a vault.
pub(crate) fn accounts_with(vault: &Arc<Vault>, scheme: Scheme) -> Accounts {
    let site = Site::new(SITE).expect("a site");
    Accounts::new(Arc::clone(vault), site, scheme).expect("a scheme")
}

/// A visitor with a request of its own.
pub(crate) struct Guest {
    pub(crate) context: RequestContext,
    pub(crate) known_device: Option<String>,
}

impl Guest {
    /// From a network address of its own, so that tests do not use up each other's guesses.
    pub(crate) fn new() -> Self {
        let number = SERIAL.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let peer = std::net::Ipv4Addr::new(10, number[1], number[2], number[3]);
        Self { context: RequestContext { peer: Some(peer.into()), ..request() }, known_device: None }
    }

    /// The same place with another request.
    pub(crate) fn again(&self) -> Self {
        let context = RequestContext { peer: self.context.peer, ..request() };
        Self { context, known_device: self.known_device.clone() }
    }

    pub(crate) fn visitor(&self) -> Visitor<'_> {
        Visitor {
            request: &self.context,
            device: "Firefox on Linux",
            known_device: self.known_device.as_deref(),
        }
    }
}

/// An address nobody else has.
pub(crate) fn address() -> String {
    format!("person-{}@example.com", SERIAL.fetch_add(1, Ordering::Relaxed))
}

/// The newest letter of a kind to an address, as text.
pub(crate) async fn letter(vault: &Arc<Vault>, to: &str, kind: &str) -> Option<String> {
    let shown = app::mail::list(vault, None, 200).await.expect("the outbox");
    let found = shown.into_iter().find(|letter| {
        letter.kind == kind && letter.to.as_ref().is_some_and(|address| address.as_str() == to)
    })?;
    let (_, message) = app::mail::show(vault, found.id).await.expect("the outbox").expect("the letter");
    Some(message.text().to_owned())
}

/// The token in the link of a letter.
pub(crate) fn token(text: &str) -> String {
    let link = text.split_whitespace().find(|word| word.contains("?t=")).expect("a link");
    assert!(link.starts_with(SITE), "links are of the configured place: {link}");
    link.split_once("?t=").expect("a token").1.to_owned()
}

/// A person with a verified address, signed up and verified through the front door.
pub(crate) struct Person {
    pub(crate) address: String,
    pub(crate) account: AccountId,
    pub(crate) guest: Guest,
    /// The session of the verification.
    pub(crate) opened: NewSession,
}

impl Person {
    pub(crate) async fn sign_up(doors: &Accounts) -> Self {
        let (address, guest) = (address(), Guest::new());
        let new = SignUp {
            address: Address::parse(&address).expect("an address"),
            name: Name::parse("Person".to_owned(), "/name").expect("a name"),
            password: PASSWORD.to_owned(),
        };
        doors.sign_up(guest.visitor(), new).await.expect("taken");
        let letter = letter(doors.vault(), &address, "verify_address").await.expect("a letter");
        let opened = doors
            .verify(guest.again().visitor(), &token(&letter), PASSWORD.to_owned(), SessionKind::Browser)
            .await
            .expect("verified");
        Self { account: opened.account, address, guest, opened }
    }

    /// Makes the person a member, as the system.
    pub(crate) async fn join(&self, vault: &Arc<Vault>, tenant: TenantId, role: MemberRole, owner: bool) {
        let mut tx = vault.system(Reason::SetUp).await.expect("a system transaction");
        let at = SystemClock.now();
        let member = NewMember {
            tenant,
            account: self.account,
            address: &self.address,
            name: "Person",
            role,
            owner,
            at,
        };
        joining::join(&mut tx, &member).await.expect("joined");
        let draft = Draft::done(EventKind::MemberJoined).subject("account", self.account);
        tx.seal_by(By::System, tenant, draft, &request(), "test.join").await.expect("sealed");
    }

    pub(crate) async fn sign_in(&self, doors: &Accounts, kind: SessionKind) -> Result<Step, Problem> {
        let guest = self.guest.again();
        doors.sign_in(guest.visitor(), &self.address, PASSWORD.to_owned(), kind).await
    }

    /// Signs in without a second factor.
    pub(crate) async fn enter(&self, doors: &Accounts, kind: SessionKind) -> NewSession {
        match self.sign_in(doors, kind).await.expect("the password is right") {
            Step::Done(opened) => *opened,
            Step::SecondFactor(_) => panic!("no second factor is enrolled"),
        }
    }
}

/// Whose session a secret is.
pub(crate) async fn human(vault: &Arc<Vault>, opened: &NewSession) -> Result<Human, Problem> {
    let secret = opened.secret.as_ref().expect("a browser's session");
    let principal = vault.authenticate_session(secret.expose(), &request()).await?;
    Ok(Human::admit(principal).expect("a person"))
}

/// The same as a principal.
pub(crate) async fn principal(vault: &Arc<Vault>, opened: &NewSession) -> Principal {
    human(vault, opened).await.expect("the session is good").principal()
}
