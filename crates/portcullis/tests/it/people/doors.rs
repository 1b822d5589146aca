//! Signing up, verifying, signing in, guessing, recovering.

use std::time::Instant;

use app::accounts::SessionKind;
use app::accounts::own::{ChangePassword, EndOtherSessions, SwitchOrganization};
use app::accounts::sign_up::SignUp;
use app::input::Name;
use futures_util::stream::{self, StreamExt as _};
use gates::Caller as _;
use kernel::limits::GUESSES_PER_ACCOUNT_MAX;
use kernel::{Gate, MemberRole, ProblemKind};
use mail::Address;

use crate::house::people::{self, Guest, PASSWORD, Person, accounts, human, letter, token};
use crate::house::times::Times;
use crate::house::{Tenant, request, run};

/// Answers of each kind whose times are compared.
const ROUNDS: usize = 24;
/// Pairs of them that are asked for at once.
const ROUNDS_AT_ONCE: usize = 12;

fn sign_up(address: &str, password: &str) -> SignUp {
    SignUp {
        address: Address::parse(address).expect("an address"),
        name: Name::parse("Person".to_owned(), "/name").expect("a name"),
        password: password.to_owned(),
    }
}

#[test]
fn nothing_opens_before_the_address_is_verified_with_the_password() {
    run(async |house| {
        let desk = house.shared().await;
        let (doors, guest, address) = (accounts(&desk.vault), Guest::new(), people::address());
        doors.sign_up(guest.visitor(), sign_up(&address, PASSWORD)).await.expect("taken");
        let tried = doors.sign_in(guest.visitor(), &address, PASSWORD.to_owned(), SessionKind::Browser).await;
        let problem = tried.err().expect("not verified");
        assert_eq!((problem.kind, problem.gate), (ProblemKind::Forbidden, Some(Gate::Identity)));
        let link = token(&letter(&desk.vault, &address, "verify_address").await.expect("a letter"));
        // Somebody else's sign-up with this address cannot be confirmed by pressing a button: the link asks for the
        // password, and a wrong one uses nothing up.
        let wrong = doors
            .verify(guest.visitor(), &link, "another password entirely".into(), SessionKind::Browser)
            .await;
        assert_eq!(wrong.err().expect("refused").kind, ProblemKind::Unauthenticated);
        let opened = doors
            .verify(guest.visitor(), &link, PASSWORD.into(), SessionKind::Browser)
            .await
            .expect("verified");
        let person = human(&desk.vault, &opened).await.expect("signed in");
        assert_eq!(
            person.organization_name(),
            None,
            "a person without an organization reaches only onboarding"
        );
        let again = doors.verify(guest.visitor(), &link, PASSWORD.into(), SessionKind::Browser).await;
        assert_eq!(again.err().expect("used").kind, ProblemKind::NotFound);
    });
}

#[test]
fn weak_passwords_are_refused_and_say_why() {
    run(async |house| {
        let doors = accounts(&house.shared().await.vault);
        for weak in ["short", "passwordpassword", "aaaaaaaaaaaaaaaaaaaa"] {
            let taken = doors.sign_up(Guest::new().visitor(), sign_up(&people::address(), weak)).await;
            let problem = taken.expect_err("weak");
            assert_eq!(problem.kind, ProblemKind::Invalid);
            assert_eq!(problem.errors[0].pointer, "/password");
            assert!(!problem.errors[0].detail.contains(weak), "a refusal never repeats the password");
        }
    });
}

/// Known and unknown addresses: the same answer, and times that cannot be told apart.
#[test]
fn an_answer_never_tells_whether_an_address_is_known() {
    run(async |house| {
        let desk = house.shared().await;
        let doors = accounts(&desk.vault);
        let asked = (0..ROUNDS).map(async |round| {
            let there = Person::sign_up(&doors).await.address;
            let mut pair = [(true, there), (false, people::address())];
            // Whoever comes second must not look faster for it.
            if round % 2 == 1 {
                pair.reverse();
            }
            let mut taken = Vec::new();
            for (is_known, address) in pair {
                let guest = Guest::new();
                let began = Instant::now();
                doors.request_reset(guest.visitor(), &address).await.expect("the same answer");
                taken.push((is_known, began.elapsed()));
            }
            taken
        });
        // These answers take their time by design, and wait for most of it.
        let taken: Vec<_> = stream::iter(asked).buffer_unordered(ROUNDS_AT_ONCE).collect().await;
        let times: Times = taken.into_iter().flatten().collect();
        times.tell_nothing("a new password");
        let person = Person::sign_up(&doors).await;
        doors.request_reset(Guest::new().visitor(), &person.address).await.expect("sent");
        assert!(letter(&desk.vault, &person.address, "reset_password").await.is_some());
        let other = Person::sign_up(&doors).await;
        let taken = doors.sign_up(Guest::new().visitor(), sign_up(&other.address, PASSWORD)).await;
        assert_eq!(taken, Ok(()), "a sign-up with a known address is answered like any other");
        assert!(letter(&desk.vault, &other.address, "account_exists").await.is_some());
        let answer = |tried: Result<_, kernel::Problem>| tried.map(|_| ()).expect_err("refused");
        let wrong = doors
            .sign_in(
                Guest::new().visitor(),
                &person.address,
                "not the password at all".into(),
                SessionKind::Browser,
            )
            .await;
        let nobody = doors
            .sign_in(
                Guest::new().visitor(),
                &people::address(),
                "not the password at all".into(),
                SessionKind::Browser,
            )
            .await;
        assert_eq!(answer(wrong), answer(nobody));
    });
}

/// Fifty guesses at once: no more than the limit are looked at, and the owner's own device still gets in.
#[test]
fn parallel_guesses_cannot_outrun_the_count() {
    run(async |house| {
        let desk = house.shared().await;
        let doors = accounts(&desk.vault);
        let mut person = Person::sign_up(&doors).await;
        let mark = person.opened.device.take().expect("a new device gets a mark");
        person.guest.known_device = Some(mark.expose().to_owned());
        let guesses = (0..50).map(|number| {
            let (doors, address) = (doors.clone(), person.address.clone());
            tokio::spawn(async move {
                let guest = Guest::new();
                let wrong = format!("guess number {number} of many");
                doors
                    .sign_in(guest.visitor(), &address, wrong, SessionKind::Browser)
                    .await
                    .err()
                    .expect("wrong")
                    .kind
            })
        });
        let mut kinds = Vec::new();
        for guess in guesses.collect::<Vec<_>>() {
            kinds.push(guess.await.expect("no panic"));
        }
        let looked_at = kinds.iter().filter(|kind| **kind == ProblemKind::Unauthenticated).count();
        let refused = kinds.iter().filter(|kind| **kind == ProblemKind::RateLimited).count();
        assert_eq!((looked_at, refused), (usize::try_from(GUESSES_PER_ACCOUNT_MAX).unwrap(), 50 - looked_at));
        let stranger = Guest::new();
        let locked =
            doors.sign_in(stranger.visitor(), &person.address, PASSWORD.into(), SessionKind::Browser).await;
        assert_eq!(
            locked.err().expect("locked").kind,
            ProblemKind::RateLimited,
            "even with the right password"
        );
        person.enter(&doors, SessionKind::Browser).await;
    });
}

#[test]
fn a_new_password_by_mail_closes_everything_that_was_open() {
    run(async |house| {
        let desk = house.shared().await;
        let doors = accounts(&desk.vault);
        let person = Person::sign_up(&doors).await;
        let program = person.enter(&doors, SessionKind::Program).await;
        doors.request_reset(person.guest.again().visitor(), &person.address).await.expect("sent");
        let first = token(&letter(&desk.vault, &person.address, "reset_password").await.expect("a letter"));
        doors.request_reset(person.guest.again().visitor(), &person.address).await.expect("sent again");
        let second = token(&letter(&desk.vault, &person.address, "reset_password").await.expect("a letter"));
        let new = "nine quiet harbours wait";
        let old_link =
            doors.reset(person.guest.again().visitor(), &first, new.into(), SessionKind::Browser).await;
        assert_eq!(old_link.err().expect("replaced").kind, ProblemKind::NotFound);
        let weak =
            doors.reset(person.guest.again().visitor(), &second, "short".into(), SessionKind::Browser).await;
        assert_eq!(weak.err().expect("weak").kind, ProblemKind::Invalid, "and the link still works");
        doors
            .reset(person.guest.again().visitor(), &second, new.into(), SessionKind::Browser)
            .await
            .expect("set");
        assert!(human(&desk.vault, &person.opened).await.is_err(), "the browser is out");
        let refresh = program.refresh.expect("a refresh token").expose();
        assert!(doors.refresh(person.guest.again().visitor(), &refresh).await.is_err(), "the program is out");
        let reused =
            doors.reset(person.guest.again().visitor(), &second, new.into(), SessionKind::Browser).await;
        assert_eq!(reused.err().expect("used").kind, ProblemKind::NotFound);
        assert!(person.sign_in(&doors, SessionKind::Browser).await.is_err(), "the old password is gone");
        assert!(letter(&desk.vault, &person.address, "password_changed").await.is_some());
    });
}

/// A reset link that was sent before the password was changed does not work after it.
#[test]
fn changing_the_password_voids_links_and_ends_the_other_sessions() {
    run(async |house| {
        let desk = house.shared().await;
        let doors = accounts(&desk.vault);
        let person = Person::sign_up(&doors).await;
        let other = person.enter(&doors, SessionKind::Browser).await;
        doors.request_reset(person.guest.again().visitor(), &person.address).await.expect("sent");
        let link = token(&letter(&desk.vault, &person.address, "reset_password").await.expect("a letter"));
        let who = human(&desk.vault, &person.opened).await.expect("signed in").principal();
        let pass = desk.vault.enter::<ChangePassword>(who, request()).await.expect("fresh");
        let guest = person.guest.again();
        let new = "nine quiet harbours wait";
        doors
            .change_password(pass, guest.visitor(), Some(PASSWORD.into()), new.into())
            .await
            .expect("changed");
        assert!(human(&desk.vault, &person.opened).await.is_ok(), "this session stays");
        assert!(human(&desk.vault, &other).await.is_err(), "the other one ends");
        let dead = doors
            .reset(
                person.guest.again().visitor(),
                &link,
                "ten more words than needed".into(),
                SessionKind::Browser,
            )
            .await;
        assert_eq!(dead.err().expect("void").kind, ProblemKind::NotFound);
    });
}

/// What one replica does to a session, the other knows within a second; and a session opens one organization at a time.
#[test]
fn sessions_switch_and_end_on_every_replica() {
    run(async |house| {
        let database = &house.shared().await.database;
        let (here, there) =
            (database.vault().await.expect("served"), database.vault().await.expect("served twice"));
        let doors = accounts(&here);
        let person = Person::sign_up(&doors).await;
        let (a, b) = (Tenant::make(&here, "A").await, Tenant::make(&here, "B").await);
        person.join(&here, a.id, MemberRole::Member, false).await;
        person.join(&here, b.id, MemberRole::Viewer, false).await;
        let (one, two) = (
            person.enter(&doors, SessionKind::Browser).await,
            person.enter(&doors, SessionKind::Browser).await,
        );
        assert!(human(&there, &one).await.is_ok() && human(&there, &two).await.is_ok());
        let who = human(&here, &one).await.expect("good").principal();
        let other = if who.tenant() == a.id { b.id } else { a.id };
        let pass = here.enter::<SwitchOrganization>(who, request()).await.expect("one's own");
        let (secret, _) = app::accounts::own::switch(pass, other).await.expect("a member there");
        assert!(human(&here, &one).await.is_err(), "the old secret is void: no fixation");
        let moved =
            here.authenticate_session(secret.expose(), &request()).await.expect("the new one is good");
        assert_eq!(moved.tenant(), other);
        let stranger = Tenant::make(&here, "C").await;
        let pass = here.enter::<SwitchOrganization>(moved, request()).await.expect("one's own");
        let refused = app::accounts::own::switch(pass, stranger.id).await.err().expect("no member there");
        assert_eq!(refused.kind, ProblemKind::NotFound);
        let moved = here.authenticate_session(secret.expose(), &request()).await.expect("still good");
        let pass = here.enter::<EndOtherSessions>(moved, request()).await.expect("one's own");
        let (ended, _) = app::accounts::own::end_other_sessions(pass).await.expect("ended");
        assert!(ended >= 2, "the session of the verification and the second one");
        let began = Instant::now();
        while human(&there, &two).await.is_ok() {
            assert!(began.elapsed().as_millis() < 1_000, "the other replica still takes it");
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    });
}
