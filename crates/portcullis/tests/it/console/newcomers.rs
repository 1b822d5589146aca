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
fn credential(options: &Value) -> Value {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key");
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
    assert!(browser.page("/security/recovery-codes").await.contains("Your passkey is ready to use."));
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
