//! Guesses that shut out whoever guesses, and never the owner.

use std::net::IpAddr;

use app::accounts::own::ChangePassword;
use app::accounts::sign_in::{Second, Step};
use app::accounts::step_up::{Factor, StepUp};
use app::accounts::{Accounts, NewSession, SessionKind};
use gates::Principal;
use kernel::limits::{GUESSES_PER_ACCOUNT_MAX, GUESSES_PER_ADDRESS_MAX};
use kernel::{Problem, ProblemKind, RequestContext};

use super::factors::{code, enrol};
use crate::house::people::{self, Guest, PASSWORD, Person, accounts, letter, token};
use crate::house::{Desk, request, run};

const WRONG: &str = "not the password at all";

/// Somebody whose own device is known.
async fn known(doors: &Accounts) -> Person {
    let mut person = Person::sign_up(doors).await;
    keep_mark(&mut person);
    person
}

/// The browser keeps the mark it was given.
fn keep_mark(person: &mut Person) {
    let mark = person.opened.device.take().expect("a new device gets a mark");
    person.guest.known_device = Some(mark.expose().to_owned());
}

/// A stranger of a network.
fn stranger_of(peer: Option<IpAddr>) -> Guest {
    Guest { context: RequestContext { peer, ..request() }, known_device: None }
}

async fn guess(doors: &Accounts, guest: &Guest, address: &str, password: &str) -> Result<(), ProblemKind> {
    let tried = doors.sign_in(guest.visitor(), address, password.to_owned(), SessionKind::Browser).await;
    tried.map(drop).map_err(|problem: Problem| problem.kind)
}

/// Guesses at a password until nothing is looked at any more, each time from another network.
async fn use_up(doors: &Accounts, address: &str) {
    for _ in 0..GUESSES_PER_ACCOUNT_MAX {
        assert_eq!(guess(doors, &Guest::new(), address, WRONG).await, Err(ProblemKind::Unauthenticated));
    }
    assert_eq!(guess(doors, &Guest::new(), address, PASSWORD).await, Err(ProblemKind::RateLimited));
}

/// A program's session, as its access token makes it known.
async fn program(desk: &Desk, opened: &NewSession) -> Principal {
    desk.vault.ensure_access_keys(&request()).await.expect("keys");
    let access = desk.vault.access_token_of(opened.id, &request()).await.expect("a token");
    desk.vault.authenticate(Some(&access.token), &request()).await.expect("good")
}

/// Under attack nobody unknown gets in; whoever reads the mail sets a password and does, while the attack goes on.
#[test]
fn a_new_password_by_mail_lets_its_owner_in_under_attack() {
    run(async |house| {
        let desk = house.shared().await;
        let doors = accounts(&desk.vault);
        let person = Person::sign_up(&doors).await;
        use_up(&doors, &person.address).await;
        let mut browser = Guest::new();
        doors.request_reset(browser.visitor(), &person.address).await.expect("sent");
        let link = token(&letter(&desk.vault, &person.address, "reset_password").await.expect("a letter"));
        let new = "nine quiet harbours wait";
        let renewed = doors.reset(browser.visitor(), &link, new.into(), SessionKind::Browser).await;
        let mark = renewed.expect("set").device.expect("a browser gets a mark");
        // The count begins anew, and the attacker uses it up again.
        assert_eq!(
            guess(&doors, &Guest::new(), &person.address, WRONG).await,
            Err(ProblemKind::Unauthenticated)
        );
        for _ in 0..GUESSES_PER_ACCOUNT_MAX {
            let _ = guess(&doors, &Guest::new(), &person.address, WRONG).await;
        }
        assert_eq!(guess(&doors, &Guest::new(), &person.address, new).await, Err(ProblemKind::RateLimited));
        browser.known_device = Some(mark.expose().to_owned());
        assert_eq!(guess(&doors, &browser, &person.address, new).await, Ok(()));
        // Devices of before are strangers: whoever took the password over may have made them known.
        assert_eq!(guess(&doors, &person.guest, &person.address, new).await, Err(ProblemKind::RateLimited));
    });
}

/// Somebody who knows the password uses up the count of codes; the owner's own device has another.
#[test]
fn guesses_at_codes_leave_known_devices_alone() {
    run(async |house| {
        let desk = house.shared().await;
        let doors = accounts(&desk.vault);
        let person = known(&doors).await;
        let (secret, _) = enrol(&doors, &person).await;
        let second = async |guest: &Guest, code: &str| {
            let step =
                doors.sign_in(guest.visitor(), &person.address, PASSWORD.into(), SessionKind::Browser).await;
            let Ok(Step::SecondFactor(waiting)) = step else { panic!("the password is right") };
            let code = Second::Totp(code.to_owned());
            let tried = doors.sign_in_second(guest.visitor(), waiting.ticket.expose(), code).await;
            tried.map(drop).map_err(|problem| problem.kind)
        };
        for _ in 0..GUESSES_PER_ACCOUNT_MAX {
            assert_eq!(second(&Guest::new(), "000000").await, Err(ProblemKind::Unauthenticated));
        }
        let now = code(&secret, 0);
        assert_eq!(second(&Guest::new(), &now).await, Err(ProblemKind::RateLimited), "even the right code");
        assert_eq!(second(&person.guest, &now).await, Ok(()));
        // A mark that is known to somebody else is no mark here.
        let other = known(&doors).await;
        assert_eq!(second(&other.guest, &code(&secret, 1)).await, Err(ProblemKind::RateLimited));
        // The device's own guesses are counted like any.
        for _ in 0..GUESSES_PER_ACCOUNT_MAX {
            let _ = second(&person.guest, "000000").await;
        }
        assert_eq!(second(&person.guest, &code(&secret, 1)).await, Err(ProblemKind::RateLimited));
    });
}

/// An office, a provider that puts many behind one address, a proxy nobody listed: one neighbour's guesses lock out
/// strangers of that network and no device that is known.
#[test]
fn a_network_used_up_by_others_lets_known_devices_in() {
    run(async |house| {
        let desk = house.shared().await;
        let doors = accounts(&desk.vault);
        for peer in [Guest::new().context.peer, None] {
            let mut person = known(&doors).await;
            person.guest.context.peer = peer;
            let newcomer = Person::sign_up(&doors).await;
            for _ in 0..=GUESSES_PER_ADDRESS_MAX {
                let _ = guess(&doors, &stranger_of(peer), &people::address(), WRONG).await;
            }
            let stranger = guess(&doors, &stranger_of(peer), &newcomer.address, PASSWORD).await;
            assert_eq!(stranger, Err(ProblemKind::RateLimited), "{peer:?}");
            assert_eq!(guess(&doors, &person.guest, &person.address, PASSWORD).await, Ok(()), "{peer:?}");
        }
    });
}

/// A program has no mark of a device; its open session is known all the same.
#[test]
fn a_programs_session_confirms_itself_under_attack() {
    run(async |house| {
        let desk = house.shared().await;
        let doors = accounts(&desk.vault);
        let person = Person::sign_up(&doors).await;
        let opened = person.enter(&doors, SessionKind::Program).await;
        use_up(&doors, &person.address).await;
        let guest = Guest::new();
        let step_up = async |password: &str| {
            let who = program(desk, &opened).await;
            let pass = desk.vault.enter::<StepUp>(who, request()).await.expect("always open");
            let done = doors.step_up(pass, guest.visitor(), Factor::Password(password.to_owned())).await;
            done.map(drop).map_err(|problem| problem.kind)
        };
        assert_eq!(step_up(PASSWORD).await, Ok(()));
        let change = async |old: &str, new: &str| {
            let who = program(desk, &opened).await;
            let pass = desk.vault.enter::<ChangePassword>(who, request()).await.expect("fresh");
            let (old, new) = (Some(old.to_owned()), new.to_owned());
            let done = doors.change_password(pass, guest.visitor(), old, new).await;
            done.map(drop).map_err(|problem| problem.kind)
        };
        let new = "nine quiet harbours wait";
        assert_eq!(change(PASSWORD, new).await, Ok(()));
        // Whoever has taken a session over does not guess without end either.
        for _ in 0..GUESSES_PER_ACCOUNT_MAX {
            assert_eq!(step_up(WRONG).await, Err(ProblemKind::Unauthenticated));
        }
        assert_eq!(step_up(new).await, Err(ProblemKind::RateLimited));
        assert_eq!(change(new, PASSWORD).await, Err(ProblemKind::RateLimited));
    });
}
