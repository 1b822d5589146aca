//! Acting on the outside world without the entry that comes first.

fn send(_: &gates::Receipt) {}

fn act(entry: kernel::EntryId, at: kernel::Timestamp) {
    send(&gates::Receipt { entry, at });
}

fn main() {}
