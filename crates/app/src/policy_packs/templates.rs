//! Templates of roles that come with a pack: made and changed when it comes into force, and shown before.
//!
//! Nothing goes past what whoever does it may do by hand: they manage members, and hold what each template carries. So a pack
//! gives nobody more than a person who could have given it.

use gates::{Action, Holders, Pass, Tx, Write};
use kernel::{Permission, PermissionSet, Problem, ProblemKind};
use packs::roles::Holder;
use packs::{Document, RoleTemplate, Roles};
use serde_json::{Value, json};
use store::policy_packs as kept;
use store::roles::StoredTemplate;

use super::{PackFault, Undone};
use crate::roles::{NewTemplate, TEMPLATES_MAX};

/// What became of the templates of a pack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Made {
    /// How many were made.
    pub made: u64,
    /// How many were changed.
    pub changed: u64,
    /// The names of those that were left as they are, because whoever went back could not have given what they carry.
    pub left: Vec<String>,
}

/// Why a template cannot be the pack's, whoever asks.
fn taken(template: &RoleTemplate, there: Option<&StoredTemplate>) -> Option<&'static str> {
    match there {
        Some(there) if there.built_in => Some("the product has a role of this name"),
        Some(there) if there.holders != template.holders.name() => {
            Some("there is one of this name for other holders; remove it first")
        }
        Some(there) if there.from_pack.is_none() => {
            Some("the organization has a template of its own of this name; remove it first")
        }
        _ => None,
    }
}

fn carried(there: &StoredTemplate) -> PermissionSet {
    there.permissions.iter().filter_map(|name| name.parse::<Permission>().ok()).collect()
}

/// What a pack would make of the templates, in the order in which they stand in it.
pub(super) async fn shown(tx: &mut Tx, roles: &Roles) -> Result<Value, Problem> {
    let all = store::roles::templates(tx).await?;
    let names = |set: Vec<Permission>| set.into_iter().map(Permission::name).collect::<Vec<_>>();
    let row = |template: &RoleTemplate| {
        let there = all.iter().find(|each| each.name == template.name);
        let (before, after) = (there.map(carried).unwrap_or_default(), template.carried());
        let gains = after.iter().filter(|one| !before.has(*one)).collect::<Vec<_>>();
        let loses = before.iter().filter(|one| !after.has(*one)).collect::<Vec<_>>();
        let in_words = |there: &StoredTemplate| there.title == template.title && there.says == template.says;
        let then = match (there, taken(template, there)) {
            (_, Some(_)) => "refused",
            (None, None) => "new",
            (Some(there), None) if gains.is_empty() && loses.is_empty() && in_words(there) => "same",
            (Some(_), None) => "changed",
        };
        json!({
            "template": template.name,
            "then": then,
            "why": taken(template, there),
            "gains": names(gains),
            "loses": names(loses),
            "held_by": there.map_or(0, |there| there.held_by),
        })
    };
    Ok(roles.templates().iter().map(row).collect())
}

fn wanted(template: &RoleTemplate) -> NewTemplate {
    NewTemplate {
        name: template.name.clone(),
        holders: match template.holders {
            Holder::Person => Holders::People,
            Holder::Key => Holders::Keys,
        },
        title: template.title.clone(),
        says: template.says.clone(),
        permissions: template.permissions.clone(),
    }
}

/// Makes the templates what the pack says. Nothing is done by halves: where one cannot be made, none is.
pub(super) async fn make<A: Action<Mode = Write>>(
    pass: &mut Pass<A>,
    pack: &packs::Pack,
) -> Result<Made, Undone> {
    let Some(roles) = pack.roles() else { return Ok(Made::default()) };
    if !pass.principal().capabilities().has(Permission::MembersManage) {
        let detail = "The pack brings templates of roles, so whoever puts it into force manages members too.";
        return Err(Problem::at(kernel::Gate::Token, ProblemKind::Forbidden, detail).into());
    }
    let (all, mut made) = (store::roles::templates(pass.tx()).await?, Made::default());
    for template in roles.templates() {
        one(pass, pack, template, &all, &mut made).await?;
    }
    Ok(made)
}

/// Makes the templates what the pack says that is gone back to. What whoever does it could not give stays as it is: the way
/// out is not barred, and gives nobody anything.
pub(super) async fn restore<A: Action<Mode = Write>>(
    pass: &mut Pass<A>,
    pack: &packs::Pack,
) -> Result<Made, Problem> {
    let Some(roles) = pack.roles() else { return Ok(Made::default()) };
    let may = pass.principal().capabilities().has(Permission::MembersManage);
    let (all, mut made) = (store::roles::templates(pass.tx()).await?, Made::default());
    for template in roles.templates() {
        let done =
            if may { one(pass, pack, template, &all, &mut made).await } else { Err(refused(template, "")) };
        match done {
            Ok(()) => {}
            Err(Undone::Problem(problem)) if problem.kind == ProblemKind::Internal => return Err(problem),
            Err(_) => made.left.push(template.name.clone()),
        }
    }
    Ok(made)
}

fn refused(template: &RoleTemplate, says: &str) -> Undone {
    PackFault::Roles(format!("roles.json: {}: {says}", template.name)).into()
}

/// Makes one of them; `all` is what was there before the first. No two of a pack have one name.
async fn one<A: Action<Mode = Write>>(
    pass: &mut Pass<A>,
    pack: &packs::Pack,
    template: &RoleTemplate,
    all: &[StoredTemplate],
    made: &mut Made,
) -> Result<(), Undone> {
    let there = all.iter().find(|each| each.name == template.name);
    if let Some(says) = taken(template, there) {
        return Err(refused(template, says));
    }
    let name = pack.manifest().name.as_str();
    let own = all.iter().filter(|each| !each.built_in).count() as u64 + made.made;
    if there.is_none() && own >= TEMPLATES_MAX as u64 {
        return Err(refused(
            template,
            &format!("an organization has at most {TEMPLATES_MAX} templates of its own"),
        ));
    }
    // Nor does anybody take away what they could not give.
    if let Some(there) = there {
        crate::roles::held_by_giver(pass, carried(there))?;
    }
    let new = wanted(template).judge(pass)?;
    let at = pass.vault().clock().now();
    match there {
        None => {
            store::roles::create(pass.tx(), &new, Some(name), at).await?;
            made.made += 1;
        }
        Some(there) if there.document == new.document && there.from_pack.as_deref() == Some(name) => {}
        Some(_) => {
            store::roles::change(pass.tx(), &new, Some(name), at).await?;
            made.changed += 1;
        }
    }
    Ok(())
}

/// The label of the pack in force, when the template came with it: then only a pack changes it.
pub(crate) async fn holder(tx: &mut Tx, template: &StoredTemplate) -> Result<Option<String>, Problem> {
    let Some(name) = template.from_pack.as_deref() else { return Ok(None) };
    let Some(id) = kept::turns(tx, 1).await?.first().and_then(|turn| turn.pack) else { return Ok(None) };
    let Some(pack) = kept::read(tx, id).await?.filter(|pack| pack.name == name) else { return Ok(None) };
    let document = kept::document(tx, id).await?.and_then(|(bytes, _)| Document::of_bytes(&bytes).ok());
    let roles = document.and_then(|document| Roles::parse(document.file(packs::roles::FILE)?).ok());
    let has = roles.is_some_and(|roles| roles.template(&template.name).is_some());
    Ok(has.then(|| format!("{} {}", pack.name, pack.version)))
}

/// Refuses to change a template that the pack in force brought.
pub(crate) async fn free(tx: &mut Tx, template: &StoredTemplate) -> Result<(), Problem> {
    match holder(tx, template).await? {
        None => Ok(()),
        Some(label) => {
            let detail = format!(
                "This template comes with the policy pack {label}, which is in force: another version of the pack changes it."
            );
            Err(Problem::new(ProblemKind::Conflict, detail))
        }
    }
}
