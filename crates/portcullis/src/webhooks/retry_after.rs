//! `Retry-After` (RFC 9110 §10.2.3): a number of seconds, or a date.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// How long it asks for, in seconds, from `now` (Unix seconds). A date that is past asks for nothing; what does not read
/// is not there.
pub(super) fn seconds(text: &str, now: i64) -> Option<u64> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(text.parse().unwrap_or(u64::MAX));
    }
    let at = OffsetDateTime::parse(text, &Rfc2822).ok()?.unix_timestamp();
    Some(u64::try_from(at.saturating_sub(now)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_read() {
        assert_eq!(seconds("120", 0), Some(120));
        assert_eq!(seconds(" 0 ", 0), Some(0));
        assert_eq!(seconds("99999999999999999999999", 0), Some(u64::MAX));
        // The example of RFC 9110 §5.6.7.
        assert_eq!(seconds("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777 - 60), Some(60));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777 + 60), Some(0));
        for nothing in ["", "-1", "1.5", "soon", "1994-11-06T08:49:37Z"] {
            assert_eq!(seconds(nothing, 0), None, "{nothing}");
        }
    }
}
