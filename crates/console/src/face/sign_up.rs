//! An account for oneself, and a new password.

use app::accounts::SessionKind;
use app::accounts::sign_up::SignUp;
use app::input::Name;
use authn::password::PASSWORD_CHARS_MIN;
use kernel::limits::{RESET_LINK_SECONDS, VERIFY_LINK_SECONDS};
use kernel::{Problem, ProblemKind};
use mail::Address;

use super::answer::{Answer, Said};
use super::cookies::Cookie;
use super::posted::Posted;
use super::sign_in::{enter, refused_by};
use super::visit::Visit;
use crate::pages::{self, LinkKind, MailKind};
use crate::parts::{Form, Secret};

/// The shortest password that is taken, for pages.
pub(super) fn password_min() -> u32 {
    u32::try_from(PASSWORD_CHARS_MIN).unwrap_or(u32::MAX)
}

/// The page of a link that does not work, or of another problem.
pub(super) fn spent(visit: &Visit, problem: &Problem, kind: LinkKind) -> Answer {
    if problem.kind != ProblemKind::NotFound {
        return visit.refused(problem);
    }
    visit.settle(Answer::form(problem, &pages::LinkSpent { frame: visit.frame(), kind }))
}

fn sign_up(visit: &Visit, form: Form) -> pages::SignUp {
    pages::SignUp { frame: visit.frame(), form, password_characters_min: password_min() }
}

/// `GET /sign-up`.
pub(super) async fn page(visit: Visit) -> Answer {
    visit.settle(Answer::page(&sign_up(&visit, Form::blank())))
}

/// Address and name of a form.
pub(super) fn who(posted: &Posted) -> Result<(Address, Name), Problem> {
    let address = Address::parse(posted.get("email"));
    let address = address.map_err(|error| Problem::invalid("/email", error.to_string()))?;
    Ok((address, Name::parse(posted.get("name").to_owned(), "/name")?))
}

/// `POST /sign-up`.
pub(super) async fn submit(posted: Posted) -> Answer {
    let visit = &posted.visit;
    let done = match who(&posted) {
        Err(problem) => Err(problem),
        Ok((address, name)) => {
            let new = SignUp { address, name, password: posted.get("password").to_owned() };
            visit.state.accounts.sign_up(visit.visitor(), new).await
        }
    };
    match done {
        Ok(()) => Answer::redirect("/sign-up/sent"),
        Err(problem) => {
            let form = refused_by(posted.form(&["name", "email"]), &problem);
            visit.settle(Answer::form(&problem, &sign_up(visit, form)))
        }
    }
}

fn mail_sent(visit: &Visit, kind: MailKind, seconds: u64) -> Answer {
    let minutes_valid = u32::try_from(seconds / 60).unwrap_or(u32::MAX);
    visit.settle(Answer::page(&pages::MailSent { frame: visit.frame(), kind, minutes_valid }))
}

/// `GET /sign-up/sent`.
pub(super) async fn sent(visit: Visit) -> Answer {
    mail_sent(&visit, MailKind::SignUp, VERIFY_LINK_SECONDS)
}

/// `GET /reset/sent`.
pub(super) async fn reset_sent(visit: Visit) -> Answer {
    mail_sent(&visit, MailKind::Reset, RESET_LINK_SECONDS)
}

/// `GET /security/email/sent`.
pub(super) async fn email_sent(visit: Visit) -> Answer {
    mail_sent(&visit, MailKind::EmailChange, VERIFY_LINK_SECONDS)
}

fn verify_form(visit: &Visit, form: Form, token: &str) -> pages::Verify {
    pages::Verify { frame: visit.frame(), form, token: Secret::new(token) }
}

/// `GET /verify?t=`: asks for the password that was chosen.
pub(super) async fn verify_page(visit: Visit) -> Answer {
    let Some(token) = visit.query("t") else { return spent(&visit, &Problem::not_found(), LinkKind::Verify) };
    visit.settle(Answer::page(&verify_form(&visit, Form::blank(), &token)))
}

/// `POST /verify`.
pub(super) async fn verify(posted: Posted) -> Answer {
    let visit = &posted.visit;
    let (token, password) = (posted.get("t"), posted.get("password").to_owned());
    match visit.state.accounts.verify(visit.visitor(), token, password, SessionKind::Browser).await {
        Ok(opened) => enter(visit, &opened, None),
        Err(problem) if problem.kind == ProblemKind::NotFound => spent(visit, &problem, LinkKind::Verify),
        Err(problem) => {
            let form = Form::blank().refused_by(&problem);
            visit.settle(Answer::form(&problem, &verify_form(visit, form, token)))
        }
    }
}

/// `GET /reset`.
pub(super) async fn reset_page(visit: Visit) -> Answer {
    visit.settle(Answer::page(&pages::Reset { frame: visit.frame(), form: Form::blank() }))
}

/// `POST /reset`.
pub(super) async fn reset(posted: Posted) -> Answer {
    let visit = &posted.visit;
    match visit.state.accounts.request_reset(visit.visitor(), posted.get("email")).await {
        Ok(()) => Answer::redirect("/reset/sent"),
        Err(problem) => {
            let form = refused_by(posted.form(&["email"]), &problem);
            visit.settle(Answer::form(&problem, &pages::Reset { frame: visit.frame(), form }))
        }
    }
}

fn reset_form(visit: &Visit, form: Form, token: &str) -> pages::ResetNew {
    pages::ResetNew {
        frame: visit.frame(),
        form,
        token: Secret::new(token),
        email: String::new(),
        password_characters_min: password_min(),
    }
}

/// `GET /reset/new?t=`.
pub(super) async fn reset_new_page(visit: Visit) -> Answer {
    let token = visit.query("t").unwrap_or_default();
    if let Err(problem) = visit.state.accounts.reset_link_works(&token).await {
        return spent(&visit, &problem, LinkKind::Reset);
    }
    visit.settle(Answer::page(&reset_form(&visit, Form::blank(), &token)))
}

/// `POST /reset/new`.
pub(super) async fn reset_new(posted: Posted) -> Answer {
    let visit = &posted.visit;
    let (token, password) = (posted.get("t"), posted.get("password").to_owned());
    let site = visit.site().clone();
    match visit.state.accounts.reset(visit.visitor(), token, password, SessionKind::Browser).await {
        Ok(renewed) => {
            let mut answer = Answer::redirect("/sign-in").saying(&site, Said::PasswordReset);
            if let Some(device) = &renewed.device {
                Cookie::Device.keep(answer.headers_mut(), &site, device.expose());
            }
            answer
        }
        Err(problem) if problem.kind == ProblemKind::NotFound => spent(visit, &problem, LinkKind::Reset),
        Err(problem) => {
            let form = Form::blank().refused_by(&problem);
            visit.settle(Answer::form(&problem, &reset_form(visit, form, token)))
        }
    }
}
