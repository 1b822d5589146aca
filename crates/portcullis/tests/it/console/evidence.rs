//! Evidence packs: chosen, looked at, made, taken, linked to, deleted.

use kernel::MemberRole;

use super::{Browser, error_of, leads_to};
use crate::house::members::Somebody;
use crate::house::{Ask, Build, Tenant, run};

#[test]
fn a_pack_is_chosen_looked_at_made_taken_and_deleted() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let tenant = Tenant::make(&desk.vault, "Evidence of the console").await;
        let admin = Somebody::member(&desk.vault, tenant.id, MemberRole::Admin).await;
        let mut browser = Browser::of(&wire, &admin);
        let page = browser.page("/evidence").await;
        assert!(page.contains("No packs yet") && leads_to(&page, "/evidence"), "{page}");

        // Today, by its name in the form.
        let page = browser.page("/evidence/new").await;
        let (_, rest) = page.split_once("name=\"to\"").expect("a field");
        let today: String = rest.split_once("value=\"").expect("a day").1.chars().take(10).collect();
        let query = |framework: &str, from: &str| {
            format!("/evidence/new?framework={framework}&from={from}&to={today}&everything=")
        };
        let page = browser.page(&query("soc2", "2025-01-01")).await;
        assert!(page.contains("CC6.1") && page.contains("Make the pack"), "{page}");

        let fields = [("framework", "soc2"), ("from", "2025-01-01"), ("to", &today), ("everything", "")];
        let bad = [("framework", "soc2"), ("from", "2025-01-01"), ("to", "2024-01-01"), ("everything", "")];
        assert!(error_of(&browser.back("/evidence/new", &bad, 422).await, "field-to").is_some());
        let bad = [("framework", "hipaa"), ("from", "2025-01-01"), ("to", &today), ("everything", "")];
        browser.back("/evidence/new", &bad, 422).await;
        let page = browser.done("/evidence/new", &fields, "The pack is made").await;
        assert!(page.contains("CC8.1") && page.contains("Download"), "{page}");
        let (_, rest) = page.split_once("href=\"/evidence/").expect("a link to it");
        let id: String = rest.split('/').next().expect("an id").to_owned();
        let there = format!("/evidence/{id}");
        assert!(browser.page("/evidence").await.contains(&there));

        let page = browser.back(&format!("{there}/link"), &[("seconds", "3600")], 200).await;
        let (_, rest) = page.split_once("/api/v1/evidence/links/").expect("the link");
        let token: String =
            rest.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect();
        let link = format!("/api/v1/evidence/links/{token}");
        assert_eq!(wire.ask(Ask::get(link.as_str())).await.status, 200);
        assert!(
            error_of(
                &browser.back(&format!("{there}/link"), &[("seconds", "1")], 422).await,
                "field-seconds"
            )
            .is_some()
        );

        let viewer = Somebody::member(&desk.vault, tenant.id, MemberRole::Viewer).await;
        let mut looking = Browser::of(&wire, &viewer);
        looking.back(&format!("{there}/delete"), &[], 403).await;
        assert!(browser.page(&format!("{there}/delete")).await.contains("Delete this pack?"));
        browser.done(&format!("{there}/delete"), &[], "The pack is deleted").await;
        assert_eq!(wire.ask(Ask::get(link.as_str())).await.status, 404);
    });
}
