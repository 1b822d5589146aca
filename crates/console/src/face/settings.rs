//! The organization's name and rules. The page has a form for each of the three things; the house puts them into force
//! together, so each form is laid over what is in force.

use app::input::Name;
use app::settings::{self, ChangeSettings, ReadSettings, Rules};
use gates::{Caller as _, Human};
use kernel::limits::SESSION_HOURS_MAX;
use kernel::{MemberRole, Permission, Problem};

use super::answer::{Answer, Said};
use super::posted::Posted;
use super::visit::{Visit, entered, may, pass};
use crate::layout::Room;
use crate::pages;
use crate::parts::{Choice, Form, Id};

/// What the page says of a change that waits for its sender to confirm who they are.
const UNSAVED: &str = "This is not saved yet. Look at it once more and save it.";

async fn in_force(visit: &Visit, human: &Human) -> Result<settings::Settings, Answer> {
    let read = settings::read(pass::<ReadSettings>(visit, human).await?).await;
    Ok(read.map_err(|problem| visit.refused(&problem))?.0)
}

/// The three forms, as they stand in force.
struct Forms {
    name: Form,
    second_factor: Form,
    sessions: Form,
}

fn factor_form(required: bool, roles: &[String]) -> Form {
    let form = Form::named("factor").with("required", if required { "on" } else { "" });
    roles.iter().fold(form, |form, role| form.with("role", role.as_str()))
}

impl Forms {
    fn of(now: &settings::Settings) -> Self {
        let roles: Vec<String> = now.rules.second_factor_roles.iter().map(ToString::to_string).collect();
        Self {
            name: Form::named("name").with("name", now.name.as_str()),
            second_factor: factor_form(now.rules.second_factor_for_all, &roles),
            sessions: Form::named("sessions").with("hours", now.rules.session_hours.to_string()),
        }
    }

    /// With what the address says of a form that was sent before its sender had confirmed who they are.
    fn kept(mut self, visit: &Visit) -> Self {
        let text = |name| visit.query(name).map(|text| text.to_string());
        if let Some(name) = text("name") {
            self.name = Form::named("name").with("name", name).problem(UNSAVED);
        }
        if let Some(hours) = text("hours") {
            self.sessions = Form::named("sessions").with("hours", hours).problem(UNSAVED);
        }
        if visit.query("factor").is_some() {
            let required = text("required").is_some_and(|required| required == "on");
            self.second_factor = factor_form(required, &visit.queries("role")).problem(UNSAVED);
        }
        self
    }
}

fn settings_page(visit: &Visit, human: &Human, forms: Forms) -> pages::Settings {
    let choice = |role: &MemberRole| Choice::new(role.name(), role.title()).hint(role.says());
    pages::Settings {
        shell: visit.shell(human, Some(Room::Organization)),
        id: Id::new(human.principal().tenant().to_string()),
        name: forms.name,
        second_factor: forms.second_factor,
        roles: MemberRole::ALL.iter().map(choice).collect(),
        sessions: forms.sessions,
        session_hours_max: u64::from(SESSION_HOURS_MAX.unsigned_abs()),
        may_change: may(human, Permission::OrganizationManage),
    }
}

/// `GET /settings`.
pub(super) async fn page(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let now = in_force(&visit, &human).await?;
    let page = settings_page(&visit, &human, Forms::of(&now).kept(&visit));
    Ok(visit.settle(Answer::page(&page)))
}

/// One of the forms, laid over what is in force.
type Laid = Result<(Name, Rules), Problem>;

/// Puts a form into force. `fields` are kept while its sender confirms who they are; `back` is the form again when it is
/// refused.
async fn put(
    posted: &Posted,
    fields: &[&str],
    lay: impl FnOnce(&settings::Settings) -> Laid,
    back: impl FnOnce(Forms, &Problem) -> Forms,
) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let Ok(pass) = entered::<ChangeSettings>(visit, &human).await? else {
        return Err(Visit::to_step_up(&posted.kept_in("/settings", fields)));
    };
    let now = in_force(visit, &human).await?;
    let changed = match lay(&now) {
        Ok((name, rules)) => settings::change(pass, name, rules).await.map(drop),
        Err(problem) => Err(problem),
    };
    match changed {
        Ok(()) => Ok(Answer::redirect("/settings").saying(&visit.site().clone(), Said::SettingsSaved)),
        Err(problem) => {
            let forms = back(Forms::of(&now), &problem);
            let page = settings_page(visit, &human, forms);
            Ok(visit.settle(Answer::form(&problem, &page)))
        }
    }
}

fn name_of(now: &settings::Settings) -> Result<Name, Problem> {
    Name::parse(now.name.clone(), "/name")
}

/// `POST /settings`: the name.
pub(super) async fn name(posted: Posted) -> Result<Answer, Answer> {
    let typed = posted.get("name").to_owned();
    let form = Form::named("name").with("name", typed.as_str());
    put(
        &posted,
        &["name"],
        |now| Ok((Name::parse(typed, "/name")?, now.rules.clone())),
        |forms, problem| Forms { name: form.refused_by(problem), ..forms },
    )
    .await
}

/// `POST /settings/second-factor`.
pub(super) async fn second_factor(posted: Posted) -> Result<Answer, Answer> {
    let (for_all, roles) = (posted.get("required") == "on", posted.all("role"));
    let form = factor_form(for_all, &roles);
    put(
        &posted,
        &["factor", "required", "role"],
        |now| {
            let parsed: Result<Vec<MemberRole>, _> = roles.iter().map(|role| role.parse()).collect();
            let second_factor_roles =
                parsed.map_err(|_| Problem::invalid("/role", "Choose from the list."))?;
            let rules = Rules {
                second_factor_for_all: for_all,
                second_factor_roles,
                session_hours: now.rules.session_hours,
            };
            Ok((name_of(now)?, rules))
        },
        |forms, problem| Forms { second_factor: form.refused_by(&named(problem)), ..forms },
    )
    .await
}

/// `POST /settings/sessions`.
pub(super) async fn sessions(posted: Posted) -> Result<Answer, Answer> {
    let typed = posted.get("hours").trim().to_owned();
    let form = Form::named("sessions").with("hours", typed.as_str());
    put(
        &posted,
        &["hours"],
        |now| {
            let hours = typed.parse().map_err(|_| {
                let detail = format!("Write a whole number from 1 to {SESSION_HOURS_MAX}.");
                Problem::invalid("/hours", detail)
            })?;
            Ok((name_of(now)?, Rules { session_hours: hours, ..now.rules.clone() }))
        },
        |forms, problem| Forms { sessions: form.refused_by(&named(problem)), ..forms },
    )
    .await
}

/// A problem whose fields are called as on the page.
fn named(problem: &Problem) -> Problem {
    let mut named = problem.clone();
    for error in &mut named.errors {
        let field = match error.pointer.as_str() {
            "/session_hours" => "/hours",
            "/second_factor_for_all" => "/required",
            "/second_factor_roles" => "/role",
            _ => continue,
        };
        field.clone_into(&mut error.pointer);
    }
    named
}
