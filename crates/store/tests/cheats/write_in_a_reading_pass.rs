//! Calling a function that writes with the transaction of a pass that reads.

struct Look;

impl gates::Action for Look {
    const NAME: &'static str = "look";
    const NEEDS: kernel::Need = kernel::Need::Permission(kernel::Permission::AgentsManage);
    type Who = gates::Principal;
    type Proof = gates::Live;
    type Mode = gates::Read;
}

async fn suspend(mut pass: gates::Pass<Look>, id: kernel::AgentId) {
    let _ = store::agents::set_suspended(pass.tx(), id, None).await;
}

fn main() {}
