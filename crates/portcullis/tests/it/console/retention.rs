//! How long the log is kept, legal holds, and receipts, as people ask for them.

use audit_log::VerifierKey;
use audit_log::receipt::Unverified;
use kernel::MemberRole;

use super::{Browser, error_of};
use crate::house::members::Somebody;
use crate::house::{Ask, Build, Tenant, run};

const HERE: &str = "/audit/retention";
const DAYS: &str = "/audit/retention/days";
const NEW: &str = "/audit/holds/new";
const REASON: &str = "A court has asked for the records of this year.";
const CLOSED: &str = "The court has closed the case.";

/// The way to lift the hold that a page shows first.
fn way_to_lift(page: &str) -> String {
    let (_, rest) = page.split_once("href=\"/audit/holds/0").expect("a hold that can be lifted");
    format!("/audit/holds/0{}", rest.split('"').next().expect("a path"))
}

#[test]
fn a_hold_is_placed_and_lifted_and_the_page_says_who_and_why() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let tenant = Tenant::make(&desk.vault, "Held in the console").await;
        let owner = Somebody::owner(&desk.vault, tenant.id).await;
        let mut browser = Browser::of(&wire, &owner);
        assert!(browser.page("/audit").await.contains(&format!("href=\"{HERE}\"")));
        let page = browser.page(HERE).await;
        assert!(page.contains("No legal hold stands") && page.contains("Nothing is archived"), "{page}");
        assert!(
            page.contains("2\u{202f}557 days (about 7 years)") && page.contains("value=\"2557\""),
            "{page}"
        );

        assert!(browser.page(NEW).await.contains("Place the hold"));
        let bad = browser.back(NEW, &[("reason", "short"), ("from", "2026-01-01")], 422).await;
        assert!(error_of(&bad, "field-reason").is_some() && bad.contains("value=\"2026-01-01\""), "{bad}");
        let bad = browser.back(NEW, &[("reason", REASON), ("from", "today")], 422).await;
        assert_eq!(error_of(&bad, "field-from"), Some("Choose a day, or leave it empty."));
        let fields = [("reason", REASON), ("from", "2026-02-01"), ("until", "2026-01-31")];
        assert!(error_of(&browser.back(NEW, &fields, 422).await, "field-until").is_some());
        let fields = [("reason", REASON), ("from", "2026-01-01"), ("until", "2026-12-31")];
        let page = browser.done(NEW, &fields, "The hold stands").await;
        assert!(page.contains("Entries from 1 Jan 2026 to 31 Dec 2026, that day included"), "{page}");
        assert!(page.contains(REASON) && page.contains("Placed by Somebody"), "{page}");
        let listed = wire.ask(Ask::get("/api/v1/audit/holds").key(&tenant.owner_key)).await.json();
        let hold = &listed["items"][0];
        let scope = (hold["from"].as_str(), hold["until"].as_str());
        assert_eq!(scope, (Some("2026-01-01T00:00:00.000000Z"), Some("2027-01-01T00:00:00.000000Z")));
        assert!(browser.page("/audit/checkpoints").await.contains("one legal hold stands"));

        let lift = way_to_lift(&page);
        let asked = browser.page(&lift).await;
        assert!(asked.contains("Lift this legal hold?") && asked.contains(REASON), "{asked}");
        let bad = browser.back(&lift, &[("reason", "Because.")], 422).await;
        assert!(error_of(&bad, "field-reason").is_some() && bad.contains(">Because.</textarea>"), "{bad}");
        let page = browser.done(&lift, &[("reason", CLOSED)], "The hold is lifted").await;
        assert!(page.contains("Lifted by Somebody") && page.contains(CLOSED), "{page}");
        assert!(!page.contains("/lift\""), "{page}");
        browser.refused(&lift, 404).await;
        browser.back(&lift, &[("reason", CLOSED)], 404).await;
        browser.forged(&[NEW.to_owned(), DAYS.to_owned(), lift]).await;
    });
}

#[test]
fn less_time_is_looked_at_once_more_and_waits_and_more_counts_at_once() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let tenant = Tenant::make(&desk.vault, "Kept for less").await;
        let admin = Somebody::member(&desk.vault, tenant.id, MemberRole::Admin).await;
        let mut browser = Browser::of(&wire, &admin);
        for (days, words) in
            [("183", "184 to 36500 days"), ("36501", "184 to 36500"), ("a year", "whole number")]
        {
            let bad = browser.back(DAYS, &[("days", days)], 422).await;
            let error = error_of(&bad, "field-days").expect("an error");
            assert!(error.contains(words) && bad.contains(&format!("value=\"{days}\"")), "{days}: {error}");
        }
        // Less: nothing is asked of the house before somebody has looked at what it means.
        let there = browser.accepted(DAYS, &[("days", "365")]).await;
        assert_eq!(there, "/audit/retention/days?days=365");
        let asked = browser.page(&there).await;
        assert!(
            asked.contains("Keep entries for a shorter time?") && asked.contains("It counts from"),
            "{asked}"
        );
        assert!(!browser.page(HERE).await.contains("A shorter time waits"));
        let page = browser.done(DAYS, &[("days", "365"), ("sure", "yes")], "The shorter time waits").await;
        assert!(page.contains("A shorter time waits") && page.contains("365 days (about a year)"), "{page}");
        assert!(page.contains("Keep the 2557 days"), "{page}");
        let page = browser.done(DAYS, &[("days", "2557")], "is changed, and in force").await;
        assert!(!page.contains("A shorter time waits"), "{page}");
        let page = browser.done(DAYS, &[("days", "3650")], "is changed, and in force").await;
        assert!(page.contains("about 10 years"), "{page}");
        // What cannot be asked for is no page of its own.
        for odd in ["/audit/retention/days", "/audit/retention/days?days=3", "/audit/retention/days?days=x"] {
            assert_eq!(browser.get(odd).await.header("location"), HERE, "{odd}");
        }
    });
}

#[test]
fn a_factor_is_asked_for_first_and_no_word_is_lost_or_stands_in_an_address() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let tenant = Tenant::make(&desk.vault, "Stale holds").await;
        let owner = Somebody::owner(&desk.vault, tenant.id).await;
        let mut browser = Browser::of(&wire, &owner);
        browser.accepted(NEW, &[("reason", REASON)]).await;
        let lift = way_to_lift(&browser.page(HERE).await);
        owner.age(&desk.database).await;
        let to = |path: &str| format!("/step-up?return={}", path.replace('/', "%2F"));
        for path in [NEW, &lift] {
            assert_eq!(browser.get(path).await.header("location"), to(path));
            let page = browser.back(path, &[("reason", CLOSED)], 401).await;
            assert!(page.contains(&format!(">{CLOSED}</textarea>")), "{page}");
            assert!(page.contains("Confirm in a new tab"), "{page}");
        }
        let there = browser.accepted(DAYS, &[("days", "365"), ("sure", "yes")]).await;
        assert_eq!(there, "/step-up?return=%2Faudit%2Fretention%2Fdays%3Fdays%3D365");
        // Looking needs no factor.
        assert!(browser.page(HERE).await.contains(REASON));
    });
}

#[test]
fn who_may_not_read_the_log_does_not_come_in_and_strangers_find_nothing() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let tenant = Tenant::make(&desk.vault, "Nobody's holds").await;
        let owner = Somebody::owner(&desk.vault, tenant.id).await;
        let mut browser = Browser::of(&wire, &owner);
        browser.accepted(NEW, &[("reason", REASON)]).await;
        let lift = way_to_lift(&browser.page(HERE).await);
        let read = wire.ask(Ask::get("/v1/models").key(&tenant.agent_key)).await;
        let receipt = format!("/audit/{}/receipt", read.header("x-portcullis-entry"));
        let member = Somebody::member(&desk.vault, tenant.id, MemberRole::Member).await;
        let mut browser = Browser::of(&wire, &member);
        for path in [HERE, NEW, &lift, "/audit/retention/days?days=365", &receipt] {
            browser.refused(path, 403).await;
        }
        for path in [NEW, DAYS, &lift] {
            browser.back(path, &[("reason", REASON), ("days", "365"), ("sure", "yes")], 403).await;
        }
        let other = Tenant::make(&desk.vault, "Strangers to holds").await;
        let stranger = Somebody::owner(&desk.vault, other.id).await;
        let mut browser = Browser::of(&wire, &stranger);
        for path in [lift.clone(), receipt.clone(), format!("{receipt}/file")] {
            browser.refused(&path, 404).await;
        }
        browser.back(&lift, &[("reason", CLOSED)], 404).await;
        assert!(browser.page(HERE).await.contains("No legal hold stands"));
    });
}

#[test]
fn a_receipt_is_shown_with_the_key_it_is_checked_with_and_downloaded() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let tenant = Tenant::make(&desk.vault, "Receipts of the console").await;
        let owner = Somebody::owner(&desk.vault, tenant.id).await;
        let read = wire.ask(Ask::get("/v1/models").key(&tenant.agent_key)).await;
        let entry = read.header("x-portcullis-entry").to_owned();
        let mut browser = Browser::of(&wire, &owner);
        let there = format!("/audit/{entry}/receipt");
        assert!(browser.page(&format!("/audit/{entry}")).await.contains(&format!("href=\"{there}\"")));
        let page = browser.page(&there).await;
        let (_, line) = page.split_once("aria-label=\"Receipt\">").expect("a receipt");
        let line = line.split('<').next().expect("its end");
        let (_, vkey) = page
            .rsplit_once("data-copy=\"portcullis")
            .or_else(|| page.rsplit_once("data-copy=\""))
            .expect("a key");
        let vkey = format!("portcullis{}", vkey.split('"').next().expect("its end")).replace("&#43;", "+");
        let key: VerifierKey = vkey.parse().expect("a key");
        let checked = |line: &str| {
            let receipt = Unverified::parse(line).expect("a receipt");
            receipt.verify(std::slice::from_ref(&key)).expect("it holds").clone()
        };
        assert_eq!(checked(line).entry.to_string(), entry);
        assert!(page.contains("&#34;Ed25519&#34;"), "{page}");
        let file = browser.get(&format!("{there}/file")).await;
        assert_eq!(
            file.header("content-disposition"),
            format!("attachment; filename=\"receipt-{entry}.txt\"")
        );
        let text = file.text();
        assert_eq!(checked(text.trim_end()).entry.to_string(), entry);
        assert_eq!(text.lines().count(), 1);
        // The log has places now, so the picture is drawn.
        browser.page(&format!("/audit/{entry}/proof")).await;
        let page = browser.page(HERE).await;
        assert!(page.contains("class=\"timeline\"") && page.contains("at the earliest"), "{page}");
        browser.refused("/audit/019a0000-0000-7000-8000-000000000000/receipt", 404).await;
        browser.refused("/audit/nonsense/receipt", 404).await;
    });
}
