//! As much DER as an RSA public key needs (RFC 8017 §A.1.1).

/// The modulus and the exponent of an `RSAPublicKey`, without leading zeros.
pub(super) fn rsa_public_key(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (body, rest) = element(der, 0x30)?;
    let (n, tail) = element(body, 0x02)?;
    let (e, end) = element(tail, 0x02)?;
    (rest.is_empty() && end.is_empty()).then_some((positive(n)?, positive(e)?))
}

/// The content of the element of this tag that `der` begins with, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (head, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    if *head != tag {
        return None;
    }
    let (len, rest) = if *first < 0x80 {
        (usize::from(*first), rest)
    } else {
        let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        // Two bytes are 65,535: more than any key.
        let len = (1..=2).contains(&bytes.len());
        (len.then(|| bytes.iter().fold(0, |len, byte| len << 8 | usize::from(*byte)))?, rest)
    };
    rest.split_at_checked(len)
}

/// A positive INTEGER without the zero that keeps it positive.
fn positive(bytes: &[u8]) -> Option<&[u8]> {
    let bytes = bytes.strip_prefix(&[0]).unwrap_or(bytes);
    (!bytes.is_empty()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_key_and_nothing_around_it() {
        let key = [0x30, 9, 2, 2, 0, 0xc1, 2, 3, 1, 0, 1];
        assert_eq!(rsa_public_key(&key), Some(([0xc1].as_slice(), [1, 0, 1].as_slice())));
        for len in 0..key.len() {
            assert_eq!(rsa_public_key(&key[..len]), None, "{len}");
        }
        assert_eq!(rsa_public_key(&[&key[..], &[0]].concat()), None);
        assert_eq!(rsa_public_key(&[0x30, 0x83, 0, 0, 1, 0]), None);
        assert_eq!(rsa_public_key(&[0x30, 0x80]), None);
    }
}
