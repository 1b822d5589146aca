//! What the house does, said once: the actions of every room. Faces translate, this crate decides, the store remembers.

pub mod models;
pub mod providers;
