//! Signed policy packs: which is in force, what is in each, what it would have refused, put into force and taken back.

pub(super) mod keys;
mod shown;

use app::audit::Names;
use app::policy_packs::{
    self as house, ActivatePack, Activation, ListPacks, PolicyKey, PolicyPack, ReadPack, RollBack, Standing,
    Tried, TryPack, Turn, UploadPack,
};
use axum::extract::Path;
use gates::Human;
use kernel::limits::POLICY_DRY_RUN_SECONDS_MAX;
use kernel::{Permission, PolicyPackId, Problem, ProblemKind, Timestamp};
use serde_json::Value;

use super::answer::{Answer, Said};
use super::posted::{Posted, PostedFile};
use super::visit::{Visit, admits, entered, may, now, pass};
use crate::layout::Room;
use crate::pages::{self, InForcePack, PolicyKeyRow, PolicyPackRow, TurnRow};
use crate::parts::{Badge, Form, Id, Tone, When};

/// Where all of this is.
const HERE: &str = "/policies/packs";

/// Who somebody is, as far as the one who looks may know.
fn who(names: &Names, id: &str) -> String {
    names.of(id).map_or_else(|| "a person".to_owned(), str::to_owned)
}

fn title(pack: &PolicyPack) -> String {
    format!("{} {}", pack.name, pack.version)
}

fn mode_words(mode: &str) -> &'static str {
    if mode == "permit" {
        "Lets pass what it permits, of what is granted; everything else is refused."
    } else {
        "Refuses what it forbids; everything else that is granted passes."
    }
}

/// What is worth saying about the key that signed something; nothing when it simply counts.
fn key_state(key: Option<&PolicyKey>, at: Timestamp) -> Option<Badge> {
    match key {
        None => Some(Badge::new(Tone::Bad, "Unknown key")),
        Some(key) if key.revoked.is_some() => Some(Badge::new(Tone::Bad, "Key revoked")),
        Some(key) if key.expires_at.is_some_and(|until| until <= at) => {
            Some(Badge::new(Tone::Warn, "Key's time is over"))
        }
        Some(key) if key.not_before > at => Some(Badge::new(Tone::Warn, "Key counts later")),
        Some(_) => None,
    }
}

fn signer(key: Option<&PolicyKey>) -> String {
    key.map_or_else(|| "a key that is not kept here".to_owned(), |key| key.name.clone())
}

/// How a pack stands: in force, or on its way there.
fn state(found: &Standing, pack: &PolicyPack, at: Timestamp) -> Badge {
    if found.in_force().is_some_and(|one| one.id == pack.id) {
        return Badge::new(Tone::Good, "In force");
    }
    if let Some(badge) = key_state(found.key(pack.key), at) {
        return badge;
    }
    let over = pack.expires_at.is_some_and(|until| until <= at);
    match &pack.tried {
        _ if over => Badge::new(Tone::Warn, "Time is over"),
        Some(tried) if found.counts(tried, at) => Badge::new(Tone::Accent, "Tried"),
        _ if found.turns.iter().any(|turn| turn.pack == Some(pack.id)) => {
            Badge::new(Tone::Plain, "Was in force")
        }
        _ => Badge::new(Tone::Plain, "Not in force"),
    }
}

async fn standing(visit: &Visit, human: &Human) -> Result<(Standing, Names), Answer> {
    let mut pass = pass::<ListPacks>(visit, human).await?;
    let names = app::audit::names(&mut pass).await.map_err(|problem| visit.refused(&problem))?;
    let (found, _) = house::list(pass).await.map_err(|problem| visit.refused(&problem))?;
    Ok((found, names))
}

fn in_force(found: &Standing, names: &Names, at: Timestamp) -> Option<InForcePack> {
    let (turn, pack) = (found.turns.first()?, found.in_force()?);
    let key = found.key(pack.key);
    Some(InForcePack {
        id: pack.id.to_string(),
        title: title(pack),
        mode: mode_words(&pack.mode),
        policies: pack.policies,
        sha256: Id::new(crypto::hex(&pack.sha256)),
        signer: signer(key),
        signer_state: key_state(key, at),
        since: When::seen(turn.at, at),
        by: who(names, &turn.by.to_string()),
        behind: found.behind().map(title),
    })
}

fn pack_row(found: &Standing, pack: &PolicyPack, at: Timestamp) -> PolicyPackRow {
    PolicyPackRow {
        id: pack.id.to_string(),
        title: title(pack),
        label: pack.label.clone(),
        mode: pack.mode.clone(),
        policies: pack.policies,
        sha256: Id::new(crypto::hex(&pack.sha256)),
        signer: signer(found.key(pack.key)),
        state: state(found, pack, at),
        uploaded: When::seen(pack.uploaded_at, at),
    }
}

fn turn_row(found: &Standing, turn: &Turn, names: &Names) -> TurnRow {
    let gone = || "a pack that is not kept here".to_owned();
    TurnRow {
        number: turn.seq,
        way: if turn.way == "roll_back" { "Rolled back" } else { "Put into force" },
        pack: turn.pack.map(|id| (id.to_string(), found.pack_of(turn).map_or_else(gone, title))),
        at: When::stamp(turn.at),
        by: who(names, &turn.by.to_string()),
    }
}

fn key_row(key: &PolicyKey, names: &Names, at: Timestamp) -> PolicyKeyRow {
    PolicyKeyRow {
        id: key.id.to_string(),
        name: key.name.clone(),
        vkey: key.vkey.clone(),
        state: key_state(Some(key), at).unwrap_or_else(|| Badge::new(Tone::Good, "Trusted")),
        trusted: (When::seen(key.trusted_at, at), who(names, &key.trusted_by.to_string())),
        from: (key.not_before > at).then(|| When::seen(key.not_before, at)),
        until: key.expires_at.map(|until| When::seen(until, at)),
        revoked: key.revoked.map(|(when, by)| (When::seen(when, at), who(names, &by.to_string()))),
    }
}

/// `GET /policies/packs`.
pub(super) async fn list(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let (found, names) = standing(&visit, &human).await?;
    let at = now(&visit.state);
    let in_force = in_force(&found, &names, at);
    let page = pages::PolicyPacks {
        shell: visit.shell(&human, Some(Room::Packs)),
        lost: in_force.is_none() && found.turns.first().is_some_and(|turn| turn.pack.is_some()),
        in_force,
        packs: found.packs.iter().map(|pack| pack_row(&found, pack, at)).collect(),
        turns: found.turns.iter().map(|turn| turn_row(&found, turn, &names)).collect(),
        keys: found.keys.iter().map(|key| key_row(key, &names, at)).collect(),
        may_manage: may(&human, Permission::PoliciesManage),
    };
    Ok(visit.settle(Answer::page(&page)))
}

async fn new_form(visit: &Visit, human: &Human, form: Form) -> Result<pages::PackNew, Answer> {
    let (found, _) = standing(visit, human).await?;
    let at = now(&visit.state);
    Ok(pages::PackNew {
        shell: visit.shell(human, Some(Room::Packs)),
        form,
        has_key: found.keys.iter().any(|key| key_state(Some(key), at).is_none()),
    })
}

/// `GET /policies/packs/new`.
pub(super) async fn new_page(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    admits::<UploadPack>(&visit, &human).await?;
    let page = new_form(&visit, &human, Form::blank()).await?;
    Ok(visit.settle(Answer::page(&page)))
}

/// A signed pack as the command writes it: the document and its signature.
fn signed(text: &str) -> Result<(Value, String), Problem> {
    let wrong =
        || Problem::invalid("/pack", "It is no signed pack: paste the whole file that signing wrote.");
    let mut value: Value = serde_json::from_str(text.trim()).map_err(|_| wrong())?;
    let signature = value.get("signature").and_then(Value::as_str).ok_or_else(wrong)?.to_owned();
    let document = value.get_mut("document").map(Value::take).ok_or_else(wrong)?;
    Ok((document, signature))
}

/// `POST /policies/packs/new`.
pub(super) async fn take(PostedFile(posted): PostedFile) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let pass = pass::<UploadPack>(visit, &human).await?;
    let taken = match signed(posted.get("pack")) {
        Ok((document, signature)) => house::upload(pass, &document, &signature).await,
        Err(problem) => Err(problem),
    };
    match taken {
        Ok((uploaded, _)) => {
            let there = format!("{HERE}/{}", uploaded.pack.id);
            Ok(Answer::redirect(&there).saying(&visit.site().clone(), Said::PolicyPackTaken))
        }
        Err(problem) if problem.errors.is_empty() && problem.kind != ProblemKind::Conflict => {
            Err(visit.refused(&problem))
        }
        Err(mut problem) => {
            // The form has one field for what the API has two members for.
            for error in &mut problem.errors {
                "/pack".clone_into(&mut error.pointer);
            }
            let form = posted.form(&["pack"]).refused_by(&problem);
            let page = new_form(visit, &human, form).await?;
            Ok(visit.settle(Answer::form(&problem, &page)))
        }
    }
}

fn id(text: &str) -> Result<PolicyPackId, Problem> {
    text.parse().map_err(|_| Problem::not_found())
}

/// `GET /policies/packs/{id}`.
pub(super) async fn page(Path(text): Path<String>, visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let id = id(&text).map_err(|problem| visit.refused(&problem))?;
    let read = house::read(pass::<ReadPack>(&visit, &human).await?, id).await;
    let (shown, _) = read.map_err(|problem| visit.refused(&problem))?;
    let page = shown::page(&visit, &human, &shown);
    Ok(visit.settle(Answer::page(&page)))
}

/// `POST /policies/packs/{id}/dry-run`.
pub(super) async fn attempt(Path(text): Path<String>, posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let id = id(&text).map_err(|problem| visit.refused(&problem))?;
    let tried = house::try_pack(pass::<TryPack>(visit, &human).await?, id).await;
    tried.map_err(|problem| visit.refused(&problem))?;
    Ok(Answer::redirect(&format!("{HERE}/{id}/dry-run")))
}

/// Why a pack cannot be put into force on what its dry run showed.
fn stale(found: &Standing, pack: &PolicyPack, tried: &Tried, at: Timestamp) -> Option<&'static str> {
    if found.in_force().is_some_and(|one| one.id == pack.id) {
        Some("It is in force already.")
    } else if !found.counts(tried, at) {
        Some("This was too long ago, or another pack came into force since. Run it again.")
    } else if tried.report["roles"].as_array().into_iter().flatten().any(|one| one["then"] == "refused") {
        Some("A template of roles that comes with it cannot be made. Run it again when that is settled.")
    } else {
        None
    }
}

/// `GET /policies/packs/{id}/dry-run`: what it showed last.
pub(super) async fn tried_page(Path(text): Path<String>, visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let id = id(&text).map_err(|problem| visit.refused(&problem))?;
    let (found, names) = standing(&visit, &human).await?;
    let pack = found.packs.iter().find(|pack| pack.id == id);
    let pack = pack.ok_or_else(|| visit.refused(&Problem::not_found()))?;
    let at = now(&visit.state);
    let page = pages::PackDryRun {
        shell: visit.shell(&human, Some(Room::Packs)),
        id: id.to_string(),
        title: title(pack),
        stale: pack.tried.as_ref().and_then(|tried| stale(&found, pack, tried, at)),
        told: pack.tried.as_ref().map(|tried| shown::told(tried, &names, at)),
        may_manage: may(&human, Permission::PoliciesManage),
        must_confirm: !human.is_fresh(at),
        minutes: POLICY_DRY_RUN_SECONDS_MAX / 60,
    };
    Ok(visit.settle(Answer::page(&page)))
}

/// `POST /policies/packs/{id}/activate`. It names what was looked at, which the page carries.
pub(super) async fn activate(Path(text): Path<String>, posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let pack = id(&text).map_err(|problem| visit.refused(&problem))?;
    let there = format!("{HERE}/{pack}/dry-run");
    let Ok(pass) = entered::<ActivatePack>(visit, &human).await? else {
        return Err(Visit::to_step_up(&there));
    };
    let seen =
        crypto::unhex(posted.get("dry_run")).and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok());
    let Some(dry_run) = seen else { return Ok(Answer::redirect(&there)) };
    let done = house::activate(pass, Activation { pack, dry_run }).await;
    done.map_err(|problem| visit.refused(&problem))?;
    Ok(Answer::redirect(HERE).saying(&visit.site().clone(), Said::PolicyPackInForce))
}

/// `GET /policies/packs/roll-back`.
pub(super) async fn back_page(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    admits::<RollBack>(&visit, &human).await?;
    let (found, _) = standing(&visit, &human).await?;
    if found.turns.first().is_none_or(|turn| turn.pack.is_none()) {
        return Ok(Answer::redirect(HERE));
    }
    let current = found.in_force().map_or_else(|| "The pack in force".to_owned(), title);
    let next = match found.behind() {
        Some(pack) => format!("{} is in force again, in every process within a second.", title(pack)),
        None => "No pack is in force then: what is granted is allowed.".to_owned(),
    };
    let page = pages::Confirm {
        shell: visit.shell(&human, Some(Room::Packs)),
        title: "Roll back?".to_owned(),
        lead: format!("{current} is in force no more."),
        effects: vec![
            next,
            "The same version cannot be put into force again; sign a higher one for that.".to_owned(),
            "Templates of roles that came with it stay, and are the organization's own to change.".to_owned(),
        ],
        action: format!("{HERE}/roll-back"),
        button: "Roll back".to_owned(),
        tone: Tone::Bad,
        cancel: HERE.to_owned(),
    };
    Ok(visit.settle(Answer::page(&page)))
}

/// `POST /policies/packs/roll-back`.
pub(super) async fn back(posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let done = house::roll_back(pass::<RollBack>(visit, &human).await?).await;
    let (turn, _) = done.map_err(|problem| visit.refused(&problem))?;
    let said = if turn.templates.left.is_empty() { Said::PolicyPackBack } else { Said::PolicyPackBackInPart };
    Ok(Answer::redirect(HERE).saying(&visit.site().clone(), said))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signed_pack_is_a_document_and_its_signature() {
        let text = "{\r\n\"signature\": \"a..b\",\r\n \"document\": {\"v\": 1}}\r\n";
        assert_eq!(signed(text), Ok((serde_json::json!({ "v": 1 }), "a..b".to_owned())));
        for bad in [
            "",
            "nonsense",
            "[]",
            "{}",
            r#"{"document":{}}"#,
            r#"{"signature":"a..b"}"#,
            r#"{"signature":1,"document":{}}"#,
        ] {
            let problem = signed(bad).expect_err(bad);
            assert_eq!(problem.errors[0].pointer, "/pack", "{bad}");
        }
    }
}
