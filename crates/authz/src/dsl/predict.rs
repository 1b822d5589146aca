//! Looks ahead as far as needed to choose between several ways, as ANTLR's adaptive prediction does: every way is
//! followed at once, word by word, until one is left.

use super::graph::{Arc, Graph, State};
use super::token::{EOF, Kind};

/// What the parser may spend on looking ahead, per word of the text. A model that is written by hand needs about 30.
pub(super) const LOOKAHEAD_STEPS_PER_WORD_MAX: usize = 2_000;

/// Why no way was chosen.
#[derive(Debug)]
pub(super) enum NoWay {
    /// The word at this place fits none of them.
    Unfit(usize),
    /// The text would take too long to read.
    TooLong,
}

/// One way, followed to one place.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Trail {
    state: State,
    way: usize,
    /// Where to go on after the rules that were entered on the way; 0 is none.
    back: u32,
    /// Left the rule in which the decision is made.
    outside: bool,
}

/// Looks ahead.
pub(super) struct Predictor<'a> {
    graph: &'a Graph,
    /// Places to return to: the one below, and the place.
    backs: Vec<(u32, State)>,
    steps_left: usize,
}

impl<'a> Predictor<'a> {
    pub(super) fn new(graph: &'a Graph, words: usize) -> Self {
        let steps_left = (words + 16).saturating_mul(LOOKAHEAD_STEPS_PER_WORD_MAX);
        Self { graph, backs: vec![(0, 0)], steps_left }
    }

    /// The way to go from here.
    pub(super) fn choose(
        &mut self,
        starts: &[State],
        kind_at: impl Fn(usize) -> Kind,
        from: usize,
    ) -> Result<usize, NoWay> {
        self.backs.truncate(1);
        let mut trails = Vec::new();
        for (way, state) in starts.iter().enumerate() {
            self.follow(Trail { state: *state, way, back: 0, outside: false }, &mut trails)?;
        }
        let mut at = from;
        loop {
            let kind = kind_at(at);
            let mut reached = Vec::new();
            for trail in &trails {
                for arc in self.graph.arcs(trail.state) {
                    if let Arc::Words(kinds, to) = arc
                        && kinds.has(kind)
                    {
                        self.follow(Trail { state: *to, ..*trail }, &mut reached)?;
                    }
                }
            }
            if reached.is_empty() {
                // As ANTLR: a way that had left the deciding rule is taken, and the error is found outside.
                let finished = trails.iter().filter(|t| t.outside).map(|t| t.way).min();
                return finished.ok_or(NoWay::Unfit(at));
            }
            let first = reached[0].way;
            if reached.iter().all(|t| t.way == first) {
                return Ok(first);
            }
            if kind == EOF || undecidable(&reached) {
                return Ok(reached.iter().map(|t| t.way).min().unwrap_or(first));
            }
            trails = reached;
            at += 1;
        }
    }

    /// Goes on from a place without a word, and notes where a word is needed.
    fn follow(&mut self, trail: Trail, out: &mut Vec<Trail>) -> Result<(), NoWay> {
        let graph = self.graph;
        let mut open = vec![trail];
        let mut seen = Vec::new();
        while let Some(trail) = open.pop() {
            self.steps_left = self.steps_left.checked_sub(1).ok_or(NoWay::TooLong)?;
            if seen.contains(&trail) {
                continue;
            }
            seen.push(trail);
            if let Some(rule) = graph.ends(trail.state) {
                if trail.back != 0 {
                    let (below, state) = self.backs[trail.back as usize];
                    open.push(Trail { state, back: below, ..trail });
                } else {
                    open.extend(graph.after(rule).iter().map(|state| Trail {
                        state: *state,
                        outside: true,
                        ..trail
                    }));
                }
                if graph.after(rule).is_empty() {
                    out.push(trail);
                }
                continue;
            }
            let mut needs_word = false;
            for arc in graph.arcs(trail.state) {
                match *arc {
                    Arc::Free(state) => open.push(Trail { state, ..trail }),
                    Arc::Words(..) => needs_word = true,
                    Arc::Rule(rule, after) => {
                        let back = self.back(trail.back, after);
                        open.push(Trail { state: graph.start(rule), back, ..trail });
                    }
                }
            }
            if needs_word && !out.contains(&trail) {
                out.push(trail);
            }
        }
        Ok(())
    }

    fn back(&mut self, below: u32, state: State) -> u32 {
        let known = self.backs.iter().skip(1).position(|known| *known == (below, state));
        let index = known.map_or(self.backs.len(), |n| n + 1);
        if index == self.backs.len() {
            self.backs.push((below, state));
        }
        u32::try_from(index).unwrap_or(u32::MAX)
    }
}

/// Several ways stand at the same places for the same reasons: no further word can tell them apart.
fn undecidable(trails: &[Trail]) -> bool {
    trails.iter().all(|a| trails.iter().any(|b| b.way != a.way && b.state == a.state && b.back == a.back))
}
