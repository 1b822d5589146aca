//! Reading DER (X.690 §10): definite, shortest lengths and low tag numbers only. Nothing is copied, and nothing recurses.

/// A boolean.
pub(super) const BOOLEAN: u8 = 0x01;
/// A whole number.
pub(super) const INTEGER: u8 = 0x02;
/// Bytes.
pub(super) const OCTET_STRING: u8 = 0x04;
/// An object identifier.
pub(super) const OID: u8 = 0x06;
/// A moment.
pub(super) const GENERALIZED_TIME: u8 = 0x18;
/// A sequence.
pub(super) const SEQUENCE: u8 = 0x30;
/// A set.
pub(super) const SET: u8 = 0x31;
/// What is tagged `[0]` and holds further elements.
pub(super) const CONTEXT_0: u8 = 0xa0;
/// What is tagged `[1]` and holds further elements.
pub(super) const CONTEXT_1: u8 = 0xa1;

/// The bits of a tag that say that its number follows in further bytes.
const HIGH_TAG: u8 = 0x1f;
/// Most bytes that say a length: 16 MiB, far beyond what is read here.
const LENGTH_BYTES_MAX: usize = 3;

/// The bytes are not DER, or not of the shape that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotDer;

/// Elements that are still to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether the next element has this tag.
    pub(super) fn is_next(&self, tag: u8) -> bool {
        self.0.first() == Some(&tag)
    }

    /// The next element: its tag and its content.
    pub(super) fn any(&mut self) -> Result<(u8, &'a [u8]), NotDer> {
        let (&[tag, first], mut rest) = self.0.split_first_chunk::<2>().ok_or(NotDer)?;
        if tag & HIGH_TAG == HIGH_TAG {
            return Err(NotDer);
        }
        let length = if first < 0x80 {
            usize::from(first)
        } else {
            let bytes = usize::from(first & 0x7f);
            if bytes > LENGTH_BYTES_MAX {
                return Err(NotDer);
            }
            let (digits, after) = rest.split_at_checked(bytes).ok_or(NotDer)?;
            rest = after;
            let length = digits.iter().fold(0, |sum: usize, byte| sum << 8 | usize::from(*byte));
            // The shortest form alone: no zero in front, and none where one byte would do. `0x80`, a length that is not
            // said, is below that too.
            if digits.first() == Some(&0) || length < 0x80 {
                return Err(NotDer);
            }
            length
        };
        let (content, rest) = rest.split_at_checked(length).ok_or(NotDer)?;
        self.0 = rest;
        Ok((tag, content))
    }

    /// The content of the next element, which has this tag.
    pub(super) fn take(&mut self, tag: u8) -> Result<&'a [u8], NotDer> {
        if self.is_next(tag) { self.any().map(|(_, content)| content) } else { Err(NotDer) }
    }

    /// The elements inside of the next one, which has this tag.
    pub(super) fn inside(&mut self, tag: u8) -> Result<Self, NotDer> {
        self.take(tag).map(Self)
    }

    /// The content of the next element if it has this tag.
    pub(super) fn optional(&mut self, tag: u8) -> Result<Option<&'a [u8]>, NotDer> {
        if self.is_next(tag) { self.take(tag).map(Some) } else { Ok(None) }
    }

    /// A whole number in its shortest form (X.690 §8.3.2).
    pub(super) fn integer(&mut self) -> Result<&'a [u8], NotDer> {
        let digits = self.take(INTEGER)?;
        match digits {
            [] => Err(NotDer),
            [0x00, next, ..] if *next < 0x80 => Err(NotDer),
            [0xff, next, ..] if *next >= 0x80 => Err(NotDer),
            digits => Ok(digits),
        }
    }

    /// That nothing follows.
    pub(super) const fn end(self) -> Result<(), NotDer> {
        if self.0.is_empty() { Ok(()) } else { Err(NotDer) }
    }
}

/// An object identifier as people write it.
pub(super) fn dotted(content: &[u8]) -> Result<String, NotDer> {
    let mut arcs: Vec<u64> = Vec::new();
    let (mut arc, mut begun) = (0_u64, false);
    for byte in content {
        // No arc begins with a digit that says nothing (X.690 §8.19.2).
        if !begun && *byte == 0x80 {
            return Err(NotDer);
        }
        arc = arc.checked_mul(128).ok_or(NotDer)? | u64::from(byte & 0x7f);
        begun = byte & 0x80 != 0;
        if !begun {
            arcs.push(arc);
            arc = 0;
        }
    }
    let (Some(both), false) = (arcs.first().copied(), begun) else { return Err(NotDer) };
    // The first two arcs are one number.
    let first = (both / 40).min(2);
    let arcs = [first, both - first * 40].into_iter().chain(arcs.into_iter().skip(1));
    Ok(arcs.map(|arc| arc.to_string()).collect::<Vec<_>>().join("."))
}
