//! Why a rule believed something, in words. The words come from the rule alone, never from the text.

/// The sentence for a rule.
pub(crate) fn explanation(rule: &str) -> &'static str {
    match rule {
        "email_rfc5321" => "a local part, an at sign and a host name with a known shape (RFC 5321)",
        "phone" => "digits grouped like a telephone number, or words about telephones before them",
        "card_luhn" => "the beginning and length of a card brand, and digits that pass the Luhn check",
        "card_in_context" => "a number of a card's length behind words about cards",
        "iban_mod97" => "a country's account format whose check digits pass modulo 97",
        "iban_shape" => "a country's account format with check digits that do not pass",
        "ipv4_octets" => "four numbers up to 255 with dots between, no version or section",
        "ipv6_groups" => "hexadecimal groups as RFC 4291 writes them",
        "key_prefix" => "a beginning that the issuer of keys chose to be recognised by, and enough behind it",
        "jwt_header" => "base64url that decodes to the header of a JSON Web Token",
        "pem_block" => "the first line of a private key block",
        "password_assignment" => "a value behind a name for passwords",
        "secret_assignment" => "a random value behind a name for secrets",
        "bearer_header" => "a token behind the word Bearer (RFC 6750)",
        "basic_header" => "base64 of a name and a password behind the word Basic (RFC 7617)",
        "url_userinfo" => "a password between the user and the host of an address (RFC 3986)",
        "passport_in_context" => "a document number behind a word for passports",
        "drivers_licence_in_context" => "a document number behind words for driving licences",
        "us_ssn_unassigned_area" => {
            "written as a US social security number, with an area that was never given out"
        }
        "national_id_in_context" => "a number behind the name of a national identity number",
        "tagger_person" => "words that the tagger reads as the name of a person where they stand",
        "tagger_address" => "words and numbers that the tagger reads as a postal address",
        "tagger_health" => "words that the tagger reads as a person's condition or treatment",
        "tagger_biometric" => "words that the tagger reads as a measurement of a body",
        "tagger_minor" => "words that the tagger reads as telling that a person is a child",
        "deep_person" => {
            "words that a second model reads as the name of a person, where the tagger was not sure"
        }
        "deep_address" => {
            "words that a second model reads as a postal address, where the tagger was not sure"
        }
        "deny_list" => "words that the caller's own list names",
        _ if rule.ends_with("_luhn") => "a national number whose digits pass the Luhn check",
        _ if rule.ends_with("_verhoeff") => "a national number whose digits pass Verhoeff's check",
        _ if rule.ends_with("_97") => "a national number whose check digits pass modulo 97",
        _ if rule.ends_with("_11") || rule.ends_with("_11_10") => {
            "a national number whose check digit passes modulo 11"
        }
        _ if rule.ends_with("_date") => "a national number with a possible date of birth in its place",
        _ if rule.ends_with("_in_context") => "a number behind words that say what it is",
        _ => "a national number in the form its issuer gives it",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_words_of_its_own_or_those_of_its_kind() {
        assert_eq!(explanation("iban_mod97"), "a country's account format whose check digits pass modulo 97");
        assert_eq!(explanation("ca_sin_luhn"), "a national number whose digits pass the Luhn check");
        assert_eq!(explanation("uk_nino"), "a national number in the form its issuer gives it");
    }
}
