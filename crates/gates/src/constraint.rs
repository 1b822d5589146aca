//! What the organization's policy pack says to what its roles grant. A pack narrows; it never grants.
//!
//! Remembered like the PII policy, for as long as the epoch does not move; put together once for each document, whose hash is
//! the key. When the pack cannot be read, nothing passes; when it can be read and not be used, nothing passes but what no
//! pack reaches, so that an organization can always go back.

use std::sync::{Arc, PoisonError, RwLock};

use audit_log::VerifierKey;
use kernel::{Assurance, Gate, Need, Problem, ProblemKind, RequestContext, TenantId, Timestamp};
use packs::catalogue::ALWAYS_OPEN;
use packs::{Asker, AskerKind, Decision, Document, Facts, Label, Pack, Question, Verdict};
use sqlx::Row as _;

use crate::audit::{Draft, PolicyIds};
use crate::pool::DatabaseError;
use crate::principal::{Principal, Who};
use crate::token::unreachable;
use crate::vault::Vault;

/// Packs kept put together, over all organizations.
const PACKS_KEPT_MAX: usize = 256;

/// The pack in force.
#[derive(Debug, Clone)]
pub(crate) enum InForce {
    /// It can be asked.
    Whole(Arc<Pack>),
    /// It is in force and cannot be asked: of this version or of this database nobody can say what it means.
    Broken(Label),
}

impl InForce {
    /// What it asks for about personal data; nothing when it cannot be read, and then nothing it reaches passes.
    pub(crate) fn floor(&self) -> Option<Raising> {
        match self {
            Self::Whole(pack) if pack.floor().is_some() => Some(Raising(Arc::clone(pack))),
            Self::Whole(_) | Self::Broken(_) => None,
        }
    }

    /// Which pack, as entries say it.
    pub(crate) fn label(&self) -> &Label {
        match self {
            Self::Whole(pack) => pack.label(),
            Self::Broken(label) => label,
        }
    }
}

/// A pack in force that raises rules about personal data.
#[derive(Debug, Clone)]
pub struct Raising(Arc<Pack>);

impl Raising {
    /// Which pack, as entries say it.
    pub fn label(&self) -> &Label {
        self.0.label()
    }

    /// What is done under it where an organization says this.
    ///
    /// # Errors
    /// When the rules cannot be meant.
    pub fn under(&self, book: &pii::Rulebook) -> Result<pii::Rulebook, Problem> {
        let raised = self.0.floor().map_or_else(|| Ok(book.clone()), |floor| floor.under(book));
        raised.map_err(|error| {
            tracing::error!(label = %self.label(), %error, "the rules about personal data cannot be raised");
            Problem::internal()
        })
    }
}

/// What a pack refused, and by which policies. The entry names them; the answer does not.
#[derive(Debug)]
pub struct PackRefusal {
    pub(crate) problem: Problem,
    pub(crate) verdict: Verdict,
    pub(crate) policies: Vec<String>,
}

impl PackRefusal {
    /// The answer.
    pub const fn problem(&self) -> &Problem {
        &self.problem
    }

    /// What the entry says besides: the pack itself stands in every entry. Ids of policies are names that the pack's author
    /// signed, of letters, digits and three marks.
    pub(crate) fn say(self, draft: Draft) -> Draft {
        let draft = draft.fact("verdict", self.verdict.name());
        if self.policies.is_empty() { draft } else { draft.fact("policies", PolicyIds(&self.policies)) }
    }
}

/// Packs that were put together, by the hash of their document: nothing in here grows stale.
pub(crate) type Kept = RwLock<std::collections::HashMap<[u8; 32], Arc<Pack>>>;

impl Vault {
    /// The tenant's pack in force; `None` when it has none.
    pub(crate) async fn pack(&self, tenant: TenantId) -> Result<Option<InForce>, Problem> {
        if let Some(known) = self.memory.recall(&self.memory.packs, &tenant) {
            return Ok(known);
        }
        let generation = self.memory.generation();
        let found = self.read_pack(tenant).await.map_err(|error| unreachable(&error))?;
        self.memory.remember(&self.memory.packs, tenant, found.clone(), generation);
        Ok(found)
    }

    async fn read_pack(&self, tenant: TenantId) -> Result<Option<InForce>, DatabaseError> {
        let mut lease = self.system.lease().await?;
        let row = sqlx::query(
            "select p.name, p.version, p.sha256, p.document, p.signature, k.vkey from policy_turn t \
             left join policy_pack p on p.tenant_id = t.tenant_id and p.id = t.pack_id \
             left join policy_key k on k.tenant_id = p.tenant_id and k.id = p.key_id \
             where t.tenant_id = $1 order by t.seq desc limit 1",
        )
        .bind(tenant.uuid())
        .fetch_optional(lease.connection())
        .await?;
        lease.give_back();
        let Some(row) = row else { return Ok(None) };
        let Some(name) = row.try_get::<Option<String>, _>("name")? else { return Ok(None) };
        let version: i64 = row.try_get("version")?;
        let sha256: Vec<u8> = row.try_get("sha256")?;
        let Ok(sha256) = <[u8; 32]>::try_from(sha256.as_slice()) else {
            return Err(DatabaseError::Sql(sqlx::Error::Decode("a hash of another length".into())));
        };
        if let Some(pack) = self.packs.read().unwrap_or_else(PoisonError::into_inner).get(&sha256) {
            return Ok(Some(InForce::Whole(Arc::clone(pack))));
        }
        let document: Vec<u8> = row.try_get("document")?;
        let (signature, vkey): (String, String) = (row.try_get("signature")?, row.try_get("vkey")?);
        match put_together(&document, &sha256, &signature, &vkey) {
            Ok(pack) => {
                let mut kept = self.packs.write().unwrap_or_else(PoisonError::into_inner);
                if kept.len() >= PACKS_KEPT_MAX {
                    kept.clear();
                }
                kept.insert(sha256, Arc::clone(&pack));
                Ok(Some(InForce::Whole(pack)))
            }
            Err(why) => {
                let label = Label::of(&name, version.unsigned_abs(), &sha256);
                tracing::error!(%tenant, %label, why, "the policy pack in force cannot be used; nothing it reaches passes");
                Ok(Some(InForce::Broken(label)))
            }
        }
    }
}

/// The kept document as a pack, when it still is what was signed.
fn put_together(
    document: &[u8],
    sha256: &[u8; 32],
    signature: &str,
    vkey: &str,
) -> Result<Arc<Pack>, String> {
    let document = Document::of_bytes(document).map_err(|error| error.to_string())?;
    if document.sha256() != sha256 {
        return Err("its bytes are not those of its hash".to_owned());
    }
    let key: VerifierKey = vkey.parse().map_err(|error| format!("its key cannot be read: {error}"))?;
    document.signed_by(&[key], signature).map_err(|error| error.to_string())?;
    let checked = packs::check(&document);
    let why = checked.first_error();
    checked.pack.map(Arc::new).ok_or_else(|| why.unwrap_or_else(|| "it is not sound".to_owned()))
}

/// What the pack says against it; `None` when it says nothing. Asked after everything else was granted.
pub(crate) fn refusal(
    pack: Option<&InForce>,
    (action, need): (&str, Need),
    principal: &Principal,
    request: &RequestContext,
    now: Timestamp,
) -> Option<PackRefusal> {
    let pack = pack?;
    // What is a person's own belongs to no organization.
    if matches!(need, Need::Own | Need::Enrol) || ALWAYS_OPEN.binary_search(&action).is_ok() {
        return None;
    }
    let decision = match pack {
        InForce::Whole(pack) => ask(pack, action, principal, request, now),
        InForce::Broken(_) => Decision { verdict: Verdict::Broken, policies: Vec::new() },
    };
    let Decision { verdict, policies } = decision;
    problem(verdict, principal).map(|problem| PackRefusal { problem, verdict, policies })
}

/// Which kind of principal it is, as packs name them.
pub(crate) fn kind_of(principal: &Principal) -> AskerKind {
    let standing = principal.standing();
    match (&standing.who, standing.key) {
        (Who::Human(_), _) => AskerKind::User,
        (Who::Agent(_), _) => AskerKind::Agent,
        (Who::Service, Some(_)) => AskerKind::ApiKey,
        (Who::Service, None) => AskerKind::Service,
    }
}

fn ask(
    pack: &Pack,
    action: &str,
    principal: &Principal,
    request: &RequestContext,
    now: Timestamp,
) -> Decision {
    let standing = principal.standing();
    let person = principal.person();
    let key = standing.key.map(|key| key.to_string());
    let id = match &standing.who {
        Who::Human(person) => person.account.to_string(),
        Who::Agent(delegate) => delegate.agent.to_string(),
        Who::Service => key.unwrap_or_else(|| standing.name.clone()),
    };
    let project = standing.project.map(|project| project.to_string());
    let acting_for = principal.acting_for().map(|account| account.to_string());
    pack.decide(&Question {
        action,
        organization: &standing.tenant.to_string(),
        asker: Asker {
            kind: kind_of(principal),
            id: &id,
            role: standing.capabilities.rank().name(),
            owner: person.is_some_and(|person| person.owner),
            second_factor: person.is_some_and(|person| person.second_factor),
        },
        facts: Facts {
            at: now,
            ip: request.peer,
            assurance: person.map(|person| if person.assurance >= Assurance::Aal2 { 2 } else { 1 }),
            auth_age_seconds: person.map(|person| now.since(person.auth_time).as_secs()),
            project: project.as_deref(),
            acting_for: acting_for.as_deref(),
        },
    })
}

/// The answer, which says that a policy refused and not what it looks at.
fn problem(verdict: Verdict, principal: &Principal) -> Option<Problem> {
    let refused = |kind, detail: &'static str| Some(Problem::at(Gate::Token, kind, detail));
    match verdict {
        Verdict::Allow => None,
        Verdict::Forbid | Verdict::Unpermitted | Verdict::Limit | Verdict::Tool => {
            refused(ProblemKind::Forbidden, "Your organization's policy pack does not let this pass.")
        }
        Verdict::Broken => refused(
            ProblemKind::Forbidden,
            "Your organization's policy pack cannot be evaluated, so nothing it reaches passes. An administrator can go back to \
             the pack before it.",
        ),
        Verdict::Prove if principal.person().is_some_and(|person| !person.second_factor) => refused(
            ProblemKind::MustEnrol,
            "Your organization's policy pack asks for a second factor here, and there is none yet.",
        ),
        Verdict::Prove => refused(
            ProblemKind::StepUp,
            "Your organization's policy pack asks for a factor confirmed lately. Confirm that it is you, then try again.",
        ),
    }
}
