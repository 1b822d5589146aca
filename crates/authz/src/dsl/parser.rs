//! Reads words by the grammar, and repairs what does not fit as ANTLR's default strategy does: a superfluous word is
//! left out, a missing one is supposed, and else words are skipped to where the surrounding rules can go on. So the
//! messages and their places are those of OpenFGA's own tools.

use super::grammar::Rule;
use super::graph::{Arc, Choice, Graph, State, Step, Sync, Way};
use super::predict::{NoWay, Predictor};
use super::token::{EOF, Kind, Kinds, Token};

/// How deeply brackets may be nested, in rules that were entered and not left.
pub(super) const RULES_NESTED_MAX: usize = 200;

/// A rule as it was read.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) rule: Rule,
    pub(super) parts: Vec<Child>,
}

#[derive(Debug)]
pub(super) enum Child {
    Node(Node),
    /// Index of a word.
    Word(usize),
}

/// An error in a text.
#[derive(Debug)]
pub(super) struct Flaw {
    pub(super) message: String,
    /// Index of the word it is about.
    pub(super) word: usize,
}

/// What stops the reading of a rule.
enum Stop {
    /// Words that were expected instead.
    Mismatch(Kinds),
    /// No way fits, from this word to that one.
    NoWay(usize, usize),
    /// Read no further.
    End,
}

struct Frame {
    /// The place after the rule, in the rule that named it; none for the first rule.
    after: Option<State>,
}

pub(super) struct Parser<'a> {
    graph: &'a Graph,
    text: &'a str,
    tokens: &'a [Token],
    predictor: Predictor<'a>,
    at: usize,
    state: State,
    frames: Vec<Frame>,
    recovering: bool,
    last_error: Option<(usize, Vec<State>)>,
    flaws: Vec<Flaw>,
    ended: bool,
}

/// Reads a text. The tree is as complete as the text allows.
pub(super) fn parse(graph: &Graph, text: &str, tokens: &[Token]) -> (Node, Vec<Flaw>) {
    let mut parser = Parser {
        graph,
        text,
        tokens,
        predictor: Predictor::new(graph, tokens.len()),
        at: 0,
        state: 0,
        frames: Vec::new(),
        recovering: false,
        last_error: None,
        flaws: Vec::new(),
        ended: false,
    };
    let tree = parser.rule(Rule::Main, None);
    (tree, parser.flaws)
}

impl<'a> Parser<'a> {
    fn rule(&mut self, rule: Rule, after: Option<State>) -> Node {
        let mut node = Node { rule, parts: Vec::new() };
        if self.frames.len() >= RULES_NESTED_MAX {
            self.give_up("the model is nested too deeply");
            return node;
        }
        self.frames.push(Frame { after });
        let graph = self.graph;
        if let Err(stop) = self.step(&graph.steps[rule as usize], &mut node) {
            self.report(&stop);
            if !self.ended {
                self.recover();
            }
        }
        self.frames.pop();
        node
    }

    fn step(&mut self, step: &'a Step, node: &mut Node) -> Result<(), Stop> {
        if self.ended {
            return Err(Stop::End);
        }
        match step {
            Step::Words { at, kinds } => {
                self.state = *at;
                self.word(*kinds, node)
            }
            Step::Rule { at, rule, after } => {
                self.state = *at;
                let child = self.rule(*rule, Some(*after));
                node.parts.push(Child::Node(child));
                Ok(())
            }
            Step::Seq(steps) => steps.iter().try_for_each(|s| self.step(s, node)),
            Step::Opt { at, body, choice } => {
                self.state = *at;
                self.sync(Sync::Before)?;
                if self.another(choice)? { self.step(body, node) } else { Ok(()) }
            }
            Step::Alt { at, bodies, choice } => {
                self.state = *at;
                self.sync(Sync::Before)?;
                let way = match choice.by_word(self.kind(0)) {
                    Way::Known(way) => way,
                    Way::None => return Err(Stop::NoWay(self.at, self.at)),
                    Way::LookAhead => self.predict(&choice.starts)?,
                };
                self.step(&bodies[way], node)
            }
            Step::Star { at, again, body, choice } => {
                self.state = *at;
                self.sync(Sync::Before)?;
                while self.another(choice)? {
                    self.step(body, node)?;
                    self.state = *again;
                    self.sync(Sync::Again)?;
                }
                Ok(())
            }
            Step::Plus { at, again, body, choice } => {
                self.state = *at;
                self.sync(Sync::Before)?;
                loop {
                    self.step(body, node)?;
                    self.state = *again;
                    self.sync(Sync::Again)?;
                    if !self.another(choice)? {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Whether what may be there is there, or a loop goes round once more.
    fn another(&mut self, choice: &Choice) -> Result<bool, Stop> {
        if self.ended {
            return Err(Stop::End);
        }
        match choice.by_word(self.kind(0)) {
            Way::Known(way) => Ok(way == 0),
            Way::None => Ok(false),
            Way::LookAhead => Ok(self.predict(&choice.starts)? == 0),
        }
    }

    fn predict(&mut self, starts: &[State]) -> Result<usize, Stop> {
        let tokens = self.tokens;
        let kind_at = |at: usize| tokens.get(at).map_or(EOF, |t| t.kind);
        match self.predictor.choose(starts, kind_at, self.at) {
            Ok(way) => Ok(way),
            Err(NoWay::Unfit(at)) => Err(Stop::NoWay(self.at, at.min(tokens.len() - 1))),
            Err(NoWay::TooLong) => {
                self.give_up("the model takes too long to read");
                Err(Stop::End)
            }
        }
    }

    fn kind(&self, ahead: usize) -> Kind {
        self.tokens.get(self.at + ahead).map_or(EOF, |t| t.kind)
    }

    fn consume(&mut self) {
        if self.kind(0) != EOF {
            self.at += 1;
        }
    }

    fn matched(&mut self) {
        self.recovering = false;
        self.last_error = None;
    }

    fn word(&mut self, kinds: Kinds, node: &mut Node) -> Result<(), Stop> {
        if !kinds.has(self.kind(0)) {
            if self.leave_out_one() {
                // The word after it fits, and is taken below.
            } else if self.suppose_one() {
                return Ok(());
            } else {
                return Err(Stop::Mismatch(self.expected()));
            }
        }
        self.matched();
        node.parts.push(Child::Word(self.at));
        self.consume();
        Ok(())
    }

    /// Repairs the input before a decision, or after a round of a loop.
    fn sync(&mut self, sync: Sync) -> Result<(), Stop> {
        if self.recovering {
            return Ok(());
        }
        let next = self.graph.next(self.state);
        if next.may_end() || next.has(self.kind(0)) {
            return Ok(());
        }
        match sync {
            Sync::Before if self.leave_out_one() => Ok(()),
            Sync::Before => Err(Stop::Mismatch(self.expected())),
            Sync::Again => {
                self.superfluous();
                let go_on = self.expected().and(self.follow());
                self.skip_to(go_on);
                Ok(())
            }
        }
    }

    /// Leaves out one word, if the next one fits.
    fn leave_out_one(&mut self) -> bool {
        if !self.expected().has(self.kind(1)) || self.kind(0) == EOF {
            return false;
        }
        self.superfluous();
        self.consume();
        self.matched();
        true
    }

    /// Supposes the expected word, if the present one could come after it.
    fn suppose_one(&mut self) -> bool {
        let Some(Arc::Words(_, to)) = self.graph.arcs(self.state).first().copied() else {
            return false;
        };
        if !self.with_surroundings(self.graph.next(to)).has(self.kind(0)) {
            return false;
        }
        if !self.recovering {
            self.recovering = true;
            let message = format!("missing {} at {}", self.expected(), self.shown(self.at, self.at));
            self.flaw(message, self.at);
        }
        true
    }

    fn superfluous(&mut self) {
        if !self.recovering {
            self.recovering = true;
            let message =
                format!("extraneous input {} expecting {}", self.shown(self.at, self.at), self.expected());
            self.flaw(message, self.at);
        }
    }

    fn report(&mut self, stop: &Stop) {
        if self.recovering {
            return;
        }
        self.recovering = true;
        match stop {
            Stop::Mismatch(expected) => {
                let message =
                    format!("mismatched input {} expecting {expected}", self.shown(self.at, self.at));
                self.flaw(message, self.at);
            }
            Stop::NoWay(from, to) => {
                let message = format!("no viable alternative at input {}", self.shown(*from, *to));
                self.flaw(message, *to);
            }
            Stop::End => {}
        }
    }

    fn recover(&mut self) {
        if let Some((at, states)) = &mut self.last_error
            && *at == self.at
            && states.contains(&self.state)
        {
            self.consume();
        }
        let (at, state) = (self.at, self.state);
        match &mut self.last_error {
            Some((last, states)) => {
                *last = at;
                states.push(state);
            }
            None => self.last_error = Some((at, vec![state])),
        }
        let go_on = self.follow();
        self.skip_to(go_on);
    }

    fn skip_to(&mut self, kinds: Kinds) {
        while self.kind(0) != EOF && !kinds.has(self.kind(0)) {
            self.at += 1;
        }
    }

    /// The words that can come next here, in this very nesting of rules.
    fn expected(&self) -> Kinds {
        self.with_surroundings(self.graph.next(self.state))
    }

    fn with_surroundings(&self, mut next: Kinds) -> Kinds {
        let mut out = next.without_end();
        for frame in self.frames.iter().rev() {
            if !next.may_end() {
                return out;
            }
            match frame.after {
                Some(after) => next = self.graph.next(after),
                None => break,
            }
            out = out.and(next.without_end());
        }
        if next.may_end() { out.and(Kinds::of(EOF)) } else { out }
    }

    /// The words with which any of the surrounding rules can go on.
    fn follow(&self) -> Kinds {
        let after = self.frames.iter().filter_map(|f| f.after);
        after.fold(Kinds::NONE, |all, state| all.and(self.graph.next(state).without_end()))
    }

    fn shown(&self, from: usize, to: usize) -> String {
        let (from, to) = (&self.tokens[from], &self.tokens[to]);
        if from.kind == EOF {
            return "'<EOF>'".to_owned();
        }
        let text = &self.text[from.start..to.end];
        format!("'{}'", text.replace('\n', "\\n").replace('\r', "\\r").replace('\t', "\\t"))
    }

    fn flaw(&mut self, message: String, word: usize) {
        self.flaws.push(Flaw { message, word });
    }

    fn give_up(&mut self, message: &str) {
        if !self.ended {
            self.ended = true;
            self.flaw(message.to_owned(), self.at);
        }
    }
}
