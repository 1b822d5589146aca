//! Putting words that gate four has not seen into the log.

fn draft(words: String, raw: gates::Raw<String>) -> gates::Draft {
    let draft = gates::Draft::done(kernel::EventKind::ProjectCreated).fact("name", words.clone());
    draft.fact("name", raw)
}

fn main() {}
