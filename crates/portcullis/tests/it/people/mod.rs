//! People: coming in, staying in, being thrown out.

mod doors;
mod factors;
mod oauth;
mod rest;
mod tokens;
