//! Tabs, processes, lost answers, a thief and a clock that jumps, in any order, against a model that forgets nothing.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::bytes::testing::Chance;

fn key() -> RefreshKey {
    RefreshKey::new(&[7; 32])
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_micros(seconds * 1_000_000)
}

fn copy(token: &RefreshToken) -> RefreshToken {
    RefreshToken::parse(&token.expose()).ok().unwrap()
}

fn begin() -> (Family, RefreshToken) {
    Family::begin(Uuid::from_u128(1), at(0), &Chance)
}

/// What may happen.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// Time passes; sometimes backwards.
    Wait(i64),
    /// A tab sends the cookie it finds.
    Send,
    /// A process reads the family for the request of that number and makes up its mind.
    Read(usize),
    /// That process writes, if nobody was faster, and answers; the answer may be lost.
    Write { request: usize, lost: bool },
    /// The thief copies the cookie.
    Steal,
    /// The thief presents the copy of that number, and keeps what it gets.
    Abuse(usize),
}

fn steps(backwards: bool) -> impl Strategy<Value = Vec<Step>> {
    let earliest = if backwards { -20_i64 } else { 0 };
    let step = prop_oneof![
        2 => (earliest..15).prop_map(Step::Wait),
        1 => (25_i64..1_000).prop_map(Step::Wait),
        4 => Just(Step::Send),
        4 => (0..4_usize).prop_map(Step::Read),
        4 => (0..4_usize, prop::bool::weighted(0.3)).prop_map(|(request, lost)| Step::Write { request, lost }),
        1 => Just(Step::Steal),
        2 => (0..4_usize).prop_map(Step::Abuse),
    ];
    prop::collection::vec(step, 0..120)
}

/// A request under way: the token it carries, and the family as its process read it.
struct Request {
    token: RefreshToken,
    read: Option<Family>,
}

/// When a generation was replaced, and whether it was outside the grace at a later replacement.
#[derive(Clone, Copy)]
struct Fate {
    replaced: i64,
    forgotten: bool,
}

struct World {
    now: i64,
    stored: Family,
    cookie: RefreshToken,
    requests: Vec<Request>,
    stolen: Vec<RefreshToken>,
    fates: BTreeMap<u64, Fate>,
    /// Every token there ever was: one text for one generation.
    texts: BTreeMap<u64, String>,
}

impl World {
    fn new() -> Self {
        let (stored, cookie) = begin();
        let texts = BTreeMap::from([(1, cookie.expose().to_string())]);
        Self {
            now: 0,
            stored,
            cookie,
            requests: Vec::new(),
            stolen: Vec::new(),
            fates: BTreeMap::new(),
            texts,
        }
    }

    /// Presents a genuine token as it is stored now and compares with what the model knows. Gives the answer, if any.
    fn present(&mut self, token: &RefreshToken, read: &Family) -> Option<RefreshToken> {
        let mut outcome = read.present(token, &key(), at(self.now));
        if matches!(outcome, Outcome::Rotated(..)) && read.generation != self.stored.generation
            || read.revoked != self.stored.revoked
        {
            // The conditional update found another family: read and present again.
            outcome = self.stored.present(token, &key(), at(self.now));
        }
        let generation = token.generation;
        let inside = |fate: &Fate| (self.now - fate.replaced).unsigned_abs() <= GRACE_SECONDS;
        match outcome {
            Outcome::Revoked => {
                assert!(self.stored.revoked);
                None
            }
            Outcome::Rotated(next, family) => {
                assert!(!self.stored.revoked, "a revoked family is dead");
                assert_eq!(generation, self.stored.generation, "only the newest is live");
                for fate in self.fates.values_mut() {
                    fate.forgotten |= (self.now - fate.replaced).unsigned_abs() > GRACE_SECONDS;
                }
                self.fates.insert(generation, Fate { replaced: self.now, forgotten: false });
                self.stored = family;
                self.seen(&next);
                Some(next)
            }
            Outcome::Again(newest) => {
                if let Some(fate) = self.fates.get(&generation) {
                    assert!(inside(fate), "a copy of {generation} is answered after the grace");
                }
                self.seen(&newest);
                Some(newest)
            }
            Outcome::Reused => {
                let fate = self.fates[&generation];
                assert!(!inside(&fate) || fate.forgotten, "an honest client is lost within the grace");
                self.stored.revoked = true;
                None
            }
            _ => panic!("a genuine token was not known, or had expired within the hour"),
        }
    }

    /// Every token given out is the one of its generation, and not older than what is stored.
    fn seen(&mut self, token: &RefreshToken) {
        let text = token.expose().to_string();
        let known = self.texts.entry(token.generation).or_insert_with(|| text.clone());
        assert_eq!(*known, text, "one chain");
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Wait(seconds) => self.now = (self.now + seconds).max(0),
            Step::Send => {
                if self.requests.len() < 8 {
                    self.requests.push(Request { token: copy(&self.cookie), read: None });
                }
            }
            Step::Read(number) => {
                if let Some(request) = self.requests.get_mut(number) {
                    request.read = Some(self.stored.clone());
                }
            }
            Step::Write { request, lost } => {
                if self.requests.get(request).is_some_and(|request| request.read.is_some()) {
                    let request = self.requests.remove(request);
                    let read = request.read.unwrap();
                    let answer = self.present(&request.token, &read);
                    // Answers arrive in the order of their tokens; a browser keeps the newest cookie.
                    if let Some(token) = answer.filter(|_| !lost)
                        && token.generation >= self.cookie.generation
                    {
                        self.cookie = token;
                    }
                }
            }
            Step::Steal => self.stolen.push(copy(&self.cookie)),
            Step::Abuse(number) => {
                if number < self.stolen.len() {
                    let token = self.stolen.swap_remove(number);
                    let read = self.stored.clone();
                    let answer = self.present(&token, &read);
                    self.stolen.extend(answer);
                    self.stolen.push(token);
                }
            }
        }
    }

    /// Of all tokens that ever were, how many would be replaced by a new one now.
    fn live(&self) -> usize {
        let rotates = |text: &String| {
            let token = RefreshToken::parse(text).ok().unwrap();
            matches!(self.stored.present(&token, &key(), at(self.now)), Outcome::Rotated(..))
        };
        self.texts.values().filter(|text| rotates(text)).count()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn one_chain_whatever_happens(steps in prop_oneof![steps(false), steps(true)]) {
        let mut world = World::new();
        for step in steps {
            world.take(step);
            prop_assert!(world.live() <= 1);
        }
    }

    /// After the theft the thief and the victim both go on, in any rhythm. Whoever is second to use a token that the
    /// other has used ends the family, at the latest.
    #[test]
    fn a_thief_and_a_victim_cannot_both_go_on(rhythm in prop::collection::vec(any::<bool>(), 2..12)) {
        let (mut family, mut victim) = begin();
        let mut thief = copy(&victim);
        let (mut now, mut users) = (0, [false, false]);
        for thief_is_next in rhythm {
            now += 600;
            users[usize::from(thief_is_next)] = true;
            let token = if thief_is_next { &mut thief } else { &mut victim };
            match family.present(token, &key(), at(now)) {
                Outcome::Rotated(next, after) => {
                    (*token, family) = (next, after);
                    prop_assert!(users != [true, true], "both go on");
                }
                Outcome::Reused => return Ok(()),
                _ => panic!("neither replaced nor reused"),
            }
        }
        prop_assert!(users != [true, true]);
    }

    /// Tabs that wake up together, lose answers and try again within the grace stay signed in.
    #[test]
    fn honest_tabs_are_never_signed_out(
        rounds in prop::collection::vec((1..5_usize, any::<u8>(), 0..29_i64), 1..12),
    ) {
        let mut world = World::new();
        for (tabs, lost, late) in rounds {
            world.now += 840;
            let woken: Vec<_> = (0..tabs).map(|_| copy(&world.cookie)).collect();
            let read = world.stored.clone();
            for (tab, token) in woken.iter().enumerate() {
                // Every other tab is late; a lost answer is asked for again at once.
                world.now += if tab == 1 { late } else { 0 };
                for _ in 0..=usize::from(lost >> tab & 1) {
                    let answer = world.present(token, &read);
                    prop_assert!(answer.is_some(), "signed out");
                    world.cookie = answer.unwrap();
                }
            }
            prop_assert_eq!(world.cookie.generation, world.stored.generation);
        }
    }
}
