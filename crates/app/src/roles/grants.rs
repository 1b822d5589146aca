//! What is given to somebody beside their role, and what everybody holds by it.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use gates::{Draft, Holders, Pass, Receipt};
use kernel::{AccountId, AgentId, EventKind, KeyId, PermissionSet, Problem, ProblemKind};
use store::members::Member;
use store::roles::Grant;
use uuid::Uuid;

use super::templates::held_by_giver;
use crate::action;
use crate::input::{Listed, Page};

/// Most of what can be given to one of the organization's members, keys or agents.
pub const GRANTS_MAX: i64 = 100;

action! {
    /// Lists what was given beside roles.
    ListGrants = "role.list_grants", MembersRead, Staff, Read
}

action! {
    /// Gives a template, or access to the MCP endpoint.
    GiveRole = "role.give", MembersManage, Staff, Write, Fresh
}

action! {
    /// Takes back what was given.
    TakeRole = "role.take", MembersManage, Staff, Write
}

action! {
    /// Shows what each member may do, as the gates would answer it.
    ReadMemberPermissions = "member.list_permissions", MembersRead, Staff, Read
}

/// Somebody that something can be given to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A member.
    Member(AccountId),
    /// An API key.
    Key(KeyId),
    /// An agent.
    Agent(AgentId),
}

/// The text names nobody that something could be given to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected user:<account>, api_key:<key> or agent:<agent>")]
pub struct ParseSubjectError;

impl FromStr for Subject {
    type Err = ParseSubjectError;

    fn from_str(text: &str) -> Result<Self, ParseSubjectError> {
        let (kind, id) = text.split_once(':').ok_or(ParseSubjectError)?;
        let subject = match kind {
            "user" => id.parse().map(Self::Member),
            "api_key" => id.parse().map(Self::Key),
            "agent" => id.parse().map(Self::Agent),
            _ => return Err(ParseSubjectError),
        };
        subject.map_err(|_| ParseSubjectError)
    }
}

impl Subject {
    /// Its type in the model of relations, and its id.
    const fn parts(self) -> (&'static str, Uuid) {
        match self {
            Self::Member(id) => ("user", id.uuid()),
            Self::Key(id) => ("api_key", id.uuid()),
            Self::Agent(id) => ("agent", id.uuid()),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, id) = self.parts();
        write!(f, "{kind}:{id}")
    }
}

/// One page of what was given.
///
/// # Errors
/// When the database cannot be used.
pub async fn list_grants(
    mut pass: Pass<ListGrants>,
    subject: Option<Subject>,
    after: Option<(Subject, String)>,
    rows: i64,
) -> Result<(Vec<Grant>, Receipt), Problem> {
    let subject = subject.map(|subject| subject.to_string());
    let after = after.map(|(subject, grants)| (subject.to_string(), grants));
    let after = after.as_ref().map(|(subject, grants)| (subject.as_str(), grants.as_str()));
    let found = store::roles::grants(pass.tx(), subject.as_deref(), after, rows).await?;
    let draft = Draft::done(EventKind::RoleGrantsListed).fact("items", found.len() as u64);
    Ok((found, pass.seal(draft).await?))
}

/// What a draft says about whom something was given to or taken from.
fn about(draft: Draft, subject: Subject, grants: &str) -> Draft {
    let draft = match subject {
        Subject::Member(id) => draft.subject("account", id),
        Subject::Key(id) => draft.subject("key", id),
        Subject::Agent(id) => draft.subject("agent", id),
    };
    // What is given by name is the product's own word; a template's name is its organization's, and the hash of it stands in
    // the entries that made it.
    if grants == gates::MCP_ACCESS { draft.fact("grants", gates::MCP_ACCESS) } else { draft }
}

/// Gives a template of the organization's own, or [`gates::MCP_ACCESS`]; `false` when it was given before.
///
/// # Errors
/// When there is no such template or nobody of that id, or the giver does not hold what it carries.
pub async fn give(
    mut pass: Pass<GiveRole>,
    subject: Subject,
    grants: &str,
) -> Result<(bool, Receipt), Problem> {
    let kind = EventKind::RoleGiven;
    let (at, (word, id)) = (pass.vault().clock().now(), subject.parts());
    let given = async {
        let sha256 = judge(&mut pass, subject, grants).await?;
        if !store::roles::is_there(pass.tx(), word, id).await? {
            return Err(Problem::not_found());
        }
        let mut draft = about(Draft::done(kind), subject, grants);
        if let Some(sha256) = sha256 {
            draft = draft.fact("template", &audit_log::Hash(sha256));
        }
        let there = store::roles::grants(pass.tx(), Some(&subject.to_string()), None, GRANTS_MAX).await?;
        if i64::try_from(there.len()).is_ok_and(|there| there >= GRANTS_MAX) {
            let detail = format!("At most {GRANTS_MAX} can be given to one.");
            return Err(Problem::new(ProblemKind::Conflict, detail));
        }
        let given = store::roles::give(pass.tx(), &subject.to_string(), grants, at).await?;
        Ok((given, draft.fact("changed", u64::from(given))))
    };
    match given.await {
        Ok((given, draft)) => Ok((given, pass.seal(draft).await?)),
        Err(problem) => Err(pass.fail(about(crate::undone(kind, &problem), subject, grants), problem).await),
    }
}

/// Whether `grants` can be given to `subject` by this caller; the template's hash.
async fn judge(
    pass: &mut Pass<GiveRole>,
    subject: Subject,
    grants: &str,
) -> Result<Option<[u8; 32]>, Problem> {
    if grants == gates::MCP_ACCESS {
        return Ok(None);
    }
    let there = store::roles::templates(pass.tx()).await?;
    let Some(template) = there.into_iter().find(|each| each.name == grants) else {
        return Err(Problem::invalid("/grants", "There is no template of that name."));
    };
    if template.built_in {
        let detail =
            "Roles of the product are given by changing somebody's role, or by making a key with it.";
        return Err(Problem::invalid("/grants", detail));
    }
    match (Holders::parse(&template.holders), subject) {
        (Some(Holders::People), Subject::Member(_)) | (Some(Holders::Keys), Subject::Key(_)) => {}
        (Some(Holders::People), _) => {
            return Err(Problem::invalid("/subject", "This template is for people."));
        }
        (_, Subject::Agent(_)) => {
            return Err(Problem::invalid("/subject", "An agent has what its key has; give it to the key."));
        }
        _ => return Err(Problem::invalid("/subject", "This template is for API keys.")),
    }
    let carried: PermissionSet = template.permissions.iter().filter_map(|name| name.parse().ok()).collect();
    held_by_giver(pass, carried)?;
    Ok(<[u8; 32]>::try_from(template.sha256.as_slice()).ok())
}

/// Takes something back.
///
/// # Errors
/// When it was not given.
pub async fn take(mut pass: Pass<TakeRole>, subject: Subject, grants: &str) -> Result<Receipt, Problem> {
    let kind = EventKind::RoleTaken;
    if store::roles::take(pass.tx(), &subject.to_string(), grants).await? {
        return pass.seal(about(Draft::done(kind), subject, grants)).await;
    }
    Err(pass.fail(about(Draft::failed(kind), subject, grants), Problem::not_found()).await)
}

/// What a member may do, and by what.
#[derive(Debug)]
pub struct Standing {
    /// The member.
    pub member: Member,
    /// What the gates would let them do.
    pub held: PermissionSet,
    /// The templates they hold beside their role, and what was given by name.
    pub given: Vec<String>,
}

/// A page of members with what each may do.
///
/// # Errors
/// When the database cannot be used.
pub async fn of_members(
    mut pass: Pass<ReadMemberPermissions>,
    page: Page<AccountId>,
) -> Result<(Listed<Standing, AccountId>, Receipt), Problem> {
    let found = store::members::list(pass.tx(), page.after, page.rows + 1).await?;
    let listed = Listed::cut(found, page.rows, |member| member.account);
    let subjects: Vec<String> =
        listed.items.iter().map(|member| Subject::Member(member.account).to_string()).collect();
    let held = pass.held(&subjects).await?;
    let mut given: HashMap<String, Vec<String>> = HashMap::new();
    for grant in store::roles::grants_of(pass.tx(), &subjects).await? {
        given.entry(grant.subject).or_default().push(grant.grants);
    }
    let standing = |((member, held), subject): ((Member, PermissionSet), &String)| {
        let mut given = given.remove(subject).unwrap_or_default();
        given.sort_unstable();
        Standing { member, held, given }
    };
    let items: Vec<_> = listed.items.into_iter().zip(held).zip(&subjects).map(standing).collect();
    let draft = Draft::done(EventKind::MemberPermissionsListed).fact("items", items.len() as u64);
    Ok((Listed { items, next: listed.next }, pass.seal(draft).await?))
}
