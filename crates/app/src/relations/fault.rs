//! What went wrong, in OpenFGA's words, which its clients match on.

use gates::{Action, Draft, Pass};
use kernel::{EventKind, Problem, ProblemKind, RelationStoreId, TenantId};
use store::StoreError;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $kind:ident;)*) => {
        /// OpenFGA's error codes, as far as they are given here.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Code] = &[$(Code::$name),*];

            /// The code as clients know it.
            pub const fn name(self) -> &'static str {
                match self { $(Code::$name => $text,)* }
            }

            /// What it is among the problems of this server, which also gives its status.
            pub const fn kind(self) -> ProblemKind {
                match self { $(Code::$name => ProblemKind::$kind,)* }
            }
        }
    };
}

codes! {
    /// A value is not of the shape it must have, or does not fit the model.
    Validation = "validation_error", BadRequest;
    /// There is no such model.
    ModelNotFound = "authorization_model_not_found", BadRequest;
    /// The answer would take more steps than are allowed.
    TooComplex = "authorization_model_resolution_too_complex", BadRequest;
    /// The same tuple twice in one write.
    DuplicateTuples = "cannot_allow_duplicate_tuples_in_one_request", BadRequest;
    /// The place in a list is none that was given out.
    ContinuationToken = "invalid_continuation_token", BadRequest;
    /// A tuple to write is there, or one to delete is not.
    WriteFailed = "write_failed_due_to_invalid_input", BadRequest;
    /// A write that neither writes nor deletes.
    InvalidWrite = "invalid_write_input", BadRequest;
    /// A store without a model.
    NoModel = "latest_authorization_model_not_found", BadRequest;
    /// The model has no such type.
    TypeNotFound = "type_not_found", BadRequest;
    /// The type has no such relation.
    RelationNotFound = "relation_not_found", BadRequest;
    /// A tuple that the model does not allow.
    InvalidTuple = "invalid_tuple", BadRequest;
    /// More of something than is allowed.
    TooMany = "exceeded_entity_limit", BadRequest;
    /// The model breaks a rule of the language.
    InvalidModel = "invalid_authorization_model", BadRequest;
    /// A tuple that is there with another condition.
    Conflict = "Aborted", Conflict;
    /// There is no such store.
    StoreNotFound = "store_id_not_found", NotFound;
    /// There is no such operation.
    UndefinedEndpoint = "undefined_endpoint", NotFound;
    /// The answer took too long.
    TimedOut = "throttled_timeout_error", Invalid;
}

/// Something that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What clients match on.
    pub code: Code,
    /// What people read.
    pub message: String,
}

impl Fault {
    /// A fault.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// A value is not of the shape it must have.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::Validation, message)
    }

    /// There is no such store, or it is somebody else's.
    pub fn no_store() -> Self {
        Self::new(Code::StoreNotFound, "Store ID not found")
    }

    /// Refuses a change of the store that the product keeps, whose id is the organization's own. The database refuses it too.
    pub(super) fn unless_kept(tenant: TenantId, store: RelationStoreId) -> Result<(), Self> {
        if store.uuid() != tenant.uuid() {
            return Ok(());
        }
        let message = "this store is kept by the product: what is in it follows members, keys and roles, and is changed \
                       with them";
        Err(Self::invalid(message))
    }

    fn problem(&self) -> Problem {
        Problem::new(self.code.kind(), self.message.clone())
    }
}

/// OpenFGA's code for a refusal of a gate, or a failure of this server. `anonymous` is whoever sent no credential at all.
const fn code_of(kind: ProblemKind, anonymous: bool) -> &'static str {
    match kind {
        ProblemKind::Unauthenticated if anonymous => "bearer_token_missing",
        ProblemKind::Unauthenticated | ProblemKind::StepUp => "unauthenticated",
        ProblemKind::Forbidden | ProblemKind::MustEnrol => "forbidden",
        ProblemKind::NotFound | ProblemKind::MethodNotAllowed => "undefined_endpoint",
        ProblemKind::RateLimited => "rate_limit_exceeded",
        ProblemKind::Timeout => "throttled_timeout_error",
        ProblemKind::Conflict => "Aborted",
        ProblemKind::BadRequest
        | ProblemKind::Invalid
        | ProblemKind::TooLarge
        | ProblemKind::TooSlow
        | ProblemKind::UnsupportedMediaType => "validation_error",
        ProblemKind::Internal | ProblemKind::BadGateway | ProblemKind::Unavailable => "internal_error",
    }
}

/// A refusal of a gate as OpenFGA's clients read it, with `gate` and `request_id` beside their members.
pub fn problem_json(problem: &Problem, request_id: &str, anonymous: bool) -> String {
    let body = serde_json::json!({
        "code": code_of(problem.kind, anonymous),
        "message": format!("{}. {}", problem.kind.title(), problem.detail),
        "gate": problem.gate.map(kernel::Gate::name),
        "request_id": request_id,
    });
    body.to_string()
}

/// Why something was not done.
#[derive(Debug, Clone)]
pub enum Refused {
    /// A gate, or this server, could not do it.
    Problem(Problem),
    /// The request is wrong.
    Fault(Fault),
}

impl Refused {
    /// The same as a problem, for a face that shows problems.
    pub fn problem(&self) -> Problem {
        match self {
            Self::Problem(problem) => problem.clone(),
            Self::Fault(fault) => fault.problem(),
        }
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<authz::Error> for Fault {
    fn from(error: authz::Error) -> Self {
        use authz::Error as E;
        let code = match &error {
            E::Validation(_) | E::Condition { .. } => Code::Validation,
            E::InvalidTuple(_) => Code::InvalidTuple,
            E::TypeNotFound(_) => Code::TypeNotFound,
            E::RelationNotFound { .. } => Code::RelationNotFound,
            E::TooComplex => Code::TooComplex,
            E::Limit(_) => Code::TooMany,
            E::Cursor => Code::ContinuationToken,
        };
        Self::new(code, error.to_string())
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Problem(error.into())
    }
}

/// Undoes what was done under this pass and puts on record that it was not done.
pub(super) async fn fail<A: Action>(pass: Pass<A>, kind: EventKind, refused: Refused) -> Refused {
    let problem = refused.problem();
    let known = problem.kind;
    let said = pass.fail(Draft::failed(kind), problem).await;
    // When even that could not be written, this is what is wrong.
    if said.kind == known { refused } else { Refused::Problem(said) }
}
