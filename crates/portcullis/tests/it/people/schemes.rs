//! Hashes and keys of before, as people come by: they move to what is in force, and tell nothing meanwhile.

use std::time::Instant;

use app::accounts::sign_in::{Second, Step};
use app::accounts::{Accounts, SessionKind, totp_keys};
use authn::password::Scheme;
use kernel::{AccountId, ProblemKind};

use super::factors::{code, enrol};
use crate::house::people::{self, CHEAP, Guest, Person, accounts, accounts_with};
use crate::house::times::Times;
use crate::house::{Database, request, run};

/// Cheap, and another form than [`CHEAP`].
const ARGON: Scheme = Scheme::Argon2id { memory_kib: 64, passes: 1, lanes: 1 };
/// Dear enough that one in place of another would show: an old scheme, and one that costs far less.
const OLD: Scheme = Scheme::Bcrypt { cost: 9 };
const NEW: Scheme = Scheme::Argon2id { memory_kib: 1_024, passes: 1, lanes: 1 };
/// Answers of each kind whose times are compared.
const ROUNDS: usize = 24;

/// A column of an account's own, as text.
async fn stored(database: &Database, sql: &'static str, account: AccountId) -> String {
    let mut look = database.superuser().await;
    sqlx::query_scalar(sql).bind(account.uuid()).fetch_one(&mut look).await.expect("a row")
}

const PASSWORD_OF: &str = "select password from account where id = $1";
const TOTP_OF: &str = "select secret from totp where account_id = $1";

#[test]
fn a_sign_in_moves_the_hash_to_the_scheme_in_force() {
    run(async |house| {
        let desk = house.shared().await;
        let (old, new) = (accounts_with(&desk.vault, CHEAP), accounts_with(&desk.vault, ARGON));
        let person = Person::sign_up(&old).await;
        let before = stored(&desk.database, PASSWORD_OF, person.account).await;
        assert!(before.starts_with("$2b$04$"));
        person.enter(&old, SessionKind::Browser).await;
        assert_eq!(stored(&desk.database, PASSWORD_OF, person.account).await, before, "nothing to move");
        let guest = Guest::new();
        let wrong = "not the password at all".to_owned();
        let wrong = new.sign_in(guest.visitor(), &person.address, wrong, SessionKind::Browser).await;
        assert_eq!(wrong.err().expect("wrong").kind, ProblemKind::Unauthenticated);
        assert_eq!(
            stored(&desk.database, PASSWORD_OF, person.account).await,
            before,
            "a wrong one moves nothing"
        );
        person.enter(&new, SessionKind::Browser).await;
        let after = stored(&desk.database, PASSWORD_OF, person.account).await;
        assert!(after.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "the scheme in force");
        for doors in [&new, &old] {
            person.enter(doors, SessionKind::Program).await;
        }
        assert!(stored(&desk.database, PASSWORD_OF, person.account).await.starts_with("$2b$04$"), "and back");
        person.enter(&new, SessionKind::Program).await;
    });
}

#[test]
fn a_code_moves_its_secret_to_the_key_in_force() {
    run(async |house| {
        let database = house.database("reseal").await;
        let vault = database.vault().await.expect("served");
        let doors = accounts(&vault);
        let person = Person::sign_up(&doors).await;
        let (secret, _) = enrol(&doors, &person).await;
        let before = stored(&database, TOTP_OF, person.account).await;
        totp_keys::rotate(&vault, &request()).await.expect("rotated");
        assert_eq!(stored(&database, TOTP_OF, person.account).await, before, "moved when it is used");
        let enter = async |steps: i64| {
            let step = person.sign_in(&doors, SessionKind::Browser).await.expect("right");
            let Step::SecondFactor(waiting) = step else { panic!("asked for") };
            let (guest, factor) = (person.guest.again(), Second::Totp(code(&secret, steps)));
            doors.sign_in_second(guest.visitor(), waiting.ticket.expose(), factor).await.is_ok()
        };
        assert!(enter(0).await, "a secret under the old key opens");
        let after = stored(&database, TOTP_OF, person.account).await;
        assert_ne!(after, before);
        assert!(enter(1).await, "and so does it under the new one");
        assert_eq!(
            stored(&database, TOTP_OF, person.account).await,
            after,
            "there is nothing to move any more"
        );
    });
}

/// How long a wrong password takes at an address.
async fn wrong(doors: &Accounts, address: &str) -> std::time::Duration {
    let guest = Guest::new();
    let began = Instant::now();
    let tried =
        doors.sign_in(guest.visitor(), address, "not the password at all".into(), SessionKind::Browser).await;
    let taken = began.elapsed();
    assert_eq!(tried.err().expect("wrong").kind, ProblemKind::Unauthenticated);
    taken
}

/// Half of the accounts have hashes of an old scheme, half of the one in force: neither differs from an address without one.
#[test]
fn old_hashes_tell_nothing_of_who_has_an_account() {
    run(async |house| {
        let database = house.database("schemes").await;
        let vault = database.vault().await.expect("served");
        let (old, new) = (accounts_with(&vault, OLD), accounts_with(&vault, NEW));
        let mut there = Vec::new();
        for doors in [&old, &new] {
            let mut people = Vec::new();
            for _ in 0..ROUNDS {
                people.push(Person::sign_up(doors).await.address);
            }
            there.push(people);
        }
        // One process is the server now, under the new scheme.
        let doors = accounts_with(&vault, NEW);
        for (kind, people) in ["hashes of the old scheme", "hashes of the new scheme"].into_iter().zip(there)
        {
            let mut taken = Vec::new();
            for (round, address) in people.into_iter().enumerate() {
                let mut pair = [(true, address), (false, people::address())];
                // Whoever comes second must not look faster for it.
                if round % 2 == 1 {
                    pair.reverse();
                }
                for (is_known, address) in pair {
                    taken.push((is_known, wrong(&doors, &address).await));
                }
            }
            taken.into_iter().collect::<Times>().tell_nothing(kind);
        }
    });
}
