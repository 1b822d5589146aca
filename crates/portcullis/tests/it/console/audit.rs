//! The log as people read it: narrowed to one agent, and proofs to keep.

use audit_log::{LogProof, VerifierKey};

use super::Browser;
use crate::house::members::Somebody;
use crate::house::{Ask, Build, Tenant, run};

#[test]
fn what_an_agent_did_is_shown_alone() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let tenant = Tenant::make(&desk.vault, "One agent alone").await;
        let owner = Somebody::owner(&desk.vault, tenant.id).await;
        assert_eq!(wire.ask(Ask::get("/v1/models").key(&tenant.agent_key)).await.status, 200);
        let mut browser = Browser::of(&wire, &owner);
        // The menu of kinds names everything that can happen; the rows say what did.
        let rows = |page: &str| page.split_once("<tbody>").expect("rows").1.to_owned();
        browser.page("/security").await;
        let all = browser.page("/audit").await;
        assert!(rows(&all).contains("looked at their own account") && !all.contains("Only what"), "{all}");
        let agent = browser.page(&format!("/agents/{}", tenant.agent)).await;
        let (_, rest) = agent.split_once("href=\"/audit?agent=").expect("the way to what it did");
        let path = format!("/audit?agent={}", rest.split('"').next().expect("a path"));
        let own = browser.page(&path).await;
        assert!(own.contains("Only what") && rows(&own).contains(&tenant.agent.to_string()[..8]), "{own}");
        assert!(!rows(&own).contains("looked at their own account"), "{own}");

        let entries =
            |actor: &str| Ask::get(format!("/api/v1/audit/entries?actor={actor}")).key(&tenant.owner_key);
        let listed = wire.ask(entries(&format!("agent:{}", tenant.agent))).await.json();
        let items = listed["items"].as_array().expect("items");
        assert!(!items.is_empty());
        for item in items {
            assert_eq!(item["entry"]["actor"]["id"], tenant.agent.to_string(), "{item}");
        }
        for bad in ["agent", "agent:", "agent:1", "robot:019a0000-0000-7000-8000-000000000000"] {
            assert_eq!(wire.ask(entries(bad)).await.status, 422, "{bad}");
        }
    });
}

#[test]
fn a_proof_is_downloaded_and_holds() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let (tenant, other) =
            (Tenant::make(&desk.vault, "Proofs").await, Tenant::make(&desk.vault, "Others").await);
        let owner = Somebody::owner(&desk.vault, tenant.id).await;
        let made = wire.ask(Ask::get("/v1/models").key(&tenant.agent_key)).await;
        let entry = made.header("x-portcullis-entry").to_owned();
        let mut browser = Browser::of(&wire, &owner);
        let page = browser.page(&format!("/audit/{entry}")).await;
        let path = format!("/audit/{entry}/proof");
        assert!(page.contains(&format!("href=\"{path}\"")), "{page}");
        let file = browser.get(&path).await;
        assert_eq!(file.status, 200, "{}", file.text());
        assert_eq!(
            file.header("content-disposition"),
            format!("attachment; filename=\"{entry}.tlog-proof\"")
        );
        let proof = LogProof::parse(&file.body).expect("a proof");
        let checkpoint = wire.ask(Ask::get("/api/v1/audit/checkpoint").key(&tenant.owner_key)).await.json();
        let key: VerifierKey = checkpoint["vkey"].as_str().expect("a key").parse().expect("a key");
        assert!(proof.verify_own(&[key]).expect("it carries its entry").is_ok());
        assert!(String::from_utf8_lossy(proof.extra.as_deref().expect("an entry")).contains(&entry));
        // Next door it does not exist.
        let stranger = Somebody::owner(&desk.vault, other.id).await;
        Browser::of(&wire, &stranger).refused(&path, 404).await;
        assert_eq!(Browser::nobodys(&wire).get(&path).await.status, 303);
    });
}
