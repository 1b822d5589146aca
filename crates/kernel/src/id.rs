use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Clock, Rng, Timestamp};

/// The text is not a UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a UUID such as 019a0000-0000-7000-8000-000000000000")]
pub struct ParseIdError;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id: a UUIDv7 (RFC 9562 §5.7), so ids made later sort later.
            pub fn new(clock: &dyn Clock, rng: &dyn Rng) -> Self {
                let mut random = [0; 10];
                rng.fill(&mut random);
                Self(uuid::Builder::from_unix_timestamp_millis(clock.now().unix_millis(), &random).into_uuid())
            }

            /// The least id that can be made at this moment, to compare others with.
            pub fn first_at(at: Timestamp) -> Self {
                Self(uuid::Builder::from_unix_timestamp_millis(at.unix_millis(), &[0; 10]).into_uuid())
            }

            /// When it was made, to the millisecond; `None` for an id that is no UUIDv7.
            pub fn made_at(self) -> Option<Timestamp> {
                let (seconds, nanos) = self.0.get_timestamp()?.to_unix();
                let micros = i64::try_from(seconds).ok()?.checked_mul(1_000_000)?;
                Some(Timestamp::from_unix_micros(micros.checked_add(i64::from(nanos / 1_000))?))
            }

            /// Wraps a UUID read from the database or a request.
            pub const fn from_uuid(id: Uuid) -> Self {
                Self(id)
            }

            /// The bare UUID, for the database driver.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::try_parse(text).map(Self).map_err(|_| ParseIdError)
            }
        }
    )*};
}

ids! {
    /// An organization: the tenant whose rows row-level security separates from everybody else's.
    TenantId;
    /// A project inside an organization.
    ProjectId;
    /// An AI agent, a principal of its own kind.
    AgentId;
    /// An API key (the record, never the secret).
    KeyId;
    /// A configured LLM provider.
    ProviderId;
    /// An entry of the audit log.
    EntryId;
    /// A person's account, one for all organizations the person belongs to.
    AccountId;
    /// One stay of a person: a browser or a program that signed in.
    SessionId;
    /// An invitation into an organization.
    InvitationId;
    /// An authenticator app that a person enrolled.
    TotpId;
    /// A passkey that a person enrolled.
    PasskeyId;
    /// An override that was opened for a stated reason.
    BreakGlassId;
    /// A letter in the outbox.
    LetterId;
    /// An endpoint of webhooks.
    WebhookId;
    /// A delivery to such an endpoint.
    DeliveryId;
    /// An evidence pack.
    EvidencePackId;
    /// A legal hold over an audit log.
    HoldId;
    /// A store of relations.
    RelationStoreId;
    /// A model of relations.
    RelationModelId;
    /// A key whose signature on policy packs is trusted.
    PolicyKeyId;
    /// A policy pack.
    PolicyPackId;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FixedClock;

    struct Zeros;
    impl Rng for Zeros {
        fn fill(&self, out: &mut [u8]) {
            out.fill(0);
        }
    }

    #[test]
    fn a_later_id_sorts_later_and_is_version_7() {
        let early = EntryId::new(&FixedClock(Timestamp::from_unix_micros(1_000_000)), &Zeros);
        let late = EntryId::new(&FixedClock(Timestamp::from_unix_micros(2_000_000)), &Zeros);
        assert!(early < late);
        assert_eq!(EntryId::first_at(Timestamp::from_unix_micros(1_000_999)), early);
        assert_eq!(early.uuid().get_version_num(), 7);
        assert_eq!(late.made_at(), Some(Timestamp::from_unix_micros(2_000_000)));
        assert_eq!(EntryId::from_uuid(Uuid::nil()).made_at(), None);
        assert_eq!("nonsense".parse::<EntryId>(), Err(ParseIdError));
    }
}
