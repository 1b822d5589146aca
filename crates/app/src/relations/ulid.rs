//! Ids as OpenFGA writes them: the same 128 bits as a UUID, in Crockford's base 32.

use uuid::Uuid;

/// Signs of the text form.
const CHARS: usize = 26;
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The text of an id. Ids that were made later sort later.
pub fn text(id: Uuid) -> String {
    let mut bits = id.as_u128();
    let mut signs = [b'0'; CHARS];
    for sign in signs.iter_mut().rev() {
        let low = usize::try_from(bits & 31).unwrap_or(0);
        *sign = ALPHABET.get(low).copied().unwrap_or(b'0');
        bits >>= 5;
    }
    signs.iter().copied().map(char::from).collect()
}

/// The id of a text; `None` when it is none.
pub fn parse(text: &str) -> Option<Uuid> {
    if text.len() != CHARS {
        return None;
    }
    let mut bits = 0_u128;
    for (at, sign) in text.bytes().enumerate() {
        let value = ALPHABET.iter().position(|known| *known == sign)?;
        // 26 signs hold 130 bits: two of the first sign's are none.
        if at == 0 && value > 7 {
            return None;
        }
        bits = (bits << 5) | u128::try_from(value).ok()?;
    }
    Some(Uuid::from_u128(bits))
}
