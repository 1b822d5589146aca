//! Asking a pass that touches no rows for its transaction.

struct Call;

impl gates::Action for Call {
    const NAME: &'static str = "call";
    const NEEDS: kernel::Need = kernel::Need::Permission(kernel::Permission::ModelsInvoke);
    type Who = gates::Principal;
    type Proof = gates::Live;
    type Mode = gates::Record;
}

fn rows(mut pass: gates::Pass<Call>) {
    let _ = pass.tx();
}

fn main() {}
