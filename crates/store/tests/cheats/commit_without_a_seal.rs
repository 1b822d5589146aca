//! Committing without an entry.

async fn commit(tx: gates::Tx) {
    let _ = tx.commit().await;
}

async fn finish(tx: gates::Tx) {
    let _ = tx.finish("").await;
}

fn main() {}
