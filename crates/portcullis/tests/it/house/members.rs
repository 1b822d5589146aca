//! Members made the short way: an account, a place in an organization and a session, written as the system writes them.
//! Where a test is about coming in, [`super::people`] goes through the doors instead.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use authn::secrets::{OpaqueToken, TokenKind};
use crypto::SystemRng;
use gates::{Action, Caller as _, Draft, Human, Pass, Principal, Reason, Vault};
use kernel::{
    AccountId, Assurance, Clock as _, EventKind, MemberRole, Problem, SessionId, SystemClock, TenantId,
};
use store::accounts::{self, NewAccount};
use store::joining::{self, NewMember};
use store::sessions::{self, NewSession};

use super::{Database, execute, request};

static SERIAL: AtomicU32 = AtomicU32::new(0);

/// How long their sessions last.
const SESSION: Duration = Duration::from_hours(12);

/// A person with a session.
pub(crate) struct Somebody {
    pub(crate) account: AccountId,
    pub(crate) address: String,
    pub(crate) session: SessionId,
    secret: OpaqueToken,
}

impl Somebody {
    /// A member with a browser's session in the organization.
    pub(crate) async fn member(vault: &Arc<Vault>, tenant: TenantId, role: MemberRole) -> Self {
        Self::make(vault, Some((tenant, role, false))).await
    }

    /// An admin who owns the organization.
    pub(crate) async fn owner(vault: &Arc<Vault>, tenant: TenantId) -> Self {
        Self::make(vault, Some((tenant, MemberRole::Admin, true))).await
    }

    /// A person without an organization.
    pub(crate) async fn newcomer(vault: &Arc<Vault>) -> Self {
        Self::make(vault, None).await
    }

    async fn make(vault: &Arc<Vault>, place: Option<(TenantId, MemberRole, bool)>) -> Self {
        let at = SystemClock.now();
        let address = format!("somebody-{}@example.org", SERIAL.fetch_add(1, Ordering::Relaxed));
        let somebody = Self {
            account: AccountId::new(&SystemClock, &SystemRng),
            address,
            session: SessionId::new(&SystemClock, &SystemRng),
            secret: OpaqueToken::generate(TokenKind::Session, &SystemRng),
        };
        let tenant = place.map_or(vault.instance(), |(tenant, ..)| tenant);
        let mut tx = vault.system(Reason::SetUp).await.expect("a system transaction");
        let account = NewAccount {
            id: somebody.account,
            address: &somebody.address,
            address_key: &somebody.address,
            verified: true,
            name: "Somebody",
            password: None,
            super_admin: false,
            at,
        };
        accounts::create(&mut tx, &account).await.expect("an account");
        if let Some((tenant, role, owner)) = place {
            let (account, address) = (somebody.account, &*somebody.address);
            let member = NewMember { tenant, account, address, name: "Somebody", role, owner, at };
            assert!(joining::join(&mut tx, &member).await.expect("joined"));
        }
        somebody.open(&mut tx, tenant, &somebody.secret, somebody.session).await;
        let draft = Draft::done(EventKind::MemberJoined).subject("account", somebody.account);
        tx.seal(tenant, draft, &request(), "test.member").await.expect("sealed");
        somebody
    }

    async fn open(&self, tx: &mut gates::SystemTx, tenant: TenantId, secret: &OpaqueToken, id: SessionId) {
        let at = SystemClock.now();
        let hash = secret.hash();
        let session = NewSession {
            tenant,
            id,
            account: self.account,
            hash: Some(hash.as_bytes()),
            refresh: None,
            device: "Firefox on Linux",
            address: None,
            assurance: Assurance::Aal1,
            methods: &["pwd".to_owned()],
            at,
            expires_at: at.plus(SESSION),
        };
        sessions::open(tx, &session).await.expect("a session");
    }

    /// Becomes a member once more.
    pub(crate) async fn rejoin(&mut self, vault: &Arc<Vault>, tenant: TenantId, role: MemberRole) {
        let (at, account) = (SystemClock.now(), self.account);
        let mut tx = vault.system(Reason::SetUp).await.expect("a system transaction");
        let member =
            NewMember { tenant, account, address: &self.address, name: "Somebody", role, owner: false, at };
        assert!(joining::join(&mut tx, &member).await.expect("joined"), "they were no member");
        let draft = Draft::done(EventKind::MemberJoined).subject("account", account);
        tx.seal(tenant, draft, &request(), "test.member").await.expect("sealed");
        self.sign_in(vault, tenant).await;
    }

    /// Another session in the same organization, for one that ended.
    pub(crate) async fn sign_in(&mut self, vault: &Arc<Vault>, tenant: TenantId) {
        self.session = SessionId::new(&SystemClock, &SystemRng);
        self.secret = OpaqueToken::generate(TokenKind::Session, &SystemRng);
        let mut tx = vault.system(Reason::SignIn).await.expect("a system transaction");
        self.open(&mut tx, tenant, &self.secret, self.session).await;
        let draft = Draft::done(EventKind::SignedIn).subject("session", self.session);
        tx.seal(tenant, draft, &request(), "test.sign_in").await.expect("sealed");
    }

    /// What the cookie holds.
    pub(crate) fn secret(&self) -> &str {
        self.secret.expose()
    }

    /// Through gates one and two, with the cookie.
    pub(crate) async fn known(&self, vault: &Arc<Vault>) -> Result<Principal, Problem> {
        vault.authenticate_session(self.secret.expose(), &request()).await
    }

    pub(crate) async fn principal(&self, vault: &Arc<Vault>) -> Principal {
        self.known(vault).await.expect("the session is good")
    }

    pub(crate) async fn human(&self, vault: &Arc<Vault>) -> Human {
        Human::admit(self.principal(vault).await).expect("a person")
    }

    /// Through gate three too.
    pub(crate) async fn enter<A: Action>(&self, vault: &Arc<Vault>) -> Result<Pass<A>, Problem> {
        vault.enter::<A>(self.principal(vault).await, request()).await
    }

    /// The same, where it must be open.
    pub(crate) async fn pass<A: Action>(&self, vault: &Arc<Vault>) -> Pass<A> {
        match self.enter::<A>(vault).await {
            Ok(pass) => pass,
            Err(problem) => panic!("{}: {problem:?}", A::NAME),
        }
    }

    /// The credential of a program that this person lets work for them: an access token.
    pub(crate) async fn token(&self, vault: &Arc<Vault>) -> String {
        vault.ensure_access_keys(&request()).await.expect("keys");
        let access = vault.access_token_of(self.session, &request()).await.expect("a token");
        access.token.to_string()
    }

    /// Makes the session one that proved itself an hour ago.
    pub(crate) async fn age(&self, database: &Database) {
        let sql = format!("auth_time = auth_time - interval '1 hour' where id = '{}'", self.session);
        past(database, &format!("update session set {sql}")).await;
    }

    /// Gives the person an authenticator app; the session stays what it is.
    pub(crate) async fn enrol(&self, database: &Database) {
        let account = self.account;
        past(
            database,
            &format!(
                "insert into totp (account_id, id, name, secret, confirmed_at, created_at) \
                 values ('{account}', gen_random_uuid(), 'app', 'sealed', now(), now())"
            ),
        )
        .await;
    }
}

/// Writes what no operation writes, past all triggers; the processes are told by hand that something changed.
pub(crate) async fn past(database: &Database, sql: &str) {
    let mut superuser = database.superuser().await;
    let sql = format!(
        "begin; set local session_replication_role = replica; set local search_path = portcullis; {sql}; \
         insert into cache_epoch as c (tenant_id, epoch) select id, 1 from instance \
             on conflict (tenant_id) do update set epoch = c.epoch + 1; commit"
    );
    execute(&mut superuser, &sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    // The watch looks five times a second.
    tokio::time::sleep(Duration::from_millis(450)).await;
}
