//! The keys whose signature on packs counts.

use app::input::Name;
use app::policy_packs::{self as house, RevokeKey, TrustKey, Trusted, UploadPack};
use axum::extract::Path;
use gates::Human;
use kernel::{PolicyKeyId, Problem, ProblemKind, Timestamp};

use super::super::answer::{Answer, Said};
use super::super::posted::Posted;
use super::super::visit::{Visit, admits, entered, now, pass};
use super::{HERE, standing};
use crate::layout::Room;
use crate::pages;
use crate::parts::{Form, Tone};

fn form_page(visit: &Visit, human: &Human, form: Form) -> pages::PackKeyNew {
    pages::PackKeyNew {
        shell: visit.shell(human, Some(Room::Packs)),
        form,
        must_confirm: !human.is_fresh(now(&visit.state)),
    }
}

/// `GET /policies/keys/new`.
pub(in crate::face) async fn new_page(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    // The same permission without the confirmation, which the page asks for.
    admits::<UploadPack>(&visit, &human).await?;
    Ok(visit.settle(Answer::page(&form_page(&visit, &human, Form::blank()))))
}

fn asked(posted: &Posted) -> Result<Trusted, Problem> {
    let until = posted.get("until").trim();
    let moment = |day: &str| format!("{day}T00:00:00Z").parse::<Timestamp>();
    let wrong = |_| Problem::invalid("/until", "Write a date like 2027-01-31, or leave it empty.");
    Ok(Trusted {
        name: Name::parse(posted.get("name").to_owned(), "/name")?,
        vkey: posted.get("key").trim().to_owned(),
        not_before: None,
        expires_at: (!until.is_empty()).then(|| moment(until)).transpose().map_err(wrong)?,
    })
}

/// `POST /policies/keys/new`.
pub(in crate::face) async fn trust(posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let trusted = match (entered::<TrustKey>(visit, &human).await?, asked(&posted)) {
        (Ok(pass), Ok(new)) => house::trust(pass, new).await.map(drop),
        (Err(problem), _) | (Ok(_), Err(problem)) => Err(problem),
    };
    match trusted {
        Ok(()) => Ok(Answer::redirect(HERE).saying(&visit.site().clone(), Said::KeyTrusted)),
        Err(problem)
            if problem.errors.is_empty()
                && !matches!(problem.kind, ProblemKind::Conflict | ProblemKind::StepUp) =>
        {
            Err(visit.refused(&problem))
        }
        Err(mut problem) => {
            for error in &mut problem.errors {
                if error.pointer == "/expires_at" {
                    "/until".clone_into(&mut error.pointer);
                }
            }
            let form = posted.form(&["name", "key", "until"]).refused_by(&problem);
            Ok(visit.settle(Answer::form(&problem, &form_page(visit, &human, form))))
        }
    }
}

fn id(text: &str) -> Result<PolicyKeyId, Problem> {
    text.parse().map_err(|_| Problem::not_found())
}

/// `GET /policies/keys/{id}/revoke`.
pub(in crate::face) async fn revoke_page(Path(text): Path<String>, visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let id = id(&text).map_err(|problem| visit.refused(&problem))?;
    admits::<RevokeKey>(&visit, &human).await?;
    let (found, _) = standing(&visit, &human).await?;
    let key = found.key(id).filter(|key| key.revoked.is_none());
    let key = key.ok_or_else(|| visit.refused(&Problem::not_found()))?;
    let page = pages::Confirm {
        shell: visit.shell(&human, Some(Room::Packs)),
        title: format!("Revoke {}?", key.name),
        lead: "Nothing it signed comes into force any more. There is no way back for this key.".to_owned(),
        effects: vec![
            "A pack that is in force stays so: roll back, or activate another.".to_owned(),
            "Packs it signed stay here to be read.".to_owned(),
        ],
        action: format!("/policies/keys/{id}/revoke"),
        button: "Revoke".to_owned(),
        tone: Tone::Bad,
        cancel: HERE.to_owned(),
    };
    Ok(visit.settle(Answer::page(&page)))
}

/// `POST /policies/keys/{id}/revoke`.
pub(in crate::face) async fn revoke(Path(text): Path<String>, posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let id = id(&text).map_err(|problem| visit.refused(&problem))?;
    let done = house::revoke(pass::<RevokeKey>(visit, &human).await?, id).await;
    done.map_err(|problem| visit.refused(&problem))?;
    Ok(Answer::redirect(HERE).saying(&visit.site().clone(), Said::KeyTrustedNoMore))
}
