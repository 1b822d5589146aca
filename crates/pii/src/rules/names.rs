//! Names that announce a secret: `DB_PASSWORD`, `clientSecret`, `x-api-key`.

use crate::ascii::{LOWER, UPPER, is};

/// What a name promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    /// A person chose it: short, perhaps a word with a number.
    Password,
    /// A machine made it: long and random.
    Secret,
    /// What follows is a token, RFC 6750.
    Bearer,
    /// What follows is a name and a password in base64, RFC 7617.
    Basic,
}

const PASSWORDS: &[&[u8]] = &[
    b"password",
    b"passwd",
    b"pwd",
    b"pass",
    b"passphrase",
    b"passcode",
    b"pw",
    b"passwort",
    b"contrasena",
    b"senha",
    b"haslo",
    b"wachtwoord",
    b"kennwort",
    b"mdp",
    b"keypass",
    b"keypasswd",
    b"userpwd",
    b"dbpassword",
    b"dbpass",
    b"userpassword",
    b"rootpassword",
    b"proxypassword",
    b"pswd",
    b"psw",
];
const SECRETS: &[&[u8]] = &[
    b"secret",
    b"token",
    b"apikey",
    b"credential",
    b"credentials",
    b"secretkey",
    b"accesskey",
    b"authkey",
    b"auth",
];
const KEYS: &[&[u8]] = &[b"key"];
/// Words that make a secret of the `key` behind them.
const SECRET_KEYS: &[&[u8]] = &[
    b"api",
    b"access",
    b"secret",
    b"private",
    b"auth",
    b"encryption",
    b"signing",
    b"master",
    b"client",
    b"shared",
    b"account",
    b"service",
    b"storage",
    b"license",
    b"activation",
    b"app",
    b"aes",
    b"hmac",
    b"jwt",
    b"session",
    b"deploy",
    b"webhook",
    b"subscription",
];
/// Words that make the `token` or `key` behind them nobody's secret.
const NO_SECRETS: &[&[u8]] =
    &[b"csrf", b"xsrf", b"public", b"page", b"next", b"cursor", b"pagination", b"max", b"reset", b"no"];
/// Words behind a name that leave it what it is: `token_value`, `password_confirmation`.
const TRAILERS: &[&[u8]] = &[b"value", b"confirmation", b"confirm", b"plaintext"];
const BEARER: &[&[u8]] = &[b"bearer"];
const BASIC: &[&[u8]] = &[b"basic"];

/// What a name promises. Names are cut at `_`, `-`, `.` and where a capital follows a small letter.
pub(crate) fn name(run: &[u8]) -> Option<Name> {
    let mut words = Words::of(run);
    let mut last = words.pop()?;
    if is_one(last, TRAILERS) {
        last = words.pop()?;
    }
    let before = words.pop();
    if before.is_some_and(|w| is_one(w, NO_SECRETS)) {
        None
    } else if is_one(last, PASSWORDS) {
        Some(Name::Password)
    } else if is_one(last, BEARER) {
        Some(Name::Bearer)
    } else if is_one(last, BASIC) {
        Some(Name::Basic)
    } else {
        let keyed = is_one(last, KEYS) && before.is_some_and(|w| is_one(w, SECRET_KEYS));
        (keyed || is_one(last, SECRETS)).then_some(Name::Secret)
    }
}

/// Whether the word, in any case, is one of these.
pub(crate) fn is_one(word: &[u8], words: &[&[u8]]) -> bool {
    words.iter().any(|w| word.eq_ignore_ascii_case(w))
}

/// The words of a name, last first.
struct Words<'a> {
    rest: &'a [u8],
}

impl<'a> Words<'a> {
    fn of(run: &'a [u8]) -> Self {
        // `password1` is a password too.
        let end = run.iter().rposition(u8::is_ascii_alphabetic).map_or(0, |i| i + 1);
        Self { rest: &run[..end] }
    }

    fn pop(&mut self) -> Option<&'a [u8]> {
        let end = self.rest.iter().rposition(u8::is_ascii_alphabetic)? + 1;
        let mut start = end - 1;
        while start > 0 && self.rest[start - 1].is_ascii_alphabetic() {
            // `clientSecret`
            if self.rest[start].is_ascii_uppercase() && self.rest[start - 1].is_ascii_lowercase() {
                break;
            }
            // `ANYPassword`: the capital before small letters starts the word.
            let small = self.rest[start..end].get(1).is_some_and(u8::is_ascii_lowercase);
            if small && self.rest[start].is_ascii_uppercase() {
                break;
            }
            start -= 1;
        }
        let word = &self.rest[start..end];
        self.rest = &self.rest[..start];
        Some(word)
    }
}

/// The last three letters of all names, as a set of bits: a look at them is enough for almost every word of prose.
#[derive(Clone, Debug)]
pub(crate) struct Endings(Vec<u64>);

impl Endings {
    /// Five bits for each of three letters.
    const BITS: usize = 1 << 15;

    pub(crate) fn new() -> Self {
        let mut bits = vec![0; Self::BITS / 64];
        for word in [PASSWORDS, SECRETS, KEYS, BEARER, BASIC, TRAILERS].into_iter().flatten() {
            if let [.., a, b, c] = word {
                let i = Self::index(*a, *b, *c);
                bits[i / 64] |= 1 << (i % 64);
            }
        }
        Self(bits)
    }

    fn index(a: u8, b: u8, c: u8) -> usize {
        usize::from(a & 31) << 10 | usize::from(b & 31) << 5 | usize::from(c & 31)
    }

    /// Whether the letters may end a name. No false `false`.
    #[inline]
    pub(crate) fn may_end(&self, letters: &[u8]) -> bool {
        match letters {
            [.., a, b, c] => {
                let i = Self::index(*a, *b, *c);
                self.0[i / 64] >> (i % 64) & 1 == 1
            }
            // `pw`
            [a, b] => is(*a, UPPER | LOWER) && is(*b, UPPER | LOWER),
            _ => false,
        }
    }
}
