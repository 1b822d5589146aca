//! What must be found.

use super::{found, texts};
use crate::Class;

fn assert_one(text: &str, class: Class, kind: &str, value: &str) {
    assert_eq!(found(text), [(class, kind, value)], "{text}");
}

#[test]
fn mail_addresses() {
    for value in [
        "reader@example.com",
        "first.last+tag@mail.example.co.uk",
        "o'reader@example.org",
        "josé@example.org",
        "reader@exämple.com",
        "reader@xn--exmple-cua.com",
        "READER@EXAMPLE.COM",
        "_reader_1@example.museum",
    ] {
        assert_one(value, Class::Email, "email", value);
        assert_one(&format!("Write to <{value}>."), Class::Email, "email", value);
        assert_one(&format!("{{\"to\":\"{value}\"}}"), Class::Email, "email", value);
        assert_one(&format!("mail {value}, please"), Class::Email, "email", value);
        assert_one(&format!("It was {value}."), Class::Email, "email", value);
    }
    assert_one("'reader@example.com'", Class::Email, "email", "reader@example.com");
    assert_one("line\\nreader@example.com\\n", Class::Email, "email", "reader@example.com");
}

#[test]
fn disguises_are_seen_through() {
    for value in [
        "reader%40example.com",
        "reader&#64;example.com",
        "reader&#x40;example.com",
        "reader&commat;example&period;com",
        "reader\\u0040example.com",
        "rea\u{200b}der@exam\u{200d}ple.com",
        "ｒｅａｄｅｒ＠ｅｘａｍｐｌｅ．ｃｏｍ",
        "reader﹫example｡com",
        "rea\u{1b}[1;31mder@exam\u{1b}[0mple.com",
        "r\u{435}\u{430}d\u{435}r@\u{435}xampl\u{435}.c\u{43e}m",
        "reade\u{301}r@example.com",
        "\u{1d42b}eader@\u{1d5be}xample.com",
        "\u{24e1}eader@example.com",
        "reader%2540example.com",
        "reader%252540example.com",
        "reader\\\\u0040example.com",
        "reader\\\\\\\\u0040example.com",
        "reader@\u{fb01}le.example.com",
    ] {
        assert_one(&format!("to {value} now"), Class::Email, "email", value);
    }
    // `a/c`: the finding begins within the character, and has all of it.
    assert_one("\u{2100}reader@example.com", Class::Email, "email", "\u{2100}reader@example.com");
    assert_one(
        "４１１１１１１１１１１１１１１１",
        Class::Payment,
        "visa",
        "４１１１１１１１１１１１１１１１",
    );
    assert_one("a ٤١١١١١١١١١١١١١١١ b", Class::Payment, "visa", "٤١١١١١١١١١١١١١١١");
    assert_one(
        "4111\u{a0}1111\u{a0}1111\u{a0}1111",
        Class::Payment,
        "visa",
        "4111\u{a0}1111\u{a0}1111\u{a0}1111",
    );
    assert_one("078\u{2011}05\u{2011}1120", Class::GovId, "us_ssn", "078\u{2011}05\u{2011}1120");
    assert_one("p\u{430}ssw\u{43e}rd: Summ3r!99", Class::Credential, "secret", "Summ3r!99");
    assert_one("to=%2B442079460018&x", Class::Phone, "phone_international", "%2B442079460018");
}

#[test]
fn telephone_numbers() {
    for (text, value) in [
        ("+1 202-555-0143", "+1 202-555-0143"),
        ("+442079460018", "+442079460018"),
        ("+49 30 901820", "+49 30 901820"),
        ("+46 (0)8 928 571 38", "+46 (0)8 928 571 38"),
        ("at 202-555-0143 today", "202-555-0143"),
        ("at (202) 555-0143.", "(202) 555-0143"),
        ("202.555.0143 x018", "202.555.0143 x018"),
        ("1-202-555-0143 ext. 632", "1-202-555-0143 ext. 632"),
        ("call 020 7946 0018!", "020 7946 0018"),
        ("\"phone\": \"0612345678\"", "0612345678"),
        ("06 12 34 56 78", "06 12 34 56 78"),
        ("<tel>2025550143</tel>", "2025550143"),
        ("202-555-0143 2 times", "202-555-0143"),
        ("guardian, 030 129703.", "030 129703"),
    ] {
        let all = found(text);
        assert!(all.len() == 1 && all[0].0 == Class::Phone && all[0].2 == value, "{text}: {all:?}");
    }
}

#[test]
fn government_numbers() {
    for (text, kind, value) in [
        ("078-05-1120", "us_ssn", "078-05-1120"),
        ("My social security number is 078051120", "us_ssn", "078051120"),
        ("912-70-1234", "us_itin", "912-70-1234"),
        ("Reference record: 957-12-0934", "us_ssn", "957-12-0934"),
        ("ssn 957 12 0934", "us_ssn", "957 12 0934"),
        ("AB123456C", "uk_nino", "AB123456C"),
        ("id AB 12 34 56 C.", "uk_nino", "AB 12 34 56 C"),
        ("SIN 130 692 544", "ca_sin", "130 692 544"),
        ("2341 2341 2346", "in_aadhaar", "2341 2341 2346"),
        ("ABCPE1234F", "in_pan", "ABCPE1234F"),
        ("Steuer-ID: 86095742719", "de_steuer_id", "86095742719"),
        ("86 095 742 719", "de_steuer_id", "86 095 742 719"),
        ("2 55 08 14 168 025 38", "fr_nir", "2 55 08 14 168 025 38"),
        ("255081416802538", "fr_nir", "255081416802538"),
        ("12345678Z", "es_dni", "12345678Z"),
        ("X1234567L", "es_nie", "X1234567L"),
        ("RSSMRA85T10A562S", "it_codice_fiscale", "RSSMRA85T10A562S"),
        ("111.444.777-35", "br_cpf", "111.444.777-35"),
        ("CPF 11144477735", "br_cpf", "11144477735"),
        ("pesel=44051401359", "pl_pesel", "44051401359"),
        ("BSN 111222333", "nl_bsn", "111222333"),
        ("811218-9876", "se_personnummer", "811218-9876"),
        ("19811218-9876", "se_personnummer", "19811218-9876"),
        ("Resident card: S1234567D", "sg_nric", "S1234567D"),
        ("NHS 943 476 5919", "uk_nhs", "943 476 5919"),
        ("131052-308T", "fi_hetu", "131052-308T"),
        ("85.07.30-033.28", "be_national", "85.07.30-033.28"),
        ("756.9217.0769.85", "ch_ahv", "756.9217.0769.85"),
        ("112-233-445 95", "ru_snils", "112-233-445 95"),
        ("kimlik no 10000000146", "tr_kimlik", "10000000146"),
        ("id=12.345.678-5", "cl_rut", "12.345.678-5"),
        ("800101 5009 087", "za_id", "800101 5009 087"),
        ("CURP HEGG560427MVZRRL04", "mx_curp", "HEGG560427MVZRRL04"),
        ("11010519491231002X", "cn_resident_id", "11010519491231002X"),
        ("PPSN: 1234567T", "ie_pps", "1234567T"),
        ("HKID A123456(3)", "hk_id", "A123456(3)"),
        ("Passport number L1234567, issued", "passport", "L1234567"),
        ("passport: 123456789", "passport", "123456789"),
        ("Driver's license: Z937-6462-5295 expires 2/18/2020", "drivers_licence", "Z937-6462-5295"),
    ] {
        assert_one(text, Class::GovId, kind, value);
    }
}

#[test]
fn cards_and_accounts() {
    for (value, kind) in [
        ("4111111111111111", "visa"),
        ("4111-1111-1111-1111", "visa"),
        ("5555 5555 5555 4444", "mastercard"),
        ("2223003122003222", "mastercard"),
        ("378282246310005", "amex"),
        ("3782 822463 10005", "amex"),
        ("6011111111111117", "discover"),
        ("3530111333300000", "jcb"),
        ("30569309025904", "diners"),
        ("GB82WEST12345698765432", "iban"),
        ("GB82 WEST 1234 5698 7654 32", "iban"),
        ("gb82west12345698765432", "iban"),
        ("FR1420041010050500013M02606", "iban"),
        ("NO93 8601 1117 947", "iban"),
    ] {
        assert_one(value, Class::Payment, kind, value);
        assert_one(&format!("pay {value} 12/27."), Class::Payment, kind, value);
        assert_one(&format!("card={value};"), Class::Payment, kind, value);
    }
}

#[test]
fn keys_that_show_what_they_are() {
    for (value, kind) in [
        (texts::github(), "github_token"),
        (texts::stripe(), "stripe_key"),
        (texts::slack(), "slack_token"),
        (texts::aws(), "aws_access_key_id"),
        // What documentation shows has the shape of a key, and is replaced like one.
        ("AKIAIOSFODNN7EXAMPLE".to_owned(), "aws_access_key_id"),
        (format!("gh{}_EXAMPLENOTAREALGITHUBTOKEN{}", "p", "0".repeat(10)), "github_token"),
        (format!("glpat{}{}", "-", &texts::RANDOM[..20]), "gitlab_token"),
        (format!("sk-{}-{}", "ant", texts::RANDOM), "anthropic_key"),
        (format!("sk-{}-{}", "proj", texts::RANDOM), "openai_key"),
        (format!("AI{}{}", "za", &texts::RANDOM[..35]), "google_api_key"),
        (format!("pcl_{}_{}", "live", &texts::RANDOM[..32]), "portcullis_key"),
        (format!("npm{}{}", "_", &texts::RANDOM[..36]), "npm_token"),
        (format!("pypi-Ag{}{}", "E", texts::RANDOM), "pypi_token"),
        (texts::jwt(0), "jwt"),
        (texts::jwt(900), "jwt"),
        (texts::pem(3), "private_key"),
        (texts::pem(3).replace('\n', "\\n"), "private_key"),
    ] {
        assert_one(&value, Class::Credential, kind, &value);
        assert_one(&format!("use {value} , then"), Class::Credential, kind, &value);
        assert_one(&format!("{{\"v\":\"{value}\"}}"), Class::Credential, kind, &value);
    }
}

#[test]
fn secrets_by_their_name() {
    for (text, value) in [
        ("password: Summ3r!99", "Summ3r!99"),
        ("DB_PASSWORD=winter-falcon-610\nDB_HOST=x", "winter-falcon-610"),
        ("{\"password\": \"Tr0ub4dor\"}", "Tr0ub4dor"),
        ("The admin password is 9HU9Jy3#W&M please", "9HU9Jy3#W&M"),
        ("mysql --password Sne3sd8AZjq", "Sne3sd8AZjq"),
        ("clientSecret = 'abf88d504a08afa5ff9d431e'", "abf88d504a08afa5ff9d431e"),
        ("api_key=\"q7ZpL2xVd9Kc4TnR\"", "q7ZpL2xVd9Kc4TnR"),
        ("?user=1&token=q7ZpL2xVd9Kc4TnR&x=1", "q7ZpL2xVd9Kc4TnR"),
        (
            "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYq7ZpL2xVd9",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYq7ZpL2xVd9",
        ),
        ("postgres://app:Summer1055#@db.example.com:5432/main", "Summer1055#"),
        ("Authorization: Bearer q7ZpL2xVd9Kc4TnR8wYb", "q7ZpL2xVd9Kc4TnR8wYb"),
        ("Authorization: Basic YWRtaW46aHVudGVyMjI=", "YWRtaW46aHVudGVyMjI="),
        ("<password name=\"password\">cackle!</password>", "cackle!"),
        ("-Password 'Sjdn43ss@!'", "Sjdn43ss@!"),
        ("ANYPassword:Prl23Db#", "Prl23Db#"),
        ("password_confirmation = \"cAc48k1Zd7\"", "cAc48k1Zd7"),
        ("auth.login('reader', 'hunter-22')", "hunter-22"),
    ] {
        let all = found(text);
        assert!(all.len() == 1 && all[0].0 == Class::Credential && all[0].2 == value, "{text}: {all:?}");
    }
}

#[test]
fn internet_addresses() {
    for (text, value) in [
        ("198.51.100.7", "198.51.100.7"),
        ("host=198.51.100.7:8080", "198.51.100.7"),
        ("from 203.0.113.255.", "203.0.113.255"),
        ("http://198.51.100.7/x", "198.51.100.7"),
        ("2001:db8:655::a8", "2001:db8:655::a8"),
        ("[2001:db8:85a3:8d3:1319:8a2e:370:7348]:443", "2001:db8:85a3:8d3:1319:8a2e:370:7348"),
        ("::ffff:198.51.100.7", "::ffff:198.51.100.7"),
        ("fe80::1ff:fe23:4567:890a%eth0", "fe80::1ff:fe23:4567:890a"),
    ] {
        let all = found(text);
        assert!(all.len() == 1 && all[0].0 == Class::Ip && all[0].2 == value, "{text}: {all:?}");
    }
}

#[test]
fn several_side_by_side() {
    let all = found(
        "KYC: id=111.444.777-35; card=5555 5555 5555 4444; iban=GB82WEST12345698765432,reader@example.com",
    );
    let classes: Vec<Class> = all.iter().map(|m| m.0).collect();
    assert_eq!(classes, [Class::GovId, Class::Payment, Class::Payment, Class::Email]);
}

/// The classes that are read from free text.
#[test]
fn what_has_no_structure_is_read_from_the_words_around() {
    for (text, class, value) in [
        ("Dear Mr Jonathan Example, thank you for your letter.", Class::Person, "Jonathan Example"),
        ("{\"full_name\": \"Maria Beispiel\", \"id\": 7}", Class::Person, "Maria Beispiel"),
        ("please ship it to 12 Example Street, Springfield, IL 62701.", Class::Address, "12 Example Street"),
        ("{\"address\": \"Musterstraße 7, 10115 Berlin\"}", Class::Address, "Musterstraße 7"),
        ("She was diagnosed with type 2 diabetes last year.", Class::Health, "type 2 diabetes"),
        ("The patient was prescribed metformin 500 mg.", Class::Health, "metformin"),
        ("My 6 year old son uses the app.", Class::Minor, "6 year old son"),
        ("We store the fingerprint template of each visitor.", Class::Biometric, "fingerprint template"),
    ] {
        let all = found(text);
        let met = all.iter().any(|m| m.0 == class && (m.2.contains(value) || value.contains(m.2)));
        assert!(met, "{text}: {all:?}");
    }
    for text in [
        "The 10-year-old laptop needs a new battery.",
        "SSH host key fingerprint is SHA256:763f972bd131ec752e6074f2bfd304940849e4cf",
        "The scan found no virus; healthy diet tips below.",
        "It is a minor issue of a minor version.",
        "SELECT * FROM orders WHERE id = 53953220 LIMIT 10;",
    ] {
        assert_eq!(found(text), [], "{text}");
    }
}
