//! Events as syslog messages (RFC 5424), framed by their length as TLS carries them (RFC 5425, RFC 6587 §3.4.1).

use kernel::Severity;

use super::{Event, Writer};
use crate::entry::EntryError;

/// The facility "log audit" (RFC 5424 §6.2.1).
const FACILITY: u8 = 13;
/// Longest MSGID (RFC 5424 §6).
const MSGID_BYTES_MAX: usize = 32;
/// Longest HOSTNAME (RFC 5424 §6).
const HOSTNAME_BYTES_MAX: usize = 255;

/// The event's line as the message of a frame. What is no HOSTNAME is sent as none.
///
/// # Errors
/// See [`Writer::line`].
pub fn frame(writer: &Writer, event: &Event<'_>, hostname: &str) -> Result<Vec<u8>, EntryError> {
    let severity = match event.severity() {
        None | Some(Severity::Informational) => 6,
        Some(Severity::Low) => 5,
        Some(Severity::Medium) => 4,
        Some(Severity::High) => 3,
        Some(Severity::Critical) => 2,
    };
    let printable = |byte: u8| byte.is_ascii_graphic();
    let fit = !hostname.is_empty() && hostname.len() <= HOSTNAME_BYTES_MAX && hostname.bytes().all(printable);
    let hostname = if fit { hostname } else { "-" };
    let kind = event.entry.kind;
    let kind = &kind[..kind.len().min(MSGID_BYTES_MAX)];
    let line = writer.line(event)?;
    let message =
        format!("<{}>1 {} {hostname} portcullis - {kind} - {line}", FACILITY * 8 + severity, event.entry.at);
    Ok([message.len().to_string().as_bytes(), b" ", message.as_bytes()].concat())
}
