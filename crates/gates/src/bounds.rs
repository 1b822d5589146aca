//! What the pack in force says of one call that is granted: how much it may ask for, and with which tools.
//!
//! Where no pack says anything of it there is nothing here: no count, no copy, no look at the database.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kernel::quota::Verdict;
use kernel::{Gate, Problem, ProblemKind, Timestamp};
use llm::tools::{CallGuard, Mention, for_each_mention};
use packs::{AskerKind, Bound, Decision, Limit, Pack};

use crate::audit::{Draft, PolicyIds};
use crate::constraint::{InForce, PackRefusal, kind_of};
use crate::principal::Principal;
use crate::privacy::RawChat;

/// Seconds of a day.
const DAY_SECONDS: u64 = 86_400;

/// What the pack in force bounds for one caller.
#[derive(Debug, Clone)]
pub struct Bounds {
    pack: Arc<Pack>,
    kind: AskerKind,
}

impl Bounds {
    /// `None` when no pack is in force, or the one that is says nothing of limits and tools. A pack that cannot be asked
    /// lets nothing pass that would come here.
    pub(crate) fn of(pack: Option<&InForce>, principal: &Principal) -> Option<Self> {
        match pack {
            Some(InForce::Whole(pack)) if pack.limits().is_some() || pack.tools().is_some() => {
                Some(Self { pack: Arc::clone(pack), kind: kind_of(principal) })
            }
            Some(InForce::Whole(_) | InForce::Broken(_)) | None => None,
        }
    }

    fn bound(&self, limit: Limit) -> Option<Bound> {
        self.pack.limit(limit, self.kind)
    }

    /// The longest request that a call of a model may be, in bytes.
    pub fn request_bytes(&self) -> Option<u64> {
        self.bound(Limit::ModelRequestBytes).map(|bound| bound.most)
    }

    /// That a request is longer. `None` when nothing bounds it.
    pub fn too_long(&self) -> Option<PackRefusal> {
        let bound = self.bound(Limit::ModelRequestBytes)?;
        let says = format!(
            "Your organization's policy pack lets the request of a call be {} bytes long at most.",
            bound.most
        );
        Some(refusal(bound.refused(), Problem::at(Gate::Token, ProblemKind::TooLarge, says)))
    }

    /// How many calls of models one credential may make in any minute.
    pub fn calls_per_minute(&self) -> Option<u32> {
        let bound = self.bound(Limit::ModelCallsPerMinute)?;
        Some(u32::try_from(bound.most).unwrap_or(u32::MAX))
    }

    /// That a credential made as many; `None` when the verdict lets the call pass.
    pub fn too_often(&self, verdict: &Verdict) -> Option<PackRefusal> {
        let bound = self.bound(Limit::ModelCallsPerMinute).filter(|_| !verdict.allowed)?;
        let wait_seconds = verdict.reset_seconds.max(1);
        let says = format!(
            "Your organization's policy pack lets a credential call models {} times a minute; wait {wait_seconds} seconds.",
            bound.most
        );
        let problem = Problem::at(Gate::Token, ProblemKind::RateLimited, says).retry_after(wait_seconds);
        Some(refusal(bound.refused(), problem))
    }

    /// Looks at what a request asks for: tokens to be written, and tools.
    ///
    /// # Errors
    /// What the pack refuses.
    pub fn look(&self, request: &RawChat<'_>) -> Result<Held, PackRefusal> {
        Ok(Held { output_tokens: self.tokens(request)?, watch: self.tools(request)? })
    }

    /// The tokens that each answer is held to, when the request names none itself. All answers of a call count together.
    fn tokens(&self, request: &RawChat<'_>) -> Result<Option<u64>, PackRefusal> {
        let Some(bound) = self.bound(Limit::ModelOutputTokens) else { return Ok(None) };
        let (choices, asked) = (request.request().choices.max(1), request.request().output_tokens_asked());
        let each = bound.most / choices;
        match asked {
            None if each > 0 => Ok(Some(each)),
            // Some servers take 0 for no limit at all.
            Some(asked) if (1..=each).contains(&asked) => Ok(None),
            _ => {
                let says = format!(
                    "Your organization's policy pack lets a call ask for 1 to {} tokens to be written, all its answers together \
                     (max_completion_tokens times n).",
                    bound.most
                );
                Err(refusal(bound.refused(), Problem::at(Gate::Token, ProblemKind::Forbidden, says)))
            }
        }
    }

    fn tools(&self, request: &RawChat<'_>) -> Result<Option<Arc<ToolWatch>>, PackRefusal> {
        let Some(tools) = self.pack.tools().filter(|tools| tools.speaks_of(self.kind)) else {
            return Ok(None);
        };
        let (mut offered, mut count, mut refused) = (HashSet::new(), 0_u64, None);
        for_each_mention(request.request().document(), &mut |mention| {
            if refused.is_some() {
                return;
            }
            count += u64::from(!matches!(mention, Mention::Chosen(_)));
            let decision = match &mention {
                Mention::Offered(name) | Mention::Chosen(name) => tools.decide(self.kind, name),
                Mention::Nameless => tools.nameless(self.kind),
            };
            match mention {
                Mention::Offered(name) if decision.allows() => {
                    offered.insert(name.into_owned());
                }
                _ if decision.allows() => {}
                // Said by its place: its name is the caller's own word, which no answer repeats.
                Mention::Chosen(_) => refused = Some((decision, None)),
                _ => refused = Some((decision, Some(count))),
            }
        });
        let Some((decision, place)) = refused else {
            let (pack, kind) = (Arc::clone(&self.pack), self.kind);
            return Ok(Some(Arc::new(ToolWatch { pack, kind, offered, refused: Mutex::default() })));
        };
        let which = place.map_or_else(
            || "The tool that the model is told to call".to_owned(),
            |count| format!("Tool {count} of those offered"),
        );
        let says = format!("{which} is one that your organization's policy pack does not let pass.");
        Err(refusal(decision, Problem::at(Gate::Token, ProblemKind::Forbidden, says)))
    }

    /// The limit on how long an API key lives. It stands for whoever makes the key, and for whoever will hold it.
    fn key_lifetime(&self, for_agent: bool, now: Timestamp) -> Option<(Bound, Timestamp)> {
        let holder = if for_agent { AskerKind::Agent } else { AskerKind::ApiKey };
        let bounds =
            [self.kind, holder].into_iter().filter_map(|kind| self.pack.limit(Limit::KeyLifetimeDays, kind));
        let bound = bounds.min_by_key(|bound| bound.most)?;
        let latest = now.plus(Duration::from_secs(bound.most.saturating_mul(DAY_SECONDS)));
        Some((bound, latest))
    }

    /// The latest end of an API key that is made now, for an agent or not.
    pub fn key_end_max(&self, for_agent: bool, now: Timestamp) -> Option<Timestamp> {
        self.key_lifetime(for_agent, now).map(|(_, latest)| latest)
    }

    /// Whether a new API key may end then, which stands at `at` in the request.
    ///
    /// # Errors
    /// When it may not.
    pub fn key(
        &self,
        for_agent: bool,
        now: Timestamp,
        end: Option<Timestamp>,
        at: &'static str,
    ) -> Result<(), PackRefusal> {
        let Some((bound, latest)) = self.key_lifetime(for_agent, now) else { return Ok(()) };
        if end.is_some_and(|end| end <= latest) {
            return Ok(());
        }
        let says = format!(
            "Your organization's policy pack lets a key live for {} days at most: it needs an end, {latest} at the latest.",
            bound.most
        );
        let problem = Problem { gate: Some(Gate::Token), ..Problem::invalid(at, says) };
        Err(refusal(bound.refused(), problem))
    }
}

fn refusal(Decision { verdict, policies }: Decision, problem: Problem) -> PackRefusal {
    PackRefusal { problem, verdict, policies }
}

/// What a call is held to on its way out and back.
#[derive(Debug, Clone)]
pub struct Held {
    /// The tokens each answer may have, set in what is sent.
    pub(crate) output_tokens: Option<u64>,
    /// Who looks at the tools that the answer calls.
    pub(crate) watch: Option<Arc<ToolWatch>>,
}

/// Looks at the tools that an answer calls: those that were offered and pass go through, and no others.
#[derive(Debug)]
pub(crate) struct ToolWatch {
    pack: Arc<Pack>,
    kind: AskerKind,
    offered: HashSet<String>,
    refused: Mutex<Option<Decision>>,
}

impl ToolWatch {
    /// Whether the answer may call this. What may not is kept, for the record.
    fn lets_pass(&self, name: Option<&str>) -> bool {
        let known = name.filter(|name| self.offered.contains(*name));
        let mut decision = match name {
            Some(name) => self.pack.tool(self.kind, name),
            None => self.nameless(),
        };
        if decision.allows() {
            if known.is_some() {
                return true;
            }
            // Nobody offered it, so that no rule can have let it pass.
            decision = self.nameless();
        }
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(decision);
        false
    }

    fn nameless(&self) -> Decision {
        let tools = self.pack.tools();
        tools.map_or_else(|| self.pack.tool(self.kind, ""), |tools| tools.nameless(self.kind))
    }

    /// A guard for one answer.
    pub(crate) fn guard(self: &Arc<Self>) -> CallGuard {
        let watch = Arc::clone(self);
        CallGuard::new(Box::new(move |name| watch.lets_pass(name)))
    }

    /// What the entry says of what was held back.
    pub(crate) fn say(&self, draft: Draft) -> Draft {
        match &*self.refused.lock().unwrap_or_else(PoisonError::into_inner) {
            None => draft,
            Some(Decision { verdict, policies }) => {
                draft.fact("verdict", verdict.name()).fact("policies", PolicyIds(policies))
            }
        }
    }
}
