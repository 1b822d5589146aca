//! The instance's mail, for its administrators.

use kernel::MemberRole;
use sqlx::Row as _;

use super::{Browser, leads_to};
use crate::house::members::{Somebody, past};
use crate::house::people::address;
use crate::house::{Build, Tenant, run};

#[test]
fn an_administrator_of_the_instance_hands_a_link_over() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let tenant = Tenant::make(&desk.vault, "Outbox").await;
        let admin = Somebody::owner(&desk.vault, tenant.id).await;
        let id = admin.account;
        past(&desk.database, &format!("update account set super_admin_at = now() where id = '{id}'")).await;
        let mut browser = Browser::of(&wire, &admin);
        let guest = address();
        browser.accepted("/members/invite", &[("email", &guest), ("role", "member")]).await;
        let list = browser.page("/instance/outbox").await;
        assert!(leads_to(&list, "/instance/outbox") && list.contains("No mail server is configured"));
        assert!(list.contains(&format!("to {guest}")) && list.contains("Invitation"), "{list}");
        let before = list.split(&format!("to {guest}")).next().expect("a row");
        let (_, rest) = before.rsplit_once("href=\"/instance/outbox/").expect("a link");
        let letter = rest.split('"').next().expect("an id");
        let there = format!("/instance/outbox/{letter}");
        let page = browser.page(&there).await;
        assert!(page.contains("/invitation?t=") && page.contains("Copy the link"), "{page}");
        let looks: Vec<serde_json::Value> = sqlx::query(
            "select leaf from audit_entry where tenant_id = $1 and kind = 'outbox.read' \
             and convert_from(leaf, 'UTF8') like $2 order by id",
        )
        .bind(desk.vault.instance().uuid())
        .bind(format!("%{id}%"))
        .fetch_all(&mut desk.database.superuser().await)
        .await
        .expect("entries")
        .iter()
        .map(|row| serde_json::from_slice(row.get("leaf")).expect("JSON"))
        .collect();
        assert_eq!(looks.len(), 2, "each look is in the instance's log: {looks:?}");
        assert_eq!(looks[1]["subject"]["id"], letter);
        assert!(!format!("{looks:?}").contains(&guest), "and says nothing of what was read");
        browser.refused("/instance/outbox/019a0000-0000-7000-8000-000000000000", 404).await;
        // A letter opens accounts: an open session alone does not show it.
        admin.age(&desk.database).await;
        browser.page("/instance/outbox").await;
        let answer = browser.get(&there).await;
        assert_eq!(answer.header("location"), format!("/step-up?return={}", there.replace('/', "%2F")));
    });
}

#[test]
fn nobody_else_sees_it() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let tenant = Tenant::make(&desk.vault, "No outbox").await;
        for somebody in [
            Somebody::owner(&desk.vault, tenant.id).await,
            Somebody::member(&desk.vault, tenant.id, MemberRole::ProviderAdmin).await,
        ] {
            let mut browser = Browser::of(&wire, &somebody);
            assert!(!leads_to(&browser.page("/members").await, "/instance/outbox"));
            browser.refused("/instance/outbox", 403).await;
            browser.refused("/instance/outbox/019a0000-0000-7000-8000-000000000000", 403).await;
        }
    });
}
