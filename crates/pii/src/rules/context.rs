//! Words before a candidate that say what it is. Whole words only: `lic` in `public` says nothing.

use crate::window::Window;

/// How far before a candidate, in symbols, a word counts.
pub(crate) const CONTEXT_SYMBOLS: usize = 48;
/// The longest word looked up, in letters.
const WORD_LETTERS_MAX: usize = 20;

/// What the words before a candidate speak of.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Context(u32);

macro_rules! subjects {
    ($($name:ident = $bit:expr, $has:ident, $doc:literal;)+) => {
        $(const $name: u32 = 1 << $bit;)+
        impl Context {
            $(#[doc = $doc] pub(crate) fn $has(self) -> bool { self.0 & $name != 0 })+
        }
    };
}

subjects! {
    PHONE = 0, phone, "A telephone.";
    SSN = 1, ssn, "A US social security or taxpayer number.";
    ID = 2, id, "An identity document or number, of any country.";
    PASSPORT = 3, passport, "A passport.";
    LICENCE = 4, licence, "A licence, of any kind.";
    DRIVER = 5, driver, "Driving.";
    CARD = 6, card, "A payment card.";
    VERSION = 7, version, "A version or a section of a text.";
    THING = 8, thing, "The number of a thing: an order, a ticket, a book.";
    BSN = 9, bsn, "The Dutch citizen service number.";
    SIN = 10, sin, "The Canadian social insurance number.";
    MAIL = 12, mail, "An address of electronic mail.";
    NATIONAL = 13, national, "A national identity number by its own name.";
}

/// The word social, which only means something with the next.
const SOCIAL: u32 = 1 << 11;

impl Context {
    /// Reads the words before a place.
    pub(crate) fn before(window: Window<'_>, at: usize) -> Self {
        let mut left = window.behind(at, CONTEXT_SYMBOLS + 1);
        if left.len() > CONTEXT_SYMBOLS {
            // The first word may be the end of a longer one.
            let whole = left.iter().position(|b| !b.is_ascii_alphabetic()).unwrap_or(left.len());
            left = &left[whole..];
        }
        // Numbers and letters that stand alone say nothing, and are told at once: no subject has a name of one letter.
        let two = |pair: &[u8]| pair[0].is_ascii_alphabetic() && pair[1].is_ascii_alphabetic();
        if !left.windows(2).any(two) && !left.contains(&b'@') {
            return Self(0);
        }
        let mut found = 0;
        let mut word = [0_u8; WORD_LETTERS_MAX];
        let mut letters = 0;
        let mut previous = 0_u8;
        let mut sign = 0;
        for &symbol in left {
            if symbol.is_ascii_alphabetic() {
                // `phoneNumber` is two words.
                if previous.is_ascii_lowercase() && symbol.is_ascii_uppercase() {
                    found |= subject(&word[..letters.min(WORD_LETTERS_MAX)], found);
                    letters = 0;
                }
                if let Some(slot) = word.get_mut(letters) {
                    *slot = symbol.to_ascii_lowercase();
                }
                letters += 1;
            } else {
                if letters > 0 && letters <= WORD_LETTERS_MAX {
                    found |= subject(&word[..letters], found);
                }
                if symbol == b'@' {
                    found |= MAIL;
                }
                // A line before says nothing about this one, unless it ends in a colon: a heading.
                if symbol == b'\n' && sign != b':' {
                    found = 0;
                }
                letters = 0;
            }
            if symbol > b' ' {
                sign = symbol;
            }
            previous = symbol;
        }
        if letters > 0 && letters <= WORD_LETTERS_MAX {
            found |= subject(&word[..letters], found);
        }
        Self(found)
    }
}

fn subject(word: &[u8], before: u32) -> u32 {
    match word {
        b"phone" | b"phones" | b"telephone" | b"tel" | b"telefon" | b"telefono" | b"telefone"
        | b"celular" | b"mobile" | b"mobil" | b"cell" | b"cellphone" | b"fax" | b"call" | b"calling"
        | b"text" | b"sms" | b"whatsapp" | b"ring" | b"dial" | b"handy" | b"contact" | b"hotline"
        | b"movil" | b"portable" | b"msisdn" | b"reach" | b"reached" | b"telefoon" | b"telefonu"
        | b"puhelin" | b"ph" => PHONE,
        b"ssn" | b"itin" => SSN | ID,
        b"security" if before & SOCIAL != 0 => SSN | ID,
        b"insurance" if before & SOCIAL != 0 => SIN | ID,
        b"social" => SOCIAL,
        b"sin" => SIN,
        b"id" | b"ids" | b"identity" | b"identification" | b"tax" | b"kyc" | b"citizen" | b"taxpayer"
        | b"identifier" | b"insurance" | b"steuer" | b"insee" | b"tin" | b"nin" => ID,
        b"bsn" | b"burgerservicenummer" | b"sofinummer" => BSN | ID,
        b"passport" | b"passeport" | b"reisepass" | b"pasaporte" | b"passaporto" | b"passaporte"
        | b"paszport" | b"paspoort" => PASSPORT,
        b"license" | b"licence" | b"licences" | b"licenses" => LICENCE,
        b"driver" | b"drivers" | b"driving" => DRIVER,
        b"dl" | b"fuhrerschein" | b"rijbewijs" => LICENCE | DRIVER,
        b"card" | b"cards" | b"credit" | b"debit" | b"visa" | b"mastercard" | b"amex" | b"karte"
        | b"kreditkarte" | b"carte" | b"tarjeta" | b"carta" => CARD,
        b"version" | b"versions" | b"ver" | b"release" | b"releases" | b"build" | b"firmware"
        | b"section" | b"chapter" | b"clause" | b"oid" | b"sdk" | b"upgrade" | b"upgraded" => VERSION,
        b"isbn" | b"issn" | b"order" | b"orders" | b"ticket" | b"invoice" | b"sku" | b"serial"
        | b"tracking" | b"commit" | b"hash" | b"timestamp" | b"epoch" | b"doi" | b"bytes" | b"pid"
        | b"ean" | b"gtin" | b"upc" | b"shipment" | b"batch" => THING,
        _ if is_national(word) => ID | NATIONAL,
        _ => 0,
    }
}

/// What countries call their numbers.
fn is_national(word: &[u8]) -> bool {
    matches!(
        word,
        b"national"
            | b"nino"
            | b"pesel"
            | b"cpf"
            | b"dni"
            | b"nie"
            | b"nif"
            | b"aadhaar"
            | b"aadhar"
            | b"uidai"
            | b"steuerid"
            | b"idnr"
            | b"steueridnr"
            | b"identifikationsnummer"
            | b"personnummer"
            | b"nir"
            | b"pan"
            | b"codice"
            | b"fiscale"
            | b"identidad"
            | b"ausweis"
            | b"nhs"
            | b"tfn"
            | b"ird"
            | b"cpr"
            | b"fodselsnummer"
            | b"hetu"
            | b"henkilotunnus"
            | b"rrn"
            | b"nric"
            | b"hkid"
            | b"mykad"
            | b"curp"
            | b"rfc"
            | b"rut"
            | b"cuil"
            | b"cuit"
            | b"cnp"
            | b"egn"
            | b"oib"
            | b"amka"
            | b"ahv"
            | b"avs"
            | b"ppsn"
            | b"pps"
            | b"rijksregisternummer"
            | b"tckn"
            | b"kimlik"
            | b"snils"
            | b"inn"
            | b"rodne"
            | b"cislo"
            | b"nik"
            | b"ktp"
            | b"cedula"
            | b"cnic"
            | b"isikukood"
            | b"medicare"
            | b"jmbg"
            | b"emso"
            | b"sozialversicherungsnummer"
            | b"svnr"
            | b"resident"
    )
}
