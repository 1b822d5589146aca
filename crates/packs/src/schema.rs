//! The Cedar schema of this server, made of the [`catalogue`](crate::catalogue).

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::catalogue::{ACTIONS, COLLECTIONS};

/// The file of a pack that holds the schema it was written for.
pub const FILE: &str = "schema.cedarschema";

const HEAD: &str = r"// The schema of policy packs, engine 1. Made by the server from its own actions; do not edit.

// Whose data it is. Its id is the organization's.
entity Organization;
// owner, admin, editor, reader for keys; owner, admin, member, viewer and the like for people.
entity Role;

// A person with a session. The id is the account's.
entity User in [Organization, Role] = { role: String, owner: Bool, second_factor: Bool };
// An agent, by its key or by a token made with it. The id is the agent's.
entity Agent in [Organization, Role] = { role: String };
// A program with an API key of the organization. The id is the key's.
entity ApiKey in [Organization, Role] = { role: String };
// A program with a key that the operator configured. The id is its name.
entity Service in [Organization, Role] = { role: String };

// What of a kind the organization has. Packs are asked before the thing itself is looked up.
";

const CONTEXT: &str = r"
type Asked = {
  // When, and the same as the hour (0 to 23) and the day of the week (1 is Monday), in UTC.
  time: datetime,
  hour: Long,
  weekday: Long,
  // The permission the action needs; credential:own where a live credential is enough.
  need: String,
  // The client's address, when it came over the network.
  ip?: ipaddr,
  // How sure the session is of its person: 1 or 2 (NIST SP 800-63B); mfa is assurance 2. Absent for programs.
  assurance?: Long,
  mfa?: Bool,
  // How long ago they proved it, in seconds. Absent for programs.
  auth_age_seconds?: Long,
  // The project the credential is bound to.
  project?: String,
  // The person an agent acts for.
  acting_for?: User,
};

// Groups: every action stands in the group of what it needs.
";

/// The schema as Cedar writes it.
pub fn text() -> String {
    let mut out = HEAD.to_owned();
    for name in COLLECTIONS {
        let _ = writeln!(out, "entity {name} enum [\"all\"];");
    }
    out.push_str(CONTEXT);
    let needs: BTreeSet<&str> = ACTIONS.iter().map(|row| row.need).collect();
    for need in needs {
        let _ = writeln!(out, "action \"{need}\";");
    }
    out.push('\n');
    for row in ACTIONS {
        let _ = writeln!(
            out,
            "action \"{}\" in [\"{}\"] appliesTo {{ principal: [{}], resource: [{}], context: Asked }};",
            row.name,
            row.need,
            row.callers.types().join(", "),
            row.resource
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_schema_and_speaks_of_every_action() {
        let (schema, warnings) = cedar_policy::Schema::from_cedarschema_str(&text()).unwrap();
        assert_eq!(warnings.count(), 0);
        let needs: BTreeSet<&str> = ACTIONS.iter().map(|row| row.need).collect();
        assert_eq!(schema.actions().count(), ACTIONS.len() + needs.len());
        assert_eq!(schema.action_groups().count(), needs.len());
    }
}
