use gates::{Draft, Pass, Receipt};
use kernel::{EventKind, Problem};

use super::{CallModel, Status};

/// Puts on record that a call ended before anything was sent: its body was unreadable, there is no such model
/// ([`Status::Refused`]), or something broke here ([`Status::Failed`]). `code` is the error code the client is answered
/// with, `http_status` its HTTP status. Such a call has an outcome and no intent: nobody outside learned of it.
///
/// # Errors
/// When the entry cannot be written.
pub async fn refuse(
    pass: Pass<CallModel>,
    status: Status,
    code: &'static str,
    http_status: u16,
) -> Result<Receipt, Problem> {
    let draft = match status {
        Status::Refused => Draft::refused(EventKind::LlmCallOutcome),
        _ => Draft::failed(EventKind::LlmCallOutcome),
    };
    let draft = draft.fact("status", status.name()).fact("error", code).fact("http_status", http_status);
    pass.seal(draft).await
}
