//! Confirming once more that it is really them.

use app::accounts::own::Own;
use app::accounts::step_up::{Factor, StepUp};
use gates::Human;
use kernel::limits::STEP_UP_SECONDS_MAX;

use super::answer::{Answer, Said};
use super::posted::Posted;
use super::visit::{Visit, safe_path};
use crate::pages::{self, PasskeyPaths, SecondWay};
use crate::parts::Form;

/// The ways this person has; the password alone counts only for those without a second factor.
fn ways(own: &Own) -> Vec<SecondWay> {
    let mut ways = Vec::new();
    if !own.passkeys.is_empty() {
        ways.push(SecondWay::Passkey);
    }
    if !own.totps.is_empty() {
        ways.push(SecondWay::App);
    }
    if ways.is_empty() {
        ways.push(SecondWay::Password);
    }
    ways
}

/// What a path is for, after the words "You are about to".
fn about_to(path: &str) -> String {
    let known = [
        ("/security/passkeys", "change your passkeys"),
        ("/security/totp", "change your authenticator app"),
        ("/security/recovery-codes", "make new recovery codes"),
        ("/security/password", "change your password"),
        ("/security/email", "change your address"),
        ("/keys", "change API keys"),
        ("/members", "change who may do what"),
        ("/evidence", "take evidence away, or hand it to others"),
        ("/break-glass", "go beyond what your role allows"),
        ("/policies", "change what everybody here may do"),
        ("/settings", "change the rules of your organization"),
    ];
    let found = known.iter().find(|(start, _)| path.starts_with(start));
    found.map_or("do something that matters", |(_, words)| words).to_owned()
}

async fn form_page(
    visit: &Visit,
    human: &Human,
    wanted: &str,
    form: Form,
    back: &str,
) -> Result<pages::StepUp, Answer> {
    let own = visit.account(human).await?;
    let ways = ways(&own);
    let first = ways.first().copied().unwrap_or(SecondWay::Password);
    let way = ways.iter().copied().find(|way| way.name() == wanted).unwrap_or(first);
    Ok(pages::StepUp {
        frame: visit.frame_of(human),
        form,
        about_to: about_to(back),
        way,
        others: ways.into_iter().filter(|other| *other != way).collect(),
        passkey: PasskeyPaths {
            options: "/sign-in/passkey/options".into(),
            finish: "/step-up/passkey".into(),
        },
        return_to: back.to_owned(),
        minutes: u32::try_from(STEP_UP_SECONDS_MAX / 60).unwrap_or(10),
    })
}

/// `GET /step-up`.
pub(super) async fn page(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let back = visit.query("return").and_then(|path| safe_path(&path)).unwrap_or_else(|| "/".to_owned());
    let way = visit.query("way").unwrap_or_default();
    let page = form_page(&visit, &human, &way, Form::blank(), &back).await?;
    Ok(visit.settle(Answer::page(&page)))
}

/// `POST /step-up`.
pub(super) async fn submit(posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let back = posted.return_to().unwrap_or_else(|| "/".to_owned());
    let way = posted.get("way").to_owned();
    let field = if way == SecondWay::Password.name() { "password" } else { "code" };
    let typed = posted.get(field).to_owned();
    let factor =
        if way == SecondWay::Password.name() { Factor::Password(typed) } else { Factor::Totp(typed) };
    let pass = visit.enter::<StepUp>(human).await?;
    match visit.state.accounts.step_up(pass, visit.visitor(), factor).await {
        Ok(_) => Ok(Answer::redirect(&back).saying(&visit.site().clone(), Said::SteppedUp)),
        Err(problem) => {
            let human = visit.signed_in().await?;
            let form = Form::blank().refuse(field, problem.detail.clone());
            let page = form_page(visit, &human, &way, form, &back).await?;
            Ok(visit.settle(Answer::form(&problem, &page)))
        }
    }
}
