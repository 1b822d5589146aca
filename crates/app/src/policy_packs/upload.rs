//! Taking a pack in: what it takes to be one that could come into force.

use audit_log::jws::JwsError;
use audit_log::{Hash, VerifierKey};
use gates::{Channel, Draft, Pass, Raw, Receipt, Tx};
use kernel::limits::{POLICY_KEYS_ROWS_MAX, POLICY_PACKS_MAX};
use kernel::{EventKind, PolicyPackId, Problem, ProblemKind, TenantId, Timestamp};
use packs::{Document, Finding, Pack};
use serde_json::Value;
use store::StoreError;
use store::policy_packs::{self as kept, NewPack, PolicyKey, PolicyPack};

use super::{PackFault, Undone};
use crate::action;

action! {
    /// Uploads a policy pack.
    UploadPack = "policy_pack.upload", PoliciesManage, Staff, Write
}

/// A pack that was taken.
#[derive(Debug, Clone)]
pub struct Uploaded {
    /// What is known of it.
    pub pack: PolicyPack,
    /// What was found in it that is worth a look.
    pub warnings: Vec<Finding>,
}

/// Takes a pack in. It is checked as for its activation, and is not in force.
///
/// # Errors
/// With a [`PackFault`] of its own for everything that keeps it out.
pub async fn upload(
    mut pass: Pass<UploadPack>,
    document: &Value,
    signature: &str,
) -> Result<(Uploaded, Receipt), Problem> {
    let kind = EventKind::PolicyPackUploaded;
    match put(&mut pass, document, signature).await {
        Ok((uploaded, label, hash)) => {
            let pack = &uploaded.pack;
            let draft = Draft::done(kind)
                .subject("policy_pack", pack.id)
                .fact("label", &label)
                .fact("sha256", &hash)
                .fact("key", pack.key);
            let receipt = pass.seal(draft).await?;
            Ok((uploaded, receipt))
        }
        Err(undone) => {
            let (draft, problem) = undone.say(kind);
            Err(pass.fail(draft, problem).await)
        }
    }
}

async fn put(
    pass: &mut Pass<UploadPack>,
    document: &Value,
    signature: &str,
) -> Result<(Uploaded, packs::Label, Hash), Undone> {
    let (tenant, now) = (pass.tenant(), pass.vault().clock().now());
    let document = Document::of_json(document).map_err(|error| PackFault::Document(error.to_string()))?;
    let keys = kept::keys(pass.tx(), POLICY_KEYS_ROWS_MAX).await?;
    let key = signer(&document, signature, &keys, now)?;
    let (pack, warnings) = sound(&document, tenant, now)?;
    let privacy = pass.privacy(Channel::Log);
    let templates = pack.roles().into_iter().flat_map(packs::Roles::templates);
    let words = templates.flat_map(|each| [each.title.as_str(), each.says.as_str(), each.name.as_str()]);
    let ids = pack.policy_ids().chain([pack.manifest().name.as_str()]).chain(words);
    if ids.into_iter().any(|name| privacy.text(Raw::new(name.to_owned())).get() != name) {
        return Err(PackFault::Names.into());
    }
    let there = kept::list(pass.tx(), POLICY_PACKS_MAX).await?.len();
    if i64::try_from(there).unwrap_or(i64::MAX) >= POLICY_PACKS_MAX {
        let says = format!("An organization keeps at most {POLICY_PACKS_MAX} packs.");
        return Err(Problem::new(ProblemKind::Conflict, says).into());
    }
    let id = PolicyPackId::new(pass.vault().clock(), pass.vault().rng());
    let manifest = pack.manifest();
    let row = NewPack {
        id,
        name: &manifest.name,
        version: i64::try_from(manifest.version).map_err(|_| Problem::internal())?,
        label: manifest.label.as_deref(),
        mode: manifest.mode.name(),
        policies: i32::try_from(pack.len()).map_err(|_| Problem::internal())?,
        expires_at: manifest.expires_at,
        document: document.bytes(),
        sha256: document.sha256(),
        signature,
        key: key.id,
        at: now,
    };
    match kept::put(pass.tx(), &row).await {
        Ok(()) => {}
        Err(StoreError::Taken) => {
            return Err(Problem::new(ProblemKind::Conflict, "This very pack is here already.").into());
        }
        Err(error) => return Err(error.into()),
    }
    let kept = PolicyPack {
        id,
        name: manifest.name.clone(),
        version: row.version,
        label: manifest.label.clone(),
        mode: row.mode.to_owned(),
        policies: row.policies,
        expires_at: row.expires_at,
        sha256: row.sha256.to_vec(),
        key: row.key,
        uploaded_at: now,
        tried: None,
    };
    Ok((Uploaded { pack: kept, warnings }, pack.label().clone(), Hash(*document.sha256())))
}

/// The trusted key that signed it, when that counts now.
pub(super) fn signer<'k>(
    document: &Document,
    signature: &str,
    keys: &'k [PolicyKey],
    now: Timestamp,
) -> Result<&'k PolicyKey, PackFault> {
    let readable = keys.iter().filter_map(|key| Some((key, key.vkey.parse::<VerifierKey>().ok()?)));
    let (rows, verifiers): (Vec<&PolicyKey>, Vec<VerifierKey>) = readable.unzip();
    let by = document.signed_by(&verifiers, signature).map_err(|error| match error {
        JwsError::UnknownKey => PackFault::UnknownKey,
        JwsError::Signature => PackFault::Signature,
        JwsError::Document | JwsError::Key(_) | JwsError::Format | JwsError::Header => PackFault::NoSignature,
    })?;
    let at = verifiers.iter().position(|verifier| verifier == by);
    let key = at.and_then(|at| rows.get(at)).copied().ok_or(PackFault::UnknownKey)?;
    if key.revoked.is_some() {
        Err(PackFault::RevokedKey)
    } else if key.not_before > now {
        Err(PackFault::EarlyKey)
    } else if key.expires_at.is_some_and(|until| until <= now) {
        Err(PackFault::ExpiredKey)
    } else {
        Ok(key)
    }
}

/// The document as a pack that this organization can put into force: sound, for it, in time, its own tests green.
pub(super) fn sound(
    document: &Document,
    tenant: TenantId,
    now: Timestamp,
) -> Result<(Pack, Vec<Finding>), PackFault> {
    let checked = packs::check(document);
    if let Some(manifest) = &checked.manifest {
        if manifest.organization.is_some_and(|organization| organization != tenant.uuid()) {
            return Err(PackFault::OtherOrganization);
        }
        if !manifest.engine.fit() {
            let (engines, engine) = (manifest.engine, packs::ENGINE);
            let says = format!(
                "The pack was written for engines {} to {}, and this is engine {engine}.",
                engines.min, engines.max
            );
            return Err(PackFault::Engine(says));
        }
        if manifest.expires_at.is_some_and(|until| until <= now) {
            return Err(PackFault::Expired);
        }
    }
    let why = checked.first_error();
    let pack = checked.pack.ok_or_else(|| PackFault::Schema(why.unwrap_or_default()))?;
    let outcomes = packs::suite::run(&pack, document);
    if let Some(failed) = outcomes.iter().find(|outcome| !outcome.passed) {
        let says = format!(
            "{}: {:?}: expected {}, and it was {}.",
            failed.file, failed.name, failed.expected, failed.verdict
        );
        return Err(PackFault::Test(says));
    }
    Ok((pack, checked.findings))
}

/// The document and the signature of a pack that is kept, as a pack that can come into force now.
pub(super) async fn again(
    tx: &mut Tx,
    id: PolicyPackId,
    tenant: TenantId,
    now: Timestamp,
) -> Result<Pack, Undone> {
    let (document, signature) = kept::document(tx, id).await?.ok_or_else(Problem::not_found)?;
    let document = Document::of_bytes(&document).map_err(|error| PackFault::Document(error.to_string()))?;
    let keys = kept::keys(tx, POLICY_KEYS_ROWS_MAX).await?;
    signer(&document, &signature, &keys, now)?;
    Ok(sound(&document, tenant, now)?.0)
}
