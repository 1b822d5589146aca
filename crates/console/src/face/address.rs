//! Another address for one's account.

use app::accounts::address::{ChangeAddress, ConfirmAddress, WithdrawAddressChange, withdraw};
use gates::Human;
use kernel::ProblemKind;

use super::answer::{Answer, Said};
use super::posted::Posted;
use super::sign_in::refused_by;
use super::sign_up::spent;
use super::visit::{Visit, escaped};
use crate::layout::Room;
use crate::pages::{self, LinkKind};
use crate::parts::{Form, Tone};

async fn form_page(visit: &Visit, human: &Human, form: Form) -> Result<pages::SecurityEmail, Answer> {
    let own = visit.account(human).await?;
    let shell = visit.shell(human, Some(Room::Security));
    Ok(pages::SecurityEmail { shell, form, pending: own.pending_address })
}

/// `GET /security/email`.
pub(super) async fn page(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let page = form_page(&visit, &human, Form::blank()).await?;
    Ok(visit.settle(Answer::page(&page)))
}

/// `POST /security/email`.
pub(super) async fn submit(posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let pass = visit.enter::<ChangeAddress>(human).await?;
    match visit.state.accounts.change_address(pass, visit.visitor(), posted.get("email")).await {
        Ok(_) => Ok(Answer::redirect("/security/email/sent")),
        Err(problem) => {
            let human = visit.signed_in().await?;
            let page = form_page(visit, &human, refused_by(posted.form(&["email"]), &problem)).await?;
            Ok(visit.settle(Answer::form(&problem, &page)))
        }
    }
}

/// `POST /security/email/withdraw`. Withdrawn twice, from two tabs, is withdrawn.
pub(super) async fn withdrawn(posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let pass = visit.enter::<WithdrawAddressChange>(human).await?;
    match withdraw(pass).await {
        Err(problem) if problem.kind != ProblemKind::NotFound => Err(visit.refused(&problem)),
        _ => {
            Ok(Answer::redirect("/security/email").saying(&visit.site().clone(), Said::EmailChangeWithdrawn))
        }
    }
}

/// `GET /security/email/confirm?t=`: one press, so that a mail scanner that follows links confirms nothing. It names the
/// account, and asks nobody who did not ask for it.
pub(super) async fn confirm_page(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let token = visit.query("t").unwrap_or_default();
    let new = visit.state.accounts.address_asked_for(human.account(), &token).await;
    let new = new.map_err(|problem| spent(&visit, &problem, LinkKind::EmailChange))?;
    let shell = visit.shell(&human, Some(Room::Security));
    let page = pages::Confirm {
        shell,
        title: "Confirm your new address".into(),
        lead: format!(
            "You are signed in to the account with the address {}. It gets the address {new} instead.",
            human.address()
        ),
        effects: vec![
            format!("You sign in with {new}, and letters go there."),
            format!("{} gets a last letter, to say so.", human.address()),
        ],
        action: format!("/security/email/confirm?t={}", escaped(&token)),
        button: "Confirm the address".into(),
        tone: Tone::Accent,
        cancel: "/security".into(),
    };
    Ok(visit.settle(Answer::page(&page)))
}

/// `POST /security/email/confirm?t=`.
pub(super) async fn confirm(posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let token = visit.query("t").unwrap_or_default();
    let pass = visit.enter::<ConfirmAddress>(human).await?;
    let done = visit.state.accounts.confirm_address(pass, visit.visitor(), &token).await;
    done.map_err(|problem| spent(visit, &problem, LinkKind::EmailChange))?;
    Ok(Answer::redirect("/security").saying(&visit.site().clone(), Said::EmailChanged))
}
