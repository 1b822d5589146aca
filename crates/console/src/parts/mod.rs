//! The pieces pages are built from. Each is a small template of its own that renders where it is named, so that a
//! time, an id or a form field looks and behaves the same on every page.

mod form;
mod mark;
mod text;
mod time;

pub(crate) use form::password_hint;
pub use form::{Choice, Control, Form, Summary};
pub use mark::{Badge, Icon, Qr, Tone};
pub use text::{Id, Pager, Secret, initials};
pub use time::When;
