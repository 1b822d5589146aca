//! People: coming in, staying in, being thrown out.

mod doors;
mod factors;
mod rest;
mod tokens;
