//! What each role may do: the table of the kernel, for people to read, and the templates and grants by which an organization
//! gives more than its roles do.

mod grants;
mod templates;

use std::fmt::Write as _;

use gates::{Draft, Pass, Receipt};
use kernel::{EventKind, MemberRole, Permission, Problem, Role};

pub use grants::{
    GRANTS_MAX, GiveRole, ListGrants, ParseSubjectError, ReadMemberPermissions, Standing, Subject, TakeRole,
    give, list_grants, of_members, take,
};
pub use store::roles::{Grant, StoredTemplate};
pub(crate) use templates::held_by_giver;
pub use templates::{
    ChangeTemplate, CreateTemplate, DeleteTemplate, Drift, ListTemplates, NewTemplate, TEMPLATES_MAX,
    Templates, change_template, create_template, delete_template, list_templates,
};

use crate::action;

action! {
    /// Reads the table of roles and permissions.
    ReadRoles = "role.list", OrganizationRead, Principal, Record
}

/// Puts on record that the table was read; it is the same for everybody.
///
/// # Errors
/// When the entry cannot be written; the table must not be shown then.
pub async fn read(pass: Pass<ReadRoles>) -> Result<Receipt, Problem> {
    pass.seal(Draft::done(EventKind::RolesRead)).await
}

/// The page `docs/roles.md`, made of the table that the gates decide by.
pub fn page() -> String {
    let mut page = String::from(
        "# Roles\n\n\
         <!-- Generated from crates/kernel/src/permission.rs and role.rs by `cargo xtask regenerate`. -->\n\n\
         What a role may do stands in one table of the code. The gates decide by it, `GET /api/v1/roles` answers it, the\n\
         console shows it, and this page is made of it.\n\n\
         ## Roles of members\n\n\
         A person has a role in each organization they are a member of. Each role has all that the one before it has.\n\n",
    );
    for each in MemberRole::ALL {
        role(&mut page, each.name(), each.title(), each.says());
    }
    page.push_str(
        "\nAn *owner* is an admin who can also hand the organization over; who owns it is no role of its own, and there is\n\
         always at least one. *Provider Admin* is given by the operator on the machine alone.\n\n\
         ## Roles of API keys\n\n\
         A key has a role too, and may be narrowed to a part of it. Agents are kept out of much that their key's role would\n\
         allow: the description of each operation says for whom it is.\n\n",
    );
    for each in Role::ALL {
        role(&mut page, each.name(), each.title(), each.says());
    }
    page.push_str("\n## Permissions\n\n| permission | what it allows |");
    for each in MemberRole::ALL {
        let _ = write!(page, " {} |", each.title());
    }
    for each in Role::ALL {
        let _ = write!(page, " key: {} |", each.title());
    }
    page.push_str("\n|---|---|");
    page.push_str(&"---|".repeat(MemberRole::ALL.len() + Role::ALL.len()));
    page.push('\n');
    for permission in Permission::ALL {
        let _ = write!(page, "| `{permission}` | {} |", permission.says());
        let people = MemberRole::ALL.iter().map(|each| each.has(*permission));
        for held in people.chain(Role::ALL.iter().map(|each| each.has(*permission))) {
            page.push_str(if held { " ✓ |" } else { " |" });
        }
        page.push('\n');
    }
    page.push_str(
        "\nWhat no key can hold is for people alone. What no role holds is opened by an override only\n\
         ([break-glass](break-glass.md)), which opens everything here but `providers:across`.\n\n\
         ## Templates, and what is given by name\n\n\
         Each role is a *template*: a named bundle of permissions, kept in every organization with the SHA-256 of its\n\
         canonical JSON (RFC 8785). An organization can make templates of its own (`auditor`: see and take away the log) and\n\
         give them to members or keys beside their role: `/api/v1/roles/templates` and `/api/v1/roles/grants`, or in the\n\
         console *Roles* and the pages of members, keys and agents; a [policy pack](policy-packs.md#templates-of-roles) can\n\
         bring them. Nobody gives what they do not hold themselves; `providers:across` and `pii:reveal` are in no template.\n\
         Access to the MCP endpoint (`mcp_access`) comes with no role at all: it is given by name. So is `system-super-admin`,\n\
         by the operator on the machine alone.\n\n\
         ## Where it is decided\n\n\
         Roles, templates, members and keys are relations in a store of the organization's own, under\n\
         [a model in OpenFGA's language](https://openfga.dev) that comes with the program (`crates/gates/src/authority/model.fga`).\n\
         The gates ask it before every action, for the credential and for the person it acts for: every one of them must hold\n\
         the permission. A permission that no key can hold has no place in the model for one, so no tuple can give it.\n\
         Row-level security asks the same model through SQL functions compiled from it: a member without the relation sees\n\
         no row, even where the application forgot to ask. The store can be read and asked with OpenFGA's own clients at\n\
         `/fga`, under the organization's id; see [Relations](relations.md#the-products-own-store).\n\n\
         ## Drift\n\n\
         `GET /api/v1/roles/templates` says of each template whether it still hashes to what it was written with and, for the\n\
         product's own, whether it is this program's; and of the whole store, how many tuples are missing or explained by\n\
         nothing. Anything but zero means that somebody changed the database past the product.\n",
    );
    page
}

/// What keys of each role hold besides those of the role below, for `docs/keys.md`; made of the same table.
pub fn of_keys() -> String {
    let mut page = String::from("| permission | least role |\n|---|---|\n");
    for role in Role::ALL {
        let least = |permission: &&Permission| permission.least_key_role() == Some(*role);
        let names: Vec<_> = Permission::ALL.iter().filter(least).map(|name| format!("`{name}`")).collect();
        if !names.is_empty() {
            let _ = writeln!(page, "| {} | {} |", names.join(", "), role.name());
        }
    }
    page
}

fn role(page: &mut String, name: &str, title: &str, says: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(page, "* **{title}** (`{name}`): {says}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_permission_has_its_row_and_every_role_its_column() {
        let page = page();
        let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
        assert_eq!(rows.len(), Permission::ALL.len());
        let columns = 2 + MemberRole::ALL.len() + Role::ALL.len();
        assert!(rows.iter().all(|row| row.matches('|').count() == columns + 1));
        let held = page.matches('✓').count();
        let people: usize = MemberRole::ALL.iter().map(|role| count(|one| role.has(one))).sum();
        let keys: usize = Role::ALL.iter().map(|role| count(|one| role.has(one))).sum();
        assert_eq!(held, people + keys);
    }

    #[test]
    fn what_keys_can_hold_stands_there_once() {
        let page = of_keys();
        for permission in Permission::ALL {
            let named = page.matches(&format!("`{permission}`")).count();
            assert_eq!(named, usize::from(permission.least_key_role().is_some()), "{permission}");
        }
    }

    fn count(has: impl Fn(Permission) -> bool) -> usize {
        Permission::ALL.iter().filter(|one| has(**one)).count()
    }
}
