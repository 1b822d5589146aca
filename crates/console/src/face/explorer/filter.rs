//! What the address of the log's page says that one looks for, and addresses that say it.

use std::time::Duration;

use app::audit::{Search, SearchWords};
use kernel::{Problem, Timestamp};

use crate::face::visit::Visit;
use crate::parts::{Choice, Form};

/// Everything the address may say, in the order it is written in.
const FIELDS: [&str; 12] = [
    "q", "range", "from", "to", "kind", "category", "severity", "outcome", "actor", "subject", "project",
    "request",
];
/// Ranges of one press: how they are called in the address, and by people, and how long they are in seconds.
const RANGES: [(&str, &str, Option<u64>); 6] = [
    ("1h", "Last hour", Some(3_600)),
    ("24h", "Last 24 hours", Some(86_400)),
    ("7d", "Last 7 days", Some(7 * 86_400)),
    ("30d", "Last 30 days", Some(30 * 86_400)),
    ("90d", "Last 90 days", Some(90 * 86_400)),
    ("all", "All of it", None),
];
/// The range of an address that names none.
const RANGE_DEFAULT: &str = "7d";
/// The range between `from` and `to`.
const CUSTOM: &str = "custom";
/// Longest value that is read, in bytes.
const VALUE_BYTES_MAX: usize = 512;

/// What one looks for, as the address says it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Filter(Vec<(&'static str, String)>);

impl Filter {
    /// Reads the address. What says nothing is left out, and so are times beside a range of one press.
    pub(super) fn of(visit: &Visit) -> Self {
        Self::read(|name| visit.query(name).map(|text| text.trim().to_owned()))
    }

    fn read(value: impl Fn(&str) -> Option<String>) -> Self {
        let mut filter = Self::default();
        for name in FIELDS {
            let value = value(name).filter(|text| !text.is_empty() && text.len() <= VALUE_BYTES_MAX);
            filter.0.extend(value.map(|value| (name, value)));
        }
        // Whoever writes a time into an address means it.
        let timed = filter.get("from").is_some() || filter.get("to").is_some();
        if filter.get("range").is_none() && timed {
            filter.set("range", CUSTOM);
        }
        if filter.get("range") != Some(CUSTOM) {
            filter.0.retain(|(name, _)| !matches!(*name, "from" | "to"));
        }
        filter
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.0.retain(|(known, _)| *known != name);
        self.0.push((name, value.into()));
        self.0.sort_by_key(|(known, _)| FIELDS.iter().position(|field| field == known));
    }

    /// The range: of a request all time, else the last days.
    pub(super) fn range(&self) -> &str {
        let default = if self.get("request").is_some() { "all" } else { RANGE_DEFAULT };
        self.get("range").unwrap_or(default)
    }

    /// The same between two moments.
    pub(super) fn between(&self, from: Timestamp, to: Timestamp) -> Self {
        let mut filter = self.clone();
        filter.set("range", CUSTOM);
        filter.set("from", minute(from));
        filter.set("to", minute(to));
        filter
    }

    /// The same of another range.
    pub(super) fn over(&self, range: &str) -> Self {
        let mut filter = self.without("from").without("to");
        filter.set("range", range);
        filter
    }

    /// The same without one of its parts.
    pub(super) fn without(&self, name: &str) -> Self {
        let kept = self.0.iter().filter(|(known, _)| *known != name);
        Self(kept.cloned().collect())
    }

    /// The address that says it, with a place in the list when one is given.
    pub(super) fn path(&self, place: Option<(&str, String)>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.0.iter().map(|(name, value)| (*name, value.as_str())));
        query.extend_pairs(place);
        let query = query.finish();
        if query.is_empty() { "/audit".to_owned() } else { format!("/audit?{query}") }
    }

    /// Checks it.
    pub(super) fn search(&self, now: Timestamp) -> Result<Search, Problem> {
        let (since, until) = match self.range() {
            CUSTOM => (self.get("from").map(written), self.get("to").map(written)),
            quick => {
                let Some((.., seconds)) = RANGES.iter().find(|(name, ..)| *name == quick) else {
                    return Err(Problem::invalid("/range", "Choose one of the ranges."));
                };
                (seconds.map(|seconds| now.minus(Duration::from_secs(seconds)).to_string()), None)
            }
        };
        Search::parse(&SearchWords {
            text: self.get("q"),
            kind: self.get("kind"),
            category: self.get("category"),
            severity: self.get("severity"),
            outcome: self.get("outcome"),
            actor: self.get("actor"),
            subject: self.get("subject"),
            project: self.get("project"),
            request_id: self.get("request"),
            since: since.as_deref(),
            until: until.as_deref(),
        })
    }

    /// The form as it stands.
    pub(super) fn form(&self) -> Form {
        let form = self.0.iter().fold(Form::blank(), |form, (name, value)| form.with(*name, value.clone()));
        if self.get("range").is_none() { form.with("range", self.range()) } else { form }
    }
}

/// The form with what is wrong, field by field, under the names of the form.
pub(super) fn refused(form: Form, problem: &Problem) -> Form {
    let named = problem.errors.iter().map(|error| {
        let name = match error.pointer.trim_start_matches('/') {
            "request_id" => "request",
            "since" => "from",
            "until" => "to",
            name => name,
        };
        (name.to_owned(), error.detail.clone())
    });
    named.fold(form, |form, (name, detail)| form.refuse(name, detail))
}

/// The ranges that are offered.
pub(super) fn ranges() -> Vec<Choice> {
    let mut ranges: Vec<Choice> = RANGES.iter().map(|(name, title, _)| Choice::new(*name, *title)).collect();
    ranges.push(Choice::new(CUSTOM, "Between two times"));
    ranges
}

/// What a range is called.
pub(super) fn range_title(range: &str) -> &'static str {
    RANGES.iter().find(|(name, ..)| *name == range).map_or("Between two times", |(_, title, _)| *title)
}

/// The next longer range, for whoever finds nothing.
pub(super) fn longer(range: &str) -> Option<&'static str> {
    let at = RANGES.iter().position(|(name, ..)| *name == range)?;
    RANGES.get(at + 1).map(|(name, ..)| *name)
}

/// A moment as browsers write it into a field of date and time; the second only where there is one.
fn minute(at: Timestamp) -> String {
    let text = at.to_string();
    let whole = text.get(..19).unwrap_or_default();
    whole.strip_suffix(":00").unwrap_or(whole).to_owned()
}

/// What a field of date and time says, in RFC 3339; times of this page are UTC. What is none stays as it is, and is refused
/// with the rest.
fn written(text: &str) -> String {
    let bytes = text.as_bytes();
    let shaped = bytes.get(10) == Some(&b'T') && text.is_ascii();
    match bytes.len() {
        10 => format!("{text}T00:00:00Z"),
        16 if shaped => format!("{text}:00Z"),
        19.. if shaped && !text.ends_with('Z') && !text[11..].contains(['+', '-']) => format!("{text}Z"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(pairs: &[(&str, &str)]) -> Filter {
        Filter::read(|name| {
            pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    fn now() -> Timestamp {
        Timestamp::from_unix_micros(1_795_341_600_000_000)
    }

    #[test]
    fn an_address_says_no_more_than_is_looked_for() {
        let some = filter(&[("q", ""), ("kind", "KEY_*"), ("range", "24h"), ("from", "2026-11-22T10:00")]);
        assert_eq!(some.path(None), "/audit?range=24h&kind=KEY_*");
        assert_eq!(some.path(Some(("before", "1".into()))), "/audit?range=24h&kind=KEY_*&before=1");
        assert_eq!(filter(&[]).path(None), "/audit");
        assert_eq!(some.without("kind").without("range"), filter(&[]));
        assert_eq!(some.over("30d").path(None), "/audit?range=30d&kind=KEY_*");
    }

    #[test]
    fn a_request_is_looked_for_in_all_time_and_the_rest_in_the_last_days() {
        assert_eq!(
            filter(&[]).search(now()).unwrap().since(),
            Some(now().minus(Duration::from_hours(7 * 24)))
        );
        assert_eq!(filter(&[("request", "r1")]).search(now()).unwrap().since(), None);
    }

    #[test]
    fn a_slice_of_the_chart_is_a_range() {
        let to = now().plus(Duration::from_secs(1_801));
        let slice = filter(&[("q", "key"), ("range", "24h")]).between(now(), to);
        assert_eq!(
            slice.path(None),
            "/audit?q=key&range=custom&from=2026-11-22T10%3A00&to=2026-11-22T10%3A30%3A01"
        );
        let search = slice.search(now()).unwrap();
        assert_eq!((search.since(), search.until()), (Some(now()), Some(to)));
    }

    #[test]
    fn times_are_read_as_people_and_browsers_write_them() {
        for (text, there) in [
            ("2026-11-22", "2026-11-22T00:00:00Z"),
            ("2026-11-22T10:00", "2026-11-22T10:00:00Z"),
            ("2026-11-22T10:00:01", "2026-11-22T10:00:01Z"),
            ("2026-11-22T10:00:01.5", "2026-11-22T10:00:01.5Z"),
            ("2026-11-22T10:00:01+01:00", "2026-11-22T10:00:01+01:00"),
            ("2026-11-22T10:00:01Z", "2026-11-22T10:00:01Z"),
            ("yesterday", "yesterday"),
            ("0123456789é", "0123456789é"),
        ] {
            assert_eq!(written(text), there);
        }
        let bad = filter(&[("from", "yesterday"), ("subject", "key:"), ("request", "a b")]);
        let form = refused(bad.form(), &bad.search(now()).unwrap_err());
        for name in ["from", "subject", "request"] {
            assert!(form.error(name).is_some(), "{name}");
        }
        assert!(filter(&[("range", "3w")]).search(now()).is_err());
    }
}
