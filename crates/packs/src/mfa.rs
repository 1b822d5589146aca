//! `mfa.json`: what a person must have shown of themselves for some actions, besides what the product asks for anyway.

use serde::Deserialize;

use crate::catalogue::{ACTIONS, Callers};
use crate::finding::Finding;

/// The file.
pub const FILE: &str = "mfa.json";

/// Shortest time within which a person can be asked to have proved who they are, in seconds: less could not be met.
pub const AUTH_AGE_SECONDS_MIN: u64 = 30;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    rules: Vec<Rule>,
}

/// A rule as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Actions by name, or what they need: then all actions that need it.
    pub actions: Vec<String>,
    /// `aal1` or `aal2`.
    #[serde(default)]
    pub assurance: Option<String>,
    /// How long ago a person may have proved who they are, in seconds.
    #[serde(default)]
    pub auth_age_seconds: Option<u64>,
}

/// The rules as they are written, in order. Whether they make sense, [`crate::check()`] says.
///
/// # Errors
/// When it is no such file.
pub fn rules(text: &str) -> Result<Vec<Rule>, Finding> {
    let file: File = serde_json::from_str(text).map_err(|error| Finding::json(FILE, &error))?;
    Ok(file.rules)
}

/// What is asked of a person for one action, and by which rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asks {
    pub(crate) rule: u16,
    assurance: u8,
    age_seconds: Option<u64>,
}

impl Asks {
    /// Whether a session of this assurance and age has shown it.
    pub(crate) fn met(self, assurance: Option<u8>, age_seconds: Option<u64>) -> bool {
        let sure = assurance.unwrap_or(0) >= self.assurance;
        let fresh = self.age_seconds.is_none_or(|most| age_seconds.is_some_and(|age| age <= most));
        sure && fresh
    }
}

/// What is asked for each action of the catalogue.
pub(crate) type Table = Vec<Vec<Asks>>;

pub(crate) fn parse(text: &str) -> Result<Table, Finding> {
    let mut table = vec![Vec::new(); ACTIONS.len()];
    for (at, rule) in rules(text)?.iter().enumerate() {
        let wrong = |says: &str| Finding::error(FILE, format!("rule {}: {says}", at + 1));
        let assurance = match rule.assurance.as_deref() {
            None | Some("aal1") => 1,
            Some("aal2") => 2,
            Some(_) => return Err(wrong("assurance is aal1 or aal2")),
        };
        if rule.assurance.is_none() && rule.auth_age_seconds.is_none() {
            return Err(wrong("it asks for nothing: say assurance, auth_age_seconds or both"));
        }
        if rule.auth_age_seconds.is_some_and(|age| age < AUTH_AGE_SECONDS_MIN) {
            return Err(wrong("auth_age_seconds is below 30, which nobody could meet"));
        }
        if rule.actions.is_empty() {
            return Err(wrong("it names no action"));
        }
        let number = u16::try_from(at + 1).map_err(|_| wrong("too many rules"))?;
        let asks = Asks { rule: number, assurance, age_seconds: rule.auth_age_seconds };
        for name in &rule.actions {
            let of_people = |callers: Callers| callers.types().contains(&"User");
            let meant = |row: &crate::catalogue::ActionRow| {
                (row.name == name || row.need == name) && of_people(row.callers)
            };
            let mut met = false;
            for (row, asked) in ACTIONS.iter().zip(&mut table) {
                if meant(row) {
                    asked.push(asks);
                    met = true;
                }
            }
            if !met {
                return Err(wrong(&format!(
                    "{name:?} is no action that a person can be asked to prove themselves for"
                )));
            }
        }
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(name: &str) -> usize {
        ACTIONS.iter().position(|row| row.name == name).unwrap()
    }

    #[test]
    fn a_rule_is_about_an_action_or_about_all_that_need_something() {
        let table = parse(
            r#"{"rules":[{"actions":["keys:manage"],"assurance":"aal2"},
                         {"actions":["key.create","audit.export"],"auth_age_seconds":60}]}"#,
        )
        .unwrap();
        assert_eq!((table[at("key.revoke")].len(), table[at("key.create")].len()), (1, 2));
        assert!(table[at("key.list")].is_empty());
        let two = table[at("key.revoke")][0];
        assert!(two.met(Some(2), Some(9_999)) && !two.met(Some(1), Some(1)) && !two.met(None, None));
        let soon = table[at("audit.export")][0];
        assert!(soon.met(Some(1), Some(60)) && !soon.met(Some(2), Some(61)) && !soon.met(Some(2), None));
    }

    #[test]
    fn a_rule_that_asks_for_nothing_or_of_nobody_is_wrong() {
        for (bad, says) in [
            (r#"{"rules":[{"actions":["key.create"]}]}"#, "asks for nothing"),
            (r#"{"rules":[{"actions":[],"assurance":"aal2"}]}"#, "names no action"),
            (r#"{"rules":[{"actions":["key.invent"],"assurance":"aal2"}]}"#, "no action that a person"),
            (r#"{"rules":[{"actions":["token.issue"],"assurance":"aal2"}]}"#, "no action that a person"),
            (r#"{"rules":[{"actions":["key.create"],"assurance":"aal3"}]}"#, "aal1 or aal2"),
            (r#"{"rules":[{"actions":["key.create"],"auth_age_seconds":5}]}"#, "below 30"),
            (r#"{"rules":[{"actions":["key.create"],"colour":"red"}]}"#, "unknown field"),
        ] {
            let found = parse(bad).expect_err(bad);
            assert!(found.message.contains(says), "{bad}: {found}");
        }
    }
}
