//! Draws why an answer is what it is: boxes from the relation that is asked about down to the tuples it follows from.

use authz::{Explanation, Missing, Reason, Trace, Tuple};

use crate::pages::{WhyBox, WhyGraph, WhyLine};
use crate::parts::Tone;

/// Most boxes of a drawing; the words below it go on.
const BOXES_MAX: usize = 60;
/// Most steps in words.
const STEPS_MAX: usize = 200;
/// Signs of a box's words that there is room for.
const SIGNS_MAX: usize = 34;
/// Between two boxes beside each other.
const GAP: u32 = 24;
/// From one row to the next.
const ROW: u32 = 92;
const MARGIN: u32 = 8;

/// A box with the boxes it follows from.
struct Twig {
    edge: String,
    missing: bool,
    words: String,
    tone: Tone,
    twigs: Vec<Twig>,
}

impl Twig {
    fn leaf(edge: impl Into<String>, words: impl Into<String>, tone: Tone) -> Self {
        Self { edge: edge.into(), missing: false, words: words.into(), tone, twigs: Vec::new() }
    }
}

/// The drawing of an answer; nothing when a no has no known way to a yes.
pub(super) fn drawn(question: &Tuple, explanation: &Explanation) -> Option<WhyGraph> {
    let Tuple { user, relation, object, .. } = question;
    let mut steps = Vec::new();
    let (root, label) = match (&explanation.because, &explanation.missing) {
        (Some(trace), _) => {
            say(trace, &mut steps);
            (of_trace(trace, "", Tone::Accent), format!("The way from {object} to {user}, from the top down"))
        }
        (None, Some(missing)) if !missing.is_empty() => {
            let twigs = missing.iter().map(of_missing).collect();
            steps.extend(missing.iter().map(say_missing));
            let root = Twig { twigs, ..Twig::leaf("", format!("{object}#{relation}"), Tone::Bad) };
            (root, format!("What {user} lacks to be {relation} of {object}"))
        }
        _ => return None,
    };
    steps.truncate(STEPS_MAX);
    let mut graph = WhyGraph { label, steps, ..WhyGraph::default() };
    let mut column = 0;
    place(&root, 0, &mut column, &mut graph);
    graph.width = column * (WhyBox::WIDTH + GAP) - GAP + 2 * MARGIN;
    graph.height = graph.boxes.iter().map(|one| one.y).max().unwrap_or(0) + WhyBox::HEIGHT + MARGIN;
    Some(graph)
}

/// Places a twig and what is below it; the middle of its box.
fn place(twig: &Twig, row: u32, column: &mut u32, graph: &mut WhyGraph) -> u32 {
    let at = graph.boxes.len();
    let y = MARGIN + row * ROW;
    let tone = twig.tone;
    graph.boxes.push(WhyBox { x: 0, y, words: cut(&twig.words), whole: twig.words.clone(), tone });
    let mut below = Vec::new();
    for inner in &twig.twigs {
        if graph.boxes.len() < BOXES_MAX {
            below.push((place(inner, row + 1, column, graph), inner));
        }
    }
    let middle = if let (Some((first, _)), Some((last, _))) = (below.first(), below.last()) {
        u32::midpoint(*first, *last)
    } else {
        *column += 1;
        MARGIN + (*column - 1) * (WhyBox::WIDTH + GAP) + WhyBox::WIDTH / 2
    };
    if let Some(one) = graph.boxes.get_mut(at) {
        one.x = middle - WhyBox::WIDTH / 2;
    }
    graph.lines.extend(below.into_iter().map(|(x, inner)| WhyLine {
        from: (middle, y + WhyBox::HEIGHT),
        to: (x, y + ROW),
        words: inner.edge.clone(),
        missing: inner.missing,
    }));
    middle
}

fn cut(words: &str) -> String {
    if words.chars().count() <= SIGNS_MAX {
        return words.to_owned();
    }
    words.chars().take(SIGNS_MAX - 1).chain(std::iter::once('…')).collect()
}

fn of_trace(trace: &Trace, edge: &str, tone: Tone) -> Twig {
    Twig { twigs: of_reason(&trace.from), ..Twig::leaf(edge, &*trace.holds, tone) }
}

fn of_reason(reason: &Reason) -> Vec<Twig> {
    match reason {
        Reason::Itself => vec![Twig::leaf("is the user itself", "a userset is in itself", Tone::Good)],
        Reason::Tuple(tuple) => {
            vec![Twig::leaf(format!("written{}", condition(tuple)), &*tuple.user, Tone::Good)]
        }
        Reason::Member { tuple, because } => {
            vec![of_trace(because, &format!("names{}", condition(tuple)), Tone::Plain)]
        }
        Reason::Computed(because) => vec![of_trace(because, "follows from", Tone::Plain)],
        Reason::Through { tuple, because } => {
            vec![of_trace(because, &format!("through {}{}", tuple.relation, condition(tuple)), Tone::Plain)]
        }
        Reason::All(reasons) => reasons.iter().flat_map(of_reason).collect(),
        Reason::Without { base, not } => {
            let mut twigs = of_reason(base);
            twigs.push(Twig::leaf("but not", &**not, Tone::Plain));
            twigs
        }
    }
}

fn condition(tuple: &Tuple) -> String {
    tuple.condition.as_ref().map_or_else(String::new, |condition| format!(", when {}", condition.name))
}

/// A tuple as people write it.
pub(super) fn line(tuple: &Tuple) -> String {
    let Tuple { user, relation, object, .. } = tuple;
    let condition = tuple.condition.as_ref().map_or_else(String::new, |one| format!(" {}", one.name));
    format!("{user} {relation} {object}{condition}")
}

fn of_missing(missing: &Missing) -> Twig {
    let (edge, tuple, tone) = match missing {
        Missing::Write(tuple) => ("is missing", tuple, Tone::Accent),
        Missing::Delete(tuple) => ("is in the way", tuple, Tone::Warn),
        Missing::Condition { tuple, .. } => ("its condition does not hold", tuple, Tone::Warn),
    };
    Twig { missing: true, ..Twig::leaf(edge, line(tuple), tone) }
}

fn say_missing(missing: &Missing) -> String {
    let written = |tuple: &Tuple| {
        let Tuple { user, relation, object, .. } = tuple;
        format!("{user} is {relation} of {object}{}", condition(tuple))
    };
    match missing {
        Missing::Write(tuple) => format!("This tuple is missing: {}.", written(tuple)),
        Missing::Delete(tuple) => format!("This tuple is in the way: {}.", written(tuple)),
        Missing::Condition { tuple, parameters } => {
            let says = written(tuple);
            format!(
                "This tuple is there and its condition does not hold: {says}. It asks for {}.",
                parameters.join(", ")
            )
        }
    }
}

fn say(trace: &Trace, steps: &mut Vec<String>) {
    if steps.len() < STEPS_MAX {
        say_reason(&trace.holds, &trace.from, steps);
    }
}

fn say_reason(holds: &str, reason: &Reason, steps: &mut Vec<String>) {
    let written = |tuple: &Tuple| {
        let Tuple { user, relation, object, .. } = tuple;
        format!("{user} is {relation} of {object}, as it was written{}", condition(tuple))
    };
    match reason {
        Reason::Itself => steps.push(format!("Whoever is {holds} is {holds}.")),
        Reason::Tuple(tuple) => steps.push(format!("{}.", written(tuple))),
        Reason::Member { tuple, because } => {
            steps.push(format!("{}, and the user is among {}.", written(tuple), because.holds));
            say(because, steps);
        }
        Reason::Computed(because) => {
            steps.push(format!("{holds} follows from {}.", because.holds));
            say(because, steps);
        }
        Reason::Through { tuple, because } => {
            steps.push(format!("{}, and {holds} follows from {}.", written(tuple), because.holds));
            say(because, steps);
        }
        Reason::All(reasons) => {
            steps.push(format!("{holds} needs {} things, and all of them hold.", reasons.len()));
            for reason in reasons {
                say_reason(holds, reason, steps);
            }
        }
        Reason::Without { base, not } => {
            say_reason(holds, base, steps);
            steps.push(format!("And “{not}”, which would take {holds} away, does not hold."));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tuple(user: &str, relation: &str, object: &str) -> Tuple {
        Tuple::new(user, relation, object)
    }

    #[test]
    fn a_way_is_drawn_from_the_object_down_to_the_user() {
        let held = Trace {
            holds: "group:staff#member".into(),
            from: Reason::Tuple(tuple("user:anne", "member", "group:staff")),
        };
        let base = Reason::Member {
            tuple: tuple("group:staff#member", "viewer", "document:1"),
            because: Box::new(held),
        };
        let from = Reason::Without { base: Box::new(base), not: "blocked".into() };
        let because = Some(Trace { holds: "document:1#viewer".into(), from });
        let explanation = Explanation { allowed: true, because, missing: None };
        let graph = drawn(&tuple("user:anne", "viewer", "document:1"), &explanation).unwrap();
        let words: Vec<&str> = graph.boxes.iter().map(|one| one.words.as_str()).collect();
        assert_eq!(words, ["document:1#viewer", "group:staff#member", "user:anne", "blocked"]);
        assert_eq!(graph.steps.len(), 3);
        // Nothing overlaps and nothing sticks out.
        for (at, one) in graph.boxes.iter().enumerate() {
            assert!(one.x + WhyBox::WIDTH <= graph.width && one.y + WhyBox::HEIGHT <= graph.height);
            let beside = graph.boxes.iter().skip(at + 1).filter(|other| other.y == one.y);
            assert!(beside.into_iter().all(|other| one.x.abs_diff(other.x) >= WhyBox::WIDTH));
        }
        let none = Explanation { allowed: false, because: None, missing: None };
        assert_eq!(drawn(&tuple("user:anne", "viewer", "document:1"), &none), None);
    }

    #[test]
    fn what_is_missing_is_drawn_and_long_names_are_cut() {
        let long = format!("user:{}", "a".repeat(200));
        let missing = vec![
            Missing::Write(tuple(&long, "viewer", "document:1")),
            Missing::Delete(tuple(&long, "blocked", "document:1")),
        ];
        let explanation = Explanation { allowed: false, because: None, missing: Some(missing) };
        let graph = drawn(&tuple(&long, "viewer", "document:1"), &explanation).unwrap();
        assert_eq!((graph.boxes.len(), graph.lines.len(), graph.steps.len()), (3, 2, 2));
        assert!(graph.boxes.iter().all(|one| one.words.chars().count() <= SIGNS_MAX));
        assert!(graph.lines.iter().all(|line| line.missing));
    }

    #[test]
    fn a_wide_way_ends_somewhere() {
        let one = Reason::Tuple(tuple("user:anne", "viewer", "document:1"));
        let from = Reason::All(vec![one; 500]);
        let because = Some(Trace { holds: "document:1#viewer".into(), from });
        let explanation = Explanation { allowed: true, because, missing: None };
        let graph = drawn(&tuple("user:anne", "viewer", "document:1"), &explanation).unwrap();
        assert_eq!((graph.boxes.len(), graph.steps.len()), (BOXES_MAX, STEPS_MAX));
    }
}
