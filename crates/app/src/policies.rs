//! The PII policy: on which channel which classes are replaced, kept or only counted, and from which confidence on.

pub(crate) mod trial;

use audit_log::Hash;
use gates::{Action, Caller as _, Draft, Pass, Receipt};
use kernel::limits::POLICY_VERSIONS_ROWS_MAX;
use kernel::{EventKind, Problem, Timestamp};
use pii::{Rulebook, Said};
use serde_json::Value;
pub use store::agents::Maker;
use store::pii_tokens::{self, KeptOfClass};
use store::policies::PiiPolicy;
pub use trial::{Changed, FoundOn, Shift, Trial, TryPolicy, attempt};

use crate::action;
use crate::agents::maker;

action! {
    /// Reads the PII policy in force.
    ReadPolicy = "policy.read", PoliciesRead, Principal, Read
}

action! {
    /// Reads every version of the PII policy, newest first.
    ListPolicies = "policy.list", PoliciesRead, Principal, Read
}

action! {
    /// Puts a PII policy into force. Not for agents: an agent cannot loosen what binds it.
    ChangePolicy = "policy.change", PoliciesManage, Staff, Write, Fresh
}

/// A version of the policy.
#[derive(Debug, Clone)]
pub struct InForce {
    /// Its number; 0 is the built-in default.
    pub version: i32,
    /// What the organization says.
    pub book: Rulebook,
    /// What is done: the same, raised by the policy pack in force when that does so.
    pub effective: Box<Rulebook>,
    /// The pack that raises it, as entries name it; `None` when none does.
    pub floor: Option<String>,
    /// Since when; `None` for the default.
    pub since: Option<Timestamp>,
    /// Who put it into force, as far as is known.
    pub by: Option<Maker>,
    /// The SHA-256 of its document; `None` for the default and for versions from before it was written down.
    pub hash: Option<Hash>,
}

impl InForce {
    fn default() -> Self {
        Self::of(0, Rulebook::new(label(0)), None, (None, None))
    }

    fn of(
        version: i32,
        book: Rulebook,
        since: Option<Timestamp>,
        (by, hash): (Option<Maker>, Option<Hash>),
    ) -> Self {
        Self { version, effective: Box::new(book.clone()), book, floor: None, since, by, hash }
    }

    fn read(stored: PiiPolicy) -> Result<Self, Problem> {
        let PiiPolicy { version, document, created_at, by, hash } = stored;
        let book = serde_json::from_value(document).map_err(|error| {
            tracing::error!(%error, version, "a stored policy cannot be read");
            Problem::internal()
        })?;
        Ok(Self::of(version, book, Some(created_at), (by, hash.map(Hash::from))))
    }

    /// The same with what the policy pack in force makes of it.
    async fn raised<A: Action>(self, pass: &Pass<A>) -> Result<Self, Problem> {
        let rules = pass.vault().policy_of(&pass.principal()).await?;
        let Some(raising) = rules.raising() else { return Ok(self) };
        let effective = Box::new(raising.under(&self.book)?);
        Ok(Self { effective, floor: Some(raising.label().to_string()), ..self })
    }
}

/// The label of a version, as it stands in every entry made under it.
pub(crate) fn label(version: i32) -> String {
    if version == 0 { "pii@default".to_owned() } else { format!("pii@{version}") }
}

/// The SHA-256 of a document: of its JSON without spaces, the members of every object in order.
fn hash_of(document: &Value) -> Hash {
    crypto::sha256(crate::ordered_json(document.clone()).as_bytes()).into()
}

/// The policy in force.
pub async fn read(mut pass: Pass<ReadPolicy>) -> Result<(InForce, Receipt), Problem> {
    let stored = store::policies::current(pass.tx()).await?;
    let in_force = stored.map_or_else(|| Ok(InForce::default()), InForce::read)?.raised(&pass).await?;
    Ok((in_force, pass.seal(Draft::done(EventKind::PolicyRead)).await?))
}

/// The policy, what it met, and what is kept.
pub struct Overview {
    /// The policy in force.
    pub in_force: InForce,
    /// What was found lately.
    pub found: Vec<FoundOn>,
    /// What is kept, so that it can be put back.
    pub kept: Vec<KeptOfClass>,
}

/// The policy in force with what it met lately, in one look.
///
/// # Errors
/// When it cannot be read or put on record.
pub async fn overview(mut pass: Pass<ReadPolicy>) -> Result<(Overview, Receipt), Problem> {
    let stored = store::policies::current(pass.tx()).await?;
    let in_force = stored.map_or_else(|| Ok(InForce::default()), InForce::read)?.raised(&pass).await?;
    let found = trial::found_lately(pass.tx()).await?;
    let now = pass.vault().clock().now();
    let kept = pii_tokens::kept(pass.tx(), now).await?;
    Ok((Overview { in_force, found, kept }, pass.seal(Draft::done(EventKind::PolicyRead)).await?))
}

/// The newest versions, newest first.
pub async fn list(mut pass: Pass<ListPolicies>) -> Result<(Vec<InForce>, Receipt), Problem> {
    let stored = store::policies::all(pass.tx(), POLICY_VERSIONS_ROWS_MAX).await?;
    let versions = stored.into_iter().map(InForce::read).collect::<Result<_, _>>()?;
    Ok((versions, pass.seal(Draft::done(EventKind::PolicyRead)).await?))
}

/// Puts what is said into force as the next version.
///
/// # Errors
/// When it cannot be meant, it newly asks for a second reader that this server has not, or somebody else changed the policy at
/// the same moment.
pub async fn change(mut pass: Pass<ChangePolicy>, said: Said) -> Result<(InForce, Receipt), Problem> {
    match put(&mut pass, said).await {
        Ok((in_force, replaces)) => {
            let draft = Draft::done(EventKind::PolicyChanged)
                .subject("policy", in_force.book.version())
                .fact("replaces", replaces)
                .fact("hash", in_force.hash.as_ref());
            let receipt = pass.seal(draft).await?;
            Ok((in_force, receipt))
        }
        Err(problem) => Err(pass.fail(Draft::failed(EventKind::PolicyChanged), problem).await),
    }
}

async fn put(pass: &mut Pass<ChangePolicy>, said: Said) -> Result<(InForce, i32), Problem> {
    let now = pass.vault().clock().now();
    let current = store::policies::current(pass.tx()).await?;
    // What asked for it before goes on to ask: otherwise nothing else could be changed while the model is gone.
    let asked = current.as_ref().is_some_and(|policy| policy.document["deep"] == true);
    let last = current.map_or(0, |policy| policy.version);
    let version = last + 1;
    if said.deep && !asked && !pass.vault().reads_deep() {
        let detail = "This server has no model for deep reading: its operator fetches one with `portcullis pii fetch-model` \
                      and starts it again.";
        return Err(Problem::invalid("/deep", detail));
    }
    let book = Rulebook::of(label(version), said)
        .map_err(|error| Problem::invalid(error.pointer(), error.to_string()))?;
    let document = serde_json::to_value(&book).map_err(|_| Problem::internal())?;
    let (by, hash) = (maker(&pass.who().principal()), hash_of(&document));
    let new = PiiPolicy { version, document, created_at: now, by, hash: Some(*hash.as_bytes()) };
    store::policies::put(pass.tx(), &new).await?;
    Ok((InForce::of(version, book, Some(now), (by, Some(hash))).raised(pass).await?, last))
}
