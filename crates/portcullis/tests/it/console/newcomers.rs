//! People who make an account with a passkey in place of a password: the first administrator, and whoever was invited.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use kernel::MemberRole;
use serde_json::{Value, json};

use super::Browser;
use crate::house::members::Somebody;
use crate::house::people::{SITE, accounts, address, letter, token};
use crate::house::{Answer, Build, Tenant, run};

fn b64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What an authenticator made of software answers: P-256, user present and verified, attestation `none`.
pub(crate) fn credential(options: &Value) -> Value {
    Authenticator::new().made(options)
}

/// An authenticator made of software, with one key.
pub(crate) struct Authenticator {
    key: EcdsaKeyPair,
    user: std::cell::RefCell<Value>,
}

impl Authenticator {
    pub(crate) fn new() -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key");
        Self { key, user: std::cell::RefCell::new(Value::Null) }
    }

    fn id(&self) -> String {
        b64(digest(&SHA256, &self.key.public_key().as_ref()[1..33]).as_ref())
    }

    /// Signs in with the key.
    pub(crate) fn signed(&self, options: &Value) -> Value {
        let challenge = &options["publicKey"]["challenge"];
        let client =
            json!({"type": "webauthn.get", "challenge": challenge, "origin": SITE, "crossOrigin": false});
        let client = client.to_string();
        let data = [digest(&SHA256, b"localhost").as_ref(), &[0x05, 0, 0, 0, 2]].concat();
        let signed = [&data[..], digest(&SHA256, client.as_bytes()).as_ref()].concat();
        let random = aws_lc_rs::rand::SystemRandom::new();
        let signature = self.key.sign(&random, &signed).expect("signed");
        let response = json!({
            "authenticatorData": b64(&data), "clientDataJSON": b64(client.as_bytes()),
            "signature": b64(signature.as_ref()), "userHandle": *self.user.borrow(),
        });
        let id = self.id();
        json!({"id": id, "rawId": id, "type": "public-key", "response": response, "clientExtensionResults": {}})
    }

    /// Makes the key known.
    pub(crate) fn made(&self, options: &Value) -> Value {
        self.user.replace(options["publicKey"]["user"]["id"].clone());
        registered(&self.key, options)
    }
}

fn registered(key: &EcdsaKeyPair, options: &Value) -> Value {
    let (x, y) = key.public_key().as_ref()[1..].split_at(32);
    let cose = [b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20", x, b"\x22\x58\x20", y].concat();
    let domain = digest(&SHA256, b"localhost");
    let id = digest(&SHA256, x);
    let (domain, id) = (domain.as_ref(), id.as_ref());
    let data = [domain, &[0x45, 0, 0, 0, 1], &[0; 16], &[0, 32], id, &cose].concat();
    let size = u16::try_from(data.len()).expect("short").to_be_bytes();
    let object = [b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x59", &size[..], &data].concat();
    let client = json!({
        "type": "webauthn.create", "challenge": options["publicKey"]["challenge"], "origin": SITE, "crossOrigin": false,
    });
    let response = json!({
        "attestationObject": b64(&object), "clientDataJSON": b64(client.to_string().as_bytes()),
    });
    json!({
        "id": b64(id), "rawId": b64(id), "type": "public-key", "response": response, "clientExtensionResults": {},
    })
}

/// The recovery codes that a page shows.
fn codes(page: &str) -> Vec<String> {
    let Some((_, list)) = page.split_once("id=\"codes\"") else { return Vec::new() };
    let list = list.split("</ol>").next().unwrap_or_default().split("</ul>").next().unwrap_or_default();
    let items = list.split("<li").skip(1).map(|item| {
        let text = item.split_once('>').map_or("", |(_, text)| text);
        text.replace("<code>", "").split('<').next().unwrap_or_default().trim().to_owned()
    });
    items.collect()
}

/// What the console's script sends.
async fn script(browser: &mut Browser<'_>, csrf: &str, path: &str, body: &Value) -> Answer {
    let ask = browser.request(Method::POST, path).header("x-csrf-token", csrf);
    browser.sent(ask.json(body.to_string())).await
}

/// Makes an account by a ceremony whose page is at `page`.
async fn comes_in(browser: &mut Browser<'_>, page: &str, fields: &Value) {
    let at = page.split('?').next().expect("a path");
    browser.page(page).await;
    let (csrf, options) = (browser.csrf.clone(), format!("{at}/passkey/options"));
    let forged = script(browser, "", &options, fields).await;
    assert_eq!(forged.status, 403, "{}", forged.text());
    let mut nameless = fields.clone();
    nameless["name"] = "  ".into();
    let refused = script(browser, &csrf, &options, &nameless).await;
    assert_eq!(refused.status, 422, "{}", refused.text());
    let mut strange = fields.clone();
    strange["t"] = "no link".into();
    assert_eq!(script(browser, &csrf, &options, &strange).await.status, 404);
    let begun = script(browser, &csrf, &options, fields).await;
    assert_eq!(begun.status, 200, "{}", begun.text());
    let begun = begun.json();
    let mut answer = fields.clone();
    answer["ceremony"] = begun["ceremony"].clone();
    answer["credential"] = json!({ "id": "AA", "rawId": "AA", "type": "public-key", "response": {} });
    let finish = format!("{at}/passkey");
    let refused = script(browser, &csrf, &finish, &answer).await;
    assert!(refused.status.is_client_error(), "{}", refused.text());
    // What was refused has used nothing up.
    browser.page(page).await;
    let begun = script(browser, &csrf, &options, fields).await.json();
    answer["ceremony"] = begun["ceremony"].clone();
    answer["credential"] = credential(&begun);
    let done = script(browser, &csrf, &finish, &answer).await;
    assert_eq!(done.status, 200, "{}", done.text());
    assert_eq!(done.json()["location"], "/security/recovery-codes");
    // Its recovery codes are shown until they are stored, in this browser and to this person.
    let shown = browser.page("/security/recovery-codes").await;
    assert!(shown.contains("Your passkey is ready to use.") && shown.contains("Keep these codes"), "{shown}");
    assert_eq!(codes(&shown).len(), 10, "{shown}");
    assert_eq!(
        codes(&browser.page("/security/recovery-codes").await),
        codes(&shown),
        "the page may be loaded again"
    );
    browser.done("/security/recovery-codes/stored", &[], "Each recovery code works once.").await;
    let after = browser.page("/security/recovery-codes").await;
    assert!(codes(&after).is_empty() && after.contains("<strong>10</strong> that work"), "{after}");
    let security = browser.page("/security").await;
    assert!(security.contains("First passkey") && security.contains("you sign in with passkeys only"));
    assert_eq!(browser.get(page).await.status, 404, "the link is used up");
}

#[test]
fn whoever_is_invited_may_choose_a_passkey() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let tenant = Tenant::make(&desk.vault, "Passkeys welcome").await;
        let admin = Somebody::member(&desk.vault, tenant.id, MemberRole::Admin).await;
        let guest = address();
        let fields = [("email", guest.as_str()), ("role", "member")];
        Browser::of(&wire, &admin).accepted("/members/invite", &fields).await;
        let code = token(&letter(&desk.vault, &guest, "invitation").await.expect("a letter"));
        let mut browser = Browser::nobodys(&wire);
        let page = format!("/invitation?t={code}");
        comes_in(&mut browser, &page, &json!({ "t": code, "name": "Somebody new" })).await;
        assert!(browser.page("/members").await.contains(&guest));
        let list = Browser::of(&wire, &admin).page("/members?q=new").await;
        assert!(list.contains("Set up"), "the list knows of the second factor: {list}");
    });
}

/// Codes that wait for their page are shown to their person alone, and not once newer ones are made.
#[test]
fn codes_are_shown_to_their_person_and_until_newer_ones_are_made() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let tenant = Tenant::make(&desk.vault, "Codes").await;
        let member = Somebody::member(&desk.vault, tenant.id, MemberRole::Member).await;
        let other = Somebody::member(&desk.vault, tenant.id, MemberRole::Member).await;
        let mut browser = Browser::of(&wire, &member);
        browser.page("/security/passkeys/new").await;
        let csrf = browser.csrf.clone();
        let begun = script(&mut browser, &csrf, "/security/passkeys/options", &json!({})).await.json();
        let body =
            json!({ "ceremony": begun["ceremony"], "credential": credential(&begun), "name": "laptop" });
        let done = script(&mut browser, &csrf, "/security/passkeys", &body).await;
        assert_eq!(done.json()["location"], "/security/recovery-codes", "{}", done.text());
        let first = codes(&browser.page("/security/recovery-codes").await);
        assert_eq!(first.len(), 10);
        let mut stranger = Browser::of(&wire, &other);
        stranger.cookies.insert("portcullis_codes".to_owned(), browser.cookies["portcullis_codes"].clone());
        assert!(codes(&stranger.page("/security/recovery-codes").await).is_empty());
        let made = browser.post("/security/recovery-codes", &[]).await;
        let newer = codes(&made.text());
        assert!(newer.len() == 10 && newer != first, "{}", made.text());
        assert!(!browser.cookies.contains_key("portcullis_codes"));
        assert!(codes(&browser.page("/security/recovery-codes").await).is_empty());
        // The second passkey brings none: there are codes.
        let begun = script(&mut browser, &csrf, "/security/passkeys/options", &json!({})).await.json();
        let body =
            json!({ "ceremony": begun["ceremony"], "credential": credential(&begun), "name": "phone" });
        let done = script(&mut browser, &csrf, "/security/passkeys", &body).await;
        assert_eq!(done.json()["location"], "/security", "{}", done.text());
    });
}

#[test]
fn the_first_administrator_may_choose_a_passkey() {
    run(async |house| {
        let database = house.database("welcome").await;
        let vault = database.vault().await.expect("served");
        let wire = Build::over(&vault).serve().await;
        let link = accounts(&vault).welcome_link().await.expect("a link").expect("nobody is there yet");
        let code = token(link.as_str());
        let mut browser = Browser::nobodys(&wire);
        let page = format!("/welcome?t={code}");
        let fields = json!({ "t": code, "name": "Somebody first", "email": "first@example.com" });
        comes_in(&mut browser, &page, &fields).await;
        assert!(
            browser.page("/instance/outbox").await.contains("Mail outbox"),
            "they administer the instance"
        );
    });
}
