//! Tokens: access tokens for people and agents, and the refresh tokens that get the next one.

use std::time::Duration;

use authn::refresh::{Family, Outcome, RefreshKey, RefreshToken};
use gates::{
    AccessToken, By, DELEGATION_PAUSE_SECONDS, Draft, Pass, Principal, Receipt, SystemTx, TokenFacts,
};
use kernel::{EventKind, Gate, Problem, ProblemKind, SessionId, Timestamp};
use mail::{Letter, Words};
use store::delegations::NewToken;
use store::{accounts, delegations, sessions};

use crate::accounts::{Accounts, Visitor};
use crate::action;

const REFRESH: &str = "token.refresh";
/// What the key that derives refresh tokens is for.
const REFRESH_KEY: &str = "refresh/v1";

action! {
    /// Issues an access token to an agent, by its key.
    IssueToken = "token.issue", Credential, Agent, Record
}

action! {
    /// Issues an access token to an agent that acts for a person, in exchange for that person's own.
    ExchangeToken = "token.exchange", Credential, Agent, Write
}

action! {
    /// Calls an access token back.
    RevokeToken = "token.revoke", Credential, Principal, Write
}

action! {
    /// Asks whether an access token of the organization is good.
    IntrospectToken = "token.introspect", OrganizationRead, Principal, Record
}

/// A refreshed session.
pub struct Refreshed {
    /// The next access token.
    pub access: AccessToken,
    /// The next refresh token.
    pub refresh: RefreshToken,
    /// When it expires unused.
    pub refresh_expires_at: Timestamp,
    /// The session.
    pub session: SessionId,
    /// The entry.
    pub receipt: Receipt,
}

/// One answer for refresh tokens that open nothing.
fn refused() -> Problem {
    let detail = "This refresh token opens nothing (any more). Sign in again.";
    Problem::at(Gate::Token, ProblemKind::Unauthenticated, detail)
}

fn family_of(row: &sessions::Family) -> Result<Family, Problem> {
    Ok(Family {
        id: row.session.uuid(),
        generation: u64::try_from(row.refresh.generation).map_err(|_| Problem::internal())?,
        hash: row.refresh.hash,
        rotations: row.refresh.rotations.clone(),
        expires_at: row.refresh.expires_at,
        ends_at: row.expires_at,
        revoked: row.revoked,
    })
}

impl Accounts {
    fn refresh_key(&self) -> RefreshKey {
        RefreshKey::new(&self.vault().blind(REFRESH_KEY, b""))
    }

    /// An access token for a session that is open.
    ///
    /// # Errors
    /// When the session opens nothing (any more).
    pub async fn access_token(
        &self,
        visitor: Visitor<'_>,
        session: SessionId,
    ) -> Result<AccessToken, Problem> {
        self.vault().ensure_access_keys(visitor.request).await?;
        self.vault().access_token_of(session, visitor.request).await
    }

    /// Exchanges a refresh token for an access token and the next refresh token.
    ///
    /// A token that was replaced moments ago leads to the living one once more; one that was replaced long ago is a copy,
    /// and its session ends.
    ///
    /// # Errors
    /// When the token opens nothing.
    pub async fn refresh(&self, visitor: Visitor<'_>, text: &str) -> Result<Refreshed, Problem> {
        let Ok(token) = RefreshToken::parse(text) else {
            return self.refuse_refresh(visitor, "refresh token malformed").await;
        };
        let session = SessionId::from_uuid(token.family());
        // Looked at first without holding anything: what the person may is found out over connections of its own, and a
        // transaction that waits for another one's lock must not wait for a connection too.
        let mut tx = self.begin_refresh().await?;
        let known = sessions::family(&mut tx, session).await?;
        drop(tx);
        let living = match &known {
            Some(row) => self.leads_on(row, &token)?,
            None => false,
        };
        // Refused here when the person or the session is not welcome any more; nothing has moved then.
        let access = if living { Some(self.access_token(visitor, session).await?) } else { None };
        let mut tx = self.begin_refresh().await?;
        let Some(row) = sessions::family(&mut tx, session).await? else {
            drop(tx);
            return self.refuse_refresh(visitor, "refresh token unknown").await;
        };
        let family = family_of(&row)?;
        let now = self.vault().clock().now();
        let (refresh, moved) = match (family.present(&token, &self.refresh_key(), now), &access) {
            (Outcome::Rotated(next, moved), Some(_)) => (next, Some(moved)),
            (Outcome::Again(head), Some(_)) => (head, None),
            (Outcome::Reused, _) => {
                self.end_reused(tx, visitor, &row).await?;
                return Err(refused());
            }
            (other, _) => {
                drop(tx);
                let reason = match other {
                    Outcome::Expired => "refresh token expired",
                    Outcome::Revoked => "refresh token revoked",
                    _ => "refresh token unknown",
                };
                return self.refuse_refresh(visitor, reason).await;
            }
        };
        let Some(access) = access else { return Err(Problem::internal()) };
        let again = moved.is_none();
        if let Some(moved) = &moved {
            let next = crate::accounts::row_of(moved)?;
            sessions::rotate(&mut tx, row.tenant, row.session, &next).await?;
        }
        let draft =
            Draft::done(EventKind::TokenRefreshed).subject("session", row.session).fact("again", again);
        let by = By::Person(row.account, Some(row.session));
        let sealed = tx.seal_by(by, row.tenant, draft, visitor.request, REFRESH).await;
        let receipt = sealed.map_err(|error| unavailable(&error))?;
        let refresh_expires_at = moved.map_or(family.expires_at, |moved| moved.expires_at);
        Ok(Refreshed { access, refresh, refresh_expires_at, session: row.session, receipt })
    }

    /// Whether the token leads to a living one, as things stand.
    fn leads_on(&self, row: &sessions::Family, token: &RefreshToken) -> Result<bool, Problem> {
        let now = self.vault().clock().now();
        let outcome = family_of(row)?.present(token, &self.refresh_key(), now);
        Ok(matches!(outcome, Outcome::Rotated(..) | Outcome::Again(_)))
    }

    async fn begin_refresh(&self) -> Result<SystemTx, Problem> {
        self.vault().system(gates::Reason::SignIn).await.map_err(|error| unavailable(&error))
    }

    async fn refuse_refresh(&self, visitor: Visitor<'_>, reason: &'static str) -> Result<Refreshed, Problem> {
        let draft = Draft::refused(EventKind::AuthFailure).fact("reason", reason);
        let instance = self.vault().instance();
        self.vault().note(By::Nobody, instance, draft, visitor.request, REFRESH).await?;
        Err(refused())
    }

    /// Ends the session whose old refresh token came back, and tells its person.
    async fn end_reused(
        &self,
        mut tx: SystemTx,
        visitor: Visitor<'_>,
        row: &sessions::Family,
    ) -> Result<(), Problem> {
        let at = self.vault().clock().now();
        sessions::revoke(&mut tx, row.account, row.session, "refresh token reuse", at).await?;
        if let Some(account) = accounts::lock(&mut tx, row.account).await? {
            let letter = Letter::RefreshTokenReuse {
                client: Words::name(visitor.device),
                how: visitor.how(at),
                security: self.security_page()?,
            };
            self.write(&mut tx, &account.address, &letter).await?;
            self.remember(&mut tx, row.account, EventKind::TokenReused, visitor).await?;
        }
        let draft = Draft::refused(EventKind::TokenReused).subject("session", row.session);
        tx.seal_by(By::Nobody, row.tenant, draft, visitor.request, REFRESH)
            .await
            .map_err(|error| unavailable(&error))?;
        Ok(())
    }
}

/// Issues an access token to an agent, for itself.
///
/// # Errors
/// When no key signs tokens, or it cannot be recorded.
pub async fn issue(pass: Pass<IssueToken>) -> Result<(AccessToken, Receipt), Problem> {
    let agent = pass.principal();
    let vault = pass.vault().clone();
    vault.ensure_access_keys(pass.request()).await?;
    let token = vault.access_token(&agent, None).await?;
    let receipt = pass.seal(issued(&agent, Draft::done(EventKind::TokenIssued))).await?;
    Ok((token, receipt))
}

fn issued(agent: &Principal, draft: Draft) -> Draft {
    match agent.agent() {
        Some(agent) => draft.subject("agent", agent),
        None => draft,
    }
}

/// Issues an access token to an agent that names the person it acts for. That it holds one is kept where the person sees it.
///
/// # Errors
/// When that person is of another organization, must set up a second factor first, or has just ended what the agent held.
pub async fn exchange(
    mut pass: Pass<ExchangeToken>,
    person: &Principal,
) -> Result<(AccessToken, Receipt), Problem> {
    let agent = pass.principal();
    match act_for(&mut pass, person).await {
        Ok(token) => {
            let draft = issued(&agent, Draft::done(EventKind::TokenIssued));
            let receipt = pass.seal(draft.fact("acting_for", person.account())).await?;
            Ok((token, receipt))
        }
        Err(problem) => {
            let refused = matches!(problem.kind, ProblemKind::Forbidden | ProblemKind::MustEnrol);
            let draft = if refused { Draft::refused } else { Draft::failed };
            Err(pass.fail(issued(&agent, draft(EventKind::TokenIssued)), problem).await)
        }
    }
}

async fn act_for(pass: &mut Pass<ExchangeToken>, person: &Principal) -> Result<AccessToken, Problem> {
    let agent = pass.principal();
    let human = match person {
        Principal::Human(human) if person.tenant() == agent.tenant() => human,
        _ => {
            let detail = "The subject token must be the access token of a person of the same organization.";
            return Err(Problem::at(Gate::Identity, ProblemKind::Forbidden, detail));
        }
    };
    if human.must_enrol() {
        let detail = "The person must set up a second factor before anybody can act for them.";
        return Err(Problem::at(Gate::Token, ProblemKind::MustEnrol, detail));
    }
    let (Some(id), Some(key)) = (agent.agent(), agent.key()) else { return Err(Problem::internal()) };
    let vault = pass.vault().clone();
    vault.ensure_access_keys(pass.request()).await?;
    let token = vault.access_token(&agent, Some(person)).await?;
    let now = vault.clock().now();
    let new = NewToken {
        session: human.session(),
        agent: id,
        account: human.account(),
        key,
        at: now,
        until: now.plus(Duration::from_secs(token.lives_seconds)),
    };
    let floor = now.minus(Duration::from_secs(DELEGATION_PAUSE_SECONDS));
    if !delegations::keep(pass.tx(), &new, floor).await? {
        let detail = "The person ended what this agent may do for them a moment ago. A token they hand over a quarter of \
                      an hour later, or from another session, is taken again.";
        return Err(Problem::at(Gate::Token, ProblemKind::Forbidden, detail));
    }
    Ok(token)
}

/// Calls a token back: it opens nothing from now on, on every replica within a second. A token of another organization, or
/// none at all, is answered alike (RFC 7009 §2.2).
///
/// # Errors
/// When the database cannot be used.
pub async fn revoke(mut pass: Pass<RevokeToken>, facts: Option<&TokenFacts>) -> Result<Receipt, Problem> {
    let tenant = pass.tenant();
    let Some(facts) = facts.filter(|facts| facts.claims.tenant_id == tenant) else {
        let draft = Draft::done(EventKind::TokenRevoked).subject("token", "unknown").fact("known", false);
        return pass.seal(draft).await;
    };
    let until =
        Timestamp::from_unix_micros(facts.claims.exp.saturating_mul(1_000_000)).plus(Duration::from_mins(1));
    store::tokens::revoke(pass.tx(), &facts.claims.jti.to_string(), until).await?;
    let draft = Draft::done(EventKind::TokenRevoked)
        .subject("token", facts.claims.jti)
        .fact("known", true)
        .fact("session", SessionId::from_uuid(facts.claims.sid));
    pass.seal(draft).await
}

/// Puts on record that somebody asked about a token, and hands on what may be told: tokens of the asker's own organization.
///
/// # Errors
/// When it cannot be recorded.
pub async fn introspect(
    pass: Pass<IntrospectToken>,
    facts: Option<TokenFacts>,
) -> Result<(Option<TokenFacts>, Receipt), Problem> {
    let tenant = pass.tenant();
    let facts = facts.filter(|facts| facts.opens.is_some() && facts.claims.tenant_id == tenant);
    let draft = Draft::done(EventKind::TokenIntrospected).fact("active", facts.is_some());
    Ok((facts, pass.seal(draft).await?))
}

fn unavailable<E: std::fmt::Display>(error: &E) -> Problem {
    tracing::error!(%error, "tokens cannot be used");
    Problem::new(ProblemKind::Unavailable, "Nothing was changed; try again shortly.").retry_after(2)
}
