//! Lists in pages: sorted, so that a page begins where the one before it ended.

use super::error::Error;

/// How many relations and tuples one list may look at.
pub const LIST_STEPS_MAX: u32 = 10_000_000;

/// Which part of a list is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    /// At most so many entries.
    pub size: usize,
    /// [`List::next`] of the page before.
    pub cursor: Option<&'a str>,
}

impl Default for Page<'_> {
    /// Everything in one page.
    fn default() -> Self {
        Self { size: usize::MAX, cursor: None }
    }
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// The entries, sorted by their bytes.
    pub items: Vec<String>,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
    /// More was there to be looked at than [`LIST_STEPS_MAX`] allows: entries may be missing.
    pub incomplete: bool,
}

/// Before the entry a cursor names; the revision is for the reader of a log.
const MARK: char = '~';

impl List {
    pub(super) fn cut(
        mut items: Vec<String>,
        page: Page<'_>,
        revision: u64,
        incomplete: bool,
    ) -> Result<Self, Error> {
        items.sort_unstable();
        items.dedup();
        if let Some(cursor) = page.cursor {
            let (at, last) = cursor.split_once(MARK).ok_or(Error::Cursor)?;
            u64::from_str_radix(at, 16).map_err(|_| Error::Cursor)?;
            let begin = items.partition_point(|item| item.as_str() <= last);
            items.drain(..begin);
        }
        let more = items.len() > page.size;
        items.truncate(page.size);
        let next = items.last().filter(|_| more).map(|last| format!("{revision:x}{MARK}{last}"));
        Ok(Self { items, next, incomplete })
    }
}
