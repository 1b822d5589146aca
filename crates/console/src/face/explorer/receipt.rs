//! The receipt of an entry: the log's signed promise that it holds it.

use app::audit::{EntryReceipt, ReadEntries};
use axum::extract::Path;
use kernel::{EntryId, Problem};

use crate::face::answer::Answer;
use crate::face::visit::Visit;
use crate::layout::Room;
use crate::pages;
use crate::parts::When;

async fn signed(visit: &Visit, id: &str) -> Result<(gates::Human, EntryReceipt), Answer> {
    let human = visit.signed_in().await?;
    let id: EntryId = id.parse().map_err(|_| visit.refused(&Problem::not_found()))?;
    let entered = crate::face::visit::pass::<ReadEntries>(visit, &human).await?;
    let signed = app::audit::receipt(entered, &visit.state.receipts, id).await;
    let (signed, _) = signed.map_err(|problem| visit.refused(&problem))?;
    Ok((human, signed))
}

/// `GET /audit/{id}/receipt`.
pub(in crate::face) async fn page(Path(id): Path<String>, visit: Visit) -> Result<Answer, Answer> {
    let (human, signed) = signed(&visit, &id).await?;
    let jwk = serde_json::to_string_pretty(&signed.jwk()).map_err(|_| visit.refused(&Problem::internal()))?;
    let page = pages::AuditReceipt {
        shell: visit.shell(&human, Some(Room::Audit)),
        entry: signed.recorded.entry.to_string(),
        at: When::stamp(signed.recorded.at),
        leaf_hash: signed.leaf_hash().to_base64(),
        origin: signed.key.name().to_string(),
        jwk,
        vkey: signed.key.to_string(),
        receipt: signed.text,
    };
    Ok(visit.settle(Answer::page(&page)))
}

/// `GET /audit/{id}/receipt/file`: the same as a file to keep, one line, as `portcullis verify --receipts` reads it.
pub(in crate::face) async fn file(Path(id): Path<String>, visit: Visit) -> Result<Answer, Answer> {
    let (_, signed) = signed(&visit, &id).await?;
    let name = format!("receipt-{}.txt", signed.recorded.entry);
    Ok(visit.settle(Answer::file(&name, format!("{}\n", signed.text))))
}
