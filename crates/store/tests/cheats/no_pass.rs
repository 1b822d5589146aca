//! Reading a room without a pass: there is no other way to a transaction.

async fn everyone(vault: std::sync::Arc<gates::Vault>) {
    let _ = store::agents::list(&mut vault, None, 10).await;
}

fn main() {}
