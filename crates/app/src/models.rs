//! Models: the list of them, and the life of one call.
//!
//! A call is two entries: an intent, committed before the provider sees a byte, and an outcome, committed before the
//! client sees the end of the answer. [`Call`] is what lies between them. However it ends, by an answer, an error, a
//! client that went away or a task that was dropped, exactly one outcome is written; [`Reaper`] writes it when the process is
//! gone.

mod call;
mod reaper;
mod refuse;
#[cfg(test)]
mod tests;

use gates::{Draft, Pass, Receipt};
use kernel::{EventKind, Problem};

use crate::action;

pub use call::{Call, Calls, Ended, Intent, Status};
pub use reaper::{ReapError, Reaper};
pub use refuse::refuse;

action! {
    /// Calls a model.
    CallModel = "models.call", ModelsInvoke, Principal, Record
}

action! {
    /// Lists the models a caller may name.
    ListModels = "models.list", ModelsRead, Principal, Record
}

/// Puts on record that the models were listed, or one of them looked up.
///
/// # Errors
/// When the entry cannot be written; the list must not be shown then.
pub async fn listed(pass: Pass<ListModels>, count: usize) -> Result<Receipt, Problem> {
    pass.seal(Draft::done(EventKind::ModelsListed).fact("count", count as u64)).await
}
