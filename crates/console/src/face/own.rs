//! What is one's own: security, sessions, enrolment.

use app::accounts::codes::MakeRecoveryCodes;
use app::accounts::factors::{BeginTotp, ConfirmTotp, RemoveTotp, TotpOffer};
use app::accounts::own::{
    self, ChangePassword, EndOtherSessions, EndOwnSession, ListOwnSessions, Own, ReadAccount,
};
use app::accounts::passkeys::{self, RemovePasskey, RenamePasskey};
use app::input::Name;
use authn::recovery::RecoveryCode;
use axum::extract::Path;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gates::Human;
use http::HeaderValue;
use http::header::SET_COOKIE;
use kernel::{PasskeyId, Problem, SessionId, Timestamp, TotpId};

use super::answer::{Answer, Said};
use super::cookies::Cookie;
use super::lately::{delegation_row, event_row};
use super::posted::Posted;
use super::sign_in::refused_by;
use super::sign_up::password_min;
use super::visit::{Visit, now, pass};
use crate::layout::{Room, Theme};
use crate::pages::{self, Advice, PasskeyPaths, PasskeyRow, SessionRow};
use crate::parts::{Form, Qr, Secret, Tone, When};

/// How long a browser remembers light or dark, in seconds (one year).
const THEME_SECONDS: u64 = 365 * 24 * 3_600;

/// `POST /theme`.
pub(super) async fn theme(posted: Posted) -> Answer {
    let theme = Theme::named(posted.get("theme"));
    let mut answer = Answer::redirect(posted.return_to().as_deref().unwrap_or("/"));
    let line = format!("{}={}; Path=/; SameSite=Lax; Max-Age={THEME_SECONDS}", Theme::COOKIE, theme.name());
    if let Ok(line) = HeaderValue::from_str(&line) {
        answer.headers_mut().append(SET_COOKIE, line);
    }
    answer
}

fn passkey_row(passkey: &own::Passkey, at: Timestamp) -> PasskeyRow {
    PasskeyRow {
        id: passkey.id.to_string(),
        name: passkey.name.clone(),
        provider: passkey.provider.clone().unwrap_or_else(|| "Passkey".to_owned()),
        created: When::seen(passkey.created_at, at),
        last_used: passkey.last_used_at.map(|used| When::seen(used, at)),
        credential: URL_SAFE_NO_PAD.encode(&passkey.credential_id),
    }
}

fn advice(own: &Own) -> Vec<Advice> {
    let mut advice = Vec::new();
    if own.passkeys.is_empty() {
        advice.push(Advice {
            tone: Tone::Accent,
            title: "Add a passkey".into(),
            why: "Your device's lock signs you in. Nobody can copy it or talk you out of it.".into(),
            button: "Add a passkey".into(),
            path: "/security/passkeys/new".into(),
        });
    }
    let second = !own.passkeys.is_empty() || !own.totps.is_empty();
    if second && own.recovery_codes < 3 {
        advice.push(Advice {
            tone: Tone::Warn,
            title: "Make recovery codes".into(),
            why: "They let you in on the day your device is lost.".into(),
            button: "Make codes".into(),
            path: "/security/recovery-codes".into(),
        });
    }
    advice
}

/// `GET /security`.
pub(super) async fn security(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let pass = pass::<ReadAccount>(&visit, &human).await?;
    let (read, _) = app::accounts::events::security(pass).await.map_err(|problem| visit.refused(&problem))?;
    let (own, at) = (read.own, now(&visit.state));
    let page = pages::Security {
        shell: visit.shell(&human, Some(Room::Security)),
        advice: advice(&own),
        passkeys: own.passkeys.iter().map(|passkey| passkey_row(passkey, at)).collect(),
        account: own.id.to_string(),
        relying_party: visit.site().domain().to_owned(),
        password_changed: own.password_changed_at.map(|changed| When::seen(changed, at)),
        totp_since: own.totps.first().and_then(|totp| totp.confirmed_at).map(|since| When::seen(since, at)),
        recovery_codes_left: u32::try_from(own.recovery_codes).unwrap_or(0),
        delegations: read.delegations.iter().map(|held| delegation_row(held, at)).collect(),
        events: read.events.iter().map(|event| event_row(event, at)).collect(),
    };
    Ok(visit.settle(Answer::page(&page)))
}

async fn password_form(visit: &Visit, human: &Human, form: Form) -> Result<pages::SecurityPassword, Answer> {
    let own = visit.account(human).await?;
    Ok(pages::SecurityPassword {
        shell: visit.shell(human, Some(Room::Security)),
        form,
        has_password: own.password_changed_at.is_some(),
        password_characters_min: password_min(),
    })
}

/// `GET /security/password`.
pub(super) async fn password_page(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let page = password_form(&visit, &human, Form::blank()).await?;
    Ok(visit.settle(Answer::page(&page)))
}

/// `POST /security/password`.
pub(super) async fn password(posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let pass = visit.enter::<ChangePassword>(human).await?;
    let (old, new) = (posted.optional("current"), posted.get("password").to_owned());
    match visit.state.accounts.change_password(pass, visit.visitor(), old, new).await {
        Ok(_) => Ok(Answer::redirect("/security").saying(&visit.site().clone(), Said::PasswordChanged)),
        Err(problem) => {
            let human = visit.signed_in().await?;
            let page = password_form(visit, &human, refused_by(Form::blank(), &problem)).await?;
            Ok(visit.settle(Answer::form(&problem, &page)))
        }
    }
}

/// The picture of an enrolment. Nothing could be drawn only of names longer than any of ours.
fn qr(offer: &TotpOffer) -> Qr {
    let label = "QR code for your authenticator app";
    offer.qr.as_ref().map_or_else(|| Qr::new(1, &[false], label), |qr| Qr::new(qr.width, &qr.dark, label))
}

async fn totp_form(visit: &Visit, human: Human, form: Form) -> Result<pages::SecurityTotp, Answer> {
    let own = visit.account(&human).await?;
    let shell = visit.shell(&human, Some(Room::Security));
    let pass = visit.enter::<BeginTotp>(human).await?;
    let begun = visit.state.accounts.begin_totp(pass).await;
    let (offer, _) = begun.map_err(|problem| visit.refused(&problem))?;
    Ok(pages::SecurityTotp {
        shell,
        form,
        qr: qr(&offer),
        secret: Secret::new(offer.secret.as_str()),
        replaces: !own.totps.is_empty(),
    })
}

/// `POST /enrol/codes`: on to what the enrolment stood in the way of.
pub(super) async fn enrol_codes_stored(posted: Posted) -> Answer {
    let there = posted.return_to();
    Answer::redirect(there.as_deref().unwrap_or("/")).saying(&posted.visit.site().clone(), Said::CodesStored)
}

/// `GET /security/totp`.
pub(super) async fn totp_page(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let page = totp_form(&visit, human, Form::blank()).await?;
    Ok(visit.settle(Answer::page(&page)))
}

async fn confirm_totp(visit: &Visit, code: &str) -> Result<Result<Option<Vec<Secret>>, Problem>, Answer> {
    let human = visit.signed_in().await?;
    let pass = visit.enter::<ConfirmTotp>(human).await?;
    let confirmed = visit.state.accounts.confirm_totp(pass, visit.visitor(), code).await;
    Ok(confirmed.map(|(codes, _)| codes.map(|codes| shown(&codes))))
}

fn shown(codes: &[RecoveryCode]) -> Vec<Secret> {
    codes.iter().map(|code| Secret::new(code.expose())).collect()
}

/// `POST /security/totp`. A code that does not match begins anew with another secret: the one shown before may have been
/// seen by somebody.
pub(super) async fn totp(posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    match confirm_totp(visit, posted.get("code")).await? {
        Ok(Some(codes)) => codes_shown(visit, codes).await,
        Ok(None) => Ok(Answer::redirect("/security").saying(&visit.site().clone(), Said::TotpAdded)),
        Err(problem) => {
            let human = visit.signed_in().await?;
            let form = Form::blank().refuse("code", problem.detail.clone());
            let page = totp_form(visit, human, form).await?;
            Ok(visit.settle(Answer::form(&problem, &page)))
        }
    }
}

async fn codes_shown(visit: &Visit, codes: Vec<Secret>) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let left = u32::try_from(codes.len()).unwrap_or(0);
    let shell = visit.shell(&human, Some(Room::Security));
    let page = pages::RecoveryCodes { shell, codes, left, made: None };
    Ok(visit.settle(Answer::page(&page)))
}

/// `GET /security/totp/remove`.
pub(super) async fn totp_remove_page(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let shell = visit.shell(&human, Some(Room::Security));
    let page = pages::Confirm {
        shell,
        title: "Remove your authenticator app".into(),
        lead: "Its codes will not work any more.".into(),
        effects: vec![
            "You sign in with your password, and a passkey if you have one.".into(),
            "If your organization asks for a second factor, you must set up another at once.".into(),
        ],
        action: "/security/totp/remove".into(),
        button: "Remove the app".into(),
        tone: Tone::Bad,
        cancel: "/security".into(),
    };
    Ok(visit.settle(Answer::page(&page)))
}

/// `POST /security/totp/remove`.
pub(super) async fn totp_remove(posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let own = visit.account(&human).await?;
    let id: TotpId =
        own.totps.first().map(|totp| totp.id).ok_or_else(|| visit.refused(&Problem::not_found()))?;
    let pass = visit.enter::<RemoveTotp>(human).await?;
    let removed = visit.state.accounts.remove_totp(pass, visit.visitor(), id).await;
    removed.map_err(|problem| visit.refused(&problem))?;
    Ok(Answer::redirect("/security").saying(&visit.site().clone(), Said::TotpRemoved))
}

/// `GET /security/recovery-codes`: those that were made a moment ago, or what there is.
pub(super) async fn codes_page(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    if let Some(kept) = Cookie::Codes.read(&visit.headers, visit.site()) {
        let codes = visit.state.accounts.kept_to_show(human.account(), &kept).await;
        if let Some(codes) = codes.map_err(|problem| visit.refused(&problem))? {
            return codes_shown(&visit, codes.iter().map(|code| Secret::new(code.as_str())).collect()).await;
        }
    }
    let own = visit.account(&human).await?;
    let left = u32::try_from(own.recovery_codes).unwrap_or(0);
    let shell = visit.shell(&human, Some(Room::Security));
    let page = pages::RecoveryCodes { shell, codes: Vec::new(), left, made: None };
    Ok(visit.settle(Answer::page(&page)))
}

/// `POST /security/recovery-codes`: makes them and shows them this once.
pub(super) async fn codes(posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let pass = visit.enter::<MakeRecoveryCodes>(human).await?;
    let made = visit.state.accounts.make_recovery_codes(pass, visit.visitor()).await;
    let (codes, _) = made.map_err(|problem| visit.refused(&problem))?;
    // Those of a moment ago are void.
    let mut answer = codes_shown(visit, shown(&codes)).await?;
    Cookie::Codes.clear(answer.headers_mut(), &visit.site().clone());
    Ok(answer)
}

/// `POST /security/recovery-codes/stored`.
pub(super) async fn codes_stored(posted: Posted) -> Answer {
    let visit = &posted.visit;
    let site = visit.site().clone();
    let mut answer = Answer::redirect("/security").saying(&site, Said::CodesStored);
    if let Some(kept) = Cookie::Codes.read(&visit.headers, &site) {
        // What cannot be forgotten now is forgotten in a few minutes.
        if let Err(problem) = visit.state.accounts.shown(&kept).await {
            tracing::warn!(%problem, "recovery codes that were shown are still kept");
        }
        Cookie::Codes.clear(answer.headers_mut(), &site);
    }
    answer
}

fn making() -> PasskeyPaths {
    PasskeyPaths { options: "/security/passkeys/options".into(), finish: "/security/passkeys".into() }
}

/// `GET /security/passkeys/new`.
pub(super) async fn passkey_new_page(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let shell = visit.shell(&human, Some(Room::Security));
    let page = pages::PasskeyNew { shell, form: Form::blank(), passkey: making() };
    Ok(visit.settle(Answer::page(&page)))
}

async fn one_passkey(visit: &Visit, id: &str) -> Result<(Human, Own, PasskeyId), Answer> {
    let human = visit.signed_in().await?;
    let own = visit.account(&human).await?;
    let id: PasskeyId = id.parse().map_err(|_| visit.refused(&Problem::not_found()))?;
    Ok((human, own, id))
}

/// `GET /security/passkeys/{id}`.
pub(super) async fn passkey_page(Path(id): Path<String>, visit: Visit) -> Result<Answer, Answer> {
    let (human, own, id) = one_passkey(&visit, &id).await?;
    let found = own.passkeys.iter().find(|passkey| passkey.id == id);
    let passkey = found.map(|passkey| passkey_row(passkey, now(&visit.state)));
    let passkey = passkey.ok_or_else(|| visit.refused(&Problem::not_found()))?;
    let form = Form::blank().with("name", &passkey.name);
    let shell = visit.shell(&human, Some(Room::Security));
    Ok(visit.settle(Answer::page(&pages::PasskeyRename { shell, form, passkey })))
}

/// `POST /security/passkeys/{id}`.
pub(super) async fn passkey_rename(Path(id): Path<String>, posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let (human, _, id) = one_passkey(visit, &id).await?;
    let name =
        Name::parse(posted.get("name").to_owned(), "/name").map_err(|problem| visit.refused(&problem))?;
    let pass = visit.enter::<RenamePasskey>(human).await?;
    passkeys::rename(pass, id, name).await.map_err(|problem| visit.refused(&problem))?;
    Ok(Answer::redirect("/security").saying(&visit.site().clone(), Said::PasskeyRenamed))
}

/// `GET /security/passkeys/{id}/remove`.
pub(super) async fn passkey_remove_page(Path(id): Path<String>, visit: Visit) -> Result<Answer, Answer> {
    let (human, own, id) = one_passkey(&visit, &id).await?;
    let found = own.passkeys.iter().find(|passkey| passkey.id == id);
    let name =
        found.map(|passkey| passkey.name.clone()).ok_or_else(|| visit.refused(&Problem::not_found()))?;
    let page = pages::Confirm {
        shell: visit.shell(&human, Some(Room::Security)),
        title: format!("Remove “{name}”"),
        lead: "This passkey will not sign you in any more.".into(),
        effects: vec![
            "This browser is asked to forget it. Where it is offered still, remove it on that device, too."
                .into(),
        ],
        action: format!("/security/passkeys/{id}/remove"),
        button: "Remove the passkey".into(),
        tone: Tone::Bad,
        cancel: "/security".into(),
    };
    Ok(visit.settle(Answer::page(&page)))
}

/// `POST /security/passkeys/{id}/remove`.
pub(super) async fn passkey_remove(Path(id): Path<String>, posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let (human, _, id) = one_passkey(visit, &id).await?;
    let pass = visit.enter::<RemovePasskey>(human).await?;
    let removed = visit.state.accounts.remove_passkey(pass, visit.visitor(), id).await;
    removed.map_err(|problem| visit.refused(&problem))?;
    Ok(Answer::redirect("/security").saying(&visit.site().clone(), Said::PasskeyRemoved))
}

/// `GET /sessions`.
pub(super) async fn sessions(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let shell = visit.shell(&human, Some(Room::Sessions));
    let (this, at) = (human.session(), now(&visit.state));
    let pass = visit.enter::<ListOwnSessions>(human).await?;
    let (found, _) = own::list_sessions(pass).await.map_err(|problem| visit.refused(&problem))?;
    let mut rows: Vec<SessionRow> = found.iter().map(|session| session_row(session, this, at)).collect();
    rows.sort_by_key(|row| !row.this);
    Ok(visit.settle(Answer::page(&pages::Sessions { shell, sessions: rows })))
}

fn session_row(session: &own::Session, this: SessionId, at: Timestamp) -> SessionRow {
    SessionRow {
        id: session.id.to_string(),
        device: session.device.clone(),
        phone: ["Android", "iOS", "iPhone"].iter().any(|phone| session.device.contains(phone)),
        address: session.address.clone().unwrap_or_else(|| "an unknown address".to_owned()),
        how: if session.assurance == "aal2" { "two factors" } else { "one factor" }.to_owned(),
        started: When::seen(session.created_at, at),
        last_seen: When::seen(session.seen_at.unwrap_or(session.created_at), at),
        this: session.id == this,
    }
}

fn confirm_end(visit: &Visit, shell: crate::layout::Shell, title: &str, action: String) -> Answer {
    let page = pages::Confirm {
        shell,
        title: title.to_owned(),
        lead: "Whoever uses it must sign in again.".into(),
        effects: vec!["It stops within a second, wherever it is.".into()],
        action,
        button: title.to_owned(),
        tone: Tone::Bad,
        cancel: "/sessions".into(),
    };
    visit.settle(Answer::page(&page))
}

/// `GET /sessions/{id}/revoke`.
pub(super) async fn revoke_page(Path(id): Path<String>, visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let id: SessionId = id.parse().map_err(|_| visit.refused(&Problem::not_found()))?;
    let shell = visit.shell(&human, Some(Room::Sessions));
    Ok(confirm_end(&visit, shell, "End this session", format!("/sessions/{id}/revoke")))
}

/// `POST /sessions/{id}/revoke`.
pub(super) async fn revoke(Path(id): Path<String>, posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let id: SessionId = id.parse().map_err(|_| visit.refused(&Problem::not_found()))?;
    let pass = visit.enter::<EndOwnSession>(human).await?;
    own::end_session(pass, id).await.map_err(|problem| visit.refused(&problem))?;
    Ok(Answer::redirect("/sessions").saying(&visit.site().clone(), Said::SessionEnded))
}

/// `GET /sessions/revoke-others`.
pub(super) async fn revoke_others_page(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let shell = visit.shell(&human, Some(Room::Sessions));
    Ok(confirm_end(&visit, shell, "End all other sessions", "/sessions/revoke-others".to_owned()))
}

/// `POST /sessions/revoke-others`.
pub(super) async fn revoke_others(posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let pass = visit.enter::<EndOtherSessions>(human).await?;
    own::end_other_sessions(pass).await.map_err(|problem| visit.refused(&problem))?;
    Ok(Answer::redirect("/sessions").saying(&visit.site().clone(), Said::SessionsEnded))
}

/// `GET /enrol`.
pub(super) async fn enrol_page(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    if !human.must_enrol() {
        return Ok(Answer::redirect("/"));
    }
    let own = visit.account(&human).await?;
    let page = pages::Enrol {
        frame: visit.frame_of(&human),
        form: Form::blank(),
        organization: human.organization_name().unwrap_or_default().to_owned(),
        passkey: making(),
        may_switch: own.homes.len() > 1,
    };
    Ok(visit.settle(Answer::page(&page)))
}

async fn enrol_totp_form(visit: &Visit, human: Human, form: Form) -> Result<pages::EnrolTotp, Answer> {
    let frame = visit.frame_of(&human);
    let pass = visit.enter::<BeginTotp>(human).await?;
    let begun = visit.state.accounts.begin_totp(pass).await;
    let (offer, _) = begun.map_err(|problem| visit.refused(&problem))?;
    Ok(pages::EnrolTotp { frame, form, qr: qr(&offer), secret: Secret::new(offer.secret.as_str()) })
}

/// `GET /enrol/totp`.
pub(super) async fn enrol_totp_page(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let page = enrol_totp_form(&visit, human, Form::blank()).await?;
    Ok(visit.settle(Answer::page(&page)))
}

/// `POST /enrol/totp`.
pub(super) async fn enrol_totp(posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    match confirm_totp(visit, posted.get("code")).await? {
        Ok(codes) => {
            let human = visit.signed_in().await?;
            let frame = visit.frame_of(&human);
            let page = pages::EnrolCodes { frame, codes: codes.unwrap_or_default(), next: "/".into() };
            Ok(visit.settle(Answer::page(&page)))
        }
        Err(problem) => {
            let human = visit.signed_in().await?;
            let form = Form::blank().refuse("code", problem.detail.clone());
            let page = enrol_totp_form(visit, human, form).await?;
            Ok(visit.settle(Answer::form(&problem, &page)))
        }
    }
}
