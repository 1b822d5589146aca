//! Where events are forwarded to: syslog over TLS, a file.

mod file;
mod syslog;

pub(crate) use file::FileCollector;
pub(crate) use syslog::SyslogCollector;
