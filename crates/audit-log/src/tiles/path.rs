//! Where tiles lie.

use std::fmt;
use std::str::FromStr;

use super::{TILE_HEIGHT, TILE_WIDTH};
use crate::checkpoint::decimal;
use crate::tree::TREE_SIZE_MAX;

/// Highest level the specification names.
const LEVEL_MAX: u64 = 63;

/// Longest path there is: `tile/entries/`, an index of 20 digits in groups of three, `.p/255`.
const PATH_BYTES_MAX: usize = 64;

/// What a tile holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, std::hash::Hash)]
pub enum TileKind {
    /// The entries themselves.
    Entries,
    /// Hashes of subtrees of `256^level` leaves.
    Hashes {
        /// 0 for leaf hashes, at most 63.
        level: u8,
    },
}

/// Names one tile, for example `tile/0/x001/x234/067` or `tile/entries/000.p/17`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, std::hash::Hash)]
pub struct TilePath {
    kind: TileKind,
    index: u64,
    width: u16,
}

/// Not the path of a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// A width outside 1 to 256 or a level above 63.
    #[error("a tile has 1 to 256 hashes and a level of at most 63")]
    Range,
    /// Not spelled the way the specification does.
    #[error("not a tile path: tile/<level or entries>/<index>[.p/<width>]")]
    Format,
}

impl TilePath {
    /// A hash tile of `width` hashes, 256 when full.
    pub fn hashes(level: u8, index: u64, width: u16) -> Result<Self, PathError> {
        if u64::from(level) > LEVEL_MAX {
            return Err(PathError::Range);
        }
        Self::new(TileKind::Hashes { level }, index, width)
    }

    /// An entry bundle of `width` entries, 256 when full.
    pub fn entries(index: u64, width: u16) -> Result<Self, PathError> {
        Self::new(TileKind::Entries, index, width)
    }

    fn new(kind: TileKind, index: u64, width: u16) -> Result<Self, PathError> {
        if !(1..=TILE_WIDTH).contains(&width) {
            return Err(PathError::Range);
        }
        Ok(Self { kind, index, width })
    }

    /// What the tile holds.
    pub const fn kind(&self) -> TileKind {
        self.kind
    }

    /// Position within its level.
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// Number of hashes or entries, 1 to 256.
    pub const fn width(&self) -> u16 {
        self.width
    }

    /// Whether more hashes or entries will come.
    pub const fn is_partial(&self) -> bool {
        self.width < TILE_WIDTH
    }

    /// The same tile once it is full.
    #[must_use]
    pub const fn full(self) -> Self {
        Self { width: TILE_WIDTH, ..self }
    }

    /// How wide this tile is in a log of `size` leaves: 0 when it does not exist.
    pub fn width_at(kind: TileKind, index: u64, size: u64) -> u16 {
        let level = match kind {
            TileKind::Entries => 0,
            TileKind::Hashes { level } => level,
        };
        let hashes = nodes_at(level, size);
        let before = index.saturating_mul(u64::from(TILE_WIDTH));
        u16::try_from(hashes.saturating_sub(before)).unwrap_or(TILE_WIDTH).min(TILE_WIDTH)
    }
}

/// Number of complete subtrees of `256^level` leaves in a tree of `size` leaves.
fn nodes_at(level: u8, size: u64) -> u64 {
    size.checked_shr(u32::from(level) * u32::from(TILE_HEIGHT)).unwrap_or(0)
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Entries => f.write_str("tile/entries/")?,
            TileKind::Hashes { level } => write!(f, "tile/{level}/")?,
        }
        let mut scale = 1_u64;
        while self.index / scale >= 1_000 {
            scale *= 1_000;
        }
        while scale > 1 {
            write!(f, "x{:03}/", self.index / scale % 1_000)?;
            scale /= 1_000;
        }
        write!(f, "{:03}", self.index % 1_000)?;
        if self.is_partial() { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

impl FromStr for TilePath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        if text.len() > PATH_BYTES_MAX {
            return Err(PathError::Format);
        }
        let (kind, place) =
            text.strip_prefix("tile/").and_then(|rest| rest.split_once('/')).ok_or(PathError::Format)?;
        let kind = match kind {
            "entries" => TileKind::Entries,
            level => match decimal(level) {
                Some(level @ 0..=LEVEL_MAX) => {
                    TileKind::Hashes { level: u8::try_from(level).map_err(|_| PathError::Range)? }
                }
                _ => return Err(PathError::Format),
            },
        };
        let (groups, width) = match place.split_once(".p/") {
            None => (place, TILE_WIDTH),
            Some((groups, width)) => match decimal(width) {
                Some(width @ 1..=255) => (groups, u16::try_from(width).map_err(|_| PathError::Range)?),
                _ => return Err(PathError::Format),
            },
        };
        Self::new(kind, parse_index(groups).ok_or(PathError::Format)?, width)
    }
}

/// `x001/x234/067` is 1,234,067; a leading group `x000` would be a second spelling and is refused.
fn parse_index(groups: &str) -> Option<u64> {
    let mut parts = groups.split('/').peekable();
    let mut index = 0_u64;
    let mut first = true;
    while let Some(part) = parts.next() {
        let last = parts.peek().is_none();
        let digits = if last { part } else { part.strip_prefix('x')? };
        if digits.len() != 3 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        if first && !last && digits == "000" {
            return None;
        }
        index = index.checked_mul(1_000)?.checked_add(digits.parse().ok()?)?;
        first = false;
    }
    Some(index)
}

/// Every tile a folder must have to serve a log of `size` leaves: entry bundles first, then hash tiles level by
/// level, each from the left, the partial one last.
pub fn tiles_for(size: u64) -> impl Iterator<Item = TilePath> {
    let size = size.min(TREE_SIZE_MAX);
    let kinds = std::iter::once(TileKind::Entries).chain((0..8).map(|level| TileKind::Hashes { level }));
    kinds.flat_map(move |kind| {
        let level = if let TileKind::Hashes { level } = kind { level } else { 0 };
        let count = nodes_at(level, size).div_ceil(u64::from(TILE_WIDTH));
        (0..count).map(move |index| TilePath { kind, index, width: TilePath::width_at(kind, index, size) })
    })
}
