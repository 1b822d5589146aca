//! Confirming once more that it is really them, before something dangerous.

use gates::{Draft, Pass, Receipt};
use kernel::{Assurance, EventKind, Gate, Problem, ProblemKind};
use store::{accounts, factors, sessions};

use super::guesses::Target;
use super::sign_in::wrong_code;
use super::{Accounts, Visitor, no_match};
use crate::action;

const STEP_UP: &str = "account.step_up";

action! {
    /// Confirms a factor in a session that is open.
    StepUp = "account.step_up", Enrol, Human, Account
}

/// The factor, as given.
pub enum Factor {
    /// The password; enough only for people without a second factor.
    Password(String),
    /// A code of the authenticator app.
    Totp(String),
    /// A passkey: the token of the ceremony and the browser's answer.
    Passkey {
        /// The ceremony.
        ceremony: String,
        /// The answer, as JSON.
        answer: String,
    },
}

impl Accounts {
    /// Confirms a factor: the session counts as fresh for the next minutes.
    ///
    /// # Errors
    /// When the factor does not match, is not enough, or too many were tried.
    pub async fn step_up(
        &self,
        mut pass: Pass<StepUp>,
        visitor: Visitor<'_>,
        factor: Factor,
    ) -> Result<Receipt, Problem> {
        let (id, this) = (pass.account().account(), pass.account().session());
        let mut tx = self.begin().await?;
        let account = accounts::lock(&mut tx, id).await?.ok_or_else(Problem::not_found)?;
        let totp = factors::totps(&mut tx, id).await?.iter().any(|totp| totp.confirmed_at.is_some());
        let second = totp || !factors::passkeys(&mut tx, id).await?.is_empty();
        drop(tx);
        let draft = Draft::refused(EventKind::SteppedUp).subject("account", id);
        let (assurance, methods, by) = match factor {
            Factor::Password(_) if second => {
                let detail = "Your password alone is not enough here; confirm your second factor.";
                let problem = Problem::at(Gate::Identity, ProblemKind::Forbidden, detail);
                return Err(pass.fail(draft, problem).await);
            }
            Factor::Password(typed) => {
                let typed = Some(typed).filter(|_| account.password.is_some());
                if typed.is_none() || !self.is_password(visitor, &account, this, typed, STEP_UP).await? {
                    return Err(pass.fail(draft, no_match()).await);
                }
                (Assurance::Aal1, vec!["pwd"], "password")
            }
            Factor::Totp(code) => {
                let target = Target::Code { account: id, session: Some(this) };
                let guess = self.admit(visitor, target, STEP_UP).await?;
                let tx = pass.account().system().await?;
                if self.accept_totp(tx, id, &code).await?.is_none() {
                    return Err(pass.fail(draft, wrong_code()).await);
                }
                self.forgive(guess).await?;
                (Assurance::Aal2, vec!["otp", "mfa"], "authenticator app")
            }
            Factor::Passkey { ceremony, answer } => {
                let tx = pass.account().system().await?;
                let used = self.use_passkey(tx, &ceremony, &answer).await;
                match used {
                    Ok(used) if used.account == id => {}
                    Ok(_) => return Err(pass.fail(draft, no_match()).await),
                    Err(problem) => return Err(pass.fail(draft, problem).await),
                }
                (Assurance::Aal2, vec!["hwk", "user", "mfa"], "passkey")
            }
        };
        let methods: Vec<String> = methods.into_iter().map(str::to_owned).collect();
        let at = self.vault.clock().now();
        sessions::confirm(pass.account().system().await?, id, this, assurance, &methods, at).await?;
        let draft = Draft::done(EventKind::SteppedUp)
            .subject("session", this)
            .fact("by", by)
            .fact("assurance", assurance);
        pass.seal(draft).await
    }
}
