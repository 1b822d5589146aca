//! Acting on the outside world on the strength of an entry that is not written yet.

fn send(_: &gates::Receipt) {}

fn act() {
    let draft = gates::Draft::intent(kernel::EventKind::LlmCallIntent);
    send(&draft);
}

fn main() {}
