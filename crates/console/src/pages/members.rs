//! Who belongs to the organization.

use askama::Template;

use crate::layout::Shell;
use crate::parts::{Badge, Choice, Form, Icon, Id, Pager, Tone, When, initials};

/// A line of the list.
#[derive(Debug, Clone)]
pub struct MemberRow {
    /// For paths.
    pub id: String,
    /// The name they gave.
    pub name: String,
    /// Their address.
    pub email: String,
    /// Their role, in words.
    pub role: String,
    /// Whether the organization is theirs.
    pub owner: bool,
    /// Whether it is the person who is looking.
    pub you: bool,
    /// "Passkey", "App", "None"…
    pub second_factor: Badge,
    /// "Active", "Suspended", "Must enrol"…
    pub status: Badge,
    /// When they were last here.
    pub last_seen: Option<When>,
}

impl MemberRow {
    fn initials(&self) -> String {
        initials(&self.name)
    }
}

/// Somebody who was asked to come.
#[derive(Debug, Clone)]
pub struct InvitationRow {
    /// For paths.
    pub id: String,
    /// The address it was sent to.
    pub email: String,
    /// The role they will have.
    pub role: String,
    /// Who invited them.
    pub by: String,
    /// When it was last sent.
    pub sent: When,
    /// When it stops working.
    pub expires: When,
    /// Whether it has stopped working.
    pub expired: bool,
}

/// `/members`: the people and the invitations.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/members.html")]
pub struct Members {
    /// What surrounds it.
    pub shell: Shell,
    /// The filter: `q`, `status`, `role`; sent by GET.
    pub form: Form,
    /// What `status` offers, "any" first.
    pub statuses: Vec<Choice>,
    /// What `role` offers, "any" first.
    pub roles: Vec<Choice>,
    /// The people on this page.
    pub members: Vec<MemberRow>,
    /// The way to the next page.
    pub pager: Pager,
    /// Invitations nobody has answered.
    pub invitations: Vec<InvitationRow>,
    /// Whether this person may invite and withdraw.
    pub may_invite: bool,
}

/// `/members/invite`: ask somebody in.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/invite.html")]
pub struct Invite {
    /// What surrounds it.
    pub shell: Shell,
    /// `email`, `role`.
    pub form: Form,
    /// The roles this person may give.
    pub roles: Vec<Choice>,
    /// How long the invitation works.
    pub days_valid: u32,
}

/// A place somebody is signed in at.
#[derive(Debug, Clone)]
pub struct SessionRow {
    /// For paths.
    pub id: String,
    /// "Firefox on Linux".
    pub device: String,
    /// Whether it is a phone.
    pub phone: bool,
    /// The address it came from.
    pub address: String,
    /// How they signed in: "passkey", "password and app"…
    pub how: String,
    /// Since when.
    pub started: When,
    /// The last request.
    pub last_seen: When,
    /// Whether it is the one that is looking.
    pub this: bool,
}

/// A section of the page of somebody that something can be given to: what they have beside a role.
#[derive(Debug, Clone)]
pub struct Given {
    /// Their page; POST to `give` and `take` below it.
    pub base: String,
    /// The heading.
    pub title: &'static str,
    /// What it is about, under the heading.
    pub lead: &'static str,
    /// What they have: the word for it, and how people read it.
    pub held: Vec<(String, String)>,
    /// What more can be given.
    pub more: Vec<Choice>,
    /// `grants`.
    pub form: Form,
    /// Whether the one who looks may give and take.
    pub may_change: bool,
}

/// `/members/{id}`: one person.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/member.html")]
pub struct MemberPage {
    /// What surrounds it.
    pub shell: Shell,
    /// Who.
    pub member: MemberRow,
    /// Since when they belong.
    pub joined: When,
    /// `role`; POST to `/members/{id}`.
    pub form: Form,
    /// The roles this person may give.
    pub roles: Vec<Choice>,
    /// What they were given beside the role.
    pub given: Given,
    /// Where they are signed in; nothing for somebody who may not see it.
    pub sessions: Option<Vec<SessionRow>>,
    /// Whether they are suspended.
    pub suspended: bool,
    /// Whether the one who looks may change the role, suspend, remove and sign out.
    pub may_manage: bool,
    /// Whether the one who looks may hand the organization over to them.
    pub may_transfer: bool,
}

/// A role, as a column.
#[derive(Debug, Clone)]
pub struct RoleColumn {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub explanation: String,
    /// Whether it is the role of the one who looks.
    pub yours: bool,
}

/// A permission, as a row.
#[derive(Debug, Clone)]
pub struct PermissionRow {
    /// The stable name, `noun:verb`.
    pub name: String,
    /// What it allows.
    pub explanation: String,
    /// For each role of people, whether it has it.
    pub people: Vec<bool>,
    /// For each role of API keys, whether it has it.
    pub keys: Vec<bool>,
}

/// Permissions of one area.
#[derive(Debug, Clone)]
pub struct PermissionArea {
    /// Its name.
    pub name: String,
    /// Its permissions.
    pub rows: Vec<PermissionRow>,
}

/// A template of a role.
#[derive(Debug, Clone)]
pub struct TemplateRow {
    /// Its name, for paths.
    pub name: String,
    /// Its name as people read it.
    pub title: String,
    /// What it is for.
    pub says: String,
    /// Whose it can be: "people" or "API keys".
    pub holders: &'static str,
    /// Whether it is the product's.
    pub built_in: bool,
    /// The names of what it carries.
    pub permissions: Vec<String>,
    /// The policy pack it came with.
    pub from_pack: Option<String>,
    /// How many hold it.
    pub held_by: i64,
    /// What is wrong with it, when it was changed past the product.
    pub drift: Option<&'static str>,
    /// The hash of its canonical form.
    pub sha256: Id,
}

/// `/roles/templates/new` and `/roles/templates/{name}`: a template made or changed.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/role_template.html")]
pub struct RoleTemplate {
    /// What surrounds it.
    pub shell: Shell,
    /// The template, when it is there already.
    pub there: Option<TemplateRow>,
    /// `name`, `holders`, `title`, `says`, `permissions`.
    pub form: Form,
    /// Whose it can be.
    pub holders: Vec<Choice>,
    /// What it may carry, by area.
    pub permissions: Vec<Choice>,
    /// Whether the one who looks may change it.
    pub may_manage: bool,
    /// Whether they have to confirm who they are before it is written.
    pub must_confirm: bool,
}

/// A member, as a column.
#[derive(Debug, Clone)]
pub struct MemberColumn {
    /// For paths.
    pub id: String,
    /// The name they gave.
    pub name: String,
    /// Their role, in words.
    pub role: String,
    /// What they were given beside it.
    pub given: Vec<String>,
}

/// A permission, as a row of what members may do.
#[derive(Debug, Clone)]
pub struct HeldRow {
    /// The stable name.
    pub name: String,
    /// What it allows.
    pub explanation: String,
    /// For each member: whether they hold it.
    pub held: Vec<bool>,
}

/// `/members/permissions`: who may do what, as the gates would answer.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/member_permissions.html")]
pub struct MemberPermissions {
    /// What surrounds it.
    pub shell: Shell,
    /// The members of this page.
    pub members: Vec<MemberColumn>,
    /// The permissions, by area.
    pub areas: Vec<(String, Vec<HeldRow>)>,
    /// The way to the next page.
    pub pager: Pager,
}

/// `/roles`: what each role may do.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/roles.html")]
pub struct Roles {
    /// What surrounds it.
    pub shell: Shell,
    /// The roles of people.
    pub people: Vec<RoleColumn>,
    /// The roles of API keys.
    pub keys: Vec<RoleColumn>,
    /// The permissions.
    pub areas: Vec<PermissionArea>,
    /// The templates of roles: the product's and the organization's own.
    pub templates: Vec<TemplateRow>,
    /// Relations that are missing, and those that nothing explains.
    pub missing: i64,
    /// See [`Roles::missing`].
    pub extra: i64,
    /// Whether the one who looks may make templates.
    pub may_manage: bool,
    /// Whether the one who looks may see what members may do.
    pub may_see_members: bool,
    /// Whether they may see the policy packs.
    pub may_see_packs: bool,
}

impl Roles {
    fn sound(&self) -> bool {
        self.missing == 0 && self.extra == 0 && self.templates.iter().all(|one| one.drift.is_none())
    }

    fn own(&self) -> Vec<&TemplateRow> {
        self.templates.iter().filter(|one| !one.built_in).collect()
    }

    fn drifted(&self) -> Vec<&TemplateRow> {
        self.templates.iter().filter(|one| one.drift.is_some()).collect()
    }
}
