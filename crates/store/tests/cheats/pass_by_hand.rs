//! Making a pass without entering through the gates.

struct Look;

impl gates::Action for Look {
    const NAME: &'static str = "look";
    const NEEDS: kernel::Need = kernel::Need::Permission(kernel::Permission::ProjectsRead);
    type Who = gates::Principal;
    type Proof = gates::Live;
    type Mode = gates::Read;
}

fn pass(who: gates::Principal, hold: gates::Tx) -> gates::Pass<Look> {
    gates::Pass { who, hold }
}

fn main() {}
