//! Evidence packs.

use std::time::Duration;

use app::evidence::{
    CreatePack, DeletePack, Download, DownloadPack, LinkToken, ListPacks, MakeLink, NewPack, Pack, Period,
    ReadCoverage, ReadPack, coverage, create, delete, download, follow, link, list, read, shown, stamp,
};
use axum::body::Body;
use axum::extract;
use axum::response::Response;
use futures_util::stream;
use gates::Receipt;
use http::{HeaderValue, Uri, header};
use kernel::limits::EVIDENCE_LINK_SECONDS_DEFAULT;
use kernel::{EvidencePackId, Problem, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::State;
use crate::answer::{Answer, Answered, Done, List, put_entry};
use crate::describe::{Leaves, door, of};
use crate::extract::{Gate, Id, Knock, PageQuery, Segment, Submitted, id, query};
use crate::http::Refused;

/// The period that is looked at when nobody says which, in seconds (30 days).
const PERIOD_SECONDS_DEFAULT: u64 = 30 * 24 * 3_600;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(of::<ReadCoverage, _>(routes!(get_coverage)))
        .routes(of::<ListPacks, _>(routes!(get_packs)))
        .routes(of::<CreatePack, _>(routes!(post_pack)))
        .routes(of::<ReadPack, _>(routes!(get_pack)))
        .routes(of::<DeletePack, _>(routes!(delete_pack)))
        .routes(of::<DownloadPack, _>(routes!(get_download)))
        .routes(of::<MakeLink, _>(routes!(post_link)))
        .routes(door(Leaves::Entry, routes!(get_link)))
}

/// What the log shows for one control.
#[derive(Serialize, ToSchema)]
struct ControlShown {
    /// Its identifier in the framework.
    #[schema(example = "CC6.1")]
    id: String,
    /// What it is about.
    title: String,
    /// How far entries can speak to it: full, partial or none. Not whether it is met.
    #[schema(example = "partial")]
    strength: &'static str,
    /// What they show, and what they do not.
    says: String,
    /// How many entries speak to it.
    entries: u64,
}

/// What the log shows for the controls of a framework.
#[derive(Serialize, ToSchema)]
struct Coverage {
    /// The framework.
    #[schema(example = "soc2")]
    framework: String,
    /// Its name.
    title: String,
    /// The version of the control map.
    #[schema(example = "2026.11")]
    control_map: String,
    /// Entries of the period, or of the pack.
    entries: u64,
    /// Its controls, in its own order.
    controls: Vec<ControlShown>,
}

impl From<app::evidence::Coverage> for Coverage {
    fn from(covered: app::evidence::Coverage) -> Self {
        let app::evidence::Coverage { framework, map_version, entries, total } = covered;
        let controls = framework.controls.iter().zip(entries);
        Self {
            framework: framework.id.clone(),
            title: framework.title.clone(),
            control_map: map_version.to_owned(),
            entries: total,
            controls: controls
                .map(|(control, entries)| ControlShown {
                    id: control.id.clone(),
                    title: control.title.clone(),
                    strength: control.strength.name(),
                    says: control.says.clone(),
                    entries,
                })
                .collect(),
        }
    }
}

/// Which period.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PeriodQuery {
    /// From this moment on; 30 days before its end when not said.
    #[param(value_type = Option<String>, format = DateTime, example = "2025-01-01T00:00:00Z")]
    from: Option<Timestamp>,
    /// Up to and without this moment; now when not said.
    #[param(value_type = Option<String>, format = DateTime, example = "2025-04-01T00:00:00Z")]
    to: Option<Timestamp>,
}

impl PeriodQuery {
    fn period(&self, now: Timestamp) -> Result<Period, Problem> {
        let to = self.to.unwrap_or(now);
        let from = self.from.unwrap_or_else(|| to.minus(Duration::from_secs(PERIOD_SECONDS_DEFAULT)));
        Period::parse(from, to, now)
    }
}

/// See what the log shows for a framework.
///
/// Answers, control by control, how many entries of the period speak to it: what a pack of the same period would show.
/// Frameworks are `eu-ai-act`, `soc2`, `nist-ai-rmf-1.0` and `iso-42001`.
#[utoipa::path(get, path = "/evidence/coverage/{id}", tag = "evidence",
    params(("id" = String, Path, description = "The framework", example = "soc2"), PeriodQuery),
    responses((status = 200, description = "What it shows", body = Coverage)))]
async fn get_coverage(
    Gate(pass): Gate<ReadCoverage>,
    Segment(framework): Segment,
    uri: Uri,
) -> Answered<Coverage> {
    let period = query::<PeriodQuery>(&uri)?.period(pass.vault().clock().now())?;
    let (covered, receipt) = coverage(pass, &framework, period).await?;
    Ok(Answer::ok(covered.into(), &receipt))
}

/// An evidence pack: a part of the log at a signed state.
#[derive(Serialize, ToSchema)]
struct EvidencePack {
    /// Its id.
    id: Uuid,
    /// The framework.
    #[schema(example = "soc2")]
    framework: String,
    /// Whether it holds every entry of its range, or those alone that speak to a control.
    everything: bool,
    /// The beginning of the period.
    #[schema(value_type = String, format = DateTime)]
    from: Timestamp,
    /// Its end.
    #[schema(value_type = String, format = DateTime)]
    to: Timestamp,
    /// Entries of the log that its checkpoint covers.
    log_size: u64,
    /// Index of the first entry of its range.
    first: u64,
    /// Index after the last one.
    end: u64,
    /// Entries it holds.
    included: u64,
    /// Entries of its range of which it holds the hash alone.
    held_back: u64,
    /// SHA-256 of its manifest, in hex.
    manifest_sha256: String,
    /// Whether a time-stamping authority (RFC 3161) vouches for when it was made: `token`, `none` where none was asked,
    /// `failed`.
    #[schema(example = "token")]
    timestamp: &'static str,
    /// When it existed, by the authority's clock.
    #[schema(value_type = Option<String>, format = DateTime)]
    timestamped_at: Option<Timestamp>,
    /// Why there is no token: `busy`, `unreachable`, `silent`, `refused`, `malformed` or `mismatch`.
    timestamp_failure: Option<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Who made it: a kind and an id.
    #[schema(example = "service:019a0000-0000-7000-8000-000000000000")]
    created_by: String,
}

impl From<&Pack> for EvidencePack {
    fn from(pack: &Pack) -> Self {
        Self {
            id: pack.id.uuid(),
            framework: pack.framework.clone(),
            everything: pack.everything,
            from: pack.from,
            to: pack.to,
            log_size: pack.log_size.unsigned_abs(),
            first: pack.first.unsigned_abs(),
            end: pack.end.unsigned_abs(),
            included: pack.included.unsigned_abs(),
            held_back: pack.held_back.unsigned_abs(),
            manifest_sha256: crypto::hex(&pack.manifest_sha256),
            timestamp: stamp(pack).name(),
            timestamped_at: pack.timestamped_at,
            timestamp_failure: pack.timestamp_failure.clone(),
            created_at: pack.created_at,
            created_by: pack.created_by.clone(),
        }
    }
}

/// An evidence pack, and what it shows.
#[derive(Serialize, ToSchema)]
struct EvidencePackDetail {
    #[serde(flatten)]
    pack: EvidencePack,
    /// What it shows for the controls of its framework.
    shows: Coverage,
}

impl TryFrom<Pack> for EvidencePackDetail {
    type Error = Problem;

    fn try_from(pack: Pack) -> Result<Self, Problem> {
        Ok(Self { pack: (&pack).into(), shows: shown(&pack)?.into() })
    }
}

/// List evidence packs.
///
/// Answers the organization's evidence packs, newest first.
#[utoipa::path(get, path = "/evidence/packs", tag = "evidence", params(PageQuery),
    responses((status = 200, description = "A page of packs", body = List<EvidencePack>)))]
async fn get_packs(Gate(pass): Gate<ListPacks>, uri: Uri) -> Answered<List<EvidencePack>> {
    let page = query::<PageQuery>(&uri)?.page()?;
    let (listed, receipt) = list(pass, page).await?;
    Ok(Answer::ok(List::of(listed, |pack| EvidencePack::from(&pack), EvidencePackId::uuid), &receipt))
}

/// An evidence pack to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewEvidencePack {
    /// The framework: `eu-ai-act`, `soc2`, `nist-ai-rmf-1.0` or `iso-42001`.
    #[schema(example = "soc2")]
    framework: String,
    /// The beginning of the period.
    #[schema(value_type = String, format = DateTime, example = "2025-01-01T00:00:00Z")]
    from: Timestamp,
    /// Its end, which is not after now.
    #[schema(value_type = String, format = DateTime, example = "2025-04-01T00:00:00Z")]
    to: Timestamp,
    /// Whether it holds every entry of the period. When not said, those that speak to a control, and of the others the
    /// hash alone.
    #[serde(default)]
    everything: bool,
}

/// Make an evidence pack.
///
/// Brings the log to a signed state, walks over the period and signs the manifest. A pack covers at most a million entries.
/// The same pack comes out, byte for byte, whenever it is downloaded.
#[utoipa::path(post, path = "/evidence/packs", tag = "evidence",
    request_body(content = NewEvidencePack, example = json!({
        "framework": "soc2", "from": "2025-01-01T00:00:00Z", "to": "2025-04-01T00:00:00Z",
    })),
    responses(
        (status = 201, description = "The pack", body = EvidencePackDetail),
        (status = 409, description = "There are a thousand packs already"),
    ))]
async fn post_pack(
    extract::State(state): extract::State<State>,
    Submitted { pass, body }: Submitted<CreatePack, NewEvidencePack>,
) -> Answered<EvidencePackDetail> {
    let period = Period::parse(body.from, body.to, pass.vault().clock().now())?;
    let new = NewPack { framework: body.framework, period, everything: body.everything };
    let (made, receipt) = create(pass, &state.sequencer, new).await?;
    Ok(Answer::created(made.try_into()?, &receipt))
}

/// Read an evidence pack.
///
/// Answers the pack's record and what it shows for each control.
#[utoipa::path(get, path = "/evidence/packs/{id}", tag = "evidence",
    params(("id" = Uuid, Path, description = "The pack")),
    responses((status = 200, description = "The pack", body = EvidencePackDetail)))]
async fn get_pack(Gate(pass): Gate<ReadPack>, Id(id): Id<EvidencePackId>) -> Answered<EvidencePackDetail> {
    let (pack, receipt) = read(pass, id).await?;
    Ok(Answer::ok(pack.try_into()?, &receipt))
}

/// Delete an evidence pack.
///
/// It can no longer be downloaded, and links to it open nothing. The log stays as it is.
#[utoipa::path(delete, path = "/evidence/packs/{id}", tag = "evidence",
    params(("id" = Uuid, Path, description = "The pack")),
    responses((status = 204, description = "It is deleted")))]
async fn delete_pack(Gate(pass): Gate<DeletePack>, Id(id): Id<EvidencePackId>) -> Result<Done, Refused> {
    Ok(Done(delete(pass, id).await?))
}

fn archive(download: Download, receipt: &Receipt) -> Response {
    let pieces = stream::unfold(download.pieces, |mut pieces| async {
        let piece = pieces.recv().await?;
        Some((piece, pieces))
    });
    let mut response = Response::new(Body::from_stream(pieces));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    if let Ok(name) = HeaderValue::from_str(&format!("attachment; filename=\"{}\"", download.name)) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    put_entry(&mut response, receipt.entry());
    response
}

/// Download an evidence pack.
///
/// Streams the pack as a ZIP archive, made anew from the log and compared with what was signed. `portcullis verify` checks
/// it offline, as other people's tools do.
#[utoipa::path(get, path = "/evidence/packs/{id}/download", tag = "evidence",
    params(("id" = Uuid, Path, description = "The pack")),
    responses(
        (status = 200, description = "The archive", content_type = "application/zip", body = Vec<u8>),
        (status = 409, description = "It was made by another version of the product; make it anew"),
    ))]
async fn get_download(
    Gate(pass): Gate<DownloadPack>,
    Id(id): Id<EvidencePackId>,
) -> Result<Response, Refused> {
    let (found, receipt) = download(pass, id).await?;
    Ok(archive(found, &receipt))
}

/// A link to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewLink {
    /// For how long it works, in seconds: a minute to 7 days; an hour when not said.
    #[serde(default = "default_seconds")]
    #[schema(minimum = 60, maximum = 604_800, example = 3600)]
    seconds: u64,
}

const fn default_seconds() -> u64 {
    EVIDENCE_LINK_SECONDS_DEFAULT
}

/// A link to an evidence pack. Whoever has it can download the pack until its time is over: it is shown this once.
#[derive(Serialize, ToSchema)]
struct EvidenceLink {
    /// Where the pack is.
    #[schema(example = "https://portcullis.example.com/api/v1/evidence/links/AZ…")]
    url: String,
    /// When it stops working.
    #[schema(value_type = String, format = DateTime)]
    until: Timestamp,
}

/// Make a link.
///
/// Makes an address under which the pack can be downloaded without a credential, for a limited time. Each use is an entry
/// of the log. Deleting the pack takes back every link to it.
#[utoipa::path(post, path = "/evidence/packs/{id}/links", tag = "evidence",
    params(("id" = Uuid, Path, description = "The pack")),
    request_body(content = NewLink, example = json!({"seconds": 3600})),
    responses((status = 201, description = "The link", body = EvidenceLink)))]
async fn post_link(
    extract::State(state): extract::State<State>,
    Segment(pack): Segment,
    Submitted { pass, body }: Submitted<MakeLink, NewLink>,
) -> Answered<EvidenceLink> {
    let (made, receipt) = link(pass, id(&pack)?, body.seconds).await?;
    let url = format!("{}{}/evidence/links/{}", state.accounts.site().origin(), crate::BASE, made.token);
    Ok(Answer::created(EvidenceLink { url, until: made.until }, &receipt))
}

/// Follow a link.
///
/// Streams the pack that the link opens, as a ZIP archive. A link that was altered, is over or whose pack was deleted
/// answers as if there were none.
#[utoipa::path(get, path = "/evidence/links/{id}", tag = "evidence", operation_id = "evidence.follow_link",
    params(("id" = String, Path, description = "The link's last part")),
    responses(
        (status = 200, description = "The archive", content_type = "application/zip", body = Vec<u8>),
        (status = 404, description = "The link opens nothing"),
        (status = 409, description = "The pack was made by another version of the product"),
    ))]
async fn get_link(
    extract::State(state): extract::State<State>,
    knock: Knock,
    Segment(token): Segment,
) -> Result<Response, Refused> {
    let (found, receipt) = follow(&state.vault, &LinkToken::new(token), knock.visitor().request).await?;
    Ok(archive(found, &receipt))
}
