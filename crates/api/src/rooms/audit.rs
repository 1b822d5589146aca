//! The audit log.

use app::audit::{
    CheckpointRecord, EntryRecord, ExportLog, ProveEntry, ReadCheckpoint, ReadEntries, ReadTile,
    RequestCheckpoint, Wanted, WitnessState, anchor, checkpoint, entries, entry, export, prove,
    request_checkpoint, tile, witnessing,
};
use axum::body::Body;
use axum::extract;
use axum::response::Response;
use futures_util::stream;
use http::{HeaderValue, Uri, header};
use kernel::{EntryId, EventKind, Problem, RequestId, Timestamp};
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
}

impl TryFrom<EntryRecord> for AuditEntry {
    type Error = Problem;

    fn try_from(record: EntryRecord) -> Result<Self, Problem> {
        let entry = String::from_utf8(record.leaf).ok().and_then(|text| RawValue::from_string(text).ok());
        let Some(entry) = entry else {
            tracing::error!(entry = %record.id, "a stored entry is no JSON");
            return Err(Problem::internal());
        };
        Ok(Self { id: record.id.uuid(), index: record.index, leaf_hash: record.leaf_hash.to_base64(), entry })
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
    /// Only entries of this kind.
    #[param(example = "KEY_CREATED")]
    kind: Option<String>,
    /// Only entries of this request.
    request_id: Option<String>,
    /// Only what this one did: `agent:`, `service:` or `human:` and an id.
    #[param(example = "agent:019a0000-0000-7000-8000-000000000000")]
    actor: Option<String>,
}

/// List audit entries.
///
/// Answers the organization's entries, newest first.
#[utoipa::path(get, path = "/audit/entries", tag = "audit", params(EntryQuery),
    responses((status = 200, description = "A page of entries", body = List<AuditEntry>)))]
async fn get_entries(Gate(pass): Gate<ReadEntries>, uri: Uri) -> Answered<List<AuditEntry>> {
    let asked = query::<EntryQuery>(&uri)?;
    let kind = asked.kind.as_deref().map(str::parse::<EventKind>).transpose();
    let kind = kind.map_err(|error| Problem::invalid("/kind", error.to_string()))?;
    if asked.request_id.as_deref().is_some_and(|id| RequestId::parse(id).is_none()) {
        return Err(Problem::invalid("/request_id", "This is no id a request can have.").into());
    }
    if asked.actor.as_deref().is_some_and(|actor| !is_actor(actor)) {
        return Err(Problem::invalid(
            "/actor",
            "This names no actor: agent, service or human, a colon and an id.",
        )
        .into());
    }
    let page = PageQuery { limit: asked.limit, cursor: asked.cursor }.page()?;
    let wanted = Wanted { kind, request_id: asked.request_id, actor: asked.actor };
    let (listed, receipt) = entries(pass, page, wanted).await?;
    let next = listed.next;
    let items = listed.items.into_iter().map(AuditEntry::try_from).collect::<Result<Vec<_>, _>>()?;
    Ok(Answer::ok(List::of(app::input::Listed { items, next }, |item| item, EntryId::uuid), &receipt))
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
