//! The web console: pages for people, rendered on the server.
mod rooms;

pub mod assets;
mod face;
pub mod layout;
pub mod pages;
pub mod parts;

pub use face::{State, router};

#[cfg(test)]
mod html;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
