//! Signed policy packs, and the keys that are trusted with them.

use app::input::Name;
use app::policy_packs::{
    ActivatePack, Activation, ListPacks, NewTurn, PolicyKey as Key, PolicyPack as Pack, ReadPack, RevokeKey,
    RollBack, Standing, Tried, TrustKey, Trusted, TryPack, Turn as Turned, UploadPack, Uploaded, activate,
    list, read, revoke, roll_back, trust, try_pack, upload,
};
use kernel::{PolicyKeyId, PolicyPackId, Problem, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::State;
use crate::answer::{Answer, Answered, Done};
use crate::describe::of;
use crate::extract::{Gate, Id, Segment, Submitted, id};
use crate::http::Refused;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(of::<ListPacks, _>(routes!(get_packs)))
        .routes(of::<UploadPack, _>(routes!(post_pack)))
        .routes(of::<ReadPack, _>(routes!(get_pack)))
        .routes(of::<TryPack, _>(routes!(post_dry_run)))
        .routes(of::<ActivatePack, _>(routes!(post_activate)))
        .routes(of::<RollBack, _>(routes!(post_roll_back)))
        .routes(of::<TrustKey, _>(routes!(post_key)))
        .routes(of::<RevokeKey, _>(routes!(delete_key)))
}

/// A key whose signature on policy packs is trusted.
#[derive(Serialize, ToSchema)]
struct PolicyKey {
    /// Its id.
    id: Uuid,
    /// What it is called here.
    #[schema(example = "the security team's key")]
    name: String,
    /// The public key: name, id and base64, as C2SP signed notes write it. The id is the `kid` of its signatures.
    #[schema(example = "policy.example.com+0b2e7d4a+AfJ4…")]
    key: String,
    /// From when on it counts.
    #[schema(value_type = String, format = DateTime)]
    not_before: Timestamp,
    /// Until when; null without end.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// When it was trusted.
    #[schema(value_type = String, format = DateTime)]
    trusted_at: Timestamp,
    /// The account of the person who trusted it.
    trusted_by: Uuid,
    /// When it was revoked; null while it is not.
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Timestamp>,
    /// The account of the person who revoked it.
    revoked_by: Option<Uuid>,
}

impl From<Key> for PolicyKey {
    fn from(key: Key) -> Self {
        Self {
            id: key.id.uuid(),
            name: key.name,
            key: key.vkey,
            not_before: key.not_before,
            expires_at: key.expires_at,
            trusted_at: key.trusted_at,
            trusted_by: key.trusted_by.uuid(),
            revoked_at: key.revoked.map(|(at, _)| at),
            revoked_by: key.revoked.map(|(_, by)| by.uuid()),
        }
    }
}

/// What a dry run showed.
#[derive(Serialize, ToSchema)]
struct DryRun {
    /// The hash of what it showed, in hex: whoever activates the pack names it.
    sha256: String,
    /// When it was.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The entries looked at, how many decisions of them could be replayed and how many not, and the differences: what would
    /// have been refused, and what would have been allowed. At most 100 of each are shown; all are counted. Where a floor under
    /// the rules about personal data comes, changes or goes, `personal_data` tells what it would have changed; where limits or
    /// rules about tools do, `limits` and `tools` name the rules before and after, what recorded calls would have been over,
    /// and what cannot be told. Where templates of roles come with the pack, `roles` tells what becomes of each: `new`,
    /// `changed`, `same` or `refused`.
    #[schema(value_type = Object, example = json!({
        "pack": "office-hours/3+5f0c3a7e9b1d2c48", "in_force": null, "entries": 1000, "replayed": 412, "unknown": 3,
        "would_refuse": 1, "would_allow": 0, "allowed": [], "refused": [{
            "entry": "019a0000-0000-7000-8000-000000000000", "at": "2026-01-05T23:00:00Z", "action": "models.call",
            "actor_kind": "agent", "actor": "019a0000-0000-7000-8000-000000000001", "was": "allowed",
            "verdict": "forbid", "policies": ["agents-by-day"],
        }],
    }))]
    report: Value,
}

impl From<Tried> for DryRun {
    fn from(tried: Tried) -> Self {
        Self { sha256: crypto::hex(&tried.sha256), at: tried.at, report: tried.report }
    }
}

/// A policy pack, without its document.
#[derive(Serialize, ToSchema)]
struct PolicyPack {
    /// Its id.
    id: Uuid,
    /// Its name.
    #[schema(example = "office-hours")]
    name: String,
    /// Its version, which grows.
    #[schema(example = 3)]
    version: i64,
    /// The same for people.
    #[schema(example = "1.2.0")]
    label: Option<String>,
    /// `forbid`: what is granted is allowed unless it forbids it. `permit`: what is granted is allowed when it permits it.
    #[schema(example = "forbid")]
    mode: String,
    /// How many policies it has.
    policies: i32,
    /// After which it cannot come into force any more.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// The SHA-256 of its document, in hex. Entries made under it hold the name, the version and the first 16 digits.
    sha256: String,
    /// The key that signed it.
    key: Uuid,
    /// When it was uploaded.
    #[schema(value_type = String, format = DateTime)]
    uploaded_at: Timestamp,
    /// The last dry run; null before the first.
    #[schema(nullable)]
    dry_run: Option<DryRun>,
}

impl From<Pack> for PolicyPack {
    fn from(pack: Pack) -> Self {
        Self {
            id: pack.id.uuid(),
            name: pack.name,
            version: pack.version,
            label: pack.label,
            mode: pack.mode,
            policies: pack.policies,
            expires_at: pack.expires_at,
            sha256: crypto::hex(&pack.sha256),
            key: pack.key.uuid(),
            uploaded_at: pack.uploaded_at,
            dry_run: pack.tried.map(DryRun::from),
        }
    }
}

/// A turn of the history.
#[derive(Serialize, ToSchema)]
struct PolicyTurn {
    /// Its number.
    number: i64,
    /// The pack in force since; null when none is.
    pack: Option<Uuid>,
    /// `activate` or `roll_back`.
    #[schema(example = "activate")]
    way: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The account of the person who made it.
    by: Uuid,
}

impl From<Turned> for PolicyTurn {
    fn from(turn: Turned) -> Self {
        let pack = turn.pack.map(PolicyPackId::uuid);
        Self { number: turn.seq, pack, way: turn.way, at: turn.at, by: turn.by.uuid() }
    }
}

/// A turn that was made just now.
#[derive(Serialize, ToSchema)]
struct NewPolicyTurn {
    /// The turn.
    #[serde(flatten)]
    turn: PolicyTurn,
    /// How many templates of roles the pack in force brought that were not there.
    #[schema(example = 1)]
    templates_made: u64,
    /// How many of its templates were there and are now as it says.
    #[schema(example = 0)]
    templates_changed: u64,
    /// Its templates that were left as they are, because whoever went back could not have given what they carry.
    #[schema(example = json!([]))]
    templates_left: Vec<String>,
}

impl From<NewTurn> for NewPolicyTurn {
    fn from(new: NewTurn) -> Self {
        Self {
            turn: new.turn.into(),
            templates_made: new.templates.made,
            templates_changed: new.templates.changed,
            templates_left: new.templates.left,
        }
    }
}

/// How it stands with policy packs.
#[derive(Serialize, ToSchema)]
struct PolicyPacks {
    /// The pack in force; null when none is.
    in_force: Option<Uuid>,
    /// The packs, newest first.
    packs: Vec<PolicyPack>,
    /// The history, newest first; the first is in force.
    turns: Vec<PolicyTurn>,
    /// The keys, newest first, revoked ones among them.
    keys: Vec<PolicyKey>,
}

impl From<Standing> for PolicyPacks {
    fn from(standing: Standing) -> Self {
        Self {
            in_force: standing.in_force().map(|pack| pack.id.uuid()),
            packs: standing.packs.into_iter().map(PolicyPack::from).collect(),
            turns: standing.turns.into_iter().map(PolicyTurn::from).collect(),
            keys: standing.keys.into_iter().map(PolicyKey::from).collect(),
        }
    }
}

/// List policy packs.
///
/// Answers the pack in force, the packs there are, the history, and the keys that are trusted. No pack closes this.
#[utoipa::path(get, path = "/policies/packs", tag = "policies",
    responses((status = 200, description = "How it stands with policy packs", body = PolicyPacks)))]
async fn get_packs(Gate(pass): Gate<ListPacks>) -> Answered<PolicyPacks> {
    let (found, receipt) = list(pass).await?;
    Ok(Answer::ok(found.into(), &receipt))
}

/// A policy pack to be taken in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPolicyPack {
    /// The pack's document: its files by path, as `portcullis policy sign` writes it. It is read in whatever spelling and
    /// kept in the canonical one (RFC 8785), over which the signature is.
    #[schema(value_type = Object)]
    document: Value,
    /// The detached signature: JWS in compact form, EdDSA, the payload unencoded (RFC 7515 appendix F, RFC 7797).
    #[schema(
        example = "eyJhbGciOiJFZERTQSIsImI2NCI6ZmFsc2UsImNyaXQiOlsiYjY0Il0sImtpZCI6IjBiMmU3ZDRhIn0..c2lnbmF0dXJl"
    )]
    signature: String,
}

/// Something found in a pack.
#[derive(Serialize, ToSchema)]
struct PolicyFinding {
    /// The file.
    #[schema(example = "policies/main.cedar")]
    file: String,
    /// The line, from 1.
    line: u32,
    /// The column, from 1.
    column: u32,
    /// What is worth a look.
    message: String,
}

/// A pack that was taken in.
#[derive(Serialize, ToSchema)]
struct TakenPolicyPack {
    /// What is known of it.
    #[serde(flatten)]
    pack: PolicyPack,
    /// What is worth a look; errors keep a pack out.
    warnings: Vec<PolicyFinding>,
}

impl From<Uploaded> for TakenPolicyPack {
    fn from(uploaded: Uploaded) -> Self {
        let finding = |found: packs::Finding| PolicyFinding {
            file: found.file,
            line: found.line,
            column: found.column,
            message: found.message,
        };
        Self { pack: uploaded.pack.into(), warnings: uploaded.warnings.into_iter().map(finding).collect() }
    }
}

/// Upload a policy pack.
///
/// Takes a signed pack in, checked as for its activation: signature and key, organization, engine, schema, its own tests. It
/// is not in force. Each reason to refuse it is told apart.
#[utoipa::path(post, path = "/policies/packs", tag = "policies",
    request_body(content = NewPolicyPack, example = json!({
        "document": {
            "files": {"pack.json": "{…}", "policies/main.cedar": "forbid (…);", "schema.cedarschema": "…", "tests/main.json": "[…]"},
            "kind": "portcullis-policy-pack",
            "v": 1,
        },
        "signature": "eyJhbGciOiJFZERTQSIsImI2NCI6ZmFsc2UsImNyaXQiOlsiYjY0Il0sImtpZCI6IjBiMmU3ZDRhIn0..c2lnbmF0dXJl",
    })),
    responses(
        (status = 201, description = "The pack", body = TakenPolicyPack),
        (status = 409, description = "It is here already, or there are as many as may be"),
    ))]
async fn post_pack(
    Submitted { pass, body }: Submitted<UploadPack, NewPolicyPack>,
) -> Answered<TakenPolicyPack> {
    let (uploaded, receipt) = upload(pass, &body.document, &body.signature).await?;
    Ok(Answer::created(uploaded.into(), &receipt))
}

/// A policy pack with its document.
#[derive(Serialize, ToSchema)]
struct WholePolicyPack {
    /// What is known of it.
    #[serde(flatten)]
    pack: PolicyPack,
    /// Its document.
    #[schema(value_type = Object)]
    document: Value,
    /// Its signature.
    signature: String,
}

/// Read a policy pack.
///
/// Answers a pack with its document and its signature, so that anybody can check it. No pack closes this.
#[utoipa::path(get, path = "/policies/packs/{id}", tag = "policies",
    params(("id" = Uuid, Path, description = "The pack")),
    responses((status = 200, description = "The pack", body = WholePolicyPack)))]
async fn get_pack(Gate(pass): Gate<ReadPack>, Id(id): Id<PolicyPackId>) -> Answered<WholePolicyPack> {
    let (shown, receipt) = read(pass, id).await?;
    let whole =
        WholePolicyPack { pack: shown.pack.into(), document: shown.document, signature: shown.signature };
    Ok(Answer::ok(whole, &receipt))
}

/// Try a policy pack.
///
/// Replays the newest entries of the log under the pack and answers what it would have refused and allowed. What hangs on
/// something that entries do not hold is counted apart and not guessed.
#[utoipa::path(post, path = "/policies/packs/{id}/dry-run", tag = "policies",
    params(("id" = Uuid, Path, description = "The pack")),
    responses(
        (status = 200, description = "What it showed", body = DryRun),
        (status = 409, description = "The pack is in force already"),
    ))]
async fn post_dry_run(Gate(pass): Gate<TryPack>, Id(id): Id<PolicyPackId>) -> Answered<DryRun> {
    let (tried, receipt) = try_pack(pass, id).await?;
    Ok(Answer::ok(tried.into(), &receipt))
}

/// What was looked at.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ActivatedPolicyPack {
    /// The hash of the dry run that was looked at, in hex. It counts for an hour, and while the same pack is in force.
    #[schema(example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    dry_run: String,
}

/// Activate a policy pack.
///
/// Puts a pack into force, in every process within a second. People alone do, with a factor confirmed a moment ago.
#[utoipa::path(post, path = "/policies/packs/{id}/activate", tag = "policies",
    params(("id" = Uuid, Path, description = "The pack")),
    request_body(content = ActivatedPolicyPack, example = json!({
        "dry_run": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    })),
    responses(
        (status = 200, description = "The turn", body = NewPolicyTurn),
        (status = 409, description = "It would be a step back, is in force already, was not looked at, or brings a template of \
            roles that cannot be made"),
    ))]
async fn post_activate(
    Segment(pack): Segment,
    Submitted { pass, body }: Submitted<ActivatePack, ActivatedPolicyPack>,
) -> Answered<NewPolicyTurn> {
    let pack: PolicyPackId = id(&pack)?;
    let dry_run = crypto::unhex(&body.dry_run).and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok());
    let dry_run = dry_run.ok_or_else(|| Problem::invalid("/dry_run", "It has 64 hex digits."))?;
    let (turn, receipt) = activate(pass, Activation { pack, dry_run }).await?;
    Ok(Answer::ok(turn.into(), &receipt))
}

/// Roll back.
///
/// The pack that was in force before is in force again, or none. No pack closes this: it is the way out.
#[utoipa::path(post, path = "/policies/packs/roll-back", tag = "policies",
    responses(
        (status = 200, description = "The turn", body = NewPolicyTurn),
        (status = 409, description = "No pack is in force"),
    ))]
async fn post_roll_back(Gate(pass): Gate<RollBack>) -> Answered<NewPolicyTurn> {
    let (turn, receipt) = roll_back(pass).await?;
    Ok(Answer::ok(turn.into(), &receipt))
}

/// A key to be trusted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPolicyKey {
    /// What it is called here: 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100, example = "the security team's key")]
    name: String,
    /// The public key, as `portcullis policy key new` prints it.
    #[schema(example = "policy.example.com+0b2e7d4a+AfJ4…")]
    key: String,
    /// From when on it counts; from now on when nothing is said.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    not_before: Option<Timestamp>,
    /// Until when; without end when nothing is said.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

/// Trust a key.
///
/// Packs that it signs can come into force from then on. People alone trust keys, with a factor confirmed a moment ago.
#[utoipa::path(post, path = "/policies/keys", tag = "policies",
    request_body(content = NewPolicyKey, example = json!({
        "name": "the security team's key", "key": "policy.example.com+0b2e7d4a+AfJ4…", "expires_at": "2027-01-01T00:00:00Z",
    })),
    responses(
        (status = 201, description = "The key", body = PolicyKey),
        (status = 409, description = "It is known here already"),
    ))]
async fn post_key(Submitted { pass, body }: Submitted<TrustKey, NewPolicyKey>) -> Answered<PolicyKey> {
    let new = Trusted {
        name: Name::parse(body.name, "/name")?,
        vkey: body.key,
        not_before: body.not_before,
        expires_at: body.expires_at,
    };
    let (key, receipt) = trust(pass, new).await?;
    Ok(Answer::created(key.into(), &receipt))
}

/// Revoke a key.
///
/// Nothing it signed comes into force any more. A pack that is in force stays so: roll back, or activate another.
#[utoipa::path(delete, path = "/policies/keys/{id}", tag = "policies",
    params(("id" = Uuid, Path, description = "The key")),
    responses((status = 204, description = "It is revoked")))]
async fn delete_key(Gate(pass): Gate<RevokeKey>, Id(id): Id<PolicyKeyId>) -> Result<Done, Refused> {
    Ok(Done(revoke(pass, id).await?))
}
