//! Another address: who gets it, and who does not.

use http::Method;
use serde_json::{Value, json};

use super::rest::{Client, link, newcomer};
use crate::house::people::{self, PASSWORD, letter};
use crate::house::{Build, Desk, Wire, run};

const CONFIRM: &str = "/account/address/confirm";
const NEXT: &str = "nine quiet harbours wait";

/// The body that confirms the newest change to an address.
async fn confirmation(desk: &Desk, to: &str) -> Value {
    json!({"token": link(desk, to, "address_change_requested").await})
}

async fn address_of(client: &mut Client<'_>) -> Value {
    client.get("/account").await.json()["address"].clone()
}

/// Somebody else, signed up and verified with an address that was wanted meanwhile.
async fn settle<'a>(desk: &Desk, wire: &'a Wire, address: &str) -> Client<'a> {
    let mut other = Client::new(wire);
    let new = json!({"address": address, "name": "Owner", "password": PASSWORD});
    other.posted("/auth/sign-up", &new, 202).await;
    let verify = json!({"token": link(desk, address, "verify_address").await, "password": PASSWORD});
    other.posted("/auth/verify", &verify, 200).await;
    other
}

/// A new address counts when its own link was followed; the old one is told; a link for an address that was taken meanwhile
/// opens nothing.
#[test]
fn an_address_is_changed_by_whoever_asked_and_reads_its_mail() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let (mut client, address) = newcomer(desk, &wire).await;
        let next = people::address();
        client.posted("/account/address", &json!({"address": next}), 202).await;
        assert_eq!(address_of(&mut client).await, address.as_str(), "nothing changes yet");
        assert_eq!(client.sign_in(&next, PASSWORD).await.status, 401);
        let confirm = confirmation(desk, &next).await;
        let said = letter(&desk.vault, &next, "address_change_requested").await.expect("a letter");
        assert!(said.contains(&address), "the letter names the account that asked: {said}");
        // Meanwhile somebody else signs up with it, and proves it.
        let mut other = settle(desk, &wire, &next).await;
        client.posted(CONFIRM, &confirm, 404).await;
        assert_eq!(address_of(&mut other).await, next.as_str());
        // Somebody else's address: the answer is that of any other, and no link goes there.
        client.posted("/account/address", &json!({"address": next}), 202).await;
        assert!(letter(&desk.vault, &next, "account_exists").await.is_some());
        assert_eq!(client.get("/account").await.json()["pending_address"], next.as_str(), "like any other");
        let mine = people::address();
        client.posted("/account/address", &json!({"address": mine}), 202).await;
        Client::new(&wire).posted("/auth/reset", &json!({"address": address}), 202).await;
        let stale = link(desk, &address, "reset_password").await;
        // The link alone does nothing; any session of the account that asked will do.
        let confirm = confirmation(desk, &mine).await;
        Client::new(&wire).posted(CONFIRM, &confirm, 401).await;
        let mut elsewhere = Client::new(&wire);
        assert_eq!(elsewhere.sign_in(&address, PASSWORD).await.status, 200);
        elsewhere.posted(CONFIRM, &confirm, 204).await;
        elsewhere.posted(CONFIRM, &confirm, 404).await;
        assert!(letter(&desk.vault, &address, "address_changed").await.is_some(), "the old address is told");
        let hijack = json!({"token": stale, "password": NEXT});
        Client::new(&wire).posted("/auth/reset/confirm", &hijack, 404).await;
        assert_eq!(Client::new(&wire).sign_in(&address, PASSWORD).await.status, 401);
        assert_eq!(Client::new(&wire).sign_in(&mine, PASSWORD).await.status, 200);
    });
}

/// An attacker asks for the victim's address and waits for the victim to press the button.
#[test]
fn a_link_that_another_account_asked_for_changes_nothing() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let (mut attacker, theirs) = newcomer(desk, &wire).await;
        let (mut victim, own) = newcomer(desk, &wire).await;
        let work = people::address();
        attacker.posted("/account/address", &json!({"address": work}), 202).await;
        let confirm = confirmation(desk, &work).await;
        let refused = victim.posted(CONFIRM, &confirm, 403).await;
        assert_eq!(refused["gate"], "identity", "{refused}");
        assert!(!refused.to_string().contains(&theirs), "who asked stands in the letter, not in the refusal");
        assert_eq!(address_of(&mut victim).await, own.as_str());
        assert_eq!(address_of(&mut attacker).await, theirs.as_str());
        assert_eq!(Client::new(&wire).sign_in(&work, PASSWORD).await.status, 401, "nobody has it");
        assert!(letter(&desk.vault, &theirs, "address_changed").await.is_none());
        // The refusal used nothing up: the address is still there for whoever can prove both.
        attacker.posted(CONFIRM, &confirm, 204).await;
    });
}

/// A change that somebody in the account asked for does not outlive the password they were put out with.
#[test]
fn a_pending_change_is_dead_after_a_new_password() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let (mut client, address) = newcomer(desk, &wire).await;
        let next = people::address();
        client.posted("/account/address", &json!({"address": next}), 202).await;
        let confirm = confirmation(desk, &next).await;
        let change = json!({"old_password": PASSWORD, "new_password": NEXT});
        client.posted("/account/password", &change, 204).await;
        client.posted(CONFIRM, &confirm, 404).await;
        assert_eq!(client.get("/account").await.json()["pending_address"], Value::Null);
        client.posted("/account/address", &json!({"address": next}), 202).await;
        let confirm = confirmation(desk, &next).await;
        client.posted("/auth/reset", &json!({"address": address}), 202).await;
        let reset = json!({"token": link(desk, &address, "reset_password").await, "password": PASSWORD});
        client.posted("/auth/reset/confirm", &reset, 204).await;
        assert_eq!(client.sign_in(&address, PASSWORD).await.status, 200);
        client.posted(CONFIRM, &confirm, 404).await;
        assert_eq!(address_of(&mut client).await, address.as_str());
    });
}

#[test]
fn a_pending_change_can_be_withdrawn() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let (mut client, address) = newcomer(desk, &wire).await;
        let next = people::address();
        assert_eq!(client.call(Method::DELETE, "/account/address", None).await.status, 404);
        client.posted("/account/address", &json!({"address": next}), 202).await;
        assert_eq!(client.get("/account").await.json()["pending_address"], next.as_str());
        let confirm = confirmation(desk, &next).await;
        let withdrawn = client.call(Method::DELETE, "/account/address", None).await;
        assert_eq!(withdrawn.status, 204, "{}", withdrawn.text());
        let entries = desk.database.entries(withdrawn.header("x-request-id")).await;
        let kinds: Vec<_> = entries.iter().map(|entry| entry.kind.clone()).collect();
        assert_eq!(kinds, ["account.address_change_withdrawn"]);
        client.posted(CONFIRM, &confirm, 404).await;
        let account = client.get("/account").await.json();
        assert_eq!((&account["address"], &account["pending_address"]), (&json!(address), &Value::Null));
    });
}
