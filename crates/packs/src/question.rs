//! What a pack is asked: may this caller do this now? Built without parsing anything.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::LazyLock;

use cedar_policy::{
    Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, Request, RestrictedExpression,
};
use kernel::Timestamp;

use crate::catalogue::ActionRow;

const DAY_SECONDS: i64 = 86_400;
const HOUR_SECONDS: i64 = 3_600;
/// The first day of 1970 was the fourth of its week.
const FIRST_WEEKDAY: i64 = 3;

/// The kinds of principal in the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AskerKind {
    /// A person with a session.
    User,
    /// An agent.
    Agent,
    /// A program with an API key of the organization.
    ApiKey,
    /// A program with a key that the operator configured.
    Service,
}

impl AskerKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::User, Self::Agent, Self::ApiKey, Self::Service];

    /// The type in the schema.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Agent => "Agent",
            Self::ApiKey => "ApiKey",
            Self::Service => "Service",
        }
    }

    /// The kind of this type.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asker<'a> {
    /// Which kind.
    pub kind: AskerKind,
    /// Its id.
    pub id: &'a str,
    /// The role it has.
    pub role: &'a str,
    /// Whether it is the person who owns the organization.
    pub owner: bool,
    /// Whether it is a person with a second factor.
    pub second_factor: bool,
}

/// The circumstances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts<'a> {
    /// When.
    pub at: Timestamp,
    /// From where.
    pub ip: Option<IpAddr>,
    /// How sure the session is of its person: 1 or 2.
    pub assurance: Option<u8>,
    /// How long ago they proved it, in seconds.
    pub auth_age_seconds: Option<u64>,
    /// The project the credential is bound to.
    pub project: Option<&'a str>,
    /// The person an agent acts for.
    pub acting_for: Option<&'a str>,
}

impl Facts<'_> {
    /// A moment of which nothing else is known.
    pub const fn at(at: Timestamp) -> Self {
        Self { at, ip: None, assurance: None, auth_age_seconds: None, project: None, acting_for: None }
    }
}

/// A question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question<'a> {
    /// What would be done, by name.
    pub action: &'a str,
    /// Whose data it is about.
    pub organization: &'a str,
    /// Who would do it.
    pub asker: Asker<'a>,
    /// When and how.
    pub facts: Facts<'a>,
}

/// The name of a type that this crate spells itself.
pub(crate) fn type_name(name: &str) -> Option<EntityTypeName> {
    static NAMES: LazyLock<HashMap<&'static str, EntityTypeName>> = LazyLock::new(|| {
        let own = AskerKind::ALL.map(AskerKind::name).into_iter();
        let names = own
            .chain(["Action", "Organization", "Role"])
            .chain(crate::catalogue::COLLECTIONS.iter().copied());
        names.filter_map(|name| Some((name, name.parse().ok()?))).collect()
    });
    NAMES.get(name).cloned()
}

pub(crate) fn uid(kind: &str, id: &str) -> Option<EntityUid> {
    Some(EntityUid::from_type_name_and_id(type_name(kind)?, EntityId::new(id)))
}

/// A question as Cedar takes it.
pub(crate) struct Asked {
    pub(crate) request: Request,
    pub(crate) entities: Entities,
}

impl Question<'_> {
    /// `None` when it is none that the schema knows, which is no question of ours.
    pub(crate) fn build(&self, row: &ActionRow, action: &Entity) -> Option<Asked> {
        let principal = uid(self.asker.kind.name(), self.asker.id)?;
        let id = if row.resource == "Organization" { self.organization } else { "all" };
        let resource = uid(row.resource, id)?;
        let parents = HashSet::from([uid("Organization", self.organization)?, uid("Role", self.asker.role)?]);
        let mut attributes = HashMap::with_capacity(3);
        attributes.insert("role".to_owned(), RestrictedExpression::new_string(self.asker.role.to_owned()));
        if self.asker.kind == AskerKind::User {
            attributes.insert("owner".to_owned(), RestrictedExpression::new_bool(self.asker.owner));
            let second = RestrictedExpression::new_bool(self.asker.second_factor);
            attributes.insert("second_factor".to_owned(), second);
        }
        let entity = Entity::new(principal.clone(), attributes, parents).ok()?;
        let context = Context::from_pairs(self.facts.pairs(row.need)?).ok()?;
        let request = Request::new(principal, action.uid(), resource, context, None).ok()?;
        let entities = Entities::from_entities([entity, action.clone()], None).ok()?;
        Some(Asked { request, entities })
    }
}

impl Facts<'_> {
    fn pairs(&self, need: &str) -> Option<Vec<(String, RestrictedExpression)>> {
        let seconds = self.at.unix_seconds();
        let (day, of_day) = (seconds.div_euclid(DAY_SECONDS), seconds.rem_euclid(DAY_SECONDS));
        let long = RestrictedExpression::new_long;
        let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
        let mut pairs = Vec::with_capacity(10);
        let mut put = |name: &str, value| pairs.push((name.to_owned(), value));
        put("time", RestrictedExpression::new_datetime(cedar_time(day, of_day)));
        put("hour", long(of_day / HOUR_SECONDS));
        put("weekday", long((day + FIRST_WEEKDAY).rem_euclid(7) + 1));
        put("need", text(need));
        if let Some(ip) = self.ip {
            put("ip", RestrictedExpression::new_ip(ip.to_string()));
        }
        if let Some(assurance) = self.assurance {
            put("assurance", long(i64::from(assurance)));
            put("mfa", RestrictedExpression::new_bool(assurance >= 2));
        }
        if let Some(age) = self.auth_age_seconds {
            put("auth_age_seconds", long(i64::try_from(age).ok()?));
        }
        if let Some(project) = self.project {
            put("project", text(project));
        }
        if let Some(account) = self.acting_for {
            put("acting_for", RestrictedExpression::new_entity_uid(uid("User", account)?));
        }
        Some(pairs)
    }
}

/// A moment as Cedar reads it, from the day since 1970 and the second of the day: the civil calendar of a proleptic year.
fn cedar_time(day: i64, of_day: i64) -> String {
    // Days from 1 March of the year 0, in eras of 400 years.
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let date = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (of_day / HOUR_SECONDS, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{date:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_spelled_as_the_calendar_has_it() {
        for moment in
            ["1970-01-01T00:00:00Z", "2000-02-29T23:59:59Z", "2026-11-26T07:05:09Z", "2100-03-01T12:00:00Z"]
        {
            let at: Timestamp = moment.parse().unwrap();
            let seconds = at.unix_seconds();
            assert_eq!(cedar_time(seconds.div_euclid(DAY_SECONDS), seconds.rem_euclid(DAY_SECONDS)), moment);
        }
    }

    #[test]
    fn the_day_of_the_week_begins_with_monday() {
        let weekday = |moment: &str| {
            let at: Timestamp = moment.parse().unwrap();
            let pairs = Facts::at(at).pairs("keys:manage").unwrap();
            let found = pairs.into_iter().find(|(name, _)| name == "weekday").unwrap().1;
            let context = Context::from_pairs([("weekday".to_owned(), found)]).unwrap();
            context.get("weekday").unwrap().to_string()
        };
        assert_eq!(weekday("2026-11-23T00:00:00Z"), "1");
        assert_eq!(weekday("2026-11-26T07:00:00Z"), "4");
        assert_eq!(weekday("2026-11-29T23:59:59Z"), "7");
    }
}
