//! The grammar as a graph of states, and which words can follow each of them.

use super::grammar::{Part, RULES, Rule, definition};
use super::token::{Kind, Kinds};

/// A place in the grammar.
pub(super) type State = u32;

/// What leads from one place to the next.
#[derive(Clone, Copy, Debug)]
pub(super) enum Arc {
    Free(State),
    Words(Kinds, State),
    /// Into a rule, and the place after it.
    Rule(Rule, State),
}

/// A place where the parser may repair its input before it decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sync {
    /// Before a decision.
    Before,
    /// After a round of a loop.
    Again,
}

/// A rule's parts with their places.
pub(super) enum Step {
    Words { at: State, kinds: Kinds },
    Rule { at: State, rule: Rule, after: State },
    Seq(Vec<Step>),
    Opt { at: State, body: Box<Step>, choice: Choice },
    Alt { at: State, bodies: Vec<Step>, choice: Choice },
    Star { at: State, again: State, body: Box<Step>, choice: Choice },
    Plus { at: State, again: State, body: Box<Step>, choice: Choice },
}

/// How one of several ways is chosen: the places they begin at and, when the first word suffices, the words of each.
pub(super) struct Choice {
    pub(super) starts: Vec<State>,
    pub(super) by_first_word: Option<Vec<Kinds>>,
}

/// Which way to go.
pub(super) enum Way {
    Known(usize),
    /// The word begins none of them.
    None,
    /// The first word does not tell.
    LookAhead,
}

/// The whole grammar.
pub(super) struct Graph {
    arcs: Vec<Vec<Arc>>,
    /// By rule: its first place, its last one, its parts.
    starts: Vec<State>,
    stops: Vec<State>,
    /// By rule: the places after it, wherever it stands.
    after: Vec<Vec<State>>,
    /// By place: the rule that ends there.
    ends: Vec<Option<Rule>>,
    /// By place: the words that can come next within the rule.
    nexts: Vec<Kinds>,
    pub(super) steps: Vec<Step>,
}

impl Graph {
    pub(super) fn new() -> Self {
        let mut graph = Self {
            arcs: Vec::new(),
            starts: Vec::new(),
            stops: Vec::new(),
            after: vec![Vec::new(); RULES.len()],
            ends: Vec::new(),
            nexts: Vec::new(),
            steps: Vec::new(),
        };
        for _ in RULES {
            let (start, stop) = (graph.state(), graph.state());
            graph.starts.push(start);
            graph.stops.push(stop);
        }
        for rule in RULES {
            graph.ends[graph.stops[rule as usize] as usize] = Some(rule);
            let (step, first, last) = graph.add(&definition(rule));
            graph.free(graph.starts[rule as usize], first);
            graph.free(last, graph.stops[rule as usize]);
            graph.steps.push(step);
        }
        let mut steps = std::mem::take(&mut graph.steps);
        for step in &mut steps {
            graph.decide(step);
        }
        graph.steps = steps;
        let states = 0..State::try_from(graph.arcs.len()).unwrap_or(State::MAX);
        graph.nexts = states.map(|state| graph.look_from(state, false)).collect();
        graph
    }

    pub(super) fn start(&self, rule: Rule) -> State {
        self.starts[rule as usize]
    }

    pub(super) fn arcs(&self, state: State) -> &[Arc] {
        &self.arcs[state as usize]
    }

    pub(super) fn ends(&self, state: State) -> Option<Rule> {
        self.ends[state as usize]
    }

    pub(super) fn after(&self, rule: Rule) -> &[State] {
        &self.after[rule as usize]
    }

    /// The words that can come next within the rule; whether it may end is part of the answer.
    pub(super) fn next(&self, state: State) -> Kinds {
        self.nexts[state as usize]
    }

    /// With `anywhere`, what can follow the rule wherever it stands counts too.
    fn look_from(&self, state: State, anywhere: bool) -> Kinds {
        let (mut seen, mut out) = (Vec::new(), Kinds::NONE);
        self.look(state, anywhere, &mut seen, &mut out);
        out
    }

    fn look(&self, state: State, anywhere: bool, seen: &mut Vec<State>, out: &mut Kinds) {
        if seen.contains(&state) {
            return;
        }
        seen.push(state);
        if let Some(rule) = self.ends(state) {
            *out = out.and(Kinds::END);
            if anywhere {
                for after in self.after(rule) {
                    self.look(*after, true, seen, out);
                }
            }
            return;
        }
        for arc in self.arcs(state) {
            match *arc {
                Arc::Free(to) => self.look(to, anywhere, seen, out),
                Arc::Words(kinds, _) => *out = out.and(kinds),
                Arc::Rule(rule, after) => {
                    let inside = self.look_from(self.start(rule), false);
                    *out = out.and(inside.without_end());
                    if inside.may_end() {
                        self.look(after, anywhere, seen, out);
                    }
                }
            }
        }
    }

    fn state(&mut self) -> State {
        self.arcs.push(Vec::new());
        self.ends.push(None);
        State::try_from(self.arcs.len() - 1).unwrap_or(State::MAX)
    }

    fn free(&mut self, from: State, to: State) {
        self.arcs[from as usize].push(Arc::Free(to));
    }

    /// Adds a part; its step and the places it begins and ends at.
    fn add(&mut self, part: &Part) -> (Step, State, State) {
        match part {
            Part::Word(kind) => self.add_words(Kinds::of(*kind)),
            Part::OneOf(kinds) => self.add_words(*kinds),
            Part::Rule(rule) => {
                let (at, after) = (self.state(), self.state());
                self.arcs[at as usize].push(Arc::Rule(*rule, after));
                self.after[*rule as usize].push(after);
                (Step::Rule { at, rule: *rule, after }, at, after)
            }
            Part::Seq(parts) => {
                let (mut steps, mut ends) = (Vec::new(), None);
                for part in parts {
                    let (step, first, last) = self.add(part);
                    steps.push(step);
                    ends = match ends {
                        None => Some((first, last)),
                        Some((begin, end)) => {
                            self.free(end, first);
                            Some((begin, last))
                        }
                    };
                }
                let (first, last) = ends.unwrap_or_else(|| (self.state(), self.state()));
                (Step::Seq(steps), first, last)
            }
            Part::Opt(body) => {
                let (at, end) = (self.state(), self.state());
                let (body, first, last) = self.add(body);
                self.free(at, first);
                self.free(at, end);
                self.free(last, end);
                (Step::Opt { at, body: Box::new(body), choice: Choice::open(vec![first, end]) }, at, end)
            }
            Part::Alt(parts) => {
                let (at, end) = (self.state(), self.state());
                let (mut bodies, mut starts) = (Vec::new(), Vec::new());
                for part in parts {
                    let (body, first, last) = self.add(part);
                    self.free(at, first);
                    self.free(last, end);
                    bodies.push(body);
                    starts.push(first);
                }
                (Step::Alt { at, bodies, choice: Choice::open(starts) }, at, end)
            }
            Part::Star(body) => {
                let (at, again, end) = (self.state(), self.state(), self.state());
                let (body, first, last) = self.add(body);
                self.free(at, first);
                self.free(at, end);
                self.free(last, again);
                self.free(again, at);
                (
                    Step::Star { at, again, body: Box::new(body), choice: Choice::open(vec![first, end]) },
                    at,
                    end,
                )
            }
            Part::Plus(body) => {
                let (at, again, end) = (self.state(), self.state(), self.state());
                let (body, first, last) = self.add(body);
                self.free(at, first);
                self.free(last, again);
                self.free(again, at);
                self.free(again, end);
                (Step::Plus { at, again, body: Box::new(body), choice: Choice::open(vec![at, end]) }, at, end)
            }
        }
    }

    fn add_words(&mut self, kinds: Kinds) -> (Step, State, State) {
        let (at, to) = (self.state(), self.state());
        self.arcs[at as usize].push(Arc::Words(kinds, to));
        (Step::Words { at, kinds }, at, to)
    }

    /// Notes for each decision whether the first word suffices.
    fn decide(&self, step: &mut Step) {
        match step {
            Step::Words { .. } | Step::Rule { .. } => {}
            Step::Seq(steps) => {
                for step in steps {
                    self.decide(step);
                }
            }
            Step::Alt { bodies, choice, .. } => {
                for body in bodies {
                    self.decide(body);
                }
                choice.close(self);
            }
            Step::Opt { body, choice, .. }
            | Step::Star { body, choice, .. }
            | Step::Plus { body, choice, .. } => {
                self.decide(body);
                choice.close(self);
            }
        }
    }
}

impl Choice {
    fn open(starts: Vec<State>) -> Self {
        Self { starts, by_first_word: None }
    }

    fn close(&mut self, graph: &Graph) {
        let firsts: Vec<Kinds> =
            self.starts.iter().map(|s| graph.look_from(*s, true).without_end()).collect();
        let apart =
            (0..firsts.len()).all(|i| firsts[i + 1..].iter().all(|other| !firsts[i].overlaps(*other)));
        self.by_first_word = apart.then_some(firsts);
    }

    /// The way that begins with the word, when the first word suffices.
    pub(super) fn by_word(&self, kind: Kind) -> Way {
        match &self.by_first_word {
            None => Way::LookAhead,
            Some(firsts) => firsts.iter().position(|kinds| kinds.has(kind)).map_or(Way::None, Way::Known),
        }
    }
}
