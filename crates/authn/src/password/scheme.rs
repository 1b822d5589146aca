//! What a hash costs.

/// Lowest bcrypt cost there is; for tests.
pub const BCRYPT_COST_MIN: u32 = 4;
/// Highest bcrypt cost that is computed: each step doubles the time, and 16 takes seconds.
pub const BCRYPT_COST_MAX: u32 = 16;
/// Most memory an Argon2 hash may ask for, in KiB (256 MiB).
pub const ARGON2_MEMORY_KIB_MAX: u32 = 256 * 1_024;
/// Most passes of an Argon2 hash.
pub const ARGON2_PASSES_MAX: u32 = 16;
/// Most lanes of an Argon2 hash.
pub const ARGON2_LANES_MAX: u32 = 16;
/// Least memory per lane that Argon2 takes, in KiB (RFC 9106 §3.1).
const ARGON2_MEMORY_KIB_PER_LANE_MIN: u32 = 8;

/// How new hashes are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// bcrypt; passwords beyond its 72 bytes go through HMAC-SHA-256 first, so that nothing is cut off.
    Bcrypt {
        /// The logarithm of the rounds.
        cost: u32,
    },
    /// Argon2id, version 1.3 (RFC 9106).
    Argon2id {
        /// Memory, in KiB.
        memory_kib: u32,
        /// Passes over it.
        passes: u32,
        /// Lanes.
        lanes: u32,
    },
}

impl Default for Scheme {
    /// bcrypt with work factor 12.
    fn default() -> Self {
        Self::Bcrypt { cost: 12 }
    }
}

/// The scheme asks for more than this server computes, or for less than its algorithm takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("bcrypt takes a cost of 4 to 16; Argon2id 8 KiB a lane to 256 MiB, 1 to 16 passes and 1 to 16 lanes")]
pub struct SchemeError;

impl Scheme {
    /// Whether hashes of this scheme are computed here.
    pub fn check(&self) -> Result<(), SchemeError> {
        let fits = match *self {
            Self::Bcrypt { cost } => (BCRYPT_COST_MIN..=BCRYPT_COST_MAX).contains(&cost),
            Self::Argon2id { memory_kib, passes, lanes } => {
                (1..=ARGON2_LANES_MAX).contains(&lanes)
                    && (1..=ARGON2_PASSES_MAX).contains(&passes)
                    && (ARGON2_MEMORY_KIB_PER_LANE_MIN * lanes..=ARGON2_MEMORY_KIB_MAX).contains(&memory_kib)
            }
        };
        fits.then_some(()).ok_or(SchemeError)
    }
}
