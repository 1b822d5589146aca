//! The letters from outside, as a carrier gets them.

#[cfg(test)]
mod letters;
