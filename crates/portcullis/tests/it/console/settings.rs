//! The organization's name and rules.

use kernel::MemberRole;

use super::{Browser, error_of, leads_to};
use crate::house::members::Somebody;
use crate::house::{Build, Tenant, run};

#[test]
fn an_admin_changes_one_thing_and_the_others_stay() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let tenant = Tenant::make(&desk.vault, "Rules of the console").await;
        let admin = Somebody::member(&desk.vault, tenant.id, MemberRole::Admin).await;
        let mut browser = Browser::of(&wire, &admin);
        let page = browser.page("/settings").await;
        assert!(leads_to(&page, "/settings") && page.contains("value=\"Rules of the console\""));
        let saved = "The settings are saved";
        let page = browser.done("/settings", &[("name", "Another name")], saved).await;
        assert!(
            page.contains("value=\"Another name\"")
                && page.contains("name=\"hours\" id=\"sessions-hours\" value=\"12\"")
        );
        let fields = [("factor", "set"), ("role", "provider_admin"), ("role", "viewer")];
        browser.done("/settings/second-factor", &fields, saved).await;
        let page = browser.done("/settings/sessions", &[("hours", "24")], saved).await;
        for kept in
            ["value=\"Another name\"", "value=\"viewer\" id=\"factor-role-1\" checked", "value=\"24\""]
        {
            assert!(page.contains(kept), "{kept}");
        }
        assert!(!page.contains("value=\"admin\" id=\"factor-role-3\" checked"));
    });
}

#[test]
fn a_form_that_is_refused_comes_back_as_it_was_sent() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let tenant = Tenant::make(&desk.vault, "Refused rules").await;
        let admin = Somebody::member(&desk.vault, tenant.id, MemberRole::Admin).await;
        let mut browser = Browser::of(&wire, &admin);
        let page = browser.back("/settings", &[("name", "   ")], 422).await;
        assert!(error_of(&page, "name-name").is_some());
        for hours in ["0", "721", "a day"] {
            let page = browser.back("/settings/sessions", &[("hours", hours)], 422).await;
            assert!(
                error_of(&page, "sessions-hours").is_some() && page.contains(&format!("value=\"{hours}\""))
            );
        }
        // Whoever asks others for a second factor has one.
        let page = browser.back("/settings/second-factor", &[("required", "on")], 422).await;
        assert!(error_of(&page, "factor-required").is_some_and(|error| error.contains("shut you out")));
        assert!(page.contains("name=\"required\" value=\"on\" id=\"factor-required\" checked"));
        let page = browser.back("/settings/second-factor", &[("role", "admin")], 422).await;
        assert!(error_of(&page, "factor-role").is_some());
        browser.back("/settings/second-factor", &[("role", "emperor")], 422).await;
    });
}

#[test]
fn what_was_typed_is_there_again_after_a_confirmation() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let tenant = Tenant::make(&desk.vault, "Confirmed rules").await;
        let admin = Somebody::member(&desk.vault, tenant.id, MemberRole::Admin).await;
        admin.age(&desk.database).await;
        let mut browser = Browser::of(&wire, &admin);
        let there =
            browser.accepted("/settings/second-factor", &[("factor", "set"), ("role", "viewer")]).await;
        assert_eq!(there, "/step-up?return=%2Fsettings%3Ffactor%3Dset%26role%3Dviewer");
        let page = browser.page("/settings?factor=set&role=viewer").await;
        assert!(
            page.contains("This is not saved yet")
                && page.contains("value=\"viewer\" id=\"factor-role-1\" checked")
        );
        let there = browser.accepted("/settings", &[("name", "A & B")]).await;
        assert_eq!(there, "/step-up?return=%2Fsettings%3Fname%3DA%2B%2526%2BB");
        let page = browser.page("/settings?name=A+%26+B").await;
        assert!(page.contains("This is not saved yet") && page.contains("value=\"A &#38; B\""));
    });
}

#[test]
fn who_may_not_change_the_rules_may_look() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let tenant = Tenant::make(&desk.vault, "Looked at").await;
        let member = Somebody::member(&desk.vault, tenant.id, MemberRole::Member).await;
        let mut browser = Browser::of(&wire, &member);
        let page = browser.page("/settings").await;
        assert!(page.contains("You can look.") && !page.contains("Save"));
        for path in ["/settings", "/settings/second-factor", "/settings/sessions"] {
            browser.back(path, &[("name", "Mine"), ("hours", "700")], 403).await;
        }
        let newcomer = Somebody::newcomer(&desk.vault).await;
        Browser::of(&wire, &newcomer).refused("/settings", 403).await;
    });
}
