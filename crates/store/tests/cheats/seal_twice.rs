//! Sealing a pass a second time, or using its transaction afterwards.

struct Change;

impl gates::Action for Change {
    const NAME: &'static str = "change";
    const NEEDS: kernel::Need = kernel::Need::Permission(kernel::Permission::AgentsManage);
    type Who = gates::Principal;
    type Proof = gates::Live;
    type Mode = gates::Write;
}

async fn twice(mut pass: gates::Pass<Change>, id: kernel::AgentId) {
    let done = || gates::Draft::done(kernel::EventKind::AgentSuspended);
    let _ = pass.seal(done()).await;
    let _ = store::agents::set_suspended(pass.tx(), id, None).await;
    let _ = pass.seal(done()).await;
}

fn main() {}
