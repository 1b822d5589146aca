//! Webhooks, configured and looked after in the console.

use kernel::MemberRole;

use super::{Browser, error_of, leads_to};
use crate::house::members::Somebody;
use crate::house::{Build, Tenant, run};

const URL: &str = "https://hooks.example.com/in?token=abc";

/// What stands between two texts.
fn between<'a>(page: &'a str, from: &str, to: &str) -> &'a str {
    let (_, rest) = page.split_once(from).unwrap_or_else(|| panic!("no {from:?} in {page}"));
    rest.split(to).next().unwrap_or_default()
}

/// The one endpoint of a list.
fn only(list: &str) -> String {
    format!("/webhooks/0{}", between(list, "href=\"/webhooks/0", "\""))
}

#[test]
fn an_endpoint_is_configured_looked_at_and_removed() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let tenant = Tenant::make(&desk.vault, "Hooks").await;
        let admin = Somebody::member(&desk.vault, tenant.id, MemberRole::Admin).await;
        let mut browser = Browser::of(&wire, &admin);
        let empty = browser.page("/webhooks").await;
        assert!(
            leads_to(&empty, "/webhooks") && empty.contains("standardwebhooks"),
            "the empty page teaches"
        );
        browser.page("/webhooks/new").await;
        let refused = [("url", "https://169.254.169.254/"), ("description", "x"), ("more", "nothing.such")];
        let page = browser.back("/webhooks/new", &refused, 422).await;
        assert!(
            error_of(&page, "field-url").is_some_and(|words| words.contains("Nothing that could be called"))
        );
        assert!(error_of(&page, "field-kind").is_some(), "{page}");
        assert!(page.contains("nothing.such"), "what was written comes back");

        let fields = [
            ("url", URL),
            ("description", "Tickets"),
            ("kind", "agent.*"),
            ("more", "KEY_CREATED\nproject.created"),
        ];
        let page = browser.back("/webhooks/new", &fields, 200).await;
        let secret = between(&page, "<code>whsec_", "<").to_owned();
        assert!(secret.len() > 40, "{secret}");
        let list = browser.page("/webhooks").await;
        assert!(list.contains("hooks.example.com") && !list.contains("whsec_"));
        let there = only(&list);
        let page = browser.page(&there).await;
        assert!(
            page.contains("project.created")
                && page.contains("Nothing was sent yet")
                && !page.contains(&secret)
        );

        let page = browser.done(&format!("{there}/test"), &[], "The test is on its way").await;
        let delivery = between(&page, &format!("{there}/deliveries/"), "\"").to_owned();
        let page = browser.page(&format!("{there}/deliveries/{delivery}")).await;
        assert!(page.contains("webhook.tested") && page.contains("None yet"), "{page}");
        browser.page(&format!("{there}?state=dead")).await;

        let page = browser.page(&format!("{there}/edit")).await;
        assert!(page.contains("value=\"agent.*\"") && page.contains("project.created"), "{page}");
        let off = [("url", URL), ("kind", "*")];
        let page = browser.done(&format!("{there}/edit"), &off, "The webhook is saved").await;
        assert!(page.contains("Switched off.") && !page.contains("Send a test"), "{page}");
        browser
            .done(&format!("{there}/edit"), &[("url", URL), ("kind", "*"), ("enabled", "on")], "saved")
            .await;

        browser.page(&format!("{there}/rotate")).await;
        let page = browser.back(&format!("{there}/rotate"), &[], 200).await;
        assert!(page.contains("whsec_") && !page.contains(&secret) && page.contains("the old one ends"));
        browser.page(&format!("{there}/replay")).await;
        browser.done(&format!("{there}/replay"), &[], "once more").await;
        browser.page(&format!("{there}/delete")).await;
        browser.done(&format!("{there}/delete"), &[], "The webhook is removed").await;
        browser.refused(&there, 404).await;
    });
}

#[test]
fn it_takes_a_fresh_factor_and_the_permission() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let tenant = Tenant::make(&desk.vault, "No hooks").await;
        let member = Somebody::member(&desk.vault, tenant.id, MemberRole::Member).await;
        let mut browser = Browser::of(&wire, &member);
        assert!(!leads_to(&browser.page("/agents").await, "/webhooks"));
        for path in ["/webhooks", "/webhooks/new", "/webhooks/019a0000-0000-7000-8000-000000000000"] {
            browser.refused(path, 403).await;
        }
        let admin = Somebody::member(&desk.vault, tenant.id, MemberRole::Admin).await;
        admin.age(&desk.database).await;
        let mut browser = Browser::of(&wire, &admin);
        let page = browser.page("/webhooks/new").await;
        assert!(page.contains("Confirm that it is you first") && !page.contains("name=\"url\""), "{page}");
        // An address may hold a secret: it comes back in the page and stands in no address.
        let page = browser.back("/webhooks/new", &[("url", URL), ("kind", "*")], 401).await;
        assert!(page.contains("token=abc") && page.contains("Confirm in a new tab"), "{page}");
        let there = "/webhooks/019a0000-0000-7000-8000-000000000000";
        browser.refused(there, 404).await;
        let paths = ["/webhooks/new".to_owned(), format!("{there}/test"), format!("{there}/delete")];
        browser.forged(&paths).await;
    });
}
