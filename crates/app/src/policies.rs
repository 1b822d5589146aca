//! The PII policy: which classes are replaced, which only counted, from which confidence on.

use gates::{Draft, Pass, Receipt};
use kernel::{EventKind, Problem, Timestamp};

use crate::action;

action! {
    /// Reads the PII policy in force.
    ReadPolicy = "policy.read", PoliciesRead, Principal, Read
}

action! {
    /// Puts a PII policy into force. Not for agents: an agent cannot loosen what binds it.
    ChangePolicy = "policy.change", PoliciesManage, Staff, Write, Fresh
}

/// A policy in force.
#[derive(Debug, Clone)]
pub struct InForce {
    /// Its number; 0 is the built-in default.
    pub version: i32,
    /// Its rules.
    pub policy: pii::Policy,
    /// Since when; `None` for the default.
    pub since: Option<Timestamp>,
}

/// The label of a version, as it stands in every entry made under it.
pub(crate) fn label(version: i32) -> String {
    if version == 0 { "pii@default".to_owned() } else { format!("pii@{version}") }
}

/// The policy in force.
pub async fn read(mut pass: Pass<ReadPolicy>) -> Result<(InForce, Receipt), Problem> {
    let in_force = match store::policies::current(pass.tx()).await? {
        None => InForce { version: 0, policy: pii::Policy::new(label(0)), since: None },
        Some(stored) => InForce {
            version: stored.version,
            policy: serde_json::from_value(stored.document).map_err(|error| {
                tracing::error!(%error, "a stored policy cannot be read");
                Problem::internal()
            })?,
            since: Some(stored.created_at),
        },
    };
    Ok((in_force, pass.seal(Draft::done(EventKind::PolicyRead)).await?))
}

/// Puts `rules` into force as the next version. Its label is set here; the one in `rules` does not count.
pub async fn change(
    mut pass: Pass<ChangePolicy>,
    rules: &pii::Policy,
) -> Result<(InForce, Receipt), Problem> {
    let now = pass.vault().clock().now();
    let last = store::policies::current(pass.tx()).await?.map_or(0, |policy| policy.version);
    let version = last + 1;
    let policy = pii::Class::ALL.into_iter().try_fold(pii::Policy::new(label(version)), |policy, class| {
        policy.with_mode(class, rules.mode(class)).with_threshold(class, rules.threshold(class))
    });
    let policy = policy.map_err(|error| Problem::invalid("/classes", error.to_string()))?;
    let document = serde_json::to_value(&policy).map_err(|_| Problem::internal())?;
    if let Err(error) = store::policies::put(pass.tx(), version, &document, now).await {
        return Err(pass.fail(Draft::failed(EventKind::PolicyChanged), error.into()).await);
    }
    let draft =
        Draft::done(EventKind::PolicyChanged).subject("policy", label(version)).fact("replaces", last);
    let receipt = pass.seal(draft).await?;
    Ok((InForce { version, policy, since: Some(now) }, receipt))
}
