//! Letters on their way out: the SMTP carrier, and what the operator sees of the outbox.

mod command;
mod compose;
mod smtp;

pub use command::{MailArgs, MailCommand, ShowArgs};
pub use smtp::{CONNECT_SECONDS_MAX, STEP_SECONDS_MAX, Smtp, Spoken};

pub(crate) use command::run;
