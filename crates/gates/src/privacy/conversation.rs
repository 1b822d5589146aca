//! What is replaced within a conversation and put back: values sealed under the organization's data key, tokens in their place.
//!
//! A conversation belongs to whoever holds it: the same name used by another credential, or in another project, is another
//! conversation. Without a name a request is a conversation of its own. Nothing of it is read or written while an answer
//! streams: what is known is read before, what is new is written after, and between the two it is in memory alone.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crypto::{Envelope, Place, Secret};
use kernel::{Gate, Problem, ProblemKind, Rng, TenantId};
use pii::{BlindIndex, Channel, Class, INDEX_BYTES, Minted, Side};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{Mutex, Privacy, Shared, Tokens, lock};
use crate::data_keys::{DataKeys, TenantKey};
use crate::pass::{Action, Pass};
use crate::pool::DatabaseError;
use crate::principal::Principal;
use crate::vault::Vault;

/// What the keys are for that are derived from a data key.
const SEALS: &str = "pii-token/v1";
const FINDS: &str = "pii-index/v1";

/// The channels of a call of a model.
const OF_CALLS: [Channel; 4] =
    [Channel::Prompt, Channel::Completion, Channel::ToolArguments, Channel::ToolResults];

/// A value that is kept, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptToken {
    /// What stands in its place.
    pub token: String,
    /// What it is.
    pub class: String,
    /// Where it was found.
    pub channel: String,
    /// Whether a caller sent it; what a model brought is not put back.
    pub from_caller: bool,
    /// The conversation, as a keyed hash.
    pub conversation: Vec<u8>,
    /// By what the value is found again, a keyed hash.
    pub index: Vec<u8>,
    /// The data key it is sealed under.
    pub key: Uuid,
    /// The value: AES-256-GCM bound to its tenant, table, column, token and class.
    pub sealed: Vec<u8>,
}

/// The conversation a request is part of.
pub struct Conversation {
    tenant: TenantId,
    keys: Arc<DataKeys>,
    /// What it goes by under each data key, the current one first.
    ids: Vec<[u8; INDEX_BYTES]>,
}

impl Conversation {
    /// What it goes by, under the current data key and the retired ones.
    pub fn ids(&self) -> Vec<Vec<u8>> {
        self.ids.iter().map(|id| id.to_vec()).collect()
    }
}

/// Row and class, as a ciphertext is bound to them.
fn row_of(token: &str, class: &str) -> String {
    format!("{token}/{class}")
}

fn place(tenant: TenantId, row: &str) -> Place<'_> {
    Place { tenant: Some(tenant), table: "pii_token", column: "sealed", row }
}

fn envelope(key: &TenantKey) -> Envelope {
    key.key.envelope_for(SEALS)
}

/// A keyed hash of parts, each behind its length.
fn hashed(key: &[u8], parts: &[&[u8]]) -> [u8; INDEX_BYTES] {
    let mut message = Zeroizing::new(Vec::new());
    for part in parts {
        message.extend_from_slice(&(part.len() as u64).to_be_bytes());
        message.extend_from_slice(part);
    }
    crypto::hmac_sha256(key, &message)
}

/// Whose conversation it is: the credential's holder, for whom they act, and the project.
fn holder(principal: &Principal) -> String {
    let actor = principal.actor();
    let for_whom = principal.acting_for().map(|account| account.to_string()).unwrap_or_default();
    let project = principal.project().map(|project| project.to_string()).unwrap_or_default();
    format!("{}/{}/{for_whom}/{project}", actor.kind, actor.id.unwrap_or_default())
}

fn unavailable(error: &DatabaseError) -> Problem {
    tracing::error!(%error, "the data keys of an organization could not be had");
    Problem::at(
        Gate::Privacy,
        ProblemKind::Unavailable,
        "What is replaced could not be kept; try again shortly.",
    )
    .retry_after(2)
}

impl<A: Action> Pass<A> {
    /// The conversation of this name of the caller's, or one for this request alone.
    ///
    /// # Errors
    /// When the organization's data keys cannot be had.
    pub async fn conversation(&self, name: Option<&str>) -> Result<Conversation, Problem> {
        let tenant = self.tenant();
        let keys = self.vault().data_keys(tenant).await.map_err(|error| unavailable(&error))?;
        let holder = holder(&self.principal());
        let own = self.vault().rng().bytes16();
        let ids = keys.all().map(|key| {
            let finds = key.key.derive(FINDS);
            match name {
                Some(name) => hashed(finds.as_slice(), &[b"named", holder.as_bytes(), name.as_bytes()]),
                None => hashed(finds.as_slice(), &[b"unnamed", &own]),
            }
        });
        Ok(Conversation { tenant, ids: ids.collect(), keys })
    }
}

impl Vault {
    /// Opens a kept value.
    ///
    /// # Errors
    /// When its key is gone, or it was changed or moved.
    pub async fn open_kept(&self, tenant: TenantId, kept: &KeptToken) -> Result<Secret, Problem> {
        let mut keys = self.data_keys(tenant).await.map_err(|error| unavailable(&error))?;
        if keys.of(kept.key).is_none() {
            // Another process may have made it a moment ago.
            self.forget_data_keys(tenant);
            keys = self.data_keys(tenant).await.map_err(|error| unavailable(&error))?;
        }
        open(&keys, tenant, kept).ok_or_else(|| {
            tracing::error!(key = %kept.key, "a kept value does not open");
            Problem::internal()
        })
    }
}

fn open(keys: &DataKeys, tenant: TenantId, kept: &KeptToken) -> Option<Secret> {
    let row = row_of(&kept.token, &kept.class);
    envelope(keys.of(kept.key)?).open(&place(tenant, &row), &kept.sealed).ok()
}

/// A value that may be put back.
enum Restorable {
    /// From an earlier request, as it is stored.
    Kept(KeptToken),
    /// From this one.
    Fresh(Zeroizing<String>),
}

/// What a request keeps and puts back.
pub(super) struct Keeping {
    conversation: Conversation,
    restorable: Mutex<HashMap<String, Restorable>>,
    minted: Mutex<Vec<(Channel, Minted)>>,
    restored: AtomicU32,
}

impl Keeping {
    /// Takes what was just replaced on the channel.
    pub(super) fn take(&self, channel: Channel, minted: Vec<Minted>) {
        if minted.is_empty() {
            return;
        }
        let mut restorable = lock(&self.restorable);
        for one in minted.iter().filter(|one| one.side == Side::Caller) {
            restorable.insert(one.token.clone(), Restorable::Fresh(one.value.clone()));
        }
        drop(restorable);
        lock(&self.minted).extend(minted.into_iter().map(|one| (channel, one)));
    }

    /// What a token stands for, if it is of this conversation and its caller sent it.
    pub(super) fn value_of(&self, token: &str) -> Option<Zeroizing<String>> {
        let restorable = lock(&self.restorable);
        let value = match restorable.get(token)? {
            Restorable::Fresh(value) => value.clone(),
            Restorable::Kept(kept) => {
                let opened = open(&self.conversation.keys, self.conversation.tenant, kept)?;
                Zeroizing::new(opened.expose_str()?.to_owned())
            }
        };
        self.restored.fetch_add(1, Ordering::Relaxed);
        Some(value)
    }
}

impl Privacy {
    /// Whether the policy puts anything back on the channels of a call.
    pub fn keeps_in_calls(&self) -> bool {
        self.shared.rules.book.keeps(&OF_CALLS)
    }

    /// Whether the policy puts anything back on this channel.
    pub fn keeps(&self) -> bool {
        self.shared.rules.book.keeps(&[self.channel])
    }

    /// The same within a conversation of which these values are known.
    #[must_use]
    pub fn within(self, conversation: Conversation, known: Vec<KeptToken>, rng: &dyn Rng) -> Self {
        let indexes: Vec<([u8; INDEX_BYTES], String)> = known
            .iter()
            .filter_map(|kept| Some((kept.index.as_slice().try_into().ok()?, kept.token.clone())))
            .collect();
        let restorable = known.into_iter().filter(|kept| kept.from_caller);
        let restorable = restorable.map(|kept| (kept.token.clone(), Restorable::Kept(kept))).collect();
        let tokens = Tokens::within(rng.bytes16(), index(&conversation), indexes);
        let keeping = Keeping {
            conversation,
            restorable: Mutex::new(restorable),
            minted: Mutex::default(),
            restored: AtomicU32::new(0),
        };
        let rules = Arc::clone(&self.shared.rules);
        let (tokens, deep) = (Mutex::new(tokens), self.shared.deep.clone());
        let shared = Shared { rules, tokens, tally: Mutex::default(), keeping: Some(keeping), deep };
        Self { shared: Arc::new(shared), channel: self.channel, held: self.held }
    }

    /// The values that were replaced since the last call and are to be kept, sealed.
    ///
    /// # Errors
    /// When they cannot be sealed.
    pub fn to_keep(&self, rng: &dyn Rng) -> Result<Vec<KeptToken>, Problem> {
        let Some(keeping) = &self.shared.keeping else { return Ok(Vec::new()) };
        let minted = std::mem::take(&mut *lock(&keeping.minted));
        if minted.is_empty() {
            return Ok(Vec::new());
        }
        let Conversation { tenant, keys, ids } = &keeping.conversation;
        let (Some(key), Some(id)) = (keys.current(), ids.first()) else { return Err(Problem::internal()) };
        let envelope = envelope(key);
        let seal = |(channel, one): (Channel, Minted)| {
            let row = row_of(&one.token, one.class.name());
            let sealed = envelope.seal(rng, &place(*tenant, &row), one.value.as_bytes());
            Ok(KeptToken {
                token: one.token,
                class: one.class.name().to_owned(),
                channel: channel.name().to_owned(),
                from_caller: one.side == Side::Caller,
                conversation: id.to_vec(),
                index: one.index.to_vec(),
                key: key.id,
                sealed: sealed.map_err(|_| Problem::internal())?,
            })
        };
        minted.into_iter().map(seal).collect()
    }

    /// For how long the policy keeps what is replaced reversibly, in seconds.
    pub fn keep_seconds(&self) -> u64 {
        self.shared.rules.book.keep_seconds()
    }

    /// How many tokens were put back so far.
    pub fn restored(&self) -> u32 {
        self.shared.keeping.as_ref().map_or(0, |keeping| keeping.restored.load(Ordering::Relaxed))
    }
}

/// By what values of the conversation are found again. The current data key's; what an older one indexed gets a new token.
fn index(conversation: &Conversation) -> BlindIndex {
    let key = conversation.keys.current().map(|key| key.key.derive(FINDS));
    let id = conversation.ids.first().copied().unwrap_or_default();
    Box::new(move |side: Side, class: Class, value: &str| {
        let side: &[u8] = if side == Side::Caller { b"caller" } else { b"model" };
        let key = key.as_ref().map_or(&[][..], |key| key.as_slice());
        hashed(key, &[b"value", &id, side, class.name().as_bytes(), value.as_bytes()])
    })
}
