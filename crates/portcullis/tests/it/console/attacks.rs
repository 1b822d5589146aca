//! What is tried on the doors of the console: ways to elsewhere, planted sessions, tossed cookies, forged hosts.

use http::header::{COOKIE, HOST};
use http::{HeaderValue, Method};

use super::Browser;
use crate::house::people::{PASSWORD, Person, SITE, accounts, letter};
use crate::house::{Build, run};

#[test]
fn signing_in_leads_nowhere_else() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let person = Person::sign_up(&accounts(&desk.vault)).await;
        for there in [
            "https://evil.example.org/",
            "//evil.example.org",
            "/\\evil.example.org",
            "\\\\evil.example.org",
            "javascript:alert(1)",
            "/\tevil.example.org",
            " //evil.example.org",
            "evil.example.org",
        ] {
            let mut browser = Browser::nobodys(&wire);
            let asked = form_urlencoded::byte_serialize(there.as_bytes()).collect::<String>();
            let page = browser.page(&format!("/sign-in?return={asked}")).await;
            assert!(!page.contains("evil"), "{there}: {page}");
            let fields = [("email", &*person.address), ("password", PASSWORD), ("return", there)];
            assert_eq!(browser.accepted("/sign-in", &fields).await, "/", "{there}");
        }
        let mut browser = Browser::nobodys(&wire);
        browser.page("/sign-in").await;
        let fields = [("email", &*person.address), ("password", PASSWORD), ("return", "/security?x=1")];
        assert_eq!(browser.accepted("/sign-in", &fields).await, "/security?x=1", "its own pages are gone to");
    });
}

#[test]
fn a_planted_session_is_left_behind() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let (attacker, victim) =
            (Person::sign_up(&accounts(&desk.vault)).await, Person::sign_up(&accounts(&desk.vault)).await);
        // Somebody else's session is theirs, and says so; nobody signs in over it.
        let known = attacker.opened.secret.as_ref().expect("a browser's session").expose().to_owned();
        let mut browser = Browser::nobodys(&wire);
        browser.cookies.insert("portcullis_session".to_owned(), known.clone());
        assert_eq!(browser.get("/sign-in").await.header("location"), "/");
        assert!(browser.page("/security").await.contains(&attacker.address));
        // One that the attacker made up is not the one that signing in opens.
        let mut planted = known;
        planted.replace_range(planted.len() - 20.., "AAAAAAAAAAAAAAAAAAAA");
        let mut browser = Browser::nobodys(&wire);
        browser.cookies.insert("portcullis_session".to_owned(), planted.clone());
        browser.page("/sign-in").await;
        let fields = [("email", &*victim.address), ("password", PASSWORD)];
        browser.accepted("/sign-in", &fields).await;
        assert_ne!(browser.cookies["portcullis_session"], planted, "a session is made anew");
        assert!(browser.page("/security").await.contains(&victim.address));
        let mut attackers = Browser::nobodys(&wire);
        attackers.cookies.insert("portcullis_session".to_owned(), planted);
        assert_eq!(attackers.get("/security").await.status, 303);
    });
}

#[test]
fn two_cookies_of_one_name_are_none() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let person = Person::sign_up(&accounts(&desk.vault)).await;
        let good = person.opened.secret.as_ref().expect("a browser's session").expose();
        let ask = |cookies: &str| {
            let host = SITE.trim_start_matches("http://");
            crate::house::Ask::new(Method::GET, "/security").header(HOST, host).header(COOKIE, cookies)
        };
        assert_eq!(wire.ask(ask(&format!("portcullis_session={good}"))).await.status, 200);
        for tossed in [
            format!("portcullis_session=other; portcullis_session={good}"),
            format!("portcullis_session={good}; portcullis_session=other"),
            format!("portcullis_session={good}; portcullis_session={good}"),
        ] {
            let answer = wire.ask(ask(&tossed)).await;
            assert_eq!(answer.status, 303, "{tossed}");
            assert!(answer.header("location").starts_with("/sign-in"), "{tossed}");
        }
    });
}

#[test]
fn a_forged_host_reaches_no_letter_of_the_console() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let person = Person::sign_up(&accounts(&desk.vault)).await;
        let mut browser = Browser::nobodys(&wire);
        browser.page("/reset").await;
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("csrf", &browser.csrf)
            .append_pair("email", &person.address)
            .finish();
        let ask = browser
            .request(Method::POST, "/reset")
            .header(HOST, "evil.example.org")
            .header("x-forwarded-host", "evil.example.org")
            .header("forwarded", "host=evil.example.org")
            .header("content-type", "application/x-www-form-urlencoded")
            .bare(form);
        let answer = browser.sent(ask).await;
        assert_eq!(answer.status, 303, "{}", answer.text());
        assert_eq!(answer.headers.get("location"), Some(&HeaderValue::from_static("/reset/sent")));
        let text = letter(&desk.vault, &person.address, "reset_password").await.expect("a letter");
        assert!(text.contains(&format!("{SITE}/reset/new?t=")) && !text.contains("evil"), "{text}");
    });
}
