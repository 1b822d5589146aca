//! Turning one's pass, or its transaction, to another tenant.

struct Look;

impl gates::Action for Look {
    const NAME: &'static str = "look";
    const NEEDS: kernel::Need = kernel::Need::Permission(kernel::Permission::ProjectsRead);
    type Who = gates::Principal;
    type Proof = gates::Live;
    type Mode = gates::Read;
}

fn turn(mut pass: gates::Pass<Look>, other: kernel::TenantId) {
    pass.at.tenant = other;
    pass.tx().tenant = other;
}

fn main() {}
