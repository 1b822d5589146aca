//! What a pack would have said to a decision that is on record. An entry does not hold everything a policy can look at; where
//! the answer hangs on what it does not hold, it is not guessed.

use crate::catalogue::ACTIONS;
use crate::pack::{Decision, Pack, Verdict, position};
use crate::question::{AskerKind, Question};

/// What can be said afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replayed {
    /// It would have been allowed.
    Allowed,
    /// It would have been refused, for this.
    Refused(Decision),
    /// It hangs on what no entry holds: the address, how sure the session was, how long ago its person proved it.
    Unknown,
}

impl Pack {
    /// What it would have said. The question holds what the entry holds.
    pub fn replay(&self, question: &Question<'_>) -> Replayed {
        let Some(at) = position(question.action) else { return Replayed::Allowed };
        let person = question.asker.kind == AskerKind::User;
        if person && self.mfa.get(at).is_some_and(|rules| !rules.is_empty()) {
            return Replayed::Unknown;
        }
        debug_assert!(at < ACTIONS.len());
        let slice = || {
            self.index
                .which(at, question.asker.kind)
                .iter()
                .filter_map(|at| self.policies.get(usize::from(*at)))
        };
        let hidden = |forbids: bool| slice().any(|known| known.beyond_record && known.forbids == forbids);
        let Decision { verdict, policies } = self.decide(question);
        let clean: Vec<String> = policies.into_iter().filter(|id| self.is_recorded(id)).collect();
        let refused = |policies| Replayed::Refused(Decision { verdict, policies });
        match verdict {
            Verdict::Forbid | Verdict::Broken if clean.is_empty() => Replayed::Unknown,
            Verdict::Allow if hidden(true) => Replayed::Unknown,
            Verdict::Allow if self.by_default() == Verdict::Unpermitted && clean.is_empty() => {
                Replayed::Unknown
            }
            Verdict::Allow => Replayed::Allowed,
            Verdict::Unpermitted if hidden(false) => Replayed::Unknown,
            Verdict::Forbid | Verdict::Broken | Verdict::Unpermitted => refused(clean),
            // What limits and tools refuse is not asked here.
            Verdict::Prove | Verdict::Limit | Verdict::Tool => Replayed::Unknown,
        }
    }

    /// Whether the policy looks at nothing but what entries hold.
    fn is_recorded(&self, id: &str) -> bool {
        let known = self.by_id.get(&cedar_policy::PolicyId::new(id)).and_then(|at| self.policies.get(*at));
        known.is_some_and(|known| !known.beyond_record)
    }
}
