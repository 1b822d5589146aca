//! People: coming in, staying in, being thrown out.

mod doors;
mod factors;
mod lately;
mod oauth;
mod operator;
mod replicas;
mod rest;
mod tokens;
