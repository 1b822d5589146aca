//! Reading a room without a pass: there is no other way to a transaction, the vault itself is none and gives none.

async fn everyone(vault: &mut gates::Vault) {
    let _ = store::agents::list(vault, None, 10).await;
}

async fn begin(vault: &gates::Vault) {
    let _ = vault.begin().await;
}

fn main() {}
