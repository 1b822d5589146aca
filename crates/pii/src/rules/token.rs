//! Text that reads like one of our tokens: it is left alone, and never minted again.

use crate::class::Class;
use crate::tokens::{SUFFIX_SYMBOLS_MAX, SUFFIX_SYMBOLS_MIN};
use crate::window::{Look, Window};

/// The longest class name.
const NAME_SYMBOLS_MAX: usize = 10;

/// The end of `<CLASS_xxxx>` that starts at `at`.
pub(crate) fn lookalike(window: Window<'_>, at: usize) -> Look<Option<usize>> {
    let name = at + 1;
    if !window.at(name)?.is_ascii_uppercase() {
        return Ok(None);
    }
    let stop = window.span(name, NAME_SYMBOLS_MAX + 1, |b| b.is_ascii_uppercase() || b == b'_')?;
    if window.symbols[stop - 1] != b'_' {
        return Ok(None);
    }
    let word = &window.symbols[name..stop - 1];
    if !Class::ALL.iter().any(|class| class.name().as_bytes() == word) {
        return Ok(None);
    }
    let end = window.span(stop, SUFFIX_SYMBOLS_MAX + 1, |b| matches!(b, b'a'..=b'z' | b'2'..=b'7'))?;
    let long = (SUFFIX_SYMBOLS_MIN..=SUFFIX_SYMBOLS_MAX).contains(&(end - stop));
    Ok((long && window.at(end)? == b'>').then_some(end + 1))
}
