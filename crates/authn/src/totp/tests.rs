use proptest::prelude::*;

use super::*;
use crate::bytes::testing::{Chance, Counting};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_micros(seconds * 1_000_000)
}

fn rfc_secret() -> Secret {
    Secret::from_slice(b"12345678901234567890").unwrap()
}

fn code(secret: &Secret, step: u64) -> String {
    String::from_utf8(decimal(secret.value(step)).to_vec()).unwrap()
}

/// All eighteen values of RFC 6238 appendix B, as an independent implementation computes them.
#[test]
fn agrees_with_rfc_6238() {
    let algorithms = [hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, hmac::HMAC_SHA256, hmac::HMAC_SHA512];
    let key: Vec<u8> = b"1234567890".iter().copied().cycle().take(64).collect();
    let mut checked = 0;
    for line in include_str!("../../testdata/rfc6238/totp.tsv").lines().filter(|line| !line.starts_with('#'))
    {
        let mut fields = line.split('\t');
        let seconds: i64 = fields.next().unwrap().parse().unwrap();
        for ((algorithm, bytes), wanted) in algorithms.iter().zip([20, 32, 64]).zip(fields) {
            let value = truncated(*algorithm, &key[..bytes], step_at(at(seconds)));
            assert_eq!(format!("{:08}", value % 100_000_000), wanted, "{seconds}");
            checked += 1;
        }
    }
    assert_eq!(checked, 18);
}

/// The ten values of RFC 4226 appendix D, which have six digits.
#[test]
fn agrees_with_rfc_4226() {
    let mut counts = 0;
    let text = include_str!("../../testdata/rfc6238/rfc-4226.txt");
    let field = |line: &str, name: &str| line.strip_prefix(name).map(|rest| rest.trim().to_owned());
    let mut counter = None;
    for line in text.lines() {
        counter = field(line, "COUNTER =").or(counter);
        if let Some(wanted) = field(line, "HOTP =") {
            let step = counter.clone().unwrap().parse().unwrap();
            assert_eq!(code(&rfc_secret(), step), wanted);
            counts += 1;
        }
    }
    assert_eq!(counts, 10);
}

#[test]
fn a_clock_may_be_one_step_off_and_no_more() {
    let secret = rfc_secret();
    let now = at(59); // step 1
    for (step, wanted) in [(0, Ok(0)), (1, Ok(1)), (2, Ok(2)), (3, Err(TotpError::Wrong))] {
        assert_eq!(secret.check(&code(&secret, step), now, None), wanted, "{step}");
    }
    assert_eq!(secret.check(&code(&secret, 0), at(-5), None), Ok(0), "before 1970 is step zero");
}

#[test]
fn a_code_works_once_and_nothing_older_afterwards() {
    let secret = rfc_secret();
    let now = at(59);
    let step = secret.check(&code(&secret, 1), now, None).unwrap();
    assert_eq!(secret.check(&code(&secret, 1), now, Some(step)), Err(TotpError::Replayed));
    assert_eq!(secret.check(&code(&secret, 0), now, Some(step)), Err(TotpError::Replayed));
    assert_eq!(secret.check(&code(&secret, 2), now, Some(step)), Ok(2));
    assert_eq!(secret.check("000000", now, Some(step)), Err(TotpError::Wrong));
}

#[test]
fn what_people_type_is_read() {
    let secret = rfc_secret();
    let right = code(&secret, 1);
    let spaced = format!(" {} {} ", &right[..3], &right[3..]);
    assert_eq!(secret.check(&spaced, at(59), None), Ok(1));
    for bad in ["", "12345", "1234567", "12345a", "１２３４５６", "-12345", &" ".repeat(20), "12345\n6"]
    {
        assert_eq!(secret.check(bad, at(59), None), Err(TotpError::Malformed), "{bad:?}");
    }
}

#[test]
fn an_app_can_enrol_from_the_address() {
    let secret = rfc_secret();
    // RFC 4648 in another implementation: base64.b32encode(b"12345678901234567890").
    assert_eq!(*secret.base32(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    assert_eq!(
        *secret.uri("Example: Works", "robin@example.org"),
        "otpauth://totp/Example%20Works:robin@example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
         &issuer=Example%20Works&algorithm=SHA1&digits=6&period=30"
    );
    assert!(secret.uri("ä&?#%", "x\ny").starts_with("otpauth://totp/%C3%A4%26%3F%23%25:xy?"));
    assert_eq!(Secret::generate(&Counting::from(7)).expose()[..3], [7, 8, 9]);
    assert!(Secret::from_slice(&[0; 19]).is_none());
}

/// The picture, read back module by module, is the QR code of the address.
#[test]
fn the_picture_is_the_code_and_carries_no_style() {
    let secret = Secret::generate(&Chance);
    let svg = secret.qr_svg("Example", "robin@example.org");
    assert!(!svg.contains("style") && !svg.contains("script") && !svg.contains("otpauth"));
    let code = qrcode::QrCode::with_error_correction_level(
        secret.uri("Example", "robin@example.org").as_bytes(),
        qrcode::EcLevel::M,
    )
    .unwrap();
    let width = code.width();
    let mut drawn = vec![false; width * width];
    let path = svg.split("d=\"").nth(1).unwrap().split('"').next().unwrap();
    for run in path.split('M').skip(1) {
        let (place, rest) = run.split_once('h').unwrap();
        let (x, y) = place.split_once(' ').unwrap();
        let (x, y): (usize, usize) = (x.parse().unwrap(), y.parse().unwrap());
        let len: usize = rest.split('v').next().unwrap().parse().unwrap();
        for at in x..x + len {
            drawn[(y - 4) * width + at - 4] = true;
        }
    }
    let wanted: Vec<bool> = code.to_colors().iter().map(|color| *color == qrcode::Color::Dark).collect();
    assert_eq!(drawn, wanted);
    // The longest names, every character of which takes twelve bytes in the address, still fit.
    assert!(!secret.qr_svg(&"🏰".repeat(300), &"🏰".repeat(300)).is_empty());
}

proptest! {
    #[test]
    fn checking_never_panics(text in "\\PC{0,20}", seconds in any::<i32>(), last in any::<Option<u64>>()) {
        let _ = rfc_secret().check(&text, at(i64::from(seconds)), last);
        let _ = rfc_secret().uri(&text, &text);
    }
}
