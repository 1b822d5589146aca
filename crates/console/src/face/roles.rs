//! What roles and members may do; templates of roles, made, changed and removed.

use app::input::Page;
use app::roles::{
    self as house, ChangeTemplate, CreateTemplate, DeleteTemplate, Drift, ListTemplates, NewTemplate,
    ReadMemberPermissions, Templates,
};
use axum::extract::Path;
use gates::{Caller as _, Holders, Human};
use kernel::{AccountId, MemberRole, Permission, Problem, ProblemKind, Role};

use super::answer::{Answer, Said};
use super::posted::Posted;
use super::visit::{Visit, admits, entered, may, pass};
use crate::layout::Room;
use crate::pages::{
    self, HeldRow, MemberColumn, PermissionArea, PermissionRow, RoleColumn, RoleTemplate, TemplateRow,
};
use crate::parts::{Choice, Form, Id, Pager, Tone};

/// Members side by side: more would not be read across.
const COLUMNS: i64 = 12;
/// Where all of this is.
const HERE: &str = "/roles";

fn template_row(template: &house::StoredTemplate, drift: Drift) -> TemplateRow {
    TemplateRow {
        name: template.name.clone(),
        title: template.title.clone(),
        says: template.says.clone(),
        holders: match Holders::parse(&template.holders) {
            Some(Holders::Keys) => "API keys",
            Some(Holders::People) | None => "people",
        },
        built_in: template.built_in,
        permissions: template.permissions.clone(),
        from_pack: template.from_pack.clone(),
        held_by: template.held_by,
        drift: match drift {
            Drift::None => None,
            Drift::Changed => Some("is no longer what it was written as"),
            Drift::Foreign => Some("is not the one of this program"),
        },
        sha256: Id::new(crypto::hex(&template.sha256)),
    }
}

pub(super) async fn templates(visit: &Visit, human: &Human) -> Result<Templates, Answer> {
    let found = house::list_templates(pass::<ListTemplates>(visit, human).await?).await;
    Ok(found.map_err(|problem| visit.refused(&problem))?.0)
}

/// The table of the kernel, by area.
fn areas() -> Vec<PermissionArea> {
    let mut areas: Vec<PermissionArea> = Vec::new();
    for permission in Permission::ALL {
        let row = PermissionRow {
            name: permission.name().to_owned(),
            explanation: permission.says().to_owned(),
            people: MemberRole::ALL.iter().map(|role| role.has(*permission)).collect(),
            keys: Role::ALL.iter().map(|role| role.has(*permission)).collect(),
        };
        match areas.iter_mut().find(|area| area.name == permission.area()) {
            Some(area) => area.rows.push(row),
            None => areas.push(PermissionArea { name: permission.area().to_owned(), rows: vec![row] }),
        }
    }
    areas
}

/// `GET /roles`.
pub(super) async fn page(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let found = templates(&visit, &human).await?;
    let mine = human.principal().capabilities().rank().name();
    let column = |name: &str, title: &str, says: &str| RoleColumn {
        name: title.to_owned(),
        explanation: says.to_owned(),
        yours: name == mine,
    };
    let page = pages::Roles {
        shell: visit.shell(&human, Some(Room::Roles)),
        people: MemberRole::ALL.iter().map(|role| column(role.name(), role.title(), role.says())).collect(),
        keys: Role::ALL.iter().map(|role| column("", role.title(), role.says())).collect(),
        areas: areas(),
        templates: found.items.iter().map(|(one, drift)| template_row(one, *drift)).collect(),
        missing: found.missing,
        extra: found.extra,
        may_manage: may(&human, Permission::MembersManage),
        may_see_members: may(&human, Permission::MembersRead),
        may_see_packs: may(&human, Permission::PoliciesRead),
    };
    Ok(visit.settle(Answer::page(&page)))
}

/// `GET /members/permissions`.
pub(super) async fn of_members(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let after: Option<AccountId> = visit.query("after").and_then(|id| id.parse().ok());
    let entered = pass::<ReadMemberPermissions>(&visit, &human).await?;
    let found = house::of_members(entered, Page { after, rows: COLUMNS }).await;
    let (found, _) = found.map_err(|problem| visit.refused(&problem))?;
    let members = found.items.iter().map(|one| MemberColumn {
        id: one.member.account.to_string(),
        name: one.member.name.clone(),
        role: one.member.role.title().to_owned(),
        given: one.given.clone(),
    });
    let members: Vec<_> = members.collect();
    let mut areas: Vec<(String, Vec<HeldRow>)> = Vec::new();
    for permission in Permission::ALL {
        let row = HeldRow {
            name: permission.name().to_owned(),
            explanation: permission.says().to_owned(),
            held: found.items.iter().map(|one| one.held.has(*permission)).collect(),
        };
        match areas.iter_mut().find(|(area, _)| area == permission.area()) {
            Some((_, rows)) => rows.push(row),
            None => areas.push((permission.area().to_owned(), vec![row])),
        }
    }
    let pager = Pager {
        shown: members.len(),
        first: after.map(|_| "/members/permissions".to_owned()),
        next: found.next.map(|next| format!("/members/permissions?after={next}")),
    };
    let shell = visit.shell(&human, Some(Room::Members));
    Ok(visit.settle(Answer::page(&pages::MemberPermissions { shell, members, areas, pager })))
}

/// Whether a form is shown again for this.
fn comes_back(problem: &Problem) -> bool {
    let again = matches!(problem.kind, ProblemKind::StepUp | ProblemKind::Conflict);
    !problem.errors.is_empty() || again || problem.kind == ProblemKind::Forbidden
}

/// What a person may put into a template: what they hold, without what no template carries.
fn choices(human: &Human) -> Vec<Choice> {
    let given = Permission::ALL.iter().filter(|one| one.is_givable() && may(human, **one));
    let choice = |one: &Permission| {
        let people_only = if one.least_key_role().is_none() { " For people alone." } else { "" };
        Choice::new(one.name(), one.name()).hint(format!("{}{people_only}", one.says()))
    };
    given.map(choice).collect()
}

fn form_page(visit: &Visit, human: &Human, there: Option<TemplateRow>, form: Form) -> RoleTemplate {
    RoleTemplate {
        shell: visit.shell(human, Some(Room::Roles)),
        there,
        form,
        holders: vec![Choice::new("person", "People"), Choice::new("key", "API keys")],
        permissions: choices(human),
        may_manage: may(human, Permission::MembersManage),
        must_confirm: false,
    }
}

fn asked(posted: &Posted, name: &str, holders: Holders) -> Result<NewTemplate, Problem> {
    let permissions = posted.all("permissions").iter().map(|one| one.parse::<Permission>()).collect();
    let permissions: Result<Vec<_>, _> = permissions;
    Ok(NewTemplate {
        name: name.trim().to_owned(),
        holders,
        title: posted.get("title").to_owned(),
        says: posted.get("says").to_owned(),
        permissions: permissions.map_err(|error| Problem::invalid("/permissions", error.to_string()))?,
    })
}

/// What was sent, as the form shows it again.
fn sent(posted: &Posted, problem: &Problem) -> Form {
    let form = posted.form(&["name", "holders", "title", "says"]);
    let all = posted.all("permissions").into_iter();
    all.fold(form, |form, one| form.with("permissions", one)).refused_by(problem)
}

/// `GET /roles/templates/new`.
pub(super) async fn new_page(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    admits::<CreateTemplate>(&visit, &human).await?;
    let page = form_page(&visit, &human, None, Form::blank().with("holders", "person"));
    Ok(visit.settle(Answer::page(&page)))
}

/// `POST /roles/templates/new`.
pub(super) async fn make(posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let holders = Holders::parse(posted.get("holders"));
    let wanted = holders
        .ok_or_else(|| Problem::invalid("/holders", "Choose whose it can be."))
        .and_then(|holders| asked(&posted, posted.get("name"), holders));
    let made = match (entered::<CreateTemplate>(visit, &human).await?, wanted) {
        (Ok(pass), Ok(wanted)) => house::create_template(pass, wanted).await.map(drop),
        (Err(problem), _) | (Ok(_), Err(problem)) => Err(problem),
    };
    match made {
        Ok(()) => Ok(Answer::redirect(HERE).saying(&visit.site().clone(), Said::TemplateMade)),
        Err(problem) if !comes_back(&problem) => Err(visit.refused(&problem)),
        Err(problem) => {
            let must_confirm = problem.kind == ProblemKind::StepUp;
            let page = form_page(visit, &human, None, sent(&posted, &problem));
            Ok(visit.settle(Answer::form(&problem, &RoleTemplate { must_confirm, ..page })))
        }
    }
}

async fn one(visit: &Visit, human: &Human, name: &str) -> Result<TemplateRow, Answer> {
    let found = templates(visit, human).await?;
    let of_that_name = found.items.iter().find(|(one, _)| one.name == name && !one.built_in);
    let row = of_that_name.map(|(one, drift)| template_row(one, *drift));
    row.ok_or_else(|| visit.refused(&Problem::not_found()))
}

/// `GET /roles/templates/{name}`.
pub(super) async fn template_page(Path(name): Path<String>, visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let there = one(&visit, &human, &name).await?;
    let form = Form::blank().with("title", there.title.as_str()).with("says", there.says.as_str());
    let form = there.permissions.iter().fold(form, |form, one| form.with("permissions", one.as_str()));
    let page = form_page(&visit, &human, Some(there), form);
    Ok(visit.settle(Answer::page(&page)))
}

/// `POST /roles/templates/{name}`.
pub(super) async fn change(Path(name): Path<String>, posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let there = one(visit, &human, &name).await?;
    // Whose it can be stays what it is.
    let wanted = asked(&posted, &name, Holders::People);
    let changed = match (entered::<ChangeTemplate>(visit, &human).await?, wanted) {
        (Ok(pass), Ok(wanted)) => house::change_template(pass, wanted).await.map(drop),
        (Err(problem), _) | (Ok(_), Err(problem)) => Err(problem),
    };
    match changed {
        Ok(()) => Ok(Answer::redirect(HERE).saying(&visit.site().clone(), Said::TemplateChanged)),
        Err(problem) if !comes_back(&problem) => Err(visit.refused(&problem)),
        Err(problem) => {
            let must_confirm = problem.kind == ProblemKind::StepUp;
            let page = form_page(visit, &human, Some(there), sent(&posted, &problem));
            Ok(visit.settle(Answer::form(&problem, &RoleTemplate { must_confirm, ..page })))
        }
    }
}

/// `GET /roles/templates/{name}/remove`.
pub(super) async fn remove_page(Path(name): Path<String>, visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    admits::<DeleteTemplate>(&visit, &human).await?;
    let there = one(&visit, &human, &name).await?;
    let path = format!("/roles/templates/{name}");
    let page = pages::Confirm {
        shell: visit.shell(&human, Some(Room::Roles)),
        title: format!("Remove {}?", there.title),
        lead: "The template is gone, and with it what it gives.".into(),
        effects: vec![
            format!("{} who hold it lose what it carries, within a second.", there.held_by),
            "Their roles stay what they are.".to_owned(),
        ],
        action: format!("{path}/remove"),
        button: "Remove".to_owned(),
        tone: Tone::Bad,
        cancel: path,
    };
    Ok(visit.settle(Answer::page(&page)))
}

/// `POST /roles/templates/{name}/remove`.
pub(super) async fn remove(Path(name): Path<String>, posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let done = house::delete_template(pass::<DeleteTemplate>(visit, &human).await?, &name).await;
    done.map_err(|problem| visit.refused(&problem))?;
    Ok(Answer::redirect(HERE).saying(&visit.site().clone(), Said::TemplateRemoved))
}
