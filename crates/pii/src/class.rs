//! The eleven classes of personal data the product knows.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a stretch of text is, from the point of view of the person it is about.
///
/// The names on the wire (`EMAIL`, `GOV_ID`, …) are the same in tokens, policies, counts and evaluation data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Class {
    /// The name of a person.
    Person,
    /// An e-mail address.
    Email,
    /// A telephone or fax number.
    Phone,
    /// A postal address.
    Address,
    /// A number a state gave to a person: social security, tax, passport, driving licence.
    GovId,
    /// A payment card number or a bank account (IBAN).
    Payment,
    /// A statement about a person's health.
    Health,
    /// Biometric data.
    Biometric,
    /// A password, key or token that opens something.
    Credential,
    /// A statement that a person is a child.
    Minor,
    /// An Internet address of a machine.
    Ip,
}

/// How many classes there are; the length of [`Class::ALL`].
pub const CLASS_COUNT: usize = 11;

impl Class {
    /// Every class, in declaration order.
    pub const ALL: [Self; CLASS_COUNT] = [
        Self::Person,
        Self::Email,
        Self::Phone,
        Self::Address,
        Self::GovId,
        Self::Payment,
        Self::Health,
        Self::Biometric,
        Self::Credential,
        Self::Minor,
        Self::Ip,
    ];

    /// The classes that rules find by their structure. The rest is read from free text by the tagger, which errs more
    /// often: unless told otherwise it only flags.
    pub const fn structured() -> &'static [Self] {
        &[Self::Email, Self::Phone, Self::GovId, Self::Payment, Self::Credential, Self::Ip]
    }

    /// The name used in tokens, policies and counts, such as `GOV_ID`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Person => "PERSON",
            Self::Email => "EMAIL",
            Self::Phone => "PHONE",
            Self::Address => "ADDRESS",
            Self::GovId => "GOV_ID",
            Self::Payment => "PAYMENT",
            Self::Health => "HEALTH",
            Self::Biometric => "BIOMETRIC",
            Self::Credential => "CREDENTIAL",
            Self::Minor => "MINOR",
            Self::Ip => "IP",
        }
    }

    /// The position in [`Class::ALL`].
    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
