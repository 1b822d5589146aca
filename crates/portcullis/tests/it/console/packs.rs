//! Policy packs in the console: read, tried, put into force by somebody who saw what they do, and taken back.

use kernel::MemberRole;

use super::{Browser, error_of, leads_to};
use crate::house::members::Somebody;
use crate::house::{Build, Tenant, run};
use crate::policy_packs::{files, signed, signer};

const HERE: &str = "/policies/packs";

/// A pack that keeps people from the list of agents.
const NO_AGENTS: (&str, &str) = (
    "@id(\"no-agents\") forbid(principal is User, action == Action::\"agent.list\", resource);",
    r#"[{"name":"people","principal":{"type":"User","role":"admin"},"action":"agent.list","expect":"forbid"}]"#,
);

/// What stands between two texts.
fn between<'a>(page: &'a str, from: &str, to: &str) -> &'a str {
    let (_, rest) = page.split_once(from).unwrap_or_else(|| panic!("no {from:?} in {page}"));
    rest.split(to).next().unwrap_or_default()
}

/// Trusts the key and uploads the pack; the page of the pack.
async fn uploaded(browser: &mut Browser<'_>, version: u64) -> String {
    let pack = signed(files("no-agents", version, Some(NO_AGENTS)), &signer(7)).to_string();
    browser.accepted(&format!("{HERE}/new"), &[("pack", &pack)]).await
}

#[test]
fn a_pack_is_put_into_force_by_whoever_saw_what_it_does() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let tenant = Tenant::make(&desk.vault, "Packs").await;
        let admin = Somebody::member(&desk.vault, tenant.id, MemberRole::Admin).await;
        let mut browser = Browser::of(&wire, &admin);
        let empty = browser.page(HERE).await;
        assert!(leads_to(&empty, HERE) && empty.contains("portcullis policy init"), "the empty page teaches");

        // The key, and what no trusted key has signed.
        let pack = signed(files("no-agents", 1, Some(NO_AGENTS)), &signer(7)).to_string();
        let page = browser.back(&format!("{HERE}/new"), &[("pack", &pack)], 422).await;
        assert!(error_of(&page, "field-pack").is_some_and(|says| says.contains("does not trust")), "{page}");
        let vkey = signer(7).verifier().to_string();
        let key = |until: &'static str| [("name", "our key"), ("key", vkey.as_str()), ("until", until)];
        let page = browser.back("/policies/keys/new", &key("soon"), 422).await;
        assert!(error_of(&page, "field-until").is_some() && page.contains(&vkey), "{page}");
        let page = browser.back("/policies/keys/new", &key("2020-01-01"), 422).await;
        assert!(error_of(&page, "field-until").is_some_and(|says| says.contains("not before now")), "{page}");
        let page = browser.done("/policies/keys/new", &key("2099-01-31"), "The key is trusted").await;
        assert!(page.contains("our key") && page.contains(&vkey), "{page}");
        browser.back("/policies/keys/new", &key(""), 409).await;

        let there = uploaded(&mut browser, 1).await;
        let page = browser.page(&there).await;
        assert!(page.contains("1 of 1 end as expected") && page.contains("no-agents&#34;"), "{page}");
        assert!(page.contains("agents:read"), "it says what it touches: {page}");
        let dry_run = format!("{there}/dry-run");
        assert!(browser.page(&dry_run).await.contains("Not tried yet"));
        browser.page("/agents").await;
        assert_eq!(browser.accepted(&dry_run, &[]).await, dry_run);
        let page = browser.page(&dry_run).await;
        assert!(
            page.contains("<code>agent.list</code>") && page.contains("Put no-agents 1 into force"),
            "{page}"
        );

        // Only what was shown can be put into force.
        let activate = format!("{there}/activate");
        assert_eq!(browser.accepted(&activate, &[("dry_run", "nonsense")]).await, dry_run);
        browser.back(&activate, &[("dry_run", &"00".repeat(32))], 409).await;
        browser.page("/agents").await;
        let hash = between(&page, "name=\"dry_run\" value=\"", "\"").to_owned();
        let page = browser.done(&activate, &[("dry_run", &hash)], "The pack is in force").await;
        assert!(page.contains("our key") && page.contains("no pack</span> <span"), "{page}");
        browser.refused("/agents", 403).await;
        assert!(browser.page(&there).await.contains("In force"));

        let page = browser.page(&format!("{HERE}/roll-back")).await;
        assert!(
            page.contains("no-agents 1 is in force no more") && page.contains("No pack is in force then"),
            "{page}"
        );
        browser.done(&format!("{HERE}/roll-back"), &[], "Rolled back, in every process").await;
        browser.page("/agents").await;
        assert_eq!(
            browser.get(&format!("{HERE}/roll-back")).await.status,
            303,
            "there is nothing to go back from"
        );
        // The same version again is a step back.
        browser.accepted(&dry_run, &[]).await;
        let hash = between(&browser.page(&dry_run).await, "name=\"dry_run\" value=\"", "\"").to_owned();
        let page = browser.back(&activate, &[("dry_run", &hash)], 409).await;
        assert!(page.contains("only a higher one can follow"), "{page}");
    });
}

#[test]
fn who_may_only_look_changes_nothing_and_who_changes_something_proves_it() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let tenant = Tenant::make(&desk.vault, "Looking at packs").await;
        let admin = Somebody::member(&desk.vault, tenant.id, MemberRole::Admin).await;
        let mut browser = Browser::of(&wire, &admin);
        let vkey = signer(7).verifier().to_string();
        browser.accepted("/policies/keys/new", &[("name", "our key"), ("key", &vkey)]).await;
        let there = uploaded(&mut browser, 1).await;
        browser.accepted(&format!("{there}/dry-run"), &[]).await;
        let list = browser.page(HERE).await;
        let revoke = format!("/policies/keys/0{}", between(&list, "href=\"/policies/keys/0", "\""));

        let viewer = Somebody::member(&desk.vault, tenant.id, MemberRole::Viewer).await;
        let mut looking = Browser::of(&wire, &viewer);
        for path in [HERE, there.as_str(), &format!("{there}/dry-run")] {
            let page = looking.page(path).await;
            assert!(!page.contains("action=\"/policies/"), "{path}: {page}");
        }
        for path in [format!("{HERE}/new"), "/policies/keys/new".to_owned(), revoke.clone()] {
            looking.refused(&path, 403).await;
        }
        for path in ["new", "roll-back"] {
            looking.back(&format!("{HERE}/{path}"), &[("pack", "{}")], 403).await;
        }
        looking.back(&format!("{there}/dry-run"), &[], 403).await;
        looking.back(&format!("{there}/activate"), &[("dry_run", &"00".repeat(32))], 403).await;

        // A session that proved itself an hour ago is asked once more, and comes back to what it looked at.
        admin.age(&desk.database).await;
        let page = browser.page(&format!("{there}/dry-run")).await;
        assert!(
            page.contains("Confirm that it is you first") && !page.contains("name=\"dry_run\""),
            "{page}"
        );
        let step_up = browser.accepted(&format!("{there}/activate"), &[("dry_run", &"00".repeat(32))]).await;
        assert!(step_up.starts_with("/step-up?return=") && step_up.contains("dry-run"), "{step_up}");
        let page = browser.back("/policies/keys/new", &[("name", "another"), ("key", &vkey)], 401).await;
        assert!(page.contains("Confirm in a new tab") && page.contains("another"), "{page}");
        for path in [revoke.clone(), format!("{HERE}/roll-back")] {
            assert!(browser.get(&path).await.header("location").starts_with("/step-up"), "{path}");
        }
        let forms = [format!("{HERE}/new"), format!("{there}/activate"), format!("{HERE}/roll-back"), revoke];
        browser.forged(&forms).await;

        // Another organization's packs are not there.
        let elsewhere = Tenant::make(&desk.vault, "Elsewhere").await;
        let stranger = Somebody::member(&desk.vault, elsewhere.id, MemberRole::Admin).await;
        let mut stranger = Browser::of(&wire, &stranger);
        for path in [there.clone(), format!("{there}/dry-run"), format!("{HERE}/nonsense")] {
            stranger.refused(&path, 404).await;
        }
        stranger.back(&format!("{there}/dry-run"), &[], 404).await;
    });
}
