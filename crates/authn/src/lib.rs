//! What the house knows of credentials: bytes in, values out. Whoever calls brings the moment ([`kernel::Timestamp`])
//! and chance ([`kernel::Rng`]), keeps what is to be kept, and limits how often somebody may try.
//!
//! | module | what |
//! |---|---|
//! | [`password`] | reading, judging, hashing and checking passwords |
//! | [`totp`] | time-based one-time codes and their enrolment |
//! | [`recovery`] | one-time codes for the day the second factor is lost |
//! | [`fernet`] | Fernet tokens and key rotation, for secrets at rest |
//! | [`refresh`] | families of refresh tokens, as a state machine |
//! | [`webauthn`] | passkeys |
//! | [`jwt`] | signed tokens: one strict verifier, keys, key sets, this server's access tokens |
//! | [`secrets`] | opaque tokens for links, cookies and invitations |
//!
//! Invariants:
//!
//! * Secrets are wiped when dropped and have no `Debug`. No error, and no message of one, holds a part of a secret.
//! * What is stored of a secret is a hash, or the secret itself under encryption; never the secret.
//! * What somebody else wrote is read strictly: one value has one spelling, everything has a bound, and every bound
//!   is a named constant.
//! * Secrets are compared in constant time.

mod bytes;
pub mod fernet;
pub mod jwt;
pub mod password;
pub mod recovery;
pub mod refresh;
pub mod secrets;
pub mod totp;
pub mod webauthn;
