//! The words every other crate speaks: typed ids, permissions and roles, problems (RFC 9457), the five gates by
//! name, time and randomness as arguments, and every limit with its unit.
//!
//! Architecture invariant: nothing here does IO, is async, or knows another crate of the workspace.

mod assurance;
mod clock;
mod event;
mod gate;
mod id;
pub mod limits;
mod permission;
mod problem;
pub mod quota;
mod recorder;
mod request;
mod rng;
mod role;

pub use assurance::{Assurance, ParseAssuranceError};
pub use clock::{Clock, FixedClock, SystemClock, Timestamp};
pub use event::{
    Category, DataClass, EventKind, FIELDS_OF_ALL, FieldClass, Ocsf, ParseCategoryError, ParseEventKindError,
    Severity,
};
pub use gate::Gate;
pub use id::{
    AccountId, AgentId, BreakGlassId, DeliveryId, EntryId, EvidencePackId, HoldId, InvitationId, KeyId,
    LetterId, ParseIdError, PasskeyId, PolicyKeyId, PolicyPackId, ProjectId, ProviderId, RelationModelId,
    RelationStoreId, SessionId, TenantId, TotpId, WebhookId,
};
pub use permission::{
    Capabilities, Need, ParsePermissionError, Permission, PermissionSet, Rank, TEMPLATE_NAME_BYTES_MAX,
    is_template_name,
};
pub use problem::{FieldError, Problem, ProblemKind};
pub use recorder::{RECORDED_ENTRIES_MAX, Recorded, Recorder};
pub use request::{Face, RefusalMark, RequestContext, RequestId, TraceContext};
pub use rng::Rng;
pub use role::{MemberRole, ParseMemberRoleError, ParseRoleError, Role};
