//! People over the wire, as programs meet them: what is answered, which cookies are set, what is said to strangers.

use std::time::Instant;

use authn::password::Scheme;
use futures_util::stream::{self, StreamExt as _};
use http::Method;
use http::header::{COOKIE, ORIGIN, SET_COOKIE};
use kernel::MemberRole;
use kernel::limits::{GUESSES_PER_ACCOUNT_MAX, GUESSES_PER_ADDRESS_MAX};
use serde_json::{Value, json};

use super::factors::code;
use crate::console::newcomers::credential;
use crate::house::people::{self, PASSWORD, Person, SITE, accounts, letter, token};
use crate::house::times::Times;
use crate::house::{Answer, Ask, Build, Desk, Tenant, Wire, run, unmetered};

/// Answers of each kind whose times are compared.
const ROUNDS: usize = 24;
/// Guesses at each password among them, fewer than are counted: they are not slowed down, so they are told from noise by
/// their number.
const GUESSES: usize = 2;

/// A program with a cookie jar, at a network address of its own.
pub(crate) struct Client<'a> {
    wire: &'a Wire,
    from: String,
    access: Option<String>,
    refresh: Option<String>,
}

/// The refresh cookie that an answer sets, checked; empty when it is taken back.
fn set_cookie(answer: &Answer) -> Option<String> {
    let line = answer.headers.get(SET_COOKIE)?.to_str().expect("text");
    let value = line.strip_prefix("portcullis_refresh=").expect("the one cookie there is");
    let (value, attributes) = value.split_once(';').expect("attributes");
    for wanted in ["Path=/api/v1/auth", "HttpOnly", "SameSite=Strict", "Max-Age="] {
        assert!(attributes.contains(wanted), "{line}");
    }
    Some(value.to_owned())
}

impl<'a> Client<'a> {
    pub(crate) fn new(wire: &'a Wire) -> Self {
        let guest = people::Guest::new();
        let from = guest.context.peer.expect("an address").to_string();
        Self { wire, from, access: None, refresh: None }
    }

    pub(crate) fn request(&self, method: Method, path: &str, body: Option<&Value>) -> Ask {
        let mut ask = Ask::new(method, format!("/api/v1{path}")).header("x-forwarded-for", &self.from);
        if let Some(access) = &self.access {
            ask = ask.bearer(access);
        }
        if let (Some(refresh), true) = (&self.refresh, path.starts_with("/auth/")) {
            ask = ask.header(COOKIE, &format!("portcullis_refresh={refresh}"));
        }
        match body {
            Some(body) => ask.json(body.to_string()),
            None => ask,
        }
    }

    pub(crate) async fn call(&mut self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let answer = self.wire.ask(self.request(method, path, body)).await;
        if let Some(cookie) = set_cookie(&answer) {
            self.refresh = Some(cookie).filter(|value| !value.is_empty());
        }
        if answer.status == 200
            && let Some(access) = answer.json()["access_token"].as_str()
        {
            assert_eq!(answer.json()["token_type"], "Bearer");
            assert_eq!(answer.json()["expires_in"], 900);
            assert_eq!(answer.header("cache-control"), "no-store");
            self.access = Some(access.to_owned());
        }
        answer
    }

    async fn post(&mut self, path: &str, body: &Value) -> Answer {
        self.call(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    /// A POST that must be answered with `status`.
    pub(crate) async fn posted(&mut self, path: &str, body: &Value, status: u16) -> Value {
        let answer = self.post(path, body).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        if answer.body.is_empty() { Value::Null } else { answer.json() }
    }

    pub(crate) async fn sign_in(&mut self, address: &str, password: &str) -> Answer {
        self.post("/auth/sign-in", &json!({"address": address, "password": password})).await
    }
}

/// The token of the newest letter of a kind.
pub(crate) async fn link(desk: &Desk, to: &str, kind: &str) -> String {
    token(&letter(&desk.vault, to, kind).await.unwrap_or_else(|| panic!("no {kind} to {to}")))
}

/// Somebody who signed up and verified over the wire.
pub(crate) async fn newcomer<'a>(desk: &Desk, wire: &'a Wire) -> (Client<'a>, String) {
    let (mut client, address) = (Client::new(wire), people::address());
    let new = json!({"address": address, "name": "Someone", "password": PASSWORD});
    client.posted("/auth/sign-up", &new, 202).await;
    let body = json!({"token": link(desk, &address, "verify_address").await, "password": PASSWORD});
    client.posted("/auth/verify", &body, 200).await;
    (client, address)
}

#[test]
fn somebody_signs_up_verifies_works_refreshes_and_signs_out() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let (mut client, address) = newcomer(desk, &wire).await;
        let who = client.get("/whoami").await;
        assert_eq!(
            who.status, 403,
            "a person without an organization may read what is their own and no more"
        );
        let account = client.get("/account").await;
        assert_eq!(
            (account.json()["address"].as_str(), account.json()["name"].as_str()),
            (Some(&*address), Some("Someone"))
        );
        let renamed = client.call(Method::PATCH, "/account", Some(&json!({"name": "Another name"}))).await;
        assert_eq!(renamed.status, 204, "{}", renamed.text());
        assert_eq!(client.get("/account").await.json()["name"], "Another name");
        let wrong = client.sign_in(&address, "not the password at all").await;
        assert_eq!((wrong.status.as_u16(), &wrong.json()["gate"]), (401, &json!("identity")));
        let (old_access, old_refresh) = (client.access.clone(), client.refresh.clone());
        let refreshed = client.post("/auth/refresh", &json!({})).await;
        assert_eq!(refreshed.status, 200, "{}", refreshed.text());
        assert!(client.refresh != old_refresh && client.access != old_access, "both are new");
        assert!(
            !refreshed.text().contains(client.refresh.as_deref().expect("a cookie")),
            "the body has no refresh token"
        );
        let sessions = client.get("/sessions").await.json();
        assert_eq!(sessions["items"].as_array().map(Vec::len), Some(1), "{sessions}");
        assert_eq!(
            (&sessions["items"][0]["current"], &sessions["items"][0]["program"]),
            (&json!(true), &json!(true))
        );
        let last = client.refresh.clone();
        let out = client.call(Method::POST, "/auth/sign-out", None).await;
        assert_eq!((out.status.as_u16(), client.refresh.as_deref()), (204, None), "the cookie is taken back");
        assert_eq!(client.get("/account").await.status, 401, "the access token is dead at once");
        client.refresh = last;
        assert_eq!(client.post("/auth/refresh", &json!({})).await.status, 401);
        assert_eq!(client.refresh, None, "a cookie that opens nothing is taken back");
    });
}

#[test]
fn a_second_factor_is_enrolled_and_asked_for() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let (mut client, address) = newcomer(desk, &wire).await;
        let offer = client.call(Method::POST, "/account/totp", None).await;
        assert_eq!(offer.status, 201, "{}", offer.text());
        let secret = offer.json()["secret"].as_str().expect("a secret").to_owned();
        assert!(offer.json()["uri"].as_str().expect("a URI").starts_with("otpauth://totp/"));
        assert!(offer.json()["qr_svg"].as_str().expect("a picture").starts_with("<svg"));
        client.posted("/account/totp/confirm", &json!({"code": "000000"}), 401).await;
        let codes = client.posted("/account/totp/confirm", &json!({"code": code(&secret, -1)}), 200).await;
        assert_eq!(codes["recovery_codes"].as_array().map(Vec::len), Some(10));
        let mut again = Client::new(&wire);
        let waiting = again.sign_in(&address, PASSWORD).await;
        assert_eq!((waiting.status.as_u16(), set_cookie(&waiting)), (200, None), "nothing is open yet");
        let factor = &waiting.json()["second_factor"];
        assert_eq!(
            (&factor["totp"], &factor["passkey"], &factor["recovery"]),
            (&json!(true), &json!(false), &json!(true))
        );
        let ticket = factor["ticket"].as_str().expect("a ticket").to_owned();
        for bad in [json!({"ticket": ticket}), json!({"ticket": ticket, "code": "1", "recovery_code": "2"})] {
            again.posted("/auth/sign-in/second", &bad, 422).await;
        }
        again.posted("/auth/sign-in/second", &json!({"ticket": ticket, "code": "000000"}), 401).await;
        again.posted("/auth/sign-in/second", &json!({"ticket": ticket, "code": code(&secret, 0)}), 200).await;
        again.posted("/auth/sign-in/second", &json!({"ticket": ticket, "code": code(&secret, 1)}), 401).await;
        assert_eq!(again.get("/sessions").await.json()["items"][0]["assurance"], "aal2");
        // The password alone is no step-up for somebody who has more; and a code works once.
        again.posted("/auth/step-up", &json!({"password": PASSWORD}), 403).await;
        again.posted("/auth/step-up", &json!({"code": code(&secret, 0)}), 401).await;
        again.posted("/auth/step-up", &json!({"code": code(&secret, 1)}), 200).await;
        let mut third = Client::new(&wire);
        let ticket = third.sign_in(&address, PASSWORD).await.json()["second_factor"]["ticket"].clone();
        let recovery = json!({"ticket": ticket, "recovery_code": codes["recovery_codes"][0]});
        third.posted("/auth/sign-in/second", &recovery, 200).await;
        let account = third.get("/account").await.json();
        assert_eq!(account["recovery_codes"], 9);
        let fresh = third.call(Method::POST, "/account/recovery-codes", None).await;
        assert_ne!(fresh.json()["recovery_codes"], codes["recovery_codes"]);
        let path = format!("/account/totp/{}", account["totps"][0]["id"].as_str().expect("an id"));
        assert_eq!(third.call(Method::DELETE, &path, None).await.status, 204);
        assert_eq!(third.call(Method::DELETE, &path, None).await.status, 404);
    });
}

/// A passkey is a second factor like any other: the first one brings recovery codes, and they let in without it.
#[test]
fn a_first_passkey_brings_recovery_codes() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let (mut client, address) = newcomer(desk, &wire).await;
        let mut made = Vec::new();
        for name in ["laptop", "phone"] {
            let begun = client.call(Method::POST, "/account/passkeys", None).await.json();
            let answer = credential(&begun["options"]);
            let body = json!({"ceremony": begun["ceremony"], "answer": answer, "name": name});
            let added = client.post("/account/passkeys/confirm", &body).await;
            assert_eq!(
                (added.status.as_u16(), added.header("cache-control")),
                (201, "no-store"),
                "{}",
                added.text()
            );
            made.push(added.json()["recovery_codes"].clone());
        }
        assert_eq!((made[0].as_array().map(Vec::len), &made[1]), (Some(10), &Value::Null));
        assert_eq!(client.get("/account").await.json()["recovery_codes"], 10);
        let mut again = Client::new(&wire);
        let waiting = again.sign_in(&address, PASSWORD).await.json()["second_factor"].clone();
        assert_eq!((&waiting["passkey"], &waiting["recovery"]), (&json!(true), &json!(true)));
        let recovery = json!({"ticket": waiting["ticket"], "recovery_code": made[0][3]});
        again.posted("/auth/sign-in/second", &recovery, 200).await;
    });
}

#[test]
fn a_new_password_by_mail_closes_everything() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let (mut client, address) = newcomer(desk, &wire).await;
        let mut stranger = Client::new(&wire);
        let ask = json!({"address": address});
        stranger.posted("/auth/reset", &ask, 202).await;
        let old = link(desk, &address, "reset_password").await;
        stranger.posted("/auth/reset", &ask, 202).await;
        let new = link(desk, &address, "reset_password").await;
        let set = |token: &str, password: &str| json!({"token": token, "password": password});
        let next = "nine quiet harbours wait";
        stranger.posted("/auth/reset/confirm", &set(&old, next), 404).await;
        stranger.posted("/auth/reset/confirm", &set(&new, "short"), 422).await;
        stranger.posted("/auth/reset/confirm", &set(&new, next), 204).await;
        stranger.posted("/auth/reset/confirm", &set(&new, next), 404).await;
        assert_eq!(client.get("/account").await.status, 401, "all sessions have ended");
        assert_eq!(client.post("/auth/refresh", &json!({})).await.status, 401);
        assert_eq!(stranger.sign_in(&address, PASSWORD).await.status, 401);
        assert_eq!(stranger.sign_in(&address, next).await.status, 200);
        // A link from before a change of the password is dead after it.
        stranger.posted("/auth/reset", &ask, 202).await;
        let link = link(desk, &address, "reset_password").await;
        let other = json!({"old_password": "not this one at all", "new_password": PASSWORD});
        let refused = stranger.posted("/account/password", &other, 422).await;
        assert_eq!(refused["errors"][0]["pointer"], "/old_password");
        let weak = json!({"old_password": next, "new_password": "short"});
        let refused = stranger.posted("/account/password", &weak, 422).await;
        assert_eq!(refused["errors"][0]["pointer"], "/new_password");
        let good = json!({"old_password": next, "new_password": "ten more words than needed"});
        stranger.posted("/account/password", &good, 204).await;
        stranger.posted("/auth/reset/confirm", &set(&link, PASSWORD), 404).await;
    });
}

/// What is the same for everybody: the status, the body, the names of the headers and, but for names of requests, their values.
fn told(answer: &Answer) -> (u16, String, Vec<(String, String)>) {
    let own = ["x-request-id", "traceparent", "date"];
    let mut body = answer.text();
    body = body.replace(answer.header("x-request-id"), "");
    let headers = answer.headers.iter().filter(|(name, _)| !own.contains(&name.as_str()));
    let mut headers: Vec<_> =
        headers.map(|(name, value)| (name.to_string(), value.to_str().expect("text").to_owned())).collect();
    headers.sort();
    (answer.status.as_u16(), body, headers)
}

/// Makes a body that asks something about an address.
type Body = fn(&str) -> Value;

/// Known and unknown addresses: one answer, byte for byte, and times that cannot be told apart.
#[test]
fn a_stranger_is_told_nothing_about_addresses() {
    run(async |house| {
        let desk = house.shared().await;
        // Dear enough that skipping it would show.
        let wire = Build { scheme: Scheme::Bcrypt { cost: 8 }, ..Build::over(&desk.vault) }.serve().await;
        // Answers that take their time by design wait for most of it; a sign-in is work, and has the machine to itself.
        let bodies: [(&str, usize, usize, Body); 3] = [
            ("/auth/reset", 12, 1, |address| json!({"address": address})),
            (
                "/auth/sign-up",
                12,
                1,
                |address| json!({"address": address, "name": "Other", "password": PASSWORD}),
            ),
            (
                "/auth/sign-in",
                1,
                GUESSES,
                |address| json!({"address": address, "password": "not the password at all"}),
            ),
        ];
        for (path, at_once, times_each, body) in bodies {
            // Fresh every time: letters and guesses are counted, and the count is no secret of the address.
            let made = (0..ROUNDS).map(|_| newcomer(desk, &wire));
            let there: Vec<_> = stream::iter(made).buffer_unordered(12).collect().await;
            let asked = there.into_iter().enumerate().map(async |(round, (_, there))| {
                let mut told_all = Vec::new();
                for turn in 0..times_each {
                    let mut pair = [(true, there.clone()), (false, people::address())];
                    // Whoever comes second must not look faster for it.
                    if (round + turn) % 2 == 1 {
                        pair.reverse();
                    }
                    for (is_known, address) in pair {
                        let mut stranger = Client::new(&wire);
                        let began = Instant::now();
                        let answer = stranger.post(path, &body(&address)).await;
                        told_all.push((is_known, began.elapsed(), told(&answer)));
                    }
                }
                told_all
            });
            let answers: Vec<_> = stream::iter(asked).buffer_unordered(at_once).collect().await;
            let answers: Vec<_> = answers.into_iter().flatten().collect();
            for (_, _, answer) in &answers {
                assert_eq!(answer, &answers[0].2, "{path}");
            }
            let times: Times = answers.into_iter().map(|(is_known, taken, _)| (is_known, taken)).collect();
            times.tell_nothing(path);
        }
    });
}

/// Fifty guesses at once from fifty places: the hash is reached as often as the limit says, the owner's device gets in.
#[test]
fn parallel_guesses_reach_the_hash_no_oftener_than_the_limit_says() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let mut person = Person::sign_up(&accounts(&desk.vault)).await;
        let mark = person.opened.device.take().expect("a browser's device has a mark");
        let guesses = (0..50).map(|number| {
            let (wire, id, client) = (&wire, wire.request_id(), Client::new(&wire));
            let body =
                json!({"address": person.address, "password": format!("guess number {number} of many")});
            let ask = client.request(Method::POST, "/auth/sign-in", Some(&body)).header("x-request-id", &id);
            async move { (id, wire.ask(ask).await) }
        });
        let mut reasons = std::collections::BTreeMap::<String, usize>::new();
        for (id, answer) in futures_util::future::join_all(guesses).await {
            let entries = desk.database.entries(&id).await;
            let [entry] = entries.as_slice() else { panic!("{}: {entries:?}", answer.status) };
            let reason = entry.fact("reason").as_str().expect("a reason").to_owned();
            let expected = if reason == "wrong password" { 401 } else { 429 };
            assert_eq!(answer.status, expected, "{reason}");
            assert_eq!(expected == 429, !answer.header("retry-after").is_empty());
            *reasons.entry(reason).or_default() += 1;
        }
        let most = usize::try_from(GUESSES_PER_ACCOUNT_MAX).expect("small");
        assert_eq!((reasons["wrong password"], reasons["too many guesses"]), (most, 50 - most));
        let mut stranger = Client::new(&wire);
        assert_eq!(stranger.sign_in(&person.address, PASSWORD).await.status, 429, "even with the password");
        let body = json!({"address": person.address, "password": PASSWORD});
        let ask = Client::new(&wire).request(Method::POST, "/auth/sign-in", Some(&body));
        let known = wire.ask(ask.header(COOKIE, &format!("portcullis_device={}", mark.expose()))).await;
        assert_eq!(known.status, 200, "the owner's own device: {}", known.text());
        // One place that guesses at many addresses runs into its own count.
        let mut spray = Client::new(&wire);
        for number in 0..=GUESSES_PER_ADDRESS_MAX {
            let status = spray.sign_in(&people::address(), "one password for all").await.status;
            assert_eq!(status, if number < GUESSES_PER_ADDRESS_MAX { 401 } else { 429 }, "{number}");
        }
    });
}

/// Links are made of the configured place, whatever a request says its host is.
#[test]
fn a_forged_host_reaches_no_letter() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let (client, address) = newcomer(desk, &wire).await;
        let ask = client
            .request(Method::POST, "/auth/reset", Some(&json!({"address": address})))
            .header("host", "evil.example.org")
            .header("x-forwarded-host", "evil.example.org")
            .header("forwarded", "host=evil.example.org")
            .header("x-forwarded-proto", "https");
        assert_eq!(wire.ask(ask).await.status, 202);
        let text = letter(&desk.vault, &address, "reset_password").await.expect("a letter");
        assert!(text.contains(&format!("{SITE}/reset/new?t=ppr_")) && !text.contains("evil"), "{text}");
    });
}

/// A session is in one organization at a time: the tokens of before are dead, the cookie goes on.
#[test]
fn a_session_moves_and_others_end() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let doors = accounts(&desk.vault);
        let person = Person::sign_up(&doors).await;
        let (one, two) = (Tenant::make(&desk.vault, "One").await, Tenant::make(&desk.vault, "Two").await);
        person.join(&desk.vault, one.id, MemberRole::Member, false).await;
        person.join(&desk.vault, two.id, MemberRole::Viewer, false).await;
        let (mut client, mut other) = (Client::new(&wire), Client::new(&wire));
        assert_eq!(client.sign_in(&person.address, PASSWORD).await.status, 200);
        assert_eq!(other.sign_in(&person.address, PASSWORD).await.status, 200);
        let here = client.get("/whoami").await.json()["organization"].as_str().expect("an id").to_owned();
        let there = if here == one.id.to_string() { two.id } else { one.id };
        let old = client.access.clone();
        client.posted("/session/organization", &json!({"organization": there.to_string()}), 200).await;
        assert_eq!(client.get("/whoami").await.json()["organization"], there.to_string());
        let mut stale = Client { access: old, ..Client::new(&wire) };
        assert_eq!(stale.get("/whoami").await.status, 401);
        assert_eq!(client.post("/auth/refresh", &json!({})).await.status, 200);
        assert_eq!(client.get("/whoami").await.json()["organization"], there.to_string());
        let nowhere = Tenant::make(&desk.vault, "Three").await.id.to_string();
        client.posted("/session/organization", &json!({"organization": nowhere}), 404).await;
        let sessions = client.get("/sessions").await.json();
        let theirs = sessions["items"]
            .as_array()
            .expect("a list")
            .iter()
            .find(|one| one["current"] == false && one["program"] == true);
        let path = format!("/sessions/{}", theirs.expect("the other program")["id"].as_str().expect("an id"));
        assert_eq!(client.call(Method::DELETE, &path, None).await.status, 204);
        assert_eq!(other.get("/whoami").await.status, 401);
        assert_eq!(client.call(Method::POST, "/sessions/end-others", None).await.json()["sessions_ended"], 1);
    });
}

/// What a browser sends for another site's page is refused before anything is looked at (CSRF).
#[test]
fn pages_of_other_origins_sign_nobody_in() {
    run(async |house| {
        let desk = house.shared().await;
        let listed = "https://console.example.com";
        let settings =
            api::http::HttpSettings { cors_origins: vec![listed.parse().expect("an origin")], ..unmetered() };
        let wire = Build { settings, ..Build::over(&desk.vault) }.serve().await;
        let (client, address) = newcomer(desk, &wire).await;
        let body = json!({"address": address, "password": PASSWORD});
        for (origin, sign_in, refresh) in
            [(SITE, 200, 200), (listed, 200, 200), ("https://evil.example.org", 403, 403), ("null", 403, 403)]
        {
            for (path, body, status) in
                [("/auth/sign-in", Some(&body), sign_in), ("/auth/refresh", None, refresh)]
            {
                let id = wire.request_id();
                let ask = client
                    .request(Method::POST, path, body)
                    .header(ORIGIN, origin)
                    .header("x-request-id", &id);
                let answer = wire.ask(ask).await;
                assert_eq!(answer.status, status, "{path} from {origin}: {}", answer.text());
                assert_eq!(answer.headers.contains_key(SET_COOKIE), status == 200, "{path} from {origin}");
                assert_eq!(
                    desk.database.entries(&id).await.is_empty(),
                    status == 403,
                    "turned away at the door"
                );
            }
        }
    });
}

/// The first administrator comes in over the wire too, and once.
#[test]
fn the_first_administrator_is_made_once() {
    run(async |house| {
        let database = house.database("welcome").await;
        let vault = database.vault().await.expect("served");
        let tenant = Tenant::make(&vault, "First").await;
        let wire = Build::over(&vault).serve().await;
        let page = accounts(&vault).welcome_link().await.expect("made").expect("nobody is there");
        let token = page.as_str().split_once("?t=").expect("a token").1.to_owned();
        let body = |token: &str| json!({"token": token, "address": "first@example.com", "name": "First", "password": PASSWORD});
        let mut client = Client::new(&wire);
        client.posted("/auth/welcome", &body("pwl_none"), 404).await;
        client.posted("/auth/welcome", &body(&token), 200).await;
        let who = client.get("/whoami").await.json();
        assert_eq!((&who["organization"], &who["role"]), (&json!(tenant.id.to_string()), &json!("admin")));
        client.posted("/auth/welcome", &body(&token), 404).await;
    });
}
