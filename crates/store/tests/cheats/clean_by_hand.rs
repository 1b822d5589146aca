//! Calling words clean.

fn clean(words: String) -> gates::Clean<String> {
    gates::Clean(words)
}

fn convert(words: String) -> gates::Clean<String> {
    words.into()
}

fn main() {}
