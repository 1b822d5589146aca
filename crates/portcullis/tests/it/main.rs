//! The house as a whole, on the real database: one binary, one PostgreSQL, and every test a tenant of its own.
//!
//! `house` is the harness. Each other module is one promise and the attempts to break it.

#![expect(clippy::disallowed_methods, reason = "tests start programs with the machine's own PATH and HOME")]

#[cfg(test)]
mod attacks;
#[cfg(test)]
mod broken_off;
#[cfg(test)]
mod change_of_key;
#[cfg(test)]
mod console;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod drill;
#[cfg(test)]
mod events;
#[cfg(test)]
mod evidence;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod guard;
#[cfg(test)]
mod heads;
#[cfg(test)]
mod house;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod law;
#[cfg(test)]
mod lists;
#[cfg(test)]
mod mail;
#[cfg(test)]
mod main_job;
#[cfg(test)]
mod manners;
#[cfg(test)]
mod modes;
#[cfg(test)]
mod organization;
#[cfg(test)]
mod outsiders;
#[cfg(test)]
mod people;
#[cfg(test)]
mod personal;
#[cfg(test)]
mod policy_packs;
#[cfg(test)]
mod pool;
#[cfg(test)]
mod privacy;
#[cfg(test)]
mod processes;
#[cfg(test)]
mod receipts;
#[cfg(test)]
mod relations;
#[cfg(test)]
mod replicas;
#[cfg(test)]
mod retention;
#[cfg(test)]
mod sdks;
#[cfg(test)]
mod search;
#[cfg(test)]
mod served;
#[cfg(test)]
mod shutdown;
#[cfg(test)]
mod siem;
#[cfg(test)]
mod tampering;
#[cfg(test)]
mod telemetry;
#[cfg(test)]
mod timestamps;
#[cfg(test)]
mod unprivileged;
#[cfg(test)]
mod upstreams;
#[cfg(test)]
mod webhooks;
#[cfg(test)]
mod witnesses;
