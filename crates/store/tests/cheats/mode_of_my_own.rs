//! A mode that holds what it likes.

struct Free;

impl gates::Mode for Free {
    type Hold = ();
}

fn main() {}
