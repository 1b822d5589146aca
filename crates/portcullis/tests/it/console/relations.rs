//! Relations in the console: who may look, who may write, and that what is written there counts at once for programs.

use kernel::MemberRole;
use serde_json::json;

use super::Browser;
use crate::house::members::Somebody;
use crate::house::{Ask, Build, Tenant, run};
use crate::relations::{DOCUMENTS, model};

#[test]
fn what_a_person_writes_counts_and_is_explained() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let tenant = Tenant::make(&desk.vault, "Relations").await;
        let admin = Somebody::member(&desk.vault, tenant.id, MemberRole::Admin).await;
        let mut browser = Browser::of(&wire, &admin);
        assert!(browser.page("/relations").await.contains("No store yet"), "the empty page teaches");
        let refused = browser.back("/relations", &[("name", "?")], 400).await;
        assert!(refused.contains("Use 3 to 64"), "{refused}");
        browser.accepted("/relations", &[("name", "documents")]).await;
        let list = browser.page("/relations").await;
        let (_, rest) = list.split_once("href=\"/relations/").expect("a store");
        let store = rest.split('"').next().unwrap_or_default().to_owned();
        let base = format!("/relations/{store}");
        assert!(browser.page(&base).await.contains("No model yet"));
        let send = Ask::post(format!("/fga/stores/{store}/authorization-models"));
        let written = wire.ask(send.json(model(DOCUMENTS).to_string()).key(&tenant.owner_key)).await;
        assert_eq!(written.status, 201, "{}", written.text());
        let page = browser.page(&base).await;
        assert!(page.contains("but not blocked") && page.contains("in_hours"), "{page}");

        let add = format!("{base}/tuples/new");
        let wrong = [("user", "cat:tom"), ("relation", "owner"), ("object", "document:1")];
        let page = browser.back(&add, &wrong, 400).await;
        assert!(page.contains("cat:tom"), "what was written comes back: {page}");
        let tuple = [("user", "user:anne"), ("relation", "owner"), ("object", "document:1")];
        browser.accepted(&add, &tuple).await;
        let question =
            json!({ "tuple_key": { "user": "user:anne", "relation": "viewer", "object": "document:1" } });
        let check = || Ask::post(format!("/fga/stores/{store}/check")).json(question.to_string());
        let answer = wire.ask(check().key(&tenant.agent_key)).await;
        assert_eq!(answer.json()["allowed"], true, "it counts at once: {}", answer.text());

        let asked = "?user=user%3Aanne&relation=viewer&object=document%3A1";
        let yes = browser.page(&format!("{base}/ask{asked}")).await;
        assert!(yes.contains("document:1#viewer follows from document:1#owner."), "{yes}");
        let no = browser.page(&format!("{base}/ask{}", asked.replace("anne", "bob"))).await;
        assert!(no.contains("user:bob is not viewer") && no.contains("/what-if?user=user%3Abob"), "{no}");
        let fields = [
            ("user", "user:bob"),
            ("relation", "viewer"),
            ("object", "document:1"),
            ("at", ""),
            ("model", ""),
        ];
        let told = [
            &fields[..],
            &[("writes", "user:bob owner document:1"), ("deletes", "user:anne owner document:1")],
        ];
        let page = browser.back(&format!("{base}/what-if"), &told.concat(), 200).await;
        let (gained, lost) = page.split_once("Who loses it").expect("both lists");
        assert!(
            gained.contains("<code>user:bob</code>") && lost.contains("<code>user:anne</code>"),
            "{page}"
        );
        let page = browser.back(&format!("{base}/what-if"), &fields, 422).await;
        assert!(page.contains("Suppose something"), "{page}");
        let review = browser.page(&format!("{base}/review?user=user%3Aanne")).await;
        assert!(review.contains("document:1") && review.contains("review/file?user=user%3Aanne"), "{review}");

        browser.accepted(&format!("{base}/tuples/remove{}", asked.replace("viewer", "owner")), &[]).await;
        let answer = wire.ask(check().key(&tenant.agent_key)).await;
        assert_eq!(answer.json()["allowed"], false, "and so does what is taken away");
        let then = browser.page(&format!("{base}/ask{asked}&at=1")).await;
        assert!(then.contains("user:anne is viewer of document:1."), "{then}");
        assert!(browser.page(&format!("{base}/changes")).await.contains("Deleted"));
    });
}

#[test]
fn who_may_only_look_writes_nothing_and_strangers_see_nothing() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let tenant = Tenant::make(&desk.vault, "Readers").await;
        let admin = Somebody::member(&desk.vault, tenant.id, MemberRole::Admin).await;
        let mut browser = Browser::of(&wire, &admin);
        browser.accepted("/relations", &[("name", "documents")]).await;
        let list = browser.page("/relations").await;
        let (_, rest) = list.split_once("href=\"/relations/").expect("a store");
        let base = format!("/relations/{}", rest.split('"').next().unwrap_or_default());

        let viewer = Somebody::member(&desk.vault, tenant.id, MemberRole::Viewer).await;
        let mut reader = Browser::of(&wire, &viewer);
        let page = reader.page("/relations").await;
        assert!(page.contains("documents") && !page.contains("Make the store"), "{page}");
        assert!(!reader.page(&format!("{base}/tuples")).await.contains("Add a tuple"));
        reader.back("/relations", &[("name", "another")], 403).await;

        let other = Tenant::make(&desk.vault, "Elsewhere").await;
        let stranger = Somebody::member(&desk.vault, other.id, MemberRole::Admin).await;
        let mut elsewhere = Browser::of(&wire, &stranger);
        assert!(elsewhere.page("/relations").await.contains("No store yet"));
        for page in
            ["", "/tuples", "/changes", "/ask", "/what-if", "/review", "/review/file?user=user%3Aanne"]
        {
            assert_eq!(elsewhere.get(&format!("{base}{page}")).await.status, 404, "{page}");
        }
    });
}
