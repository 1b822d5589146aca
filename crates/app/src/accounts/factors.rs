//! Enrolling and removing authenticator apps. Passkeys and recovery codes are next door.

use authn::totp::{QrModules, Secret};
use gates::{Draft, Pass, Receipt};
use kernel::{Assurance, EventKind, Problem, TotpId};
use mail::{Letter, SecondFactor};
use store::{accounts, factors, sessions};
use zeroize::Zeroizing;

use super::codes::RecoveryCodes;
use super::guesses::Target;
use super::own::tell_homes;
use super::sign_in::wrong_code;
use super::{Accounts, Visitor};
use crate::action;

/// The name of an authenticator app; there is one per person.
const TOTP_NAME: &str = "Authenticator app";

action! {
    /// Begins to enrol an authenticator app.
    BeginTotp = "mfa.begin_totp", Enrol, Human, Account, Fresh
}

action! {
    /// Enrols the authenticator app with its first code.
    ConfirmTotp = "mfa.confirm_totp", Enrol, Human, Account
}

action! {
    /// Removes an authenticator app.
    RemoveTotp = "mfa.remove_totp", Own, Human, Account, Fresh
}

/// What an authenticator app needs, shown once.
pub struct TotpOffer {
    /// The QR code, as SVG.
    pub qr_svg: Zeroizing<String>,
    /// The same as modules, for pages that draw it themselves.
    pub qr: Option<QrModules>,
    /// The secret in base 32, for typing.
    pub secret: Zeroizing<String>,
    /// The same as an `otpauth` URI.
    pub uri: Zeroizing<String>,
}

impl Accounts {
    /// Begins to enrol an authenticator app. It counts for nothing before its first code.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn begin_totp(&self, mut pass: Pass<BeginTotp>) -> Result<(TotpOffer, Receipt), Problem> {
        let (id, rng, clock) = (pass.account().account(), self.vault.rng(), self.vault.clock());
        let secret = Secret::generate(rng);
        let at = clock.now();
        let tx = pass.account().system().await?;
        let account = accounts::lock(tx, id).await?.ok_or_else(Problem::not_found)?;
        let keys = self.totp_keys(tx).await?;
        let sealed = keys.encrypt(secret.expose(), at, rng).map_err(|_| Problem::internal())?;
        let totp = TotpId::new(clock, rng);
        factors::begin_totp(tx, id, totp, TOTP_NAME, &sealed, at).await?;
        let issuer = self.site.name();
        let offer = TotpOffer {
            qr_svg: secret.qr_svg(issuer, &account.address),
            qr: secret.qr_modules(issuer, &account.address),
            secret: secret.base32(),
            uri: secret.uri(issuer, &account.address),
        };
        let draft = Draft::intent(EventKind::TotpAdded).subject("totp", totp);
        Ok((offer, pass.seal(draft).await?))
    }

    /// Enrols the app that was begun, with a code it shows. The first second factor comes with recovery codes, and the
    /// session counts as confirmed by it.
    ///
    /// # Errors
    /// When nothing was begun or the code does not match.
    pub async fn confirm_totp(
        &self,
        mut pass: Pass<ConfirmTotp>,
        visitor: Visitor<'_>,
        code: &str,
    ) -> Result<(Option<RecoveryCodes>, Receipt), Problem> {
        let (id, this, at) = (pass.account().account(), pass.account().session(), self.vault.clock().now());
        let target = Target::Code { account: id, session: Some(this) };
        let guess = self.admit(visitor, target, "mfa.confirm_totp").await?;
        let tx = pass.account().system().await?;
        let account = accounts::lock(tx, id).await?.ok_or_else(Problem::not_found)?;
        let all = factors::totps(tx, id).await?;
        let keys = self.totp_keys(tx).await?;
        let begun = all.iter().find(|totp| totp.confirmed_at.is_none());
        let step = match begun {
            None => None,
            Some(begun) => super::totp_keys::open(&keys, &begun.secret)?.check(code, at, None).ok(),
        };
        let (Some(begun), Some(step)) = (begun, step) else {
            return Err(pass.fail(Draft::refused(EventKind::TotpAdded), wrong_code()).await);
        };
        // One app per person: the new one takes the place of an old one.
        for old in all.iter().filter(|totp| totp.confirmed_at.is_some()) {
            factors::remove_totp(tx, id, old.id).await?;
        }
        let step = i64::try_from(step).map_err(|_| Problem::internal())?;
        factors::use_totp(tx, id, begun.id, step, at).await?;
        let codes = self.codes_with_factor(tx, id).await?;
        let methods = ["otp".to_owned(), "mfa".to_owned()];
        sessions::confirm(tx, id, this, Assurance::Aal2, &methods, at).await?;
        factors::show_second_factor(tx, id).await?;
        let letter = Letter::SecondFactorAdded {
            factor: SecondFactor::Totp,
            how: visitor.how(at),
            security: self.security_page()?,
        };
        self.write(tx, &account.address, &letter).await?;
        self.remember(tx, id, EventKind::TotpAdded, visitor).await?;
        let draft = Draft::done(EventKind::TotpAdded)
            .subject("totp", begun.id)
            .fact("recovery_codes", codes.is_some());
        tell_homes(&mut pass, EventKind::TotpAdded).await?;
        let receipt = pass.seal(draft).await?;
        self.forgive(guess).await?;
        Ok((codes, receipt))
    }

    /// Removes an authenticator app.
    ///
    /// # Errors
    /// When there is no such app.
    pub async fn remove_totp(
        &self,
        mut pass: Pass<RemoveTotp>,
        visitor: Visitor<'_>,
        totp: TotpId,
    ) -> Result<Receipt, Problem> {
        let (id, at) = (pass.account().account(), self.vault.clock().now());
        let tx = pass.account().system().await?;
        let account = accounts::lock(tx, id).await?.ok_or_else(Problem::not_found)?;
        if !factors::remove_totp(tx, id, totp).await? {
            return Err(pass
                .fail(Draft::failed(EventKind::TotpRemoved).subject("totp", totp), Problem::not_found())
                .await);
        }
        factors::show_second_factor(tx, id).await?;
        let letter = Letter::SecondFactorRemoved {
            factor: SecondFactor::Totp,
            how: visitor.how(at),
            security: self.security_page()?,
        };
        self.write(tx, &account.address, &letter).await?;
        self.remember(tx, id, EventKind::TotpRemoved, visitor).await?;
        tell_homes(&mut pass, EventKind::TotpRemoved).await?;
        pass.seal(Draft::done(EventKind::TotpRemoved).subject("totp", totp)).await
    }
}
