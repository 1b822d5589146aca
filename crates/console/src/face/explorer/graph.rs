//! One request drawn: who asked, which gates it passed, what it reached behind them, and how long that took. Time runs
//! down; every entry is a line from where it comes to where it ended.

use app::audit::Entry;
use kernel::{EventKind, Gate};

use crate::pages::{Graph, GraphLane, GraphMark, GraphSpan, GraphStep};
use crate::parts::Tone;

/// Width of the drawing, in its own units.
const WIDTH: u32 = 760;
/// Where the first lane stands, right of the times, and how far the last is from the edge.
const LEFT: u32 = 116;
const RIGHT: u32 = 44;
/// Where the first entry stands, and the distance between two.
const TOP: u32 = 62;
const ROW: u32 = 44;
/// The lane of the caller, those of the five gates, and that of the house behind them.
const CALLER: usize = 0;
const HOUSE: usize = 6;

/// What stands outside the house, as far as the log tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outside {
    Provider,
    Mail,
    Receiver,
}

impl Outside {
    const ALL: [Self; 3] = [Self::Provider, Self::Mail, Self::Receiver];

    fn of(kind: Option<EventKind>) -> Option<Self> {
        use EventKind as K;
        Some(match kind? {
            K::LlmCallIntent | K::LlmCallOutcome => Self::Provider,
            K::MemberInvited
            | K::PasswordResetRequested
            | K::AddressChangeRequested
            | K::BreakGlassOpened
            | K::BreakGlassOverdue => Self::Mail,
            K::WebhookTested | K::WebhookReplayed | K::WebhookDeadLettered | K::WebhookDisabled => {
                Self::Receiver
            }
            _ => return None,
        })
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Provider => "Provider",
            Self::Mail => "Mail",
            Self::Receiver => "Receiver",
        }
    }
}

/// The gate that refused, as far as the entry tells.
pub(super) fn gate(entry: &Entry) -> Option<Gate> {
    if entry.outcome.as_str() != "refused" {
        return None;
    }
    let fact = |name: &str| entry.data.get(name).and_then(|value| value.as_str());
    let named = fact("gate").and_then(|name| Gate::ALL.into_iter().find(|gate| gate.name() == name));
    let known = (entry.kind.as_str() == EventKind::AuthFailure.name())
        .then(|| if fact("reason") == Some("missing") { Gate::Identity } else { Gate::Token });
    named.or(known)
}

/// The number of a gate, in the order they are passed.
pub(super) fn number(gate: Gate) -> usize {
    Gate::ALL.iter().position(|known| *known == gate).map_or(0, |at| at + 1)
}

/// The request drawn. The entries are in the order of their time.
pub(super) fn draw(entries: &[Entry]) -> Graph {
    let kind = |entry: &Entry| entry.kind.as_str().parse::<EventKind>().ok();
    let outside: Vec<Outside> = Outside::ALL
        .into_iter()
        .filter(|lane| entries.iter().any(|entry| Outside::of(kind(entry)) == Some(*lane)))
        .collect();
    let lanes = lanes(&outside);
    let beyond = |entry: &Entry| {
        let lane = Outside::of(kind(entry))?;
        outside.iter().position(|known| *known == lane).map(|at| HOUSE + 1 + at)
    };
    let begun = entries.first().map_or(0, |entry| entry.at.unix_micros());
    let mut steps = Vec::with_capacity(entries.len());
    for (at, entry) in entries.iter().enumerate() {
        let y = TOP + u32::try_from(at).unwrap_or_default() * ROW;
        steps.push(step(at + 1, y, entry, beyond(entry), &lanes, begun));
    }
    let refused = entries.iter().filter(|entry| entry.outcome.as_str() == "refused").count();
    let label = format!(
        "{} of this request, from the caller through the five gates{}; the list below says the same in words.",
        if entries.len() == 1 { "The one entry".to_owned() } else { format!("{} entries", entries.len()) },
        match refused {
            0 => String::new(),
            1 => ", one of them refused".to_owned(),
            many => format!(", {many} of them refused"),
        }
    );
    Graph {
        width: WIDTH,
        height: TOP + ROW * u32::try_from(entries.len().max(1)).unwrap_or_default(),
        label,
        spans: spans(entries, &steps),
        lanes,
        steps,
    }
}

fn lanes(outside: &[Outside]) -> Vec<GraphLane> {
    let lane = |name: &'static str, short: &'static str, gate| GraphLane { x: 0, name, short, gate };
    let mut lanes = vec![
        lane("Caller", "Who", false),
        lane("Identity", "1", true),
        lane("Token", "2", true),
        lane("Tenancy", "3", true),
        lane("Privacy", "4", true),
        lane("Audit", "5", true),
        lane("House", "In", false),
    ];
    lanes.extend(outside.iter().map(|outside| lane(outside.name(), "Out", false)));
    let last = u32::try_from(lanes.len() - 1).unwrap_or(1);
    for (at, lane) in lanes.iter_mut().enumerate() {
        lane.x = LEFT + (WIDTH - LEFT - RIGHT) * u32::try_from(at).unwrap_or_default() / last;
    }
    lanes
}

fn step(
    number: usize,
    y: u32,
    entry: &Entry,
    beyond: Option<usize>,
    lanes: &[GraphLane],
    begun: i64,
) -> GraphStep {
    let x = |lane: usize| lanes.get(lane).map_or(0, |lane| lane.x);
    let audit = CALLER + self::number(Gate::Audit);
    let own = matches!(entry.source.as_str(), "system" | "cli");
    let (mark, tone) = match entry.outcome.as_str() {
        "refused" => (GraphMark::Refused, Tone::Bad),
        "failed" => (GraphMark::Failed, Tone::Warn),
        "intent" => (GraphMark::Begun, Tone::Accent),
        "ok" => (GraphMark::Done, Tone::Accent),
        _ => (GraphMark::Begun, Tone::Plain),
    };
    let refusing = gate(entry).map(|gate| CALLER + self::number(gate));
    // An outcome comes back from outside to the caller; whatever has no intent went there and came back at once.
    let back = entry.kind.as_str() == EventKind::LlmCallOutcome.name() && entry.data.contains_key("intent");
    let begin = if back {
        beyond.unwrap_or(HOUSE)
    } else if own {
        HOUSE
    } else {
        CALLER
    };
    let end = match (refusing, back) {
        (Some(gate), _) => gate,
        (None, true) => CALLER,
        (None, false) if mark == GraphMark::Refused => HOUSE,
        (None, false) => beyond.unwrap_or(HOUSE),
    };
    let inside = begin.min(end) + 1..begin.max(end);
    let passed = (CALLER + 1..HOUSE).filter(|lane| inside.contains(lane) && *lane != audit);
    GraphStep {
        number,
        y,
        begin: x(begin),
        end: x(end),
        // Whatever became of it, it is written down.
        written: x(audit),
        beside: refusing.is_some_and(|gate| gate < audit) || own,
        passed: passed.map(x).collect(),
        mark,
        tone,
        back,
        after: duration(entry.at.unix_micros() - begun),
    }
}

/// What took time outside: from its intent to its outcome.
fn spans(entries: &[Entry], steps: &[GraphStep]) -> Vec<GraphSpan> {
    let fact = |entry: &Entry, name: &str| entry.data.get(name).cloned();
    let mut spans = Vec::new();
    for (entry, step) in entries.iter().zip(steps).filter(|(_, step)| step.back) {
        let Some(intent) = fact(entry, "intent").and_then(|id| id.as_str().map(str::to_owned)) else {
            continue;
        };
        let begun = entries.iter().position(|other| other.id.to_string() == intent);
        let Some(from) = begun.and_then(|at| steps.get(at)) else { continue };
        let Some(millis) = fact(entry, "duration_ms").and_then(|value| value.as_i64()) else { continue };
        let words = duration(millis.saturating_mul(1_000));
        spans.push(GraphSpan { x: step.begin, top: from.y, bottom: step.y, words });
    }
    spans
}

/// A time in the unit that fits; microseconds in.
pub(super) fn duration(micros: i64) -> String {
    let micros = micros.max(0);
    match micros {
        0..10_000 => format!("{}.{} ms", micros / 1_000, micros % 1_000 / 100),
        10_000..1_000_000 => format!("{} ms", micros / 1_000),
        1_000_000..60_000_000 => format!("{}.{} s", micros / 1_000_000, micros % 1_000_000 / 100_000),
        60_000_000..3_600_000_000 => format!("{} min", micros / 60_000_000),
        _ => format!("{} h", micros / 3_600_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An entry as it stands in the log.
    fn entry(number: u32, kind: &str, outcome: &str, millis: u32, data: &str) -> Entry {
        let leaf = format!(
            "{{\"action\":\"models.call\",\"actor\":{{\"kind\":\"agent\"}},\"at\":\"2026-11-22T10:00:00.{millis:03}000Z\",\
             \"data\":{data},\"id\":\"019a0000-0000-7000-8000-{number:012}\",\"kind\":\"{kind}\",\
             \"outcome\":\"{outcome}\",\"policy\":\"none\",\"request_id\":\"r1\",\"source\":\"gateway\",\
             \"tenant\":\"019a0000-0000-7000-8000-000000000000\",\"v\":1}}"
        );
        Entry::from_leaf(leaf.as_bytes()).expect("an entry")
    }

    #[test]
    fn a_call_goes_out_and_comes_back() {
        let outcome = "{\"duration_ms\":312,\"intent\":\"019a0000-0000-7000-8000-000000000001\"}";
        let graph = draw(&[
            entry(1, "llm.call.intent", "intent", 2, "{}"),
            entry(2, "llm.call.outcome", "ok", 320, outcome),
        ]);
        let names: Vec<_> = graph.lanes.iter().map(|lane| lane.name).collect();
        assert_eq!(
            names,
            ["Caller", "Identity", "Token", "Tenancy", "Privacy", "Audit", "House", "Provider"]
        );
        let (there, back) = (&graph.steps[0], &graph.steps[1]);
        assert!(there.begin < there.end && there.end == back.begin && back.end == there.begin);
        assert_eq!((there.passed.len(), there.after.as_str(), back.after.as_str()), (4, "0.0 ms", "318 ms"));
        assert_eq!(graph.spans.len(), 1);
        assert_eq!(graph.spans[0].words, "312 ms");
        assert!(graph.lanes.iter().all(|lane| lane.x <= WIDTH - RIGHT));
    }

    #[test]
    fn a_refusal_ends_at_its_gate() {
        let denied =
            entry(1, "access.denied", "refused", 0, "{\"gate\":\"token\",\"needs\":\"keys:manage\"}");
        assert_eq!(gate(&denied), Some(Gate::Token));
        let missing = entry(2, "AUTH_FAILURE", "refused", 0, "{\"reason\":\"missing\"}");
        assert_eq!(gate(&missing), Some(Gate::Identity));
        assert_eq!(
            gate(&entry(3, "AUTH_FAILURE", "refused", 0, "{\"reason\":\"unknown\"}")),
            Some(Gate::Token)
        );
        assert_eq!(gate(&entry(4, "llm.call.outcome", "refused", 0, "{}")), None);
        assert_eq!(gate(&entry(5, "access.denied", "ok", 0, "{\"gate\":\"token\"}")), None);
        let graph = draw(&[denied, missing]);
        assert_eq!((graph.steps[0].end, graph.steps[0].passed.len()), (graph.lanes[2].x, 1));
        assert_eq!((graph.steps[1].end, graph.steps[1].passed.len()), (graph.lanes[1].x, 0));
        assert!(graph.steps.iter().all(|step| step.beside && step.mark == GraphMark::Refused));
        assert!(graph.label.contains("2 of them refused"), "{}", graph.label);
    }

    #[test]
    fn times_are_read_at_a_glance() {
        for (micros, words) in [
            (-5, "0.0 ms"),
            (1_234, "1.2 ms"),
            (999_999, "999 ms"),
            (1_500_000, "1.5 s"),
            (120_000_000, "2 min"),
            (7_200_000_000, "2 h"),
        ] {
            assert_eq!(duration(micros), words);
        }
    }
}
