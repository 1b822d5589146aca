//! Break-glass: opened, closed, reviewed.

use kernel::MemberRole;

use super::{Browser, error_of, leads_to};
use crate::house::members::Somebody;
use crate::house::people::letter;
use crate::house::{Build, Tenant, run};

const REASON: &str = "An invoice must be traced before the bank closes.";

/// The id of the override that a page links to.
fn id_of(page: &str) -> String {
    let (_, rest) = page.split_once("href=\"/break-glass/").expect("a link to it");
    rest.split(['"', '/']).next().expect("an id").to_owned()
}

#[test]
fn one_opens_it_another_looks_at_what_was_done_and_reviews_it() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let tenant = Tenant::make(&desk.vault, "Glass of the console").await;
        let owner = Somebody::owner(&desk.vault, tenant.id).await;
        let admin = Somebody::member(&desk.vault, tenant.id, MemberRole::Admin).await;
        let mut browser = Browser::of(&wire, &admin);
        let page = browser.page("/break-glass").await;
        assert!(page.contains("The glass was never broken") && leads_to(&page, "/break-glass"));
        let bad = browser.back("/break-glass", &[("reason", "too short"), ("minutes", "60")], 422).await;
        assert!(error_of(&bad, "field-reason").is_some() && bad.contains(">too short</textarea>"), "{bad}");
        assert!(bad.contains("<option value=\"60\" selected"), "what was chosen is kept");
        for minutes in ["", "1", "100000", "18446744073709551615"] {
            let bad = browser.back("/break-glass", &[("reason", REASON), ("minutes", minutes)], 422).await;
            assert!(error_of(&bad, "field-minutes").is_some(), "{minutes}");
        }
        let fields = [("reason", REASON), ("minutes", "30")];
        let page = browser.done("/break-glass", &fields, "The glass is broken").await;
        assert!(page.contains(REASON) && page.contains("Break-glass is open") && !page.contains("Open one"));
        assert!(letter(&desk.vault, &owner.address, "break_glass_opened").await.is_some());
        assert!(browser.back("/break-glass", &fields, 409).await.contains("You have an override open"));
        let there = format!("/break-glass/{}", id_of(&page));
        let open = browser.page(&there).await;
        assert!(open.contains("It is open still") && open.contains("listed the break-glasses"), "{open}");
        browser.back(&there, &[("verdict", "in_order"), ("note", "Looked at too early.")], 409).await;
        assert!(browser.page(&format!("{there}/end")).await.contains("End this break-glass?"));
        browser.done(&format!("{there}/end"), &[], "The break-glass is closed").await;
        browser.back(&format!("{there}/end"), &[], 409).await;
        // Nobody reviews their own.
        assert!(browser.page(&there).await.contains("Somebody else reviews this"));
        browser.back(&there, &[("verdict", "in_order"), ("note", "All was well.")], 403).await;
        let mut browser = Browser::of(&wire, &owner);
        assert!(browser.page("/").await.contains("Review the break-glass of Somebody"));
        assert!(browser.page("/break-glass").await.contains("Review due"));
        let bad = browser.back(&there, &[("note", "All was well.")], 422).await;
        assert!(error_of(&bad, "field-verdict").is_some() && bad.contains(">All was well.</textarea>"));
        let bad = browser.back(&there, &[("verdict", "not_in_order"), ("note", " ")], 422).await;
        assert!(
            error_of(&bad, "field-note").is_some()
                && bad.contains("value=\"not_in_order\" id=\"field-verdict-2\" checked")
        );
        let fields = [("verdict", "in_order"), ("note", "Only what the reason speaks of was read.")];
        let page = browser.done(&there, &fields, "The review is written down").await;
        assert!(page.contains("Only what the reason speaks of was read.") && page.contains("In order"));
        browser.back(&there, &fields, 409).await;
        assert!(!browser.page("/").await.contains("Review the break-glass"));
    });
}

#[test]
fn a_reason_is_kept_when_the_confirmation_runs_out_and_is_in_no_address() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let tenant = Tenant::make(&desk.vault, "Stale glass").await;
        let owner = Somebody::owner(&desk.vault, tenant.id).await;
        owner.age(&desk.database).await;
        let mut browser = Browser::of(&wire, &owner);
        let page = browser.page("/break-glass").await;
        assert!(page.contains("Confirm that it is you first") && !page.contains("<textarea"));
        assert!(page.contains("href=\"/step-up?return=/break-glass\""));
        let page = browser.back("/break-glass", &[("reason", REASON), ("minutes", "60")], 401).await;
        assert!(page.contains(&format!(">{REASON}</textarea>")) && page.contains("Confirm in a new tab"));
    });
}

#[test]
fn who_may_not_see_the_log_does_not_come_in() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let tenant = Tenant::make(&desk.vault, "Nobody's glass").await;
        let admin = Somebody::member(&desk.vault, tenant.id, MemberRole::Admin).await;
        let mut browser = Browser::of(&wire, &admin);
        browser.accepted("/break-glass", &[("reason", REASON), ("minutes", "15")]).await;
        let there = format!("/break-glass/{}", id_of(&browser.page("/break-glass").await));
        let member = Somebody::member(&desk.vault, tenant.id, MemberRole::Member).await;
        let mut browser = Browser::of(&wire, &member);
        assert!(!leads_to(&browser.page("/").await, "/break-glass"));
        for path in ["/break-glass".to_owned(), there.clone(), format!("{there}/end")] {
            browser.refused(&path, 403).await;
            let fields = [("reason", REASON), ("minutes", "15"), ("verdict", "in_order"), ("note", "Fine.")];
            browser.back(&path, &fields, 403).await;
        }
        // Another organization's is nobody's.
        let other = Tenant::make(&desk.vault, "Other glass").await;
        let stranger = Somebody::owner(&desk.vault, other.id).await;
        let mut browser = Browser::of(&wire, &stranger);
        browser.refused(&there, 404).await;
        browser.back(&there, &[("verdict", "in_order"), ("note", "Fine.")], 404).await;
        browser.back(&format!("{there}/end"), &[], 404).await;
    });
}
