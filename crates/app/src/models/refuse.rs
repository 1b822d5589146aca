use gates::{Draft, Pass, Receipt};
use kernel::{EventKind, Problem};

use super::{CallModel, Status};

/// Puts on record that a call was refused before anything was sent: the body was unreadable, or there is no such model.
/// `code` is the error code the client is answered with, `http_status` its HTTP status.
///
/// # Errors
/// When the entry cannot be written.
pub async fn refuse(
    pass: Pass<CallModel>,
    code: &'static str,
    http_status: u16,
) -> Result<Receipt, Problem> {
    let draft = Draft::refused(EventKind::LlmCallOutcome)
        .fact("status", Status::Refused.name())
        .fact("error", code)
        .fact("http_status", http_status);
    pass.seal(draft).await
}
