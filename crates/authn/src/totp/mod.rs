//! Time-based one-time codes (RFC 6238): SHA-1, six digits, thirty seconds, which is what every authenticator app
//! understands without asking.

mod qr;

pub use qr::QrModules;

use aws_lc_rs::hmac;
use kernel::{Rng, Timestamp};
use zeroize::Zeroizing;

use crate::bytes::same;

/// Bytes of a secret: as many as SHA-1 gives (RFC 4226 §4, R6).
pub const TOTP_SECRET_BYTES: usize = 20;
/// Seconds one code lasts.
pub const TOTP_STEP_SECONDS: u64 = 30;
/// Digits of a code.
pub const TOTP_DIGITS: usize = 6;
/// Steps a clock may be off, in either direction.
pub const TOTP_DRIFT_STEPS: u64 = 1;
/// Longest text read as a code, in bytes: six digits and the blanks people copy along.
const CODE_BYTES_MAX: usize = 16;
/// Longest issuer and longest account in an enrolment address, in bytes once encoded; the rest is left out, so that
/// the address always fits into a QR code.
const LABEL_BYTES_MAX: usize = 600;
/// Bytes of the longest encoded character.
const ENCODED_CHAR_BYTES_MAX: usize = 12;

/// Why a code was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TotpError {
    /// Not six digits.
    #[error("a code has six digits")]
    Malformed,
    /// Not the code of this moment.
    #[error("that is not the code of this moment")]
    Wrong,
    /// The right code, but it or a later one was used before.
    #[error("this code was used before; wait for the next one")]
    Replayed,
}

/// The secret an authenticator app shares with this server. Wiped when dropped; no `Debug`.
pub struct Secret(Zeroizing<[u8; TOTP_SECRET_BYTES]>);

impl Secret {
    /// A fresh secret.
    pub fn generate(rng: &dyn Rng) -> Self {
        let mut bytes = Zeroizing::new([0; TOTP_SECRET_BYTES]);
        rng.fill(bytes.as_mut_slice());
        Self(bytes)
    }

    /// A secret read back from storage; `None` unless it has [`TOTP_SECRET_BYTES`].
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(|bytes| Self(Zeroizing::new(bytes)))
    }

    /// The bytes, for encryption before storage.
    pub fn expose(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// The secret as a person types it into an app: base 32 (RFC 4648 §6) without padding.
    pub fn base32(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(TOTP_SECRET_BYTES * 8 / 5));
        for group in self.0.chunks(5) {
            let bits = group.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
            for at in (0..8).rev() {
                text.push(char::from(BASE32[(bits >> (5 * at) & 31) as usize]));
            }
        }
        text
    }

    /// The `otpauth://` address an app enrols from. It is the secret: shown once, never logged.
    ///
    /// Colons separate its parts, so they are taken out of the names.
    pub fn uri(&self, issuer: &str, account: &str) -> Zeroizing<String> {
        let (issuer, account) = (label(issuer), label(account));
        // Room for everything, so that it does not move and leave copies behind.
        let mut uri = Zeroizing::new(String::with_capacity(2 * issuer.len() + account.len() + 128));
        for part in ["otpauth://totp/", &issuer, ":", &account, "?secret=", &self.base32()] {
            uri.push_str(part);
        }
        for part in ["&issuer=", &issuer, "&algorithm=SHA1&digits=6&period=30"] {
            uri.push_str(part);
        }
        uri
    }

    /// The enrolment address as a QR code in SVG: dark on a white plate whatever the page's colours are, without
    /// styles or scripts, so that it stands under a strict content security policy. It is the secret, too.
    pub fn qr_svg(&self, issuer: &str, account: &str) -> Zeroizing<String> {
        qr::svg(&self.uri(issuer, account))
    }

    /// The same code as its modules, for those who draw it themselves.
    pub fn qr_modules(&self, issuer: &str, account: &str) -> Option<QrModules> {
        qr::modules(&self.uri(issuer, account))
    }

    /// Checks a typed code at `now`. `last_step` is the step of the last code this person used: that one and all
    /// before it are refused. Returns the step to remember.
    ///
    /// Every candidate is computed and compared in constant time. The caller limits the attempts.
    pub fn check(&self, code: &str, now: Timestamp, last_step: Option<u64>) -> Result<u64, TotpError> {
        let typed = digits(code).ok_or(TotpError::Malformed)?;
        let step = step_at(now);
        let mut found = None;
        for candidate in step.saturating_sub(TOTP_DRIFT_STEPS)..=step + TOTP_DRIFT_STEPS {
            let right = Zeroizing::new(decimal(self.value(candidate)));
            // The latest step wins, so that no other step of the same code is left to be used.
            if same(right.as_slice(), typed.as_slice()) {
                found = Some(candidate);
            }
        }
        match (found, last_step) {
            (None, _) => Err(TotpError::Wrong),
            (Some(step), Some(last)) if step <= last => Err(TotpError::Replayed),
            (Some(step), _) => Ok(step),
        }
    }

    /// HOTP (RFC 4226) of a step, before it is cut to six digits.
    fn value(&self, step: u64) -> u32 {
        truncated(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, self.0.as_slice(), step)
    }
}

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The step a moment lies in; everything before 1970 is step zero.
fn step_at(now: Timestamp) -> u64 {
    u64::try_from(now.unix_seconds()).unwrap_or(0) / TOTP_STEP_SECONDS
}

/// The dynamic truncation of RFC 4226 §5.3: 31 bits.
fn truncated(algorithm: hmac::Algorithm, key: &[u8], counter: u64) -> u32 {
    let tag = hmac::sign(&hmac::Key::new(algorithm, key), &counter.to_be_bytes());
    let tag = tag.as_ref();
    let offset = usize::from(tag.last().copied().unwrap_or(0) & 15);
    let bytes = tag.iter().skip(offset).take(4);
    bytes.fold(0_u32, |value, byte| value << 8 | u32::from(*byte)) & 0x7fff_ffff
}

/// The last six decimal digits.
fn decimal(mut value: u32) -> [u8; TOTP_DIGITS] {
    let mut out = [b'0'; TOTP_DIGITS];
    for slot in out.iter_mut().rev() {
        *slot += (value % 10) as u8;
        value /= 10;
    }
    out
}

/// The six digits a person typed, without blanks.
fn digits(code: &str) -> Option<Zeroizing<[u8; TOTP_DIGITS]>> {
    if code.len() > CODE_BYTES_MAX {
        return None;
    }
    let mut out = Zeroizing::new([0; TOTP_DIGITS]);
    let mut len = 0;
    for byte in code.bytes().filter(|byte| *byte != b' ') {
        *out.get_mut(len)? = Some(byte).filter(u8::is_ascii_digit)?;
        len += 1;
    }
    (len == TOTP_DIGITS).then_some(out)
}

/// A name as a part of an enrolment address: percent-encoded, without colons, at most [`LABEL_BYTES_MAX`] bytes.
fn label(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars().filter(|c| *c != ':' && !c.is_control()) {
        if out.len() + ENCODED_CHAR_BYTES_MAX > LABEL_BYTES_MAX {
            break;
        }
        if c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~' | '@') {
            out.push(c);
        } else {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                out.push('%');
                out.push(char::from(b"0123456789ABCDEF"[usize::from(byte >> 4)]));
                out.push(char::from(b"0123456789ABCDEF"[usize::from(byte & 15)]));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests;
