//! The fingerprint of the flawed RSA generator of CVE-2017-15361: its primes are `k·M + (65537^a mod M)` with M the
//! product of the first primes, so its moduli are powers of 65537 modulo each of them. A random modulus is that for
//! all of these with a probability below 2⁻²⁷. (Nemec et al., "The Return of Coppersmith's Attack", CCS 2017, §4.)

/// The odd primes below 168, which divide M for every key length.
const PRIMES: [u16; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103,
    107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/// Whether the modulus has the fingerprint.
pub(super) fn looks_like(modulus: &[u8]) -> bool {
    PRIMES.iter().all(|prime| is_power(remainder(modulus, *prime), *prime))
}

fn remainder(number: &[u8], prime: u16) -> u16 {
    let prime = u32::from(prime);
    let rest = number.iter().fold(0_u32, |rest, byte| (rest << 8 | u32::from(*byte)) % prime);
    u16::try_from(rest).unwrap_or(0)
}

/// Whether `rest` is a power of 65537 modulo `prime`.
fn is_power(rest: u16, prime: u16) -> bool {
    let (rest, prime) = (u32::from(rest), u32::from(prime));
    let base = 65_537 % prime;
    let mut power = 1;
    for _ in 0..prime {
        if power == rest {
            return true;
        }
        power = power * base % prime;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::testing::Chance;
    use kernel::Rng;

    #[test]
    fn random_numbers_do_not_have_it() {
        let mut number = [0; 256];
        for _ in 0..1_000 {
            Chance.fill(&mut number);
            assert!(!looks_like(&number));
        }
    }

    #[test]
    fn a_product_of_flawed_primes_has_it() {
        // Any number that is 1 modulo all of them is 65537 to the power of zero.
        assert!(looks_like(&[1]));
        assert!(looks_like(&65_537_u32.to_be_bytes()));
        assert!(!looks_like(&[2]));
    }
}
