//! The Portcullis server as a library: what the `portcullis` binary is made of.

pub mod cli;
mod database;
mod desk;
pub mod dev;
mod doctor;
pub mod embedded;
pub mod events;
pub mod export;
mod faces;
mod heads;
mod home;
mod listen;
pub mod mail;
pub mod operator;
pub mod packs;
mod root;
pub mod run;
mod say;
mod serve;
mod server;
pub mod settings;
mod signals;
mod telemetry;
pub mod up;
pub mod verify;
mod web;
pub mod witness;
