//! Making a person out of an agent.

fn promote(agent: gates::Agent) -> gates::Human {
    gates::Human(agent.0)
}

fn convert(agent: gates::Agent) -> gates::Human {
    agent.into()
}

fn main() {}
