//! Being somebody without a credential: out of nothing, or out of what is known of somebody else.

fn copy(other: &gates::Principal) -> gates::Principal {
    gates::Principal::of(other.standing().clone())
}

fn service() -> gates::Service {
    gates::Service(std::sync::Arc::default())
}

fn twice(human: &gates::Human) -> gates::Human {
    human.clone()
}

fn main() {}
