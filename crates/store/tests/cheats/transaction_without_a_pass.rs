//! Opening a tenant's transaction without the pass around it.

async fn open(vault: std::sync::Arc<gates::Vault>, tenant: kernel::TenantId, request: kernel::RequestContext) {
    let _: gates::Tx = gates::Tx::open((), &vault, tenant, &request).await;
}

fn by_hand(lease: (), tenant: kernel::TenantId) -> gates::WriteTx {
    gates::WriteTx(gates::Tx { lease, tenant })
}

fn main() {}
