//! Entering an action for people with an agent in hand.

struct Merge;

impl gates::Action for Merge {
    const NAME: &'static str = "merge";
    const NEEDS: kernel::Need = kernel::Need::Permission(kernel::Permission::ProjectsWrite);
    type Who = gates::Human;
    type Proof = gates::Live;
    type Mode = gates::Write;
}

struct Work;

impl gates::Action for Work {
    const NAME: &'static str = "work";
    const NEEDS: kernel::Need = kernel::Need::Permission(kernel::Permission::ProjectsWrite);
    type Who = gates::Agent;
    type Proof = gates::Live;
    type Mode = gates::Write;
}

fn merge(_: gates::Pass<Merge>) {}

fn work(pass: gates::Pass<Work>) {
    merge(pass);
}

fn main() {}
