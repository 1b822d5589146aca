//! The audit log.

use app::audit::{
    CheckpointRecord, EntryReceipt, EntryRecord, ExportLog, ProveEntry, ReadCheckpoint, ReadEntries,
    ReadTile, RequestCheckpoint, Search, SearchWords, WitnessState, anchor, checkpoint, entries, entry,
    export, prove, receipt, request, request_checkpoint, tile, witnessing,
};
use axum::body::Body;
use axum::extract;
use axum::response::Response;
use futures_util::stream;
use http::{HeaderValue, Uri, header};
use kernel::{EntryId, Problem, RequestId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::State;
use crate::answer::{Answer, Answered, List, put_entry};
use crate::describe::{of, of_named};
use crate::extract::{Gate, Id, PageQuery, Segment, query};
use crate::http::Refused;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(of::<ReadEntries, _>(routes!(get_entries)))
        .routes(of_named::<ReadEntries, _>("audit.read_entry", routes!(get_entry)))
        .routes(of_named::<ReadEntries, _>("audit.read_request", routes!(get_request)))
        .routes(of_named::<ReadEntries, _>("audit.read_receipt", routes!(get_receipt)))
        .routes(of::<ProveEntry, _>(routes!(get_proof)))
        .routes(of::<ReadTile, _>(routes!(get_tile)))
        .routes(of::<RequestCheckpoint, _>(routes!(post_checkpoint)))
        .routes(of::<ReadCheckpoint, _>(routes!(get_checkpoint)))
        .routes(of_named::<ProveEntry, _>("audit.read_anchor", routes!(get_anchor)))
        .routes(of_named::<ReadCheckpoint, _>("audit.read_witnesses", routes!(get_witnesses)))
        .routes(of::<ExportLog, _>(routes!(get_export)))
}

/// An entry of the audit log.
#[derive(Serialize, ToSchema)]
pub(super) struct AuditEntry {
    /// Its id.
    id: Uuid,
    /// Its index in the log; null for the moment before it has one.
    index: Option<u64>,
    /// SHA-256 of the entry as a leaf of the log (RFC 9162 §2.1.1), in base64.
    leaf_hash: String,
    /// The entry itself, byte for byte as it was hashed (RFC 8785).
    #[schema(value_type = Object)]
    entry: Box<RawValue>,
    /// The personal values that the entry only commits to, by field; `erased` where one is gone, `altered` where it is not the
    /// one that was committed to. Absent when the entry commits to none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>, nullable = false)]
    personal: Option<Box<RawValue>>,
}

impl TryFrom<EntryRecord> for AuditEntry {
    type Error = Problem;

    fn try_from(record: EntryRecord) -> Result<Self, Problem> {
        let entry = String::from_utf8(record.leaf).ok().and_then(|text| RawValue::from_string(text).ok());
        let Some(entry) = entry else {
            tracing::error!(entry = %record.id, "a stored entry is no JSON");
            return Err(Problem::internal());
        };
        let personal = record.shown.and_then(|shown| RawValue::from_string(shown.personal).ok());
        let leaf_hash = record.leaf_hash.to_base64();
        Ok(Self { id: record.id.uuid(), index: record.index, leaf_hash, entry, personal })
    }
}

/// Which entries are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct EntryQuery {
    /// Most items to answer, 1 to 200; 50 when not said.
    #[param(value_type = Option<i64>, minimum = 1, maximum = 200, example = 50)]
    limit: Option<String>,
    /// Where to go on: `next` of the page before.
    #[param(value_type = Option<Uuid>)]
    cursor: Option<String>,
    /// Only what holds this text in the name or the meaning of its kind or in its action; an id finds every entry that
    /// names it.
    #[param(example = "revoked")]
    q: Option<String>,
    /// Only these kinds: names, or prefixes with `*` after them, separated by commas.
    #[param(example = "KEY_*,llm.call.outcome")]
    kind: Option<String>,
    /// Only kinds of these categories, separated by commas.
    #[param(example = "access,keys")]
    category: Option<String>,
    /// Only what matters so much or more; what was refused or failed is `low` at least.
    #[param(example = "medium", pattern = "^(informational|low|medium|high|critical)$")]
    severity: Option<String>,
    /// Only what ended so: intent, ok, refused, failed, unknown.
    #[param(example = "refused", pattern = "^(intent|ok|refused|failed|unknown)$")]
    outcome: Option<String>,
    /// Only what this one did: `agent:`, `service:` or `human:` and an id; `key:` and the id of a key or session;
    /// `anonymous`, or `system`.
    #[param(example = "agent:019a0000-0000-7000-8000-000000000000")]
    actor: Option<String>,
    /// Only what was done to this: its id, or its kind, a colon and its id.
    #[param(example = "key:019a0000-0000-7000-8000-000000000000")]
    subject: Option<String>,
    /// Only what belongs to this project.
    #[param(value_type = Option<Uuid>)]
    project: Option<String>,
    /// Only entries of this request.
    request_id: Option<String>,
    /// Only what happened at this time or later (RFC 3339).
    #[param(example = "2026-11-22T10:00:00Z")]
    since: Option<String>,
    /// Only what happened before this time (RFC 3339).
    #[param(example = "2026-11-23T10:00:00Z")]
    until: Option<String>,
}

impl EntryQuery {
    fn search(&self) -> Result<Search, Problem> {
        Search::parse(&SearchWords {
            text: self.q.as_deref(),
            kind: self.kind.as_deref(),
            category: self.category.as_deref(),
            severity: self.severity.as_deref(),
            outcome: self.outcome.as_deref(),
            actor: self.actor.as_deref(),
            subject: self.subject.as_deref(),
            project: self.project.as_deref(),
            request_id: self.request_id.as_deref(),
            since: self.since.as_deref(),
            until: self.until.as_deref(),
        })
    }
}

/// List audit entries.
///
/// Answers the organization's entries, newest first. A search reads the entries of its range and is ended after three
/// seconds, with a 422 that says so: narrow the range by `since` and `until`.
#[utoipa::path(get, path = "/audit/entries", tag = "audit", params(EntryQuery),
    responses((status = 200, description = "A page of entries", body = List<AuditEntry>)))]
async fn get_entries(Gate(pass): Gate<ReadEntries>, uri: Uri) -> Answered<List<AuditEntry>> {
    let asked = query::<EntryQuery>(&uri)?;
    let search = asked.search()?;
    let page = PageQuery { limit: asked.limit, cursor: asked.cursor }.page()?;
    let (listed, receipt) = entries(pass, page, &search).await?;
    let next = listed.next;
    let items = listed.items.into_iter().map(AuditEntry::try_from).collect::<Result<Vec<_>, _>>()?;
    Ok(Answer::ok(List::of(app::input::Listed { items, next }, |item| item, EntryId::uuid), &receipt))
}

/// What one request left in the log.
#[derive(Serialize, ToSchema)]
struct AuditRequest {
    /// Its id.
    request_id: String,
    /// Its entries in the order of their time, of every layer it passed; 200 at most.
    entries: Vec<AuditEntry>,
    /// Whether there are more: a client may give many requests one id.
    more: bool,
}

/// Read what one request did.
///
/// Answers all entries of one request in the order of their time: who was refused at which gate, what was begun and how it
/// ended. A request that left nothing in this organization's log has none.
#[utoipa::path(get, path = "/audit/requests/{request_id}", tag = "audit",
    params(("request_id" = String, Path, description = "The request, as `x-request-id` named it")),
    responses((status = 200, description = "Its entries", body = AuditRequest)))]
async fn get_request(
    Gate(pass): Gate<ReadEntries>,
    extract::Path(request_id): extract::Path<String>,
) -> Answered<AuditRequest> {
    let id = RequestId::parse(&request_id).ok_or_else(Problem::not_found)?;
    let (found, receipt) = request(pass, &id).await?;
    let entries = found.entries.into_iter().map(AuditEntry::try_from).collect::<Result<Vec<_>, _>>()?;
    Ok(Answer::ok(AuditRequest { request_id, entries, more: found.more }, &receipt))
}

/// Whether the text names somebody who acts: a kind and an id.
pub(super) fn is_actor(text: &str) -> bool {
    text.split_once(':')
        .is_some_and(|(kind, id)| matches!(kind, "agent" | "service" | "human") && id.parse::<Uuid>().is_ok())
}

/// Read an audit entry.
///
/// Answers one entry, byte for byte as it was hashed.
#[utoipa::path(get, path = "/audit/entries/{id}", tag = "audit",
    params(("id" = Uuid, Path, description = "The entry")),
    responses((status = 200, description = "The entry", body = AuditEntry)))]
async fn get_entry(Gate(pass): Gate<ReadEntries>, Id(id): Id<EntryId>) -> Answered<AuditEntry> {
    let (found, receipt) = entry(pass, id).await?;
    Ok(Answer::ok(found.try_into()?, &receipt))
}

/// A signed receipt of an entry.
#[derive(Serialize, ToSchema)]
struct SignedReceipt {
    /// The entry.
    entry: Uuid,
    /// SHA-256 of the entry as a leaf of the log (RFC 9162 §2.1.1), in base64.
    leaf_hash: String,
    /// When the entry was made.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The log's origin, which is the name of its key.
    origin: String,
    /// The receipt: a JWS in compact form (RFC 7515, RFC 8037) with the log's key. Keep it; `portcullis verify --receipts`
    /// holds it against the log, and any JOSE library checks its signature.
    receipt: String,
    /// The log's key, as checkpoints are verified with it (C2SP signed-note).
    vkey: String,
    /// The same key for JOSE libraries (RFC 7517, RFC 8037).
    #[schema(value_type = Object)]
    jwk: serde_json::Value,
}

impl From<EntryReceipt> for SignedReceipt {
    fn from(signed: EntryReceipt) -> Self {
        Self {
            entry: signed.recorded.entry.uuid(),
            leaf_hash: signed.leaf_hash().to_base64(),
            at: signed.recorded.at,
            origin: signed.key.name().to_string(),
            vkey: signed.key.to_string(),
            jwk: signed.jwk(),
            receipt: signed.text,
        }
    }
}

/// Receive a receipt of an entry.
///
/// Answers the log's signed promise that it holds this entry. Answers of this API, and of `/v1`, carry such receipts of what
/// they recorded in the header `Portcullis-Receipt` when the request has `Portcullis-Receipt: 1`.
#[utoipa::path(get, path = "/audit/entries/{id}/receipt", tag = "audit",
    params(("id" = Uuid, Path, description = "The entry")),
    responses((status = 200, description = "The receipt", body = SignedReceipt)))]
async fn get_receipt(
    extract::State(state): extract::State<State>,
    Gate(pass): Gate<ReadEntries>,
    Id(id): Id<EntryId>,
) -> Answered<SignedReceipt> {
    let (signed, sealed) = receipt(pass, &state.receipts, id).await?;
    Ok(Answer::ok(signed.into(), &sealed))
}

/// Prove an entry.
///
/// Answers a proof that the entry stands in the log, as a file (C2SP tlog-proof) that `portcullis verify` and other
/// people's tools check offline: the entry itself in the `extra` line, its index, the path to the root, and a signed
/// checkpoint that covers it.
#[utoipa::path(get, path = "/audit/entries/{id}/proof", tag = "audit",
    params(("id" = Uuid, Path, description = "The entry")),
    responses((status = 200, description = "The proof", content_type = "text/plain", body = String)))]
async fn get_proof(
    extract::State(state): extract::State<State>,
    Gate(pass): Gate<ProveEntry>,
    Id(id): Id<EntryId>,
) -> Result<Response, Refused> {
    let (proof, receipt) = prove(pass, &state.sequencer, id).await?;
    let name = format!("attachment; filename=\"{id}.tlog-proof\"");
    let mut response = file("text/plain; charset=utf-8", proof.to_string().into_bytes());
    if let Ok(name) = HeaderValue::from_str(&name) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    }
    put_entry(&mut response, receipt.entry());
    Ok(response)
}

/// Read a tile.
///
/// Answers one file of the log, byte for byte as in an export (C2SP tlog-tiles), so that a monitor can follow the log
/// without taking all of it: `entries/<index>` is a bundle of entries, `<level>/<index>` a tile of hashes; the last of each
/// has `.p/<width>` after it. A tile never changes.
#[utoipa::path(get, path = "/audit/tile/{*tile}", tag = "audit",
    params(("tile" = String, Path, description = "Which tile, as the specification spells it", example = "entries/x001/x234/067")),
    responses((status = 200, description = "The tile", content_type = "application/octet-stream", body = Vec<u8>)))]
async fn get_tile(Gate(pass): Gate<ReadTile>, Segment(path): Segment) -> Result<Response, Refused> {
    let (bytes, receipt) = tile(pass, &path).await?;
    let mut response = file("application/octet-stream", bytes);
    put_entry(&mut response, receipt.entry());
    Ok(response)
}

fn file(kind: &'static str, bytes: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(bytes));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// A signed checkpoint of the log.
#[derive(Serialize, ToSchema)]
struct Checkpoint {
    /// Entries it covers.
    size: u64,
    /// The signed note (C2SP tlog-checkpoint).
    note: String,
    /// The key that verifies it (C2SP signed-note). Learn it once, by another way, and keep it.
    #[schema(example = "portcullis.example/log+1f0a2b3c+AQ…")]
    vkey: String,
}

impl From<CheckpointRecord> for Checkpoint {
    fn from(record: CheckpointRecord) -> Self {
        Self { size: record.size, note: record.note, vkey: record.vkey }
    }
}

/// Ask for a checkpoint.
///
/// Signs a checkpoint over everything written so far, this request included.
#[utoipa::path(post, path = "/audit/checkpoints", tag = "audit",
    responses((status = 201, description = "The checkpoint", body = Checkpoint)))]
async fn post_checkpoint(
    extract::State(state): extract::State<State>,
    Gate(pass): Gate<RequestCheckpoint>,
) -> Answered<Checkpoint> {
    let (record, receipt) = request_checkpoint(pass, &state.sequencer).await?;
    Ok(Answer::created(record.into(), &receipt))
}

/// Read the newest checkpoint.
///
/// Answers the newest signed checkpoint; there is none before the first was signed.
#[utoipa::path(get, path = "/audit/checkpoint", tag = "audit",
    responses(
        (status = 200, description = "The checkpoint", body = Checkpoint),
        (status = 404, description = "None was signed yet"),
    ))]
async fn get_checkpoint(Gate(pass): Gate<ReadCheckpoint>) -> Answered<Checkpoint> {
    let (record, receipt) = checkpoint(pass).await?;
    Ok(Answer::ok(record.into(), &receipt))
}

/// Read the anchor.
///
/// Answers a proof (C2SP tlog-proof) that the instance's log, which witnesses see, holds a head of this organization's log:
/// the entry in the `extra` line says its origin, size and root. It is the newest head that enough witnesses have seen, or
/// one that covers this request when there are no witnesses.
#[utoipa::path(get, path = "/audit/anchor", tag = "audit",
    responses((status = 200, description = "The proof", content_type = "text/plain", body = String)))]
async fn get_anchor(
    extract::State(state): extract::State<State>,
    Gate(pass): Gate<ProveEntry>,
) -> Result<Response, Refused> {
    let (proof, receipt) = anchor(pass, &state.sequencer).await?;
    let mut response = file("text/plain; charset=utf-8", proof.to_string().into_bytes());
    put_entry(&mut response, receipt.entry());
    Ok(response)
}

/// How it stands with the log of logs and its witnesses.
#[derive(Serialize, ToSchema)]
struct Witnessing {
    /// The newest head of the instance's log that enough witnesses have cosigned, else the newest; null before the first.
    head: Option<InstanceHead>,
    /// Whether witnesses are configured.
    configured: bool,
    /// What became of showing the log to each.
    witnesses: Vec<Witness>,
}

/// A head of the instance's log.
#[derive(Serialize, ToSchema)]
struct InstanceHead {
    /// Entries it covers.
    size: u64,
    /// The signed note (C2SP tlog-checkpoint) with the lines of its witnesses (C2SP tlog-cosignature).
    note: String,
    /// The key that verifies it.
    vkey: String,
    /// When it was signed.
    #[schema(value_type = String, format = DateTime)]
    signed_at: Timestamp,
    /// Whether as many witnesses have cosigned it as the operator's policy asks for.
    witnessed: bool,
}

/// A witness of the instance's log.
#[derive(Serialize, ToSchema)]
struct Witness {
    /// What the operator calls it.
    #[schema(example = "auditor")]
    name: String,
    /// Its key.
    vkey: String,
    /// Entries of the instance's log it cosigned last.
    size: Option<u64>,
    /// When it cosigned last, by its own clock.
    #[schema(value_type = Option<String>, format = DateTime)]
    signed_at: Option<Timestamp>,
    /// When it was asked last.
    #[schema(value_type = String, format = DateTime)]
    asked_at: Timestamp,
    /// Whether it failed to answer, or refused, when it was asked last.
    silent: bool,
}

/// Read how it stands with witnesses.
///
/// Answers the newest head of the instance's log, which holds the heads of all logs, and which witnesses have cosigned it.
#[utoipa::path(get, path = "/audit/witnesses", tag = "audit",
    responses((status = 200, description = "How it stands", body = Witnessing)))]
async fn get_witnesses(
    extract::State(state): extract::State<State>,
    Gate(pass): Gate<ReadCheckpoint>,
) -> Answered<Witnessing> {
    let (standing, receipt) = witnessing(pass, &state.sequencer).await?;
    let head = standing.head.map(|head| InstanceHead {
        size: head.size,
        note: head.note.to_string(),
        vkey: head.key.to_string(),
        signed_at: head.signed_at,
        witnessed: head.witnessed,
    });
    let witness = |state: WitnessState| Witness {
        name: state.name,
        vkey: state.vkey,
        size: state.size.map(i64::unsigned_abs),
        signed_at: state.signed_at,
        asked_at: state.asked_at,
        silent: state.problem.is_some(),
    };
    let witnesses = standing.witnesses.into_iter().map(witness).collect();
    Ok(Answer::ok(Witnessing { head, configured: standing.configured, witnesses }, &receipt))
}

/// Export the log.
///
/// Streams the whole log, up to a checkpoint that covers this request, as an uncompressed tar archive of a C2SP
/// tlog-tiles folder. `portcullis verify` and other people's verifiers read it.
#[utoipa::path(get, path = "/audit/export", tag = "audit",
    responses((status = 200, description = "The archive", content_type = "application/x-tar", body = Vec<u8>)))]
async fn get_export(
    extract::State(state): extract::State<State>,
    Gate(pass): Gate<ExportLog>,
) -> Result<Response, Refused> {
    let (export, receipt) = export(pass, &state.sequencer).await?;
    let pieces = stream::unfold(export.pieces, |mut pieces| async {
        let piece = pieces.recv().await?;
        Some((piece, pieces))
    });
    let mut response = Response::new(Body::from_stream(pieces));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-tar"));
    let name = HeaderValue::from_static("attachment; filename=\"audit-log.tar\"");
    headers.insert(header::CONTENT_DISPOSITION, name);
    put_entry(&mut response, receipt.entry());
    Ok(response)
}
