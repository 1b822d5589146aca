//! Reaching the pool behind the gates.

async fn pool(vault: &gates::Vault) {
    let _ = vault.tenancy.pool.lease().await;
    let _ = vault.system.lease().await;
}

fn main() {}
