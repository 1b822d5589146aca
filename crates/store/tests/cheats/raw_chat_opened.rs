//! Reading the words of a chat before gate four has cleaned them.

fn open(chat: gates::RawChat<'_>, answer: gates::RawAnswer<'_>) {
    let _ = chat.document();
    let _ = chat.messages();
    let _ = chat.0;
    let _ = answer.document();
    let _ = answer.0;
}

fn shown(chat: gates::RawChat<'_>) {
    println!("{chat:?}");
}

fn main() {}
