//! The ways in and out.

use app::accounts::own::{self, SignOut};
use app::accounts::sign_in::{Second, Step};
use app::accounts::{NewSession, SessionKind};
use kernel::Problem;

use super::answer::{Answer, Said};
use super::cookies::Cookie;
use super::posted::Posted;
use super::visit::{Visit, safe_path};
use crate::pages::{self, PasskeyPaths, SecondWay};
use crate::parts::Form;

/// The ceremony of signing in.
fn passkey() -> PasskeyPaths {
    PasskeyPaths { options: "/sign-in/passkey/options".into(), finish: "/sign-in/passkey".into() }
}

fn sign_in(visit: &Visit, form: Form, return_to: Option<String>) -> pages::SignIn {
    pages::SignIn {
        frame: visit.frame(),
        form,
        return_to,
        passkey: passkey(),
        sso: None,
        providers: Vec::new(),
        sign_up_open: true,
    }
}

/// `GET /sign-in`.
pub(super) async fn page(visit: Visit) -> Answer {
    if let Ok(Some(_)) = visit.human().await {
        return Answer::redirect("/");
    }
    let back = visit.query("return").and_then(|path| safe_path(&path));
    visit.settle(Answer::page(&sign_in(&visit, Form::blank(), back)))
}

/// `POST /sign-in`.
pub(super) async fn submit(posted: Posted) -> Answer {
    let visit = &posted.visit;
    let (email, password) = (posted.get("email"), posted.get("password").to_owned());
    let step = visit.state.accounts.sign_in(visit.visitor(), email, password, SessionKind::Browser).await;
    let back = posted.return_to();
    match step {
        Ok(Step::Done(opened)) => enter(visit, &opened, back.as_deref()),
        Ok(Step::SecondFactor(waiting)) => {
            let way = match (waiting.passkey, waiting.totp) {
                (true, _) => SecondWay::Passkey,
                (false, true) => SecondWay::App,
                (false, false) => SecondWay::Recovery,
            };
            let flags = [(waiting.passkey, "p"), (waiting.totp, "t"), (waiting.recovery, "r")];
            let ways: String = flags.into_iter().filter(|(has, _)| *has).map(|(_, flag)| flag).collect();
            let back =
                back.map(|path| format!("&return={}", super::visit::escaped(&path))).unwrap_or_default();
            let mut answer = Answer::redirect(&format!("/sign-in/second?way={}{back}", way.name()));
            let site = visit.site().clone();
            let ticket = format!("{ways}.{}", waiting.ticket.expose());
            Cookie::Ticket.keep(answer.headers_mut(), &site, &ticket);
            visit.settle(answer)
        }
        Err(problem) => {
            let form = refused_by(posted.form(&["email"]), &problem);
            visit.settle(Answer::form(&problem, &sign_in(visit, form, back)))
        }
    }
}

/// The form with what a problem says; what the house calls an address our forms call an e-mail.
pub(super) fn refused_by(form: Form, problem: &Problem) -> Form {
    let mut named = problem.clone();
    for error in &mut named.errors {
        if error.pointer == "/address" {
            "/email".clone_into(&mut error.pointer);
        }
        if error.pointer == "/old_password" {
            "/current".clone_into(&mut error.pointer);
        }
    }
    form.refused_by(&named)
}

/// Opens the console for a session that was just opened.
pub(super) fn enter(visit: &Visit, opened: &NewSession, back: Option<&str>) -> Answer {
    let site = visit.site().clone();
    let mut answer = Answer::redirect(back.unwrap_or("/"));
    set_session(&mut answer, visit, opened);
    Cookie::Ticket.clear(answer.headers_mut(), &site);
    Cookie::Visit.clear(answer.headers_mut(), &site);
    answer
}

/// The cookies of a session that was just opened.
pub(super) fn set_session(answer: &mut Answer, visit: &Visit, opened: &NewSession) {
    let site = visit.site().clone();
    let now = super::visit::now(&visit.state);
    let seconds = opened.expires_at.since(now).as_secs();
    if let Some(secret) = &opened.secret {
        Cookie::Session.set(answer.headers_mut(), &site, secret.expose(), Some(seconds));
    }
    if let Some(device) = &opened.device {
        Cookie::Device.keep(answer.headers_mut(), &site, device.expose());
    }
}

/// The waiting sign-in: the ways this person has, and the ticket.
pub(super) fn waiting(visit: &Visit) -> Option<(Vec<SecondWay>, String)> {
    let kept = visit.ticket()?;
    let (flags, ticket) = kept.split_once('.')?;
    let ways = [('p', SecondWay::Passkey), ('t', SecondWay::App), ('r', SecondWay::Recovery)];
    let ways = ways.into_iter().filter(|(flag, _)| flags.contains(*flag)).map(|(_, way)| way).collect();
    Some((ways, ticket.to_owned()))
}

fn second(
    visit: &Visit,
    ways: &[SecondWay],
    way: SecondWay,
    form: Form,
    back: Option<String>,
) -> pages::SecondFactor {
    pages::SecondFactor {
        frame: visit.frame(),
        form,
        way,
        others: ways.iter().copied().filter(|other| *other != way).collect(),
        passkey: PasskeyPaths { finish: "/sign-in/second/passkey".into(), ..passkey() },
        return_to: back,
    }
}

fn way_named(ways: &[SecondWay], name: &str) -> Option<SecondWay> {
    ways.iter().copied().find(|way| way.name() == name).or(ways.first().copied())
}

/// `GET /sign-in/second`.
pub(super) async fn second_page(visit: Visit) -> Answer {
    let Some((ways, _)) = waiting(&visit) else { return Answer::redirect("/sign-in") };
    let Some(way) = way_named(&ways, visit.query("way").as_deref().map_or("", |way| way)) else {
        return Answer::redirect("/sign-in");
    };
    let back = visit.query("return").and_then(|path| safe_path(&path));
    visit.settle(Answer::page(&second(&visit, &ways, way, Form::blank(), back)))
}

/// `POST /sign-in/second`.
pub(super) async fn second_submit(posted: Posted) -> Answer {
    let visit = &posted.visit;
    let Some((ways, ticket)) = waiting(visit) else { return Answer::redirect("/sign-in") };
    let way = way_named(&ways, posted.get("way")).unwrap_or(SecondWay::App);
    let code = posted.get("code").to_owned();
    let factor = if way == SecondWay::Recovery { Second::Recovery(code) } else { Second::Totp(code) };
    let back = posted.return_to();
    match visit.state.accounts.sign_in_second(visit.visitor(), &ticket, factor).await {
        Ok(opened) => enter(visit, &opened, back.as_deref()),
        Err(problem) => {
            let form = Form::blank().refuse("code", problem.detail.clone());
            visit.settle(Answer::form(&problem, &second(visit, &ways, way, form, back)))
        }
    }
}

/// `GET /sign-out`.
pub(super) async fn sign_out_page(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let page = pages::SignOut { frame: visit.frame(), email: human.address().to_owned() };
    Ok(visit.settle(Answer::page(&page)))
}

/// `POST /sign-out`.
pub(super) async fn sign_out(posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let site = visit.site().clone();
    if let Ok(human) = visit.signed_in().await {
        let pass = visit.enter::<SignOut>(human).await?;
        own::sign_out(pass).await.map_err(|problem| visit.refused(&problem))?;
    }
    let mut answer = Answer::redirect("/sign-in").saying(&site, Said::SignedOut);
    Cookie::Session.clear(answer.headers_mut(), &site);
    Ok(answer)
}
