//! What a pack touches, for people who read it before they put it into force.

use std::collections::BTreeSet;

use crate::catalogue::ACTIONS;
use crate::manifest::Mode;
use crate::pack::Pack;
use crate::question::AskerKind;

/// An action that a pack has something to say about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// The action.
    pub action: &'static str,
    /// What it needs.
    pub need: &'static str,
    /// The policies that can match it, by any kind of principal that can ask for it; sorted.
    pub policies: Vec<String>,
    /// The rules of `mfa.json` about it, by number.
    pub proofs: Vec<u16>,
}

impl Pack {
    /// The actions it has something to say about, by name. A policy that can match may still never be met: what it says
    /// hangs on the circumstances.
    pub fn reach(&self) -> Vec<Reach> {
        let rows = ACTIONS.iter().enumerate().map(|(at, row)| {
            let policies: BTreeSet<&str> = self.matching(at).map(|known| known.id.as_str()).collect();
            Reach {
                action: row.name,
                need: row.need,
                policies: policies.into_iter().map(str::to_owned).collect(),
                proofs: self.mfa.get(at).into_iter().flatten().map(|asks| asks.rule).collect(),
            }
        });
        rows.filter(|reach| !reach.policies.is_empty() || !reach.proofs.is_empty()).collect()
    }

    /// How many actions a permit pack closes to everybody, because none of its policies can permit them. None under a pack
    /// of the mode forbid.
    pub fn closes(&self) -> usize {
        match self.manifest().mode {
            Mode::Forbid => 0,
            Mode::Permit => {
                (0..ACTIONS.len()).filter(|at| self.matching(*at).all(|known| known.forbids)).count()
            }
        }
    }

    fn matching(&self, at: usize) -> impl Iterator<Item = &crate::index::Known> {
        let types = ACTIONS.get(at).map_or(&[][..], |row| row.callers.types());
        let kinds = AskerKind::ALL.into_iter().filter(|kind| types.contains(&kind.name()));
        kinds
            .flat_map(move |kind| self.index.which(at, kind))
            .filter_map(|number| self.policies.get(usize::from(*number)))
    }
}

#[cfg(test)]
mod tests {
    use crate::{Document, check, sample};

    use super::*;

    fn pack(mode: Mode, policies: &str, mfa: Option<&str>) -> Pack {
        let mut files = sample::files("sample", mode);
        files.insert("policies/main.cedar".to_owned(), policies.to_owned());
        files.remove("mfa.json");
        if let Some(mfa) = mfa {
            files.insert("mfa.json".to_owned(), mfa.to_owned());
        }
        let checked = check(&Document::of_files(files).unwrap());
        let why = checked.first_error();
        checked.pack.unwrap_or_else(|| panic!("{why:?}"))
    }

    #[test]
    fn what_a_pack_touches_is_said_by_action() {
        let policies = "@id(\"rest\") forbid(principal is Agent, action == Action::\"models.call\", resource);
            @id(\"keys\") forbid(principal, action in Action::\"keys:manage\", resource);
            @id(\"agents\") forbid(principal is Agent, action in [Action::\"keys:manage\", Action::\"models:read\"], resource);";
        let mfa = r#"{"rules":[{"actions":["key.create","audit.export"],"assurance":"aal2"}]}"#;
        let pack = pack(Mode::Forbid, policies, Some(mfa));
        let reach = pack.reach();
        let of = |name: &str| reach.iter().find(|reach| reach.action == name);
        assert_eq!(of("models.call").unwrap().policies, ["rest"]);
        assert_eq!(of("key.create").unwrap().proofs, [1]);
        assert_eq!(of("key.create").unwrap().policies, ["keys"], "no agent asks for a key");
        assert_eq!(
            (of("audit.export").unwrap().policies.len(), of("audit.export").unwrap().need),
            (0, "audit:export")
        );
        assert_eq!((of("project.list"), pack.closes()), (None, 0));
    }

    #[test]
    fn what_a_permit_pack_does_not_speak_of_is_closed() {
        let policies = "@id(\"look\") permit(principal, action in Action::\"projects:read\", resource);
            @id(\"not-agents\") forbid(principal is Agent, action, resource);";
        let pack = pack(Mode::Permit, policies, None);
        let open = ACTIONS.iter().filter(|row| row.need == "projects:read").count();
        assert!(open > 0);
        assert_eq!(pack.closes(), ACTIONS.len() - open);
    }
}
