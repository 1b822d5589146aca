//! People: coming in, staying in, being thrown out.

mod addresses;
mod doors;
mod factors;
mod guesses;
mod lately;
mod oauth;
mod operator;
mod replicas;
mod rest;
mod schemes;
mod tokens;
