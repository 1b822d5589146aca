//! Outbound webhooks, sent to a real receiver and verified with libraries that know nothing of this server.

mod courier;
mod deliver;
mod libraries;
mod receiver;
mod replicas;
mod stage;
