//! A kind of caller that admits everybody as a person.

struct Anybody(gates::Principal);

impl gates::Caller for Anybody {
    const KIND: &'static str = "a person";

    fn admit(principal: gates::Principal) -> Result<Self, gates::Principal> {
        Ok(Self(principal))
    }

    fn principal(&self) -> gates::Principal {
        gates::Caller::principal(&self.0)
    }
}

fn main() {}
