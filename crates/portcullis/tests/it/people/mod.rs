//! People: coming in, staying in, being thrown out.

mod addresses;
mod doors;
pub(crate) mod factors;
mod guesses;
mod lately;
mod oauth;
mod operator;
mod replicas;
pub(crate) mod rest;
mod schemes;
mod tokens;
