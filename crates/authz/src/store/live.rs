//! The present snapshot.

use std::sync::Arc;

use arc_swap::ArcSwap;

/// Holds the present one of something that is replaced as a whole, such as a [`super::Snapshot`] or a [`crate::Engine`].
/// Readers never wait, and keep what they have loaded for as long as they need it.
#[derive(Debug)]
pub struct Live<T>(ArcSwap<T>);

impl<T> Live<T> {
    /// Begins with this.
    pub fn new(first: T) -> Self {
        Self(ArcSwap::from_pointee(first))
    }

    /// The present one.
    pub fn load(&self) -> Arc<T> {
        self.0.load_full()
    }

    /// Replaces the present one if it is still `seen`; whether it was. Of two writers one must look again.
    pub fn replace(&self, seen: &Arc<T>, next: T) -> bool {
        let before = self.0.compare_and_swap(seen, Arc::new(next));
        Arc::ptr_eq(&before, seen)
    }
}
