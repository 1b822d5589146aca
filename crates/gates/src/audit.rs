//! Gate five: what is written down, and the proof that it was.

use std::fmt::Write as _;

use audit_log::{Actor, At, Entry, EntryCore, Hash, Kind, Outcome, leaf_hash};
use kernel::{
    Assurance, Clock, EntryId, EventKind, FieldClass, MemberRole, Need, Permission, ProjectId, Recorded,
    RequestContext, Rng, Role, TenantId, Timestamp,
};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::personal::{DataSubject, Keys, PersonalFact, Sealed};
use crate::privacy::Clean;

/// One value of an entry's `data`. Numbers, flags, ids and the product's own words; free text only after gate four. What is
/// about a person is none of these: see [`Draft::about`].
pub struct Fact {
    value: Value,
    /// Whether somebody wrote it: then the catalogue must say so of its field.
    written: bool,
}

impl Fact {
    fn own(value: impl Into<Value>) -> Self {
        Self { value: value.into(), written: false }
    }
}

macro_rules! facts {
    ($($from:ty),*) => {$(
        impl From<$from> for Fact {
            fn from(value: $from) -> Self {
                Self::own(value)
            }
        }
    )*};
}
facts!(bool, u16, u32, i32, i64, &'static str);

macro_rules! named {
    ($($from:ty),*) => {$(
        impl From<$from> for Fact {
            fn from(value: $from) -> Self {
                Self::own(value.to_string())
            }
        }
    )*};
}
named!(
    kernel::TenantId,
    kernel::ProjectId,
    kernel::AgentId,
    kernel::KeyId,
    kernel::ProviderId,
    kernel::EntryId,
    kernel::AccountId,
    kernel::SessionId,
    kernel::InvitationId,
    kernel::TotpId,
    kernel::PasskeyId,
    kernel::BreakGlassId,
    kernel::LetterId,
    kernel::WebhookId,
    kernel::DeliveryId,
    kernel::EvidencePackId,
    kernel::HoldId,
    kernel::RelationStoreId,
    kernel::RelationModelId,
    kernel::PolicyKeyId,
    kernel::PolicyPackId
);
named!(packs::Label, Need, Permission, Role, MemberRole, Assurance, Timestamp, llm::price::PicoUsd);

impl From<u64> for Fact {
    /// Entries hold integers that every JSON reader can hold; past 2⁵³ the number becomes text.
    fn from(value: u64) -> Self {
        if value < 1 << 53 { Self::own(value) } else { Self::own(value.to_string()) }
    }
}

impl From<&packs::Label> for Fact {
    fn from(label: &packs::Label) -> Self {
        Self::own(label.as_str())
    }
}

/// Ids of policies, in a line; of very many, the first.
pub(crate) struct PolicyIds<'a>(pub(crate) &'a [String]);

impl From<PolicyIds<'_>> for Fact {
    fn from(PolicyIds(ids): PolicyIds<'_>) -> Self {
        Self::own(ids.iter().take(POLICY_IDS_MAX).map(String::as_str).collect::<Vec<_>>().join(" "))
    }
}

impl From<&audit_log::KeyName> for Fact {
    fn from(name: &audit_log::KeyName) -> Self {
        Self::own(name.as_str())
    }
}

impl From<&Hash> for Fact {
    /// As checkpoints write it: base64.
    fn from(hash: &Hash) -> Self {
        Self::own(hash.to_base64())
    }
}

impl From<&Clean<String>> for Fact {
    fn from(value: &Clean<String>) -> Self {
        Self { value: Value::from(value.get().as_str()), written: true }
    }
}

impl From<&pii::Counts> for Fact {
    fn from(counts: &pii::Counts) -> Self {
        Self::own(serde_json::to_value(counts).unwrap_or_default())
    }
}

impl From<&pii::Tally> for Fact {
    fn from(tally: &pii::Tally) -> Self {
        Self::own(serde_json::to_value(tally).unwrap_or_default())
    }
}

impl<T: Into<Fact>> From<Option<T>> for Fact {
    fn from(value: Option<T>) -> Self {
        value.map_or_else(|| Self::own(Value::Null), Into::into)
    }
}

/// What an action has to say for the log. Who, when, for whom and under which request the gates know themselves.
#[must_use = "a draft is nothing until a pass is sealed with it"]
pub struct Draft {
    pub(crate) kind: EventKind,
    pub(crate) outcome: Outcome,
    subject: Option<(&'static str, String)>,
    data: Vec<(&'static str, Fact)>,
    pub(crate) personal: Vec<PersonalFact>,
}

impl Draft {
    /// Something that was done.
    pub fn done(kind: EventKind) -> Self {
        Self { kind, outcome: Outcome::Ok, subject: None, data: Vec::new(), personal: Vec::new() }
    }

    /// Something about to be done to the outside world.
    pub fn intent(kind: EventKind) -> Self {
        Self { outcome: Outcome::Intent, ..Self::done(kind) }
    }

    /// Something that was tried and did not work.
    pub fn failed(kind: EventKind) -> Self {
        Self { outcome: Outcome::Failed, ..Self::done(kind) }
    }

    /// Something that was not allowed.
    pub fn refused(kind: EventKind) -> Self {
        Self { outcome: Outcome::Refused, ..Self::done(kind) }
    }

    /// Something of which nobody can say any more how it ended.
    pub fn unknown(kind: EventKind) -> Self {
        Self { outcome: Outcome::Unknown, ..Self::done(kind) }
    }

    /// What was acted upon: a lower-case noun and an id.
    pub fn subject(mut self, kind: &'static str, id: impl std::fmt::Display) -> Self {
        self.subject = Some((kind, id.to_string()));
        self
    }

    /// One more fact.
    pub fn fact(mut self, name: &'static str, value: impl Into<Fact>) -> Self {
        self.data.push((name, value.into()));
        self
    }

    /// One more fact, about a person: the entry commits to it, and it goes when the person is erased. It is kept as it is,
    /// in no leaf and under the person's own key, so that an address stays an address to whoever looks into an incident.
    pub fn about(
        mut self,
        person: impl Into<DataSubject>,
        name: &'static str,
        value: impl AsRef<str>,
    ) -> Self {
        self.personal.push(PersonalFact::new(name, person.into(), value.as_ref()));
        self
    }
}

impl Draft {
    /// Words that somebody wrote, and what is about a person, stand only in fields of which the catalogue says so.
    fn check(&self) -> Result<(), EntryError> {
        let class = |name| self.kind.field_class(name);
        let written = self.data.iter().filter(|(_, fact)| fact.written);
        let astray = written.map(|(name, _)| *name).find(|name| class(name) != Some(FieldClass::Text));
        let personal = self.personal.iter().map(|fact| fact.field);
        let astray =
            astray.or_else(|| personal.into_iter().find(|name| class(name) != Some(FieldClass::Personal)));
        let bare =
            self.data.iter().map(|(name, _)| *name).find(|name| class(name) == Some(FieldClass::Personal));
        astray.or(bare).map_or(Ok(()), |name| Err(EntryError::Class(self.kind, name)))
    }
}

/// Proof that an entry is on record: it was committed before this existed. What touches the outside world asks for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    tenant: TenantId,
    entry: EntryId,
    at: Timestamp,
    leaf: Hash,
}

impl Receipt {
    /// The entry.
    pub fn entry(&self) -> EntryId {
        self.entry
    }

    /// When it was written.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// Hash of the entry as a leaf of its tenant's log (RFC 9162 §2.1.1), to be found there later.
    pub fn leaf(&self) -> Hash {
        self.leaf
    }

    /// The same as plain values: what a signed receipt says.
    pub fn recorded(&self) -> Recorded {
        Recorded { tenant: self.tenant, entry: self.entry, at: self.at, leaf: self.leaf.0 }
    }
}

/// An entry could not be made: a fact too long, for example. The action it belongs to does not happen.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// It would be no entry.
    #[error("the audit entry could not be made: {0}")]
    Entry(#[from] audit_log::EntryError),
    /// The catalogue says of this field that it holds something else: what people wrote, or what is about them, stands only
    /// where the catalogue expects it.
    #[error("the catalogue of events does not say of the field {1} of {0} that it holds this")]
    Class(EventKind, &'static str),
    /// There was no key to seal a personal value with.
    #[error("the personal value {0} could not be sealed")]
    NoKey(&'static str),
}

/// Who acts on whose behalf, under which rules; the part of an entry the gates fill in.
pub(crate) struct Author<'a> {
    pub(crate) tenant: TenantId,
    pub(crate) actor: Actor,
    pub(crate) project: Option<ProjectId>,
    pub(crate) action: &'static str,
    pub(crate) policy: &'a str,
    pub(crate) request: &'a RequestContext,
}

/// Ids of policies that one entry names.
const POLICY_IDS_MAX: usize = 16;

/// What the call of `gate.append` takes without the leaf, in bytes.
const APPEND_BYTES_TYPICAL: usize = 320;

/// How the statement begins that writes an entry's personal values.
const INSERT_PERSONAL: &str =
    "insert into portcullis.audit_personal (tenant_id, entry_id, field, key_id, sealed) values ";

/// An entry as a row, ready to be inserted.
pub(crate) struct Row {
    pub(crate) tenant: TenantId,
    id: EntryId,
    at: Timestamp,
    pub(crate) kind: EventKind,
    actor: String,
    request_id: String,
    leaf: Vec<u8>,
    personal: Vec<Sealed>,
}

impl Row {
    pub(crate) fn write(
        draft: Draft,
        author: &Author<'_>,
        clock: &dyn Clock,
        rng: &dyn Rng,
        keys: &Keys,
    ) -> Result<Self, EntryError> {
        draft.check()?;
        let (id, at) = (EntryId::new(clock, rng), clock.now());
        if matches!(draft.outcome, Outcome::Refused | Outcome::Failed) {
            author.request.refusal.set();
        }
        let actor = match &author.actor.id {
            Some(id) => format!("{}:{id}", author.actor.kind),
            None => author.actor.kind.to_string(),
        };
        let mut builder = Entry::builder(EntryCore {
            id: id.uuid(),
            at: At::from_unix_micros(at.unix_micros())?,
            tenant: author.tenant.uuid(),
            kind: Kind::new(draft.kind.name())?,
            actor: author.actor.clone(),
            action: author.action.to_owned(),
            outcome: draft.outcome,
            request_id: author.request.id.as_str().to_owned(),
            policy: author.policy.to_owned(),
            source: author.request.face.name().to_owned(),
        })
        .trace_id(author.request.trace.trace_id());
        if let Some(project) = author.project {
            builder = builder.project(project.uuid());
        }
        if let Some((kind, id)) = draft.subject {
            builder = builder.subject(kind, id);
        }
        for (name, fact) in draft.data {
            builder = builder.data(name, fact.value);
        }
        let mut personal = Vec::with_capacity(draft.personal.len());
        for fact in &draft.personal {
            let (commitment, sealed) = fact.seal((author.tenant, id), keys, rng)?;
            builder = builder.data(fact.field, commitment);
            personal.push(sealed);
        }
        let leaf = builder.build()?.to_leaf()?;
        let request_id = author.request.id.as_str().to_owned();
        Ok(Self { tenant: author.tenant, id, at, kind: draft.kind, actor, request_id, leaf, personal })
    }

    pub(crate) fn receipt(&self) -> Receipt {
        Receipt { tenant: self.tenant, entry: self.id, at: self.at, leaf: leaf_hash(&self.leaf) }
    }

    pub(crate) fn request_id(&self) -> &str {
        &self.request_id
    }

    /// The call of `gate.append` that writes this row, behind its personal values when it has any. UUIDs, a timestamp,
    /// words of fixed alphabets and hex: nothing in it can hold a quote.
    pub(crate) fn append_statement(&self) -> String {
        let mut sql = String::with_capacity(APPEND_BYTES_TYPICAL + self.leaf.len() * 2);
        for (at, Sealed { field, key, bytes }) in self.personal.iter().enumerate() {
            let lead = if at == 0 { INSERT_PERSONAL } else { "," };
            let bytes = crypto::hex(bytes);
            let _ = write!(sql, "{lead}('{}','{}','{field}','{key}','\\x{bytes}')", self.tenant, self.id);
        }
        if !self.personal.is_empty() {
            sql.push_str("; ");
        }
        let _ = write!(
            sql,
            "select gate.append('{}','{}','{}','{}','{}','{}','\\x",
            self.tenant, self.id, self.at, self.kind, self.actor, self.request_id,
        );
        sql.push_str(&crypto::hex(&self.leaf));
        sql.push_str("')");
        sql
    }
}

/// Rows of one tenant as `gate.append_all` takes them: a list for each column.
#[derive(Default)]
pub(crate) struct Columns<'a> {
    pub(crate) ids: Vec<Uuid>,
    pub(crate) made: Vec<OffsetDateTime>,
    pub(crate) kinds: Vec<&'static str>,
    pub(crate) actors: Vec<&'a str>,
    pub(crate) requests: Vec<&'a str>,
    pub(crate) leaves: Vec<&'a [u8]>,
    pub(crate) personal: PersonalColumns<'a>,
}

/// Their personal values, the same way; mostly there are none.
#[derive(Default)]
pub(crate) struct PersonalColumns<'a> {
    pub(crate) entries: Vec<Uuid>,
    pub(crate) fields: Vec<&'static str>,
    pub(crate) keys: Vec<Uuid>,
    pub(crate) sealed: Vec<&'a [u8]>,
}

impl<'a> Columns<'a> {
    pub(crate) fn push(&mut self, row: &'a Row) {
        self.ids.push(row.id.uuid());
        self.made.push(row.at.into());
        self.kinds.push(row.kind.name());
        self.actors.push(&row.actor);
        self.requests.push(&row.request_id);
        self.leaves.push(&row.leaf);
        for Sealed { field, key, bytes } in &row.personal {
            self.personal.entries.push(row.id.uuid());
            self.personal.fields.push(field);
            self.personal.keys.push(*key);
            self.personal.sealed.push(bytes);
        }
    }
}
