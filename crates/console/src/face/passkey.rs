//! The passkey ceremonies, as the console's script speaks them.

use app::accounts::codes::RecoveryCodes;
use app::accounts::first::First;
use app::accounts::join::Newcomer;
use app::accounts::newcomers::Secret;
use app::accounts::passkeys::{AddPasskey, BeginPasskey, Ceremony};
use app::accounts::step_up::{Factor, StepUp};
use app::accounts::{NewSession, SessionKind};
use app::input::Name;
use http::StatusCode;
use kernel::{AccountId, Problem, ProblemKind};
use mail::Address;
use serde_json::{Value, json};

use super::answer::{Answer, Said};
use super::cookies::Cookie;
use super::posted::Script;
use super::sign_in::{set_session, waiting};
use super::visit::{Visit, safe_path};

/// What a passkey is called whose owner gave it no name.
const NAME: &str = "Passkey";

fn options(ceremony: &Ceremony) -> Answer {
    let asked: Value = serde_json::from_str(&ceremony.options).unwrap_or_default();
    let body = json!({ "ceremony": ceremony.token.expose(), "publicKey": asked["publicKey"] });
    Answer::json(StatusCode::OK, &body)
}

fn on(path: &str) -> Answer {
    Answer::json(StatusCode::OK, &json!({ "location": path }))
}

/// A refusal for the script; where the page must go somewhere first, it is told where.
fn refused(problem: &Problem) -> Answer {
    match problem.kind {
        ProblemKind::StepUp => Answer::json_problem(&Problem::new(
            ProblemKind::StepUp,
            "Confirm that it is you first: open this page again, and you will be asked.",
        )),
        _ => Answer::json_problem(problem),
    }
}

/// `POST /sign-in/passkey/options`, also for confirming.
pub(super) async fn ask(script: Script) -> Answer {
    let visit = &script.visit;
    match visit.state.accounts.ask_for_passkey().await {
        Ok(ceremony) => visit.settle(options(&ceremony)),
        Err(problem) => refused(&problem),
    }
}

/// `POST /sign-in/passkey`: the first factor and the last.
pub(super) async fn sign_in(script: Script) -> Answer {
    signed_in(&script, None).await
}

/// `POST /sign-in/second/passkey`: the second factor of a sign-in that waits.
pub(super) async fn second(script: Script) -> Answer {
    match waiting(&script.visit) {
        Some((_, ticket)) => signed_in(&script, Some(&ticket)).await,
        None => on("/sign-in"),
    }
}

async fn signed_in(script: &Script, ticket: Option<&str>) -> Answer {
    let visit = &script.visit;
    let answer = script.credential();
    let opened = visit
        .state
        .accounts
        .sign_in_passkey(visit.visitor(), ticket, script.text("ceremony"), &answer, SessionKind::Browser)
        .await;
    match opened {
        Ok(opened) => {
            let back = safe_path(script.text("return"));
            let mut answer = on(back.as_deref().unwrap_or("/"));
            set_session(&mut answer, visit, &opened);
            let site = visit.site().clone();
            Cookie::Ticket.clear(answer.headers_mut(), &site);
            Cookie::Visit.clear(answer.headers_mut(), &site);
            answer
        }
        Err(problem) => refused(&problem),
    }
}

/// `POST /step-up/passkey`.
pub(super) async fn step_up(script: Script) -> Result<Answer, Answer> {
    let visit = &script.visit;
    let human = visit.signed_in().await?;
    let pass = visit.enter::<StepUp>(human).await?;
    let factor =
        Factor::Passkey { ceremony: script.text("ceremony").to_owned(), answer: script.credential() };
    match visit.state.accounts.step_up(pass, visit.visitor(), factor).await {
        Ok(_) => {
            let back = safe_path(script.text("return"));
            Ok(on(back.as_deref().unwrap_or("/")).saying(&visit.site().clone(), Said::SteppedUp))
        }
        Err(problem) => Err(refused(&problem)),
    }
}

/// `POST /security/passkeys/options`.
pub(super) async fn begin(script: Script) -> Result<Answer, Answer> {
    let visit = &script.visit;
    let human = visit.signed_in().await?;
    let principal = gates::Caller::principal(&human);
    let pass = visit.state.vault().enter::<BeginPasskey>(principal, visit.context.clone()).await;
    let pass = pass.map_err(|problem| refused(&problem))?;
    let (ceremony, _) =
        visit.state.accounts.begin_passkey(pass).await.map_err(|problem| refused(&problem))?;
    Ok(options(&ceremony))
}

/// `POST /security/passkeys`.
pub(super) async fn add(script: Script) -> Result<Answer, Answer> {
    let visit = &script.visit;
    let human = visit.signed_in().await?;
    let account = human.account();
    let typed = Some(script.text("name")).filter(|name| !name.trim().is_empty()).unwrap_or(NAME);
    let name = Name::parse(typed.to_owned(), "/name").map_err(|problem| refused(&problem))?;
    let principal = gates::Caller::principal(&human);
    let pass = visit.state.vault().enter::<AddPasskey>(principal, visit.context.clone()).await;
    let pass = pass.map_err(|problem| refused(&problem))?;
    let answer = script.credential();
    let added =
        visit.state.accounts.add_passkey(pass, visit.visitor(), script.text("ceremony"), &answer, name).await;
    let (_, codes, _) = added.map_err(|problem| refused(&problem))?;
    Ok(on_to_codes(visit, account, codes.as_ref()).await)
}

/// A passkey is there. The first factor leads on to its recovery codes, which are shown there and never again.
async fn on_to_codes(visit: &Visit, account: AccountId, codes: Option<&RecoveryCodes>) -> Answer {
    let site = visit.site().clone();
    let Some(codes) = codes else { return on("/security").saying(&site, Said::PasskeyAdded) };
    let mut answer = on("/security/recovery-codes").saying(&site, Said::PasskeyAdded);
    match visit.state.accounts.keep_to_show(account, codes).await {
        Ok(kept) => Cookie::Codes.keep(answer.headers_mut(), &site, kept.expose()),
        // The passkey is enrolled; new codes can be made on that page.
        Err(problem) => tracing::warn!(%problem, "recovery codes could not be kept for their page"),
    }
    answer
}

/// The session of somebody who just made an account with a passkey, and the way on.
async fn begun(script: &Script, opened: Result<NewSession, Problem>) -> Answer {
    match opened {
        Ok(opened) => {
            let visit = &script.visit;
            let mut answer = on_to_codes(visit, opened.account, opened.recovery_codes.as_ref()).await;
            set_session(&mut answer, visit, &opened);
            let site = visit.site().clone();
            Cookie::Visit.clear(answer.headers_mut(), &site);
            answer
        }
        Err(problem) => refused(&problem),
    }
}

fn newcomer(script: &Script) -> Secret {
    Secret::Passkey { ceremony: script.text("ceremony").to_owned(), answer: script.credential() }
}

fn who(script: &Script) -> Result<(Address, Name), Problem> {
    let address = Address::parse(script.text("email"));
    let address = address.map_err(|error| Problem::invalid("/email", error.to_string()))?;
    Ok((address, name_of(script)?))
}

fn name_of(script: &Script) -> Result<Name, Problem> {
    Name::parse(script.text("name").to_owned(), "/name")
}

/// `POST /welcome/passkey/options`.
pub(super) async fn welcome_options(script: Script) -> Answer {
    let begun = match who(&script) {
        Ok((address, name)) => {
            let accounts = &script.visit.state.accounts;
            accounts.begin_welcome_passkey(script.text("t"), &address, name).await
        }
        Err(problem) => Err(problem),
    };
    begun.map_or_else(|problem| refused(&problem), |ceremony| script.visit.settle(options(&ceremony)))
}

/// `POST /welcome/passkey`: the first administrator, without a password.
pub(super) async fn welcome(script: Script) -> Answer {
    let visit = &script.visit;
    let opened = match who(&script) {
        Ok((address, name)) => {
            let new = First { address, name, secret: newcomer(&script) };
            visit.state.accounts.welcome(visit.visitor(), script.text("t"), new, SessionKind::Browser).await
        }
        Err(problem) => Err(problem),
    };
    begun(&script, opened).await
}

/// `POST /invitation/passkey/options`.
pub(super) async fn invitation_options(script: Script) -> Answer {
    let begun = match name_of(&script) {
        Ok(name) => script.visit.state.accounts.begin_invitation_passkey(script.text("t"), name).await,
        Err(problem) => Err(problem),
    };
    begun.map_or_else(|problem| refused(&problem), |ceremony| script.visit.settle(options(&ceremony)))
}

/// `POST /invitation/passkey`: somebody who was invited, without a password.
pub(super) async fn invitation(script: Script) -> Answer {
    let visit = &script.visit;
    let opened = match name_of(&script) {
        Ok(name) => {
            let new = Newcomer { name, secret: newcomer(&script) };
            visit.state.accounts.accept_new(visit.visitor(), script.text("t"), new).await
        }
        Err(problem) => Err(problem),
    };
    begun(&script, opened).await
}
