//! Where a new passkey is kept, as its authenticator says: for the name in a list, and for nothing that must be true.
//! Without attestation, which this server does not ask for, any authenticator can say anything.

/// Deepest nesting that is walked over in an attestation.
const DEPTH_MAX: usize = 8;
/// Where the flags stand in authenticator data (Web Authentication §6.1): behind the hash of the domain.
const FLAGS_AT: usize = 32;
/// Where the authenticator's model stands: behind flags and counter.
const MODEL_AT: usize = 37;
/// The passkey can be copied to other devices of its person.
const BACKUP_ELIGIBLE: u8 = 0x08;

/// Models by their AAGUID, as their makers publish them and the community lists them.
const KNOWN: &[(u128, &str)] = &[
    (0xfbfc_3007_154e_4ecc_8c0b_6e02_0557_d7bd, "Apple Passwords"),
    (0xdd4e_c289_e01d_41c9_bb89_70fa_845d_4bf2, "Apple Passwords (managed)"),
    (0xea9b_8d66_4d01_1d21_3ce4_b6b4_8cb5_75d4, "Google Password Manager"),
    (0xadce_0002_35bc_c60a_648b_0b25_f1f0_5503, "Chrome on Mac"),
    (0x771b_48fd_d3d4_4f74_9232_fc15_7ab0_507a, "Edge on Mac"),
    (0xb539_7666_4885_aa6b_cebf_e522_62a4_39a2, "Chromium"),
    (0x0898_7058_cadc_4b81_b6e1_30de_50dc_be96, "Windows Hello"),
    (0x9ddd_1817_af5a_4672_a2b9_3e3d_d950_00a9, "Windows Hello"),
    (0x6028_b017_b1d4_4c02_b4b3_afcd_afc9_6bb2, "Windows Hello"),
    (0x5341_4d53_554e_4700_0000_0000_0000_0000, "Samsung Pass"),
    (0xbada_5566_a7aa_401f_bd96_4561_9a55_120d, "1Password"),
    (0xd548_826e_79b4_db40_a3d8_1111_6f7e_8349, "Bitwarden"),
    (0x5311_26d6_e717_415c_9320_3d9a_a698_1239, "Dashlane"),
    (0xb84e_4048_15dc_4dd0_8640_f4f6_0813_c8af, "NordPass"),
    (0x0ea2_42b4_43c4_4a1b_8b17_dd6d_0b6b_aec6, "Keeper"),
    (0xf380_9540_7f14_49c1_a8b3_8f81_3b22_5541, "Enpass"),
    (0xfdb1_41b2_5d84_443e_8a35_4698_c205_a502, "KeePassXC"),
    (0x5072_6f74_6f6e_5061_7373_5072_6f74_6f6e, "Proton Pass"),
];

/// What an attestation object says about the new passkey.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Said {
    /// The name of the model, when it is a known one.
    pub(super) provider: Option<&'static str>,
    /// Whether the passkey is one that is synchronised between devices.
    pub(super) synchronised: bool,
}

/// Reads it from a CBOR attestation object (Web Authentication §6.5.4); nothing when it is of another form.
pub(super) fn said(attestation: &[u8]) -> Said {
    let Some(data) = authenticator_data(attestation) else { return Said::default() };
    let model =
        data.get(MODEL_AT..MODEL_AT + 16).and_then(|bytes| bytes.try_into().ok()).map(u128::from_be_bytes);
    let provider = KNOWN.iter().find(|(known, _)| Some(*known) == model).map(|(_, name)| *name);
    let synchronised = data.get(FLAGS_AT).is_some_and(|flags| flags & BACKUP_ELIGIBLE != 0);
    Said { provider, synchronised }
}

/// The value of `authData` in the map that an attestation object is.
fn authenticator_data(attestation: &[u8]) -> Option<&[u8]> {
    let (major, members, mut rest) = head(attestation)?;
    if major != 5 {
        return None;
    }
    for _ in 0..members {
        let (major, len, after) = head(rest)?;
        let (name, value) = after.split_at_checked(usize::try_from(len).ok()?)?;
        if major == 3 && name == b"authData" {
            let (major, len, content) = head(value)?;
            return content.get(..usize::try_from(len).ok()?).filter(|_| major == 2);
        }
        rest = skip(value, DEPTH_MAX)?;
    }
    None
}

/// The head of a CBOR item (RFC 8949 §3): its major type, its argument, and what follows.
fn head(bytes: &[u8]) -> Option<(u8, u64, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    let (major, info) = (first >> 5, first & 31);
    let len = match info {
        0..=23 => return Some((major, u64::from(info), rest)),
        24..=27 => 1_usize << (info - 24),
        // Indefinite lengths do not occur: CTAP2 is canonical.
        _ => return None,
    };
    let (argument, rest) = rest.split_at_checked(len)?;
    Some((major, argument.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)), rest))
}

/// What follows a CBOR item.
fn skip(bytes: &[u8], depth: usize) -> Option<&[u8]> {
    let (major, argument, rest) = head(bytes)?;
    let items = match major {
        0 | 1 | 7 => return Some(rest),
        2 | 3 => return rest.get(usize::try_from(argument).ok()?..),
        4 => argument,
        5 => argument.checked_mul(2)?,
        _ => 1,
    };
    let depth = depth.checked_sub(1)?;
    // Every item takes a byte, so this ends with the input whatever the count says.
    (0..items).try_fold(rest, |rest, _| skip(rest, depth))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn object(model: u128, flags: u8) -> Vec<u8> {
        let data = [&[7; 32][..], &[flags, 0, 0, 0, 1], &model.to_be_bytes(), &[0, 0]].concat();
        // {"fmt": "x", "attStmt": {"a": [1, h'00', null]}, "authData": h'…'}
        let head = b"\xa3\x63fmt\x61x\x67attStmt\xa1\x61a\x83\x01\x41\x00\xf6\x68authData\x58\x37";
        assert_eq!(data.len(), 0x37);
        [&head[..], &data].concat()
    }

    #[test]
    fn a_known_model_has_a_name() {
        let google = object(0xea9b_8d66_4d01_1d21_3ce4_b6b4_8cb5_75d4, 0x5d);
        assert_eq!(said(&google), Said { provider: Some("Google Password Manager"), synchronised: true });
        assert_eq!(said(&object(0, 0x45)), Said { provider: None, synchronised: false });
        for len in 0..google.len() - 18 {
            assert_eq!(said(&google[..len]), Said::default(), "{len}");
        }
    }

    #[test]
    fn what_never_ends_is_not_walked() {
        assert_eq!(
            said(&[0xa1, 0x61, b'x'].iter().copied().chain([0x81; 1_000]).collect::<Vec<_>>()),
            Said::default()
        );
        assert_eq!(
            said(b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff\x61x\x9b\xff\xff\xff\xff\xff\xff\xff\xff"),
            Said::default()
        );
        let names: std::collections::BTreeSet<u128> = KNOWN.iter().map(|(model, _)| *model).collect();
        assert_eq!(names.len(), KNOWN.len());
    }

    proptest! {
        #[test]
        fn reading_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = said(&bytes);
            let _ = said(&[b"\xa2\x67attStmt", bytes.as_slice()].concat());
        }
    }
}
