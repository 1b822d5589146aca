//! Check digits, each as its owner published it. Digits are values 0 to 9.

/// The Luhn sum of ISO/IEC 7812-1 annex B: payment cards, Canadian SIN, Swedish personnummer.
pub(crate) fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(i, d)| {
            let d = u32::from(*d);
            if i % 2 == 0 { d } else { d * 2 / 10 + d * 2 % 10 }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Verhoeff's dihedral check: Indian Aadhaar.
pub(crate) fn verhoeff(digits: &[u8]) -> bool {
    const PERMUTATION: [u8; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let mut check = 0;
    for (i, digit) in digits.iter().rev().enumerate() {
        let mut d = *digit;
        for _ in 0..i % 8 {
            d = PERMUTATION[d as usize];
        }
        check = dihedral(check, d);
    }
    check == 0
}

/// The product in the dihedral group of order ten.
fn dihedral(a: u8, b: u8) -> u8 {
    match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => (a + b - 5) % 5 + 5,
        (false, true) => (a - 5 + 5 - b) % 5 + 5,
        (false, false) => (a + 5 - b) % 5,
    }
}

/// ISO 7064 MOD 97-10 over letters (A = 10) and digits, as in IBAN.
pub(crate) fn mod97(symbols: impl Iterator<Item = u8>) -> u32 {
    symbols.fold(0, |rest, symbol| match symbol {
        b'0'..=b'9' => (rest * 10 + u32::from(symbol - b'0')) % 97,
        _ => (rest * 100 + u32::from(symbol.to_ascii_uppercase().saturating_sub(b'A')) + 10) % 97,
    })
}

/// ISO 7064 MOD 11,10: the German tax identifier.
pub(crate) fn mod11_10(digits: &[u8]) -> bool {
    let Some((check, body)) = digits.split_last() else { return false };
    let mut product = 10;
    for d in body {
        let mut sum = (u32::from(*d) + product) % 10;
        if sum == 0 {
            sum = 10;
        }
        product = sum * 2 % 11;
    }
    (11 - product) % 10 == u32::from(*check)
}

/// The sum of digits times weights.
pub(crate) fn weighted(digits: &[u8], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(d, w)| u32::from(*d) * w).sum()
}

/// The number the digits write.
pub(crate) fn value(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |n, d| n * 10 + u64::from(*d))
}
