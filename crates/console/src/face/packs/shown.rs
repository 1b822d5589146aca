//! What is in a pack, and what its dry run showed, as pages.

use app::audit::Names;
use app::policy_packs::{Floor, Inside, Limit, LimitRule, RoleTemplate, Shown, ToolRule, Tried, inside};
use gates::Human;
use kernel::{Permission, Timestamp};
use pii::{Channel, Class, Mode};
use serde_json::Value;

use super::super::privacy;
use super::super::visit::{Visit, may, now};
use super::{key_state, mode_words, signer, title};
use crate::layout::Room;
use crate::pages::{
    Actor, DecisionRow, DryRunTold, FloorRow, FloorTold, PackFindingRow, PackPage, PackRoleRow, PackTestRow,
    PartRow, PartTold, ProofRow, ReachRow, RoleChangeRow, ShiftRow,
};
use crate::parts::{Badge, Tone, When};

/// What people must show, in words.
fn asks(assurance: Option<&str>, age_seconds: Option<u64>) -> String {
    let factors = match assurance {
        Some("aal2") => Some("two factors".to_owned()),
        Some(_) => Some("one factor".to_owned()),
        None => None,
    };
    let age = age_seconds.map(|age| format!("confirmed within {age} seconds"));
    factors.into_iter().chain(age).collect::<Vec<_>>().join(", ")
}

/// A word of a verdict, with the policies it comes by.
fn said(verdict: &str, policies: &[String]) -> String {
    if policies.is_empty() { verdict.to_owned() } else { format!("{verdict} by {}", policies.join(", ")) }
}

fn tests(opened: &Inside) -> Vec<PackTestRow> {
    let row = |test: &_| {
        let app::policy_packs::TestOutcome { file, name, passed, expected, verdict, policies } = test;
        PackTestRow {
            file: file.clone(),
            name: name.clone(),
            expected: (*expected).to_owned(),
            said: said(verdict, policies),
            outcome: if *passed { Badge::new(Tone::Good, "Passed") } else { Badge::new(Tone::Bad, "Failed") },
        }
    };
    opened.tests.iter().map(row).collect()
}

fn findings(opened: &Inside) -> Vec<PackFindingRow> {
    let row = |found: &app::policy_packs::Finding| PackFindingRow {
        place: format!("{}:{}:{}", found.file, found.line, found.column),
        says: found.message.clone(),
        error: found.is_error(),
    };
    opened.findings.iter().map(row).collect()
}

fn proofs(opened: &Inside) -> Vec<ProofRow> {
    let rules = opened.proofs.iter().enumerate().map(|(at, rule)| ProofRow {
        number: at + 1,
        actions: rule.actions.clone(),
        asks: asks(rule.assurance.as_deref(), rule.auth_age_seconds),
    });
    rules.collect()
}

fn reach(opened: &Inside) -> Vec<ReachRow> {
    let rows = opened.reach.iter().map(|reach| ReachRow {
        action: reach.action.to_owned(),
        need: reach.need.to_owned(),
        by: reach
            .policies
            .iter()
            .cloned()
            .chain(reach.proofs.iter().map(|number| format!("mfa.{number}")))
            .collect(),
    });
    rows.collect()
}

/// For each class it names, what the pack asks for on each channel.
fn floor(opened: &Inside) -> Vec<FloorRow> {
    let Some(floor) = &opened.floor else { return Vec::new() };
    let cell = |channel, class| {
        let rule = floor.rule(channel, class)?;
        Some((
            privacy::badge(rule.mode),
            (!privacy::usual(rule.threshold)).then(|| rule.threshold.to_string()),
        ))
    };
    let row = |class: Class| FloorRow {
        class: class.name(),
        says: privacy::says(class),
        cells: Channel::ALL.into_iter().map(|channel| cell(channel, class)).collect(),
    };
    Class::ALL.into_iter().map(row).filter(|row| row.cells.iter().any(Option::is_some)).collect()
}

/// The templates of roles that come with it.
fn roles(opened: &Inside) -> Vec<PackRoleRow> {
    let row = |one: &RoleTemplate| PackRoleRow {
        name: one.name.clone(),
        title: one.title.clone(),
        says: one.says.clone(),
        holders: if one.holders.name() == "key" { "API keys" } else { "people" },
        permissions: one.permissions.iter().map(|permission| permission.name()).collect(),
    };
    opened.roles.iter().map(row).collect()
}

/// A limit, in words.
fn limited(limit: Limit, most: u64) -> String {
    match limit {
        Limit::ModelCallsPerMinute => format!("{most} calls of models a minute by one credential"),
        Limit::ModelRequestBytes => format!("{most} bytes of a request to a model"),
        Limit::ModelOutputTokens => format!("{most} tokens written for one call"),
        Limit::KeyLifetimeDays => format!("{most} days that a new API key lives"),
    }
}

/// For whom a rule stands, in words.
fn whom(kinds: &impl ToString) -> String {
    let kinds = kinds.to_string();
    if kinds == "all" { "whoever calls".to_owned() } else { kinds }
}

fn limits(opened: &Inside) -> Vec<PartRow> {
    let rules = opened.limits.as_ref().map_or(&[][..], |limits| limits.rules());
    let row = |(at, rule): (usize, &LimitRule)| PartRow {
        rule: format!("limits.{}", at + 1),
        whom: whom(&rule.kinds()),
        says: Limit::ALL.into_iter().filter_map(|limit| Some(limited(limit, rule.value(limit)?))).collect(),
    };
    rules.iter().enumerate().map(row).collect()
}

fn tools(opened: &Inside) -> Vec<PartRow> {
    let rules = opened.tools.as_ref().map_or(&[][..], |tools| tools.rules());
    let list = |word: &str, names: Vec<String>| {
        let names = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
        format!("{word} {names}")
    };
    let row = |(at, rule): (usize, &ToolRule)| {
        let denied =
            Some(rule.denies()).filter(|names| !names.is_empty()).map(|names| list("refused:", names));
        PartRow {
            rule: format!("tools.{}", at + 1),
            whom: whom(&rule.kinds()),
            says: denied
                .into_iter()
                .chain(rule.allows().map(|names| list("allowed alone:", names)))
                .collect(),
        }
    };
    rules.iter().enumerate().map(row).collect()
}

/// The page of a pack.
pub(super) fn page(visit: &Visit, human: &Human, shown: &Shown) -> PackPage {
    let (at, pack, opened) = (now(&visit.state), &shown.pack, inside(shown));
    let key = shown.signer.as_ref();
    let state = match key_state(key, at) {
        _ if shown.in_force => Badge::new(Tone::Good, "In force"),
        Some(badge) => badge,
        None => Badge::new(Tone::Plain, "Not in force"),
    };
    let manifest = opened.manifest.as_ref();
    PackPage {
        shell: visit.shell(human, Some(Room::Packs)),
        id: pack.id.to_string(),
        title: title(pack),
        state,
        description: manifest.and_then(|manifest| manifest.description.clone()),
        label: pack.label.clone(),
        mode: mode_words(&pack.mode),
        organization: match manifest.and_then(|manifest| manifest.organization) {
            Some(_) => "this organization alone",
            None => "any organization that trusts its key",
        },
        engines: manifest.map(|manifest| (manifest.engine.min, manifest.engine.max)),
        expires: pack.expires_at.map(|until| When::seen(until, at)),
        sha256: crypto::hex(&pack.sha256),
        signer: (signer(key), key_state(key, at)),
        uploaded: When::seen(pack.uploaded_at, at),
        findings: findings(&opened),
        policies: opened.policies.clone(),
        passed: opened.tests.iter().filter(|test| test.passed).count(),
        tests: tests(&opened),
        proofs: proofs(&opened),
        channels: Channel::ALL.into_iter().map(privacy::words).collect(),
        floor: floor(&opened),
        keep_seconds: opened.floor.as_ref().and_then(Floor::keep_seconds),
        roles: roles(&opened),
        limits: limits(&opened),
        tools: tools(&opened),
        reach: reach(&opened),
        closes: opened.closes,
        read_me: opened.read_me,
        tried: pack.tried.as_ref().map(|tried| When::seen(tried.at, at)),
        in_force: shown.in_force,
        may_manage: may(human, Permission::PoliciesManage),
    }
}

/// Why, in words.
fn why(verdict: &str) -> &'static str {
    match verdict {
        "unpermitted" => "No policy permits it",
        "broken" => "A policy cannot be evaluated",
        "limit" => "A limit",
        "tool" => "A rule about tools",
        _ => "The pack",
    }
}

fn decision(told: &Value, names: &Names) -> Option<DecisionRow> {
    let text = |name: &str| told[name].as_str().map(str::to_owned);
    let (actor, fallback) = match told["actor_kind"].as_str()? {
        "human" => (Actor::Person, "A person"),
        "agent" => (Actor::Agent, "An agent"),
        _ => (Actor::Service, "A program"),
    };
    let by = if told["policies"].is_array() { &told["policies"] } else { &told["was_refused_by"] };
    let policies = by.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
    let at: Timestamp = text("at")?.parse().ok()?;
    Some(DecisionRow {
        entry: text("entry")?,
        at: When::stamp(at),
        actor,
        who: text("actor")
            .and_then(|id| names.of(&id).map(str::to_owned))
            .unwrap_or_else(|| fallback.to_owned()),
        action: text("action")?,
        why: why(told["verdict"].as_str().unwrap_or_default()).to_owned(),
        policies: policies.collect(),
    })
}

fn done(name: &str) -> String {
    let modes = [Mode::Strict, Mode::Reversible, Mode::FlagOnly, Mode::Off];
    let known = modes.into_iter().find(|mode| mode.name() == name);
    known.map_or_else(|| name.to_owned(), |mode| privacy::mode_words(mode).to_owned())
}

fn personal(told: &Value) -> Option<FloorTold> {
    told.as_object()?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let count = |value: &Value| value.as_u64().unwrap_or(0);
    let list = |name: &str| told[name].as_array().into_iter().flatten();
    let shift = |one: &Value| ShiftRow {
        channel: privacy::channel_words(&text(&one["channel"])),
        class: text(&one["class"]),
        now: done(&text(&one["now"])),
        then: done(&text(&one["then"])),
        findings: count(&one["findings"]),
    };
    Some(FloorTold {
        looked_at: count(&told["looked_at"]),
        changed: count(&told["changed"]),
        shifts: list("shifts").map(shift).collect(),
        unknown: list("unknown").map(text).collect(),
    })
}

/// What would become of templates of roles.
fn role_changes(told: &Value) -> Vec<RoleChangeRow> {
    let row = |one: &Value| {
        let list = |name: &str| {
            let names = one[name].as_array().into_iter().flatten().filter_map(Value::as_str);
            names.map(str::to_owned).collect()
        };
        Some(RoleChangeRow {
            name: one["template"].as_str()?.to_owned(),
            then: match one["then"].as_str()? {
                "new" => Badge::new(Tone::Good, "New"),
                "changed" => Badge::new(Tone::Warn, "Changed"),
                "same" => Badge::new(Tone::Plain, "The same"),
                _ => Badge::new(Tone::Bad, "Cannot be made"),
            },
            why: one["why"].as_str().map(str::to_owned),
            gains: list("gains"),
            loses: list("loses"),
            held_by: one["held_by"].as_i64().unwrap_or(0),
        })
    };
    told.as_array().into_iter().flatten().filter_map(row).collect()
}

/// What would change in limits and about tools.
fn parts(report: &Value) -> Vec<PartTold> {
    let part = |title, told: &Value, counted: Vec<String>| {
        told.as_object()?;
        let list = |name: &str| {
            let words = told[name].as_array().into_iter().flatten().filter_map(Value::as_str);
            words.map(str::to_owned).collect()
        };
        Some(PartTold {
            title,
            before: list("before"),
            after: list("after"),
            counted,
            unknown: list("unknown"),
        })
    };
    let (limits, tools) = (&report["limits"], &report["tools"]);
    let exceed = limits["would_exceed"].as_object().into_iter().flatten();
    let exceed = exceed.filter(|(_, count)| count.as_u64() != Some(0));
    let exceed = exceed.map(|(name, count)| format!("{count} recorded calls are over {name}."));
    let offering = tools["calls_with_tools"].as_u64().filter(|count| *count > 0);
    let offering = offering.map(|count| format!("{count} recorded calls offered tools."));
    let limits = part("Limits", limits, exceed.collect());
    limits.into_iter().chain(part("Tools of models", tools, offering.into_iter().collect())).collect()
}

/// What a dry run showed, as the page says it.
pub(super) fn told(tried: &Tried, names: &Names, at: Timestamp) -> DryRunTold {
    let report = &tried.report;
    let count = |name: &str| report[name].as_u64().unwrap_or(0);
    let rows = |name: &str| {
        let rows = report[name].as_array().into_iter().flatten();
        rows.filter_map(|one| decision(one, names)).collect()
    };
    DryRunTold {
        at: When::seen(tried.at, at),
        against: report["in_force"].as_str().map(str::to_owned),
        entries: count("entries"),
        replayed: count("replayed"),
        unknown: count("unknown"),
        would_refuse: count("would_refuse"),
        would_allow: count("would_allow"),
        refused: rows("refused"),
        allowed: rows("allowed"),
        personal: personal(&report["personal_data"]),
        roles: role_changes(&report["roles"]),
        parts: parts(report),
        sha256: crypto::hex(&tried.sha256),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_report_is_told_and_what_is_no_decision_is_left_out() {
        let report = json!({
            "in_force": null, "entries": 10, "replayed": 7, "unknown": 2, "would_refuse": 2, "would_allow": 1,
            "refused": [
                { "entry": "e1", "at": "2026-01-05T23:00:00Z", "action": "models.call", "actor_kind": "agent", "actor": "a",
                  "was": "allowed", "verdict": "forbid", "policies": ["night"] },
                { "entry": "e2" },
            ],
            "allowed": [
                { "entry": "e3", "at": "2026-01-05T23:00:00Z", "action": "key.list", "actor_kind": "human", "actor": "b",
                  "was": "refused", "was_refused_by": ["old"] },
            ],
        });
        let at = Timestamp::from_unix_micros(1_795_341_600_000_000);
        let tried = Tried { report, sha256: vec![7; 32], at, over: None };
        let told = told(&tried, &Names::default().with("b".to_owned(), "Somebody"), at);
        assert_eq!((told.entries, told.replayed, told.unknown, told.would_refuse), (10, 7, 2, 2));
        assert_eq!(told.refused.len(), 1);
        assert_eq!(
            (told.refused[0].who.as_str(), &told.refused[0].policies),
            ("An agent", &vec!["night".to_owned()])
        );
        assert_eq!(
            (told.allowed[0].who.as_str(), &told.allowed[0].policies),
            ("Somebody", &vec!["old".to_owned()])
        );
        assert_eq!(told.sha256, "07".repeat(32));
        assert!(told.personal.is_none());
    }

    #[test]
    fn what_a_floor_would_have_changed_is_told_in_words() {
        let told = personal(&json!({
            "looked_at": 20, "changed": 3, "uncertain": 1, "unknown": ["IP was not looked for."],
            "shifts": [{ "channel": "prompt", "class": "PERSON", "now": "flag_only", "then": "strict", "findings": 5 }],
        }));
        let told = told.unwrap();
        assert_eq!((told.looked_at, told.changed, told.unknown.len()), (20, 3, 1));
        let shift = &told.shifts[0];
        assert_eq!(
            (shift.channel.as_str(), shift.now.as_str(), shift.then.as_str()),
            ("To a model", "Counted", "Replaced")
        );
    }

    #[test]
    fn what_becomes_of_templates_is_told_in_words() {
        let told = role_changes(&json!([
            { "template": "auditor", "then": "changed", "why": null, "gains": ["audit:export"], "loses": [], "held_by": 3 },
            { "template": "admin", "then": "refused", "why": "the product has a role of this name" },
            { "then": "new" },
        ]));
        assert_eq!(told.len(), 2);
        assert_eq!(
            (told[0].name.as_str(), told[0].gains.as_slice(), told[0].held_by),
            ("auditor", &["audit:export".to_owned()][..], 3)
        );
        assert_eq!(told[1].why.as_deref(), Some("the product has a role of this name"));
    }

    #[test]
    fn what_limits_and_tools_would_change_is_told_in_words() {
        let told = parts(&json!({
            "limits": { "before": [], "after": ["limits.1 for all, key_lifetime_days 30"],
                "would_exceed": { "model_calls_per_minute": 4, "model_output_tokens": 0 }, "unknown": ["Not known."] },
            "tools": { "before": ["tools.1 for all, deny x"], "after": [], "calls_with_tools": 0, "unknown": [] },
        }));
        assert_eq!(told.len(), 2);
        assert_eq!((told[0].before.len(), told[0].after.len(), told[0].unknown.len()), (0, 1, 1));
        assert_eq!(told[0].counted, ["4 recorded calls are over model_calls_per_minute."]);
        assert!(told[1].counted.is_empty() && told[1].after.is_empty());
        assert!(parts(&json!({})).is_empty());
    }

    #[test]
    fn what_is_asked_of_people_is_said_in_words() {
        assert_eq!(asks(Some("aal2"), Some(300)), "two factors, confirmed within 300 seconds");
        assert_eq!(asks(None, Some(60)), "confirmed within 60 seconds");
    }
}
