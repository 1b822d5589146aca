//! Showing, comparing or opening words that gate four has not seen.

fn show(words: gates::Raw<String>, other: gates::Raw<String>) {
    println!("{words}");
    println!("{words:?}");
    let _ = words == other;
    let _ = words.get();
    let _ = words.0;
}

fn main() {}
