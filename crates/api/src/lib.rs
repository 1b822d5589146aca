//! The control plane, `/api/v1`, its OpenAPI description, and the HTTP manners every face shares.
//!
//! Architecture invariants: a face translates and never decides. Nothing here opens a transaction, seals an entry or
//! knows SQL; what the house does is said in `app`.

pub mod http;
