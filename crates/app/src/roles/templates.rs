//! Templates of roles: named bundles of permissions, known by the hash of their canonical form.

use gates::{Action, Channel, Draft, Holders, Pass, Receipt, Template, Write};
use kernel::{EventKind, Permission, PermissionSet, Problem, ProblemKind, Timestamp};
use store::StoreError;
use store::roles::StoredTemplate;

use crate::action;
use crate::input::{Description, Name};
use crate::policy_packs::free;

/// Most templates of its own an organization may have.
pub const TEMPLATES_MAX: usize = 100;
/// Longest sentence about a template, in characters.
const SAYS_CHARS_MAX: usize = 500;

action! {
    /// Lists the templates of roles, and says whether any was changed past the product.
    ListTemplates = "role.list_templates", OrganizationRead, Principal, Read
}

action! {
    /// Makes a template of a role.
    CreateTemplate = "role.create_template", MembersManage, Staff, Write, Fresh
}

action! {
    /// Changes what a template carries, for everybody who holds it.
    ChangeTemplate = "role.change_template", MembersManage, Staff, Write, Fresh
}

action! {
    /// Removes a template, and takes it from everybody who holds it.
    DeleteTemplate = "role.delete_template", MembersManage, Staff, Write
}

/// Whether a template is what it was written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drift {
    /// It is.
    None,
    /// It no longer hashes to what it was written with.
    Changed,
    /// It is the product's, and not this program's.
    Foreign,
}

impl Drift {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Changed => "changed",
            Self::Foreign => "foreign",
        }
    }
}

/// The templates of an organization, and how far its tuples are from what they and the tables of record say.
#[derive(Debug)]
pub struct Templates {
    /// Each, with whether it is what it was written as.
    pub items: Vec<(StoredTemplate, Drift)>,
    /// Tuples that are missing.
    pub missing: i64,
    /// Tuples that nothing explains.
    pub extra: i64,
}

impl Templates {
    /// Whether nothing was changed past the product.
    pub fn is_sound(&self) -> bool {
        self.missing == 0 && self.extra == 0 && self.items.iter().all(|(_, drift)| *drift == Drift::None)
    }
}

/// Every template.
///
/// # Errors
/// When the database cannot be used.
pub async fn list_templates(mut pass: Pass<ListTemplates>) -> Result<(Templates, Receipt), Problem> {
    let ours = gates::built_in().map_err(|error| {
        tracing::error!(%error, "the templates of this program cannot be made");
        Problem::internal()
    })?;
    let stored = store::roles::templates(pass.tx()).await?;
    let (missing, extra) = store::roles::drift(pass.tx()).await?;
    let items = stored.into_iter().map(|template| {
        let drift = drift_of(&template, &ours);
        (template, drift)
    });
    let templates = Templates { items: items.collect(), missing, extra };
    let draft = Draft::done(EventKind::RoleTemplatesListed)
        .fact("items", templates.items.len() as u64)
        .fact("sound", u64::from(templates.is_sound()));
    Ok((templates, pass.seal(draft).await?))
}

fn drift_of(stored: &StoredTemplate, ours: &[Template]) -> Drift {
    let permissions: Result<PermissionSet, _> = stored.permissions.iter().map(|name| name.parse()).collect();
    let made = permissions.ok().zip(Holders::parse(&stored.holders)).and_then(|(permissions, holders)| {
        gates::template(&stored.name, holders, (&stored.title, &stored.says), permissions).ok()
    });
    let same = made.is_some_and(|made| made.document == stored.document && made.sha256 == *stored.sha256);
    if !same {
        return Drift::Changed;
    }
    let foreign = stored.built_in && !ours.iter().any(|template| template.document == stored.document);
    if foreign { Drift::Foreign } else { Drift::None }
}

/// What a template is to be.
#[derive(Debug)]
pub struct NewTemplate {
    /// Its name: what it is held and asked for by.
    pub name: String,
    /// Whose it can be.
    pub holders: Holders,
    /// Its name as people read it.
    pub title: String,
    /// What it is for.
    pub says: String,
    /// What it carries.
    pub permissions: Vec<Permission>,
}

impl NewTemplate {
    /// The template, when whoever makes it may.
    pub(crate) fn judge<A: Action<Mode = Write>>(self, pass: &Pass<A>) -> Result<Template, Problem> {
        if !kernel::is_template_name(&self.name) {
            let detail = "A template's name has 2 to 50 lower-case letters, digits, `-` and `_`, and begins with a letter.";
            return Err(Problem::invalid("/name", detail));
        }
        if self.name == gates::MCP_ACCESS {
            return Err(Problem::invalid("/name", "This name stands for access to the MCP endpoint."));
        }
        if self.says.chars().count() > SAYS_CHARS_MAX {
            return Err(Problem::invalid("/says", format!("At most {SAYS_CHARS_MAX} characters.")));
        }
        let permissions: PermissionSet = self.permissions.iter().copied().collect();
        if permissions == PermissionSet::EMPTY {
            return Err(Problem::invalid("/permissions", "A template carries at least one permission."));
        }
        for permission in permissions.iter() {
            if !permission.is_givable() {
                let detail = format!("No template carries {permission}.");
                return Err(Problem::invalid("/permissions", detail));
            }
            if self.holders == Holders::Keys && permission.least_key_role().is_none() {
                let detail = format!("{permission} is for people alone; no key can hold it.");
                return Err(Problem::invalid("/permissions", detail));
            }
        }
        held_by_giver(pass, permissions)?;
        let title = pass.privacy(Channel::Log).text(Name::parse(self.title, "/title")?.raw());
        let says = pass.privacy(Channel::Log).text(Description::parse(self.says, "/says")?.raw());
        gates::template(&self.name, self.holders, (title.get(), says.get()), permissions).map_err(|error| {
            tracing::error!(%error, "a template could not be written");
            Problem::internal()
        })
    }
}

/// Nobody gives what they do not hold themselves.
pub(crate) fn held_by_giver<A: Action>(pass: &Pass<A>, given: PermissionSet) -> Result<(), Problem> {
    let principal = pass.principal();
    match given.iter().find(|permission| !principal.capabilities().has(*permission)) {
        None => Ok(()),
        Some(permission) => {
            let detail = format!("You do not hold {permission} yourself, so you cannot give it.");
            Err(Problem::at(kernel::Gate::Token, ProblemKind::Forbidden, detail))
        }
    }
}

fn draft_of(kind: EventKind, template: &Template) -> Draft {
    let permissions = template.permissions.iter().count() as u64;
    // Its name is its maker's word; what is on record is its hash.
    Draft::done(kind)
        .subject("role_template", crypto::hex(&template.sha256))
        .fact("permissions", permissions)
        .fact("holders", template.holders.relation())
}

/// Makes a template.
///
/// # Errors
/// When it makes no sense, carries what its maker does not hold, or there is one of that name.
pub async fn create_template(
    mut pass: Pass<CreateTemplate>,
    new: NewTemplate,
) -> Result<(Template, Timestamp, Receipt), Problem> {
    let kind = EventKind::RoleTemplateCreated;
    let at = pass.vault().clock().now();
    let made = async {
        let template = new.judge(&pass)?;
        let there = store::roles::templates(pass.tx()).await?;
        if there.iter().any(|each| each.name == template.name) {
            return Err(StoreError::Taken.into());
        }
        if there.iter().filter(|each| !each.built_in).count() >= TEMPLATES_MAX {
            let detail = format!("An organization has at most {TEMPLATES_MAX} templates of its own.");
            return Err(Problem::new(ProblemKind::Conflict, detail));
        }
        store::roles::create(pass.tx(), &template, None, at).await?;
        Ok(template)
    };
    match made.await {
        Ok(template) => {
            let draft = draft_of(kind, &template);
            let receipt = pass.seal(draft).await?;
            Ok((template, at, receipt))
        }
        Err(problem) => Err(pass.fail(crate::undone(kind, &problem), problem).await),
    }
}

/// Changes one of the organization's own templates: everything but its name and whose it can be.
///
/// # Errors
/// As [`create_template`]; when there is none of that name, or it is the product's.
pub async fn change_template(
    mut pass: Pass<ChangeTemplate>,
    new: NewTemplate,
) -> Result<(Template, Timestamp, Receipt), Problem> {
    let kind = EventKind::RoleTemplateChanged;
    let at = pass.vault().clock().now();
    let changed = async {
        let there = store::roles::templates(pass.tx()).await?;
        let Some(before) = there.iter().find(|each| each.name == new.name) else {
            return Err(Problem::not_found());
        };
        if before.built_in {
            let detail = "This template is the product's: it is the same in every organization.";
            return Err(Problem::new(ProblemKind::Conflict, detail));
        }
        free(pass.tx(), before).await?;
        let holders = Holders::parse(&before.holders).ok_or_else(Problem::internal)?;
        // Nor does anybody take away what they could not give.
        let carried: PermissionSet = before.permissions.iter().filter_map(|name| name.parse().ok()).collect();
        held_by_giver(&pass, carried)?;
        let template = NewTemplate { holders, ..new }.judge(&pass)?;
        store::roles::change(pass.tx(), &template, None, at).await?;
        Ok(template)
    };
    match changed.await {
        Ok(template) => {
            let draft = draft_of(kind, &template);
            let receipt = pass.seal(draft).await?;
            Ok((template, at, receipt))
        }
        Err(problem) => Err(pass.fail(crate::undone(kind, &problem), problem).await),
    }
}

/// Removes one of the organization's own templates.
///
/// # Errors
/// When there is none of that name, or it is the product's.
pub async fn delete_template(mut pass: Pass<DeleteTemplate>, name: &str) -> Result<Receipt, Problem> {
    let kind = EventKind::RoleTemplateDeleted;
    let gone = async {
        let there = store::roles::templates(pass.tx()).await?;
        let Some(before) = there.into_iter().find(|each| each.name == name) else {
            return Err(Problem::not_found());
        };
        if before.built_in {
            let detail = "This template is the product's: it is the same in every organization.";
            return Err(Problem::new(ProblemKind::Conflict, detail));
        }
        free(pass.tx(), &before).await?;
        let taken = store::roles::delete(pass.tx(), name).await?;
        taken.map(|taken| (before, taken)).ok_or_else(Problem::not_found)
    };
    match gone.await {
        Ok((before, taken)) => {
            let draft = Draft::done(kind).subject("role_template", crypto::hex(&before.sha256));
            pass.seal(draft.fact("taken_from", taken)).await
        }
        Err(problem) => Err(pass.fail(crate::undone(kind, &problem), problem).await),
    }
}
