//! Asking a pass that touches no rows for its transaction.

struct Call;

impl gates::Action for Call {
    const NAME: &'static str = "call";
    const NEEDS: kernel::Permission = kernel::Permission::ModelsInvoke;
    type Who = gates::Principal;
    type Mode = gates::Record;
}

fn rows(mut pass: gates::Pass<Call>) {
    let _ = pass.tx();
}

fn main() {}
