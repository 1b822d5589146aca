//! The pages, one struct each: plain owned values in, HTML out. The structs know nothing of where their values come
//! from and decide nothing: a button that must not be there is a field that says so.

mod agents;
mod audit;
mod break_glass;
mod evidence;
mod heads;
mod home;
mod members;
mod onboarding;
mod packs;
mod privacy;
mod problem;
mod relations;
mod retention;
mod security;
mod settings;
mod sign_in;
mod sign_up;
mod webhooks;

pub use agents::*;
pub use audit::*;
pub use break_glass::*;
pub use evidence::*;
pub use heads::*;
pub use home::*;
pub use members::*;
pub use onboarding::*;
pub use packs::*;
pub use privacy::*;
pub use problem::*;
pub use relations::*;
pub use retention::*;
pub use security::*;
pub use settings::*;
pub use sign_in::*;
pub use sign_up::*;
pub use webhooks::*;
