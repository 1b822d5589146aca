//! Being somebody without a credential.

fn principal(standing: std::sync::Arc<gates::Standing>) -> gates::Principal {
    gates::Principal::of(standing)
}

fn main() {}
