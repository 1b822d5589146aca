/// A source of unpredictable bytes, passed as an argument so that tests choose what chance says.
///
/// The production source is `crypto::SystemRng`, the operating system's generator.
pub trait Rng: Send + Sync {
    /// Fills `out` with fresh random bytes.
    fn fill(&self, out: &mut [u8]);

    /// Sixteen fresh random bytes.
    fn bytes16(&self) -> [u8; 16] {
        let mut out = [0; 16];
        self.fill(&mut out);
        out
    }

    /// Thirty-two fresh random bytes.
    fn bytes32(&self) -> [u8; 32] {
        let mut out = [0; 32];
        self.fill(&mut out);
        out
    }
}
