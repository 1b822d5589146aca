//! Entering an action for people with an agent in hand, and reaching what is one person's own as an agent.

struct Merge;

impl gates::Action for Merge {
    const NAME: &'static str = "merge";
    const NEEDS: kernel::Need = kernel::Need::Permission(kernel::Permission::ProjectsWrite);
    type Who = gates::Human;
    type Proof = gates::Live;
    type Mode = gates::Write;
}

/// What is a person's own, declared as something agents do.
struct Rename;

impl gates::Action for Rename {
    const NAME: &'static str = "rename";
    const NEEDS: kernel::Need = kernel::Need::Own;
    type Who = gates::Agent;
    type Proof = gates::Live;
    type Mode = gates::Account;
}

async fn enter(vault: std::sync::Arc<gates::Vault>, agent: gates::Agent, request: kernel::RequestContext) {
    let _ = vault.enter::<Merge>(agent, request).await;
}

fn somebody_else(pass: &gates::Pass<Merge>) -> &gates::Agent {
    pass.who()
}

fn rename(mut pass: gates::Pass<Rename>) {
    let _ = pass.account();
}

fn main() {}
