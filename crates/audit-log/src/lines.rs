//! Texts whose head is lines and whose end is a note: requests to a witness, proof files.

use crate::hash::Hash;

/// What was not read yet.
pub(crate) struct Lines<'t>(&'t [u8]);

impl<'t> Lines<'t> {
    pub(crate) const fn of(text: &'t [u8]) -> Self {
        Self(text)
    }

    /// The next line; `None` when no line ends any more, or it is not UTF-8.
    pub(crate) fn next(&mut self) -> Option<&'t str> {
        let end = self.0.iter().position(|byte| *byte == b'\n')?;
        let (line, after) = self.0.split_at(end);
        self.0 = after.get(1..)?;
        std::str::from_utf8(line).ok()
    }

    /// Hashes, a line each, up to a blank line; `None` when one is none, there are more than `most`, or nothing ends them.
    pub(crate) fn hashes(&mut self, most: usize) -> Option<Vec<Hash>> {
        let mut hashes = Vec::new();
        loop {
            match self.next()? {
                "" => return Some(hashes),
                _ if hashes.len() == most => return None,
                hash => hashes.push(Hash::from_base64(hash).ok()?),
            }
        }
    }

    /// Everything that follows.
    pub(crate) const fn rest(self) -> &'t [u8] {
        self.0
    }
}
