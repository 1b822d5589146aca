//! Which policies can match a question at all: by action, kind of principal and type of resource. Cedar evaluates every policy
//! it is given, so it is given no other.

use std::sync::OnceLock;

use cedar_policy::{
    ActionConstraint, Effect, EntityUid, Policy, PolicySet, PrincipalConstraint, ResourceConstraint,
};
use serde_json::Value;

use crate::catalogue::{ACTIONS, ActionRow};
use crate::question::AskerKind;

/// What of the circumstances no entry of the log holds, so that a decision that hangs on it cannot be told afterwards.
const UNRECORDED: &[&str] = &["ip", "assurance", "mfa", "auth_age_seconds"];

/// A policy with what is known of it beforehand.
pub(crate) struct Known {
    pub(crate) id: String,
    pub(crate) policy: Policy,
    pub(crate) forbids: bool,
    /// Whether it looks at something that no entry holds.
    pub(crate) beyond_record: bool,
}

impl Known {
    pub(crate) fn of(policy: Policy) -> Self {
        let beyond_record = policy.to_json().map_or(true, |json| looks_beyond(&json, None));
        Self {
            id: policy.id().to_string(),
            forbids: policy.effect() == Effect::Forbid,
            beyond_record,
            policy,
        }
    }
}

/// The policies that can match, per action and kind of principal; each set is made when it is first asked for.
pub(crate) struct Index {
    which: Vec<[Vec<u16>; 4]>,
    sets: Vec<[OnceLock<PolicySet>; 4]>,
}

impl Index {
    pub(crate) fn of(policies: &[Known]) -> Self {
        let which: Vec<[Vec<u16>; 4]> = ACTIONS
            .iter()
            .map(|row| {
                AskerKind::ALL.map(|kind| {
                    let matching =
                        policies.iter().enumerate().filter(|(_, known)| can_match(&known.policy, row, kind));
                    matching.filter_map(|(at, _)| u16::try_from(at).ok()).collect()
                })
            })
            .collect();
        let sets = ACTIONS.iter().map(|_| [(); 4].map(|()| OnceLock::new())).collect();
        Self { which, sets }
    }

    /// Which policies can match.
    pub(crate) fn which(&self, action: usize, kind: AskerKind) -> &[u16] {
        self.which.get(action).map_or(&[], |kinds| &kinds[kind as usize])
    }

    /// The same as a set.
    pub(crate) fn set(&self, policies: &[Known], action: usize, kind: AskerKind) -> Option<&PolicySet> {
        let cell = &self.sets.get(action)?[kind as usize];
        Some(cell.get_or_init(|| {
            let chosen = self.which(action, kind).iter().filter_map(|at| policies.get(usize::from(*at)));
            set_of(chosen)
        }))
    }
}

/// A set of policies whose ids are known to differ.
pub(crate) fn set_of<'a>(policies: impl Iterator<Item = &'a Known>) -> PolicySet {
    let mut set = PolicySet::new();
    for known in policies {
        // Two of one id are refused before a pack is made.
        let added = set.add(known.policy.clone());
        debug_assert!(added.is_ok());
    }
    set
}

fn can_match(policy: &Policy, row: &ActionRow, kind: AskerKind) -> bool {
    let named = |uid: &EntityUid, name: &str| uid.id().unescaped() == name;
    let action = match policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(uid) => named(&uid, row.name),
        ActionConstraint::In(uids) => uids.iter().any(|uid| named(uid, row.name) || named(uid, row.need)),
    };
    let principal = match policy.principal_constraint() {
        PrincipalConstraint::Any => true,
        PrincipalConstraint::Eq(uid) => uid.type_name().basename() == kind.name(),
        PrincipalConstraint::Is(name) | PrincipalConstraint::IsIn(name, _) => name.basename() == kind.name(),
        PrincipalConstraint::In(uid) => {
            let of = uid.type_name().basename();
            of == kind.name() || of == "Organization" || of == "Role"
        }
    };
    let resource = match policy.resource_constraint() {
        ResourceConstraint::Any => true,
        ResourceConstraint::Eq(uid) | ResourceConstraint::In(uid) => {
            uid.type_name().basename() == row.resource
        }
        ResourceConstraint::Is(name) | ResourceConstraint::IsIn(name, _) => name.basename() == row.resource,
    };
    action && principal && resource
}

/// Whether an expression, in Cedar's JSON, looks at what no entry of the log holds. `around` is the name of the operator the
/// value stands in, with the attribute it takes: what is taken whole could be anything.
fn looks_beyond(json: &Value, around: Option<&str>) -> bool {
    match json {
        Value::Object(members) => {
            if let Some(var) = members.get("Var").and_then(Value::as_str) {
                return match (var, around) {
                    ("context", Some(attribute)) => UNRECORDED.contains(&attribute),
                    ("context", None) => true,
                    ("principal", Some(attribute)) => attribute == "second_factor",
                    _ => false,
                };
            }
            members.iter().any(|(name, value)| {
                let attribute =
                    matches!(name.as_str(), "." | "has").then(|| value.get("attr")?.as_str()).flatten();
                match (attribute, value.get("left")) {
                    (Some(attribute), Some(left)) => looks_beyond(left, Some(attribute)),
                    _ => looks_beyond(value, None),
                }
            })
        }
        Value::Array(items) => items.iter().any(|item| looks_beyond(item, None)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beyond(text: &str) -> bool {
        Known::of(Policy::parse(None, text).unwrap()).beyond_record
    }

    #[test]
    fn what_hangs_on_something_unrecorded_is_known() {
        assert!(!beyond("forbid(principal, action, resource);"));
        assert!(!beyond(
            "forbid(principal, action, resource) when { context.hour < 8 || principal.role == \"x\" };"
        ));
        assert!(!beyond("forbid(principal, action, resource) when { principal in Role::\"x\" };"));
        assert!(!beyond(
            "forbid(principal, action, resource) when { context has project && context.project == \"x\" };"
        ));
        assert!(beyond("forbid(principal, action, resource) when { context has ip };"));
        assert!(beyond("forbid(principal, action, resource) unless { context has mfa && context.mfa };"));
        assert!(beyond("forbid(principal is User, action, resource) when { !principal.second_factor };"));
        assert!(beyond("forbid(principal, action, resource) when { context == {a: 1} };"));
        assert!(beyond(
            "forbid(principal, action, resource) when { [1, 2].contains(if context has assurance then 1 else 2) };"
        ));
    }

    #[test]
    fn a_policy_is_met_where_it_can_match() {
        let row = crate::catalogue::row("key.create").unwrap();
        let can = |text: &str, kind| can_match(&Policy::parse(None, text).unwrap(), row, kind);
        assert!(can("forbid(principal, action, resource);", AskerKind::Agent));
        assert!(can("forbid(principal, action in Action::\"keys:manage\", resource);", AskerKind::User));
        assert!(!can("forbid(principal, action == Action::\"key.list\", resource);", AskerKind::User));
        assert!(can("forbid(principal in Role::\"admin\", action, resource);", AskerKind::User));
        assert!(!can("forbid(principal is Agent, action, resource);", AskerKind::User));
        assert!(!can("forbid(principal == User::\"x\", action, resource);", AskerKind::ApiKey));
        assert!(can("forbid(principal, action, resource is ApiKeys);", AskerKind::User));
        assert!(!can("forbid(principal, action, resource is Log);", AskerKind::User));
        assert!(can(
            "forbid(principal, action in [Action::\"key.list\", Action::\"key.create\"], resource);",
            AskerKind::User
        ));
    }
}
