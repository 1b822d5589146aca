//! Making a person out of an agent.

fn convert(agent: gates::Agent) -> gates::Human {
    agent.into()
}

fn take_apart(agent: &gates::Agent) {
    let _ = &agent.0;
}

fn dress_up(agent: gates::Agent, human: gates::Human) -> gates::Human {
    gates::Human { standing: agent.0, ..human }
}

fn main() {}
