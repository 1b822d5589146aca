//! Calling a function of a tenant's room with the system role's transaction.

async fn everybody(tx: &mut gates::SystemTx) {
    let _ = store::agents::list(tx, None, 10).await;
}

fn main() {}
