//! Storing words that gate four has not seen.

async fn create(
    tx: &mut gates::WriteTx,
    id: kernel::ProjectId,
    name: gates::Raw<String>,
    other: String,
    at: kernel::Timestamp,
) {
    let _ = store::projects::create(tx, id, &name, at).await;
    let _ = store::projects::create(tx, id, &other, at).await;
}

fn main() {}
