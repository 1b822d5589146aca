//! The log as people read it: narrowed to one agent, and proofs to keep.

use audit_log::{LogProof, VerifierKey};

use super::Browser;
use crate::house::members::Somebody;
use crate::house::{Ask, Build, Tenant, run};

/// The rows of the list: the menus above name everything that can happen, the rows say what did.
fn rows(page: &str) -> String {
    page.rsplit_once("<table class=\"data log\">").expect("rows").1.to_owned()
}

#[test]
fn what_an_agent_did_is_shown_alone() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let tenant = Tenant::make(&desk.vault, "One agent alone").await;
        let owner = Somebody::owner(&desk.vault, tenant.id).await;
        assert_eq!(wire.ask(Ask::get("/v1/models").key(&tenant.agent_key)).await.status, 200);
        let mut browser = Browser::of(&wire, &owner);
        browser.page("/security").await;
        let all = browser.page("/audit").await;
        assert!(
            rows(&all).contains("looked at their own account") && !all.contains("Search without it"),
            "{all}"
        );
        let agent = browser.page(&format!("/agents/{}", tenant.agent)).await;
        let (_, rest) = agent.split_once("href=\"/audit?actor=").expect("the way to what it did");
        let path = format!("/audit?actor={}", rest.split('"').next().expect("a path"));
        let own = browser.page(&path).await;
        assert!(own.contains("Search without it") && rows(&own).contains("listed the models"), "{own}");
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
fn the_log_is_explored_by_its_address() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let tenant = Tenant::make(&desk.vault, "Explored").await;
        let owner = Somebody::owner(&desk.vault, tenant.id).await;
        for _ in 0..60 {
            assert_eq!(wire.ask(Ask::get("/v1/models").key(&tenant.agent_key)).await.status, 200);
        }
        let denied = wire.request_id();
        let ask = Ask::get("/api/v1/members").header("x-request-id", &denied).key(&tenant.agent_key);
        assert_eq!(wire.ask(ask).await.status, 403);
        let mut browser = Browser::of(&wire, &owner);
        // A form sends its empty fields along.
        let page = browser.page("/audit?q=&range=24h&outcome=&actor=&kind=model.listed&from=&to=").await;
        assert!(page.contains("<svg class=\"chart\"") && page.contains("The same as a table"), "{page}");
        assert_eq!(rows(&page).matches("listed the models").count(), 50);
        let way = |page: &str, rel: &str| {
            let (before, _) = page.split_once(&format!("\" rel=\"{rel}\"")).expect("a way on");
            before.rsplit_once('"').expect("a path").1.replace("&#38;", "&")
        };
        let older = way(&page, "next");
        assert!(older.starts_with("/audit?range=24h&kind=model.listed&before="), "{older}");
        let second = browser.page(&older).await;
        assert_eq!(rows(&second).matches("listed the models").count(), 10);
        let first = browser.page(&way(&second, "prev")).await;
        assert_eq!(rows(&first).matches("listed the models").count(), 50);
        // A bar leads to its slice of time.
        let (_, bar) = page.split_once("<svg class=\"chart\"").expect("a chart");
        let (_, bar) = bar.split_once("<a href=\"").expect("a bar");
        let path = bar.split('"').next().expect("a path").replace("&#38;", "&");
        assert!(path.contains("range=custom") && path.contains("kind=model.listed"), "{path}");
        assert!(rows(&browser.page(&path).await).contains("listed the models"));

        let none = browser.page("/audit?range=1h&kind=KEY_REVOKED").await;
        assert!(none.contains("No entry matches") && none.contains("Last 24 hours"), "{none}");
        let bad = browser.get("/audit?range=24h&project=billing&subject=key:").await;
        assert_eq!(bad.status, 422);
        assert_eq!(super::error_of(&bad.text(), "field-project"), Some("This is no id of a project."));
        assert!(bad.text().contains("This cannot be searched"), "{}", bad.text());
        // htmx shows nothing of an error, and gets an address without what is empty.
        let ask =
            browser.request(http::Method::GET, "/audit?q=&project=billing").header("hx-request", "true");
        let live = browser.sent(ask).await;
        assert_eq!((live.status.as_u16(), live.header("hx-push-url")), (200, "/audit?project=billing"));

        let request = browser.page(&format!("/audit/requests/{denied}")).await;
        assert!(
            request.contains("<svg class=\"graph\"") && request.contains("Gate 1, identity"),
            "{request}"
        );
        assert!(request.contains("asked for something that is not open to them"), "{request}");
        let nothing = browser.page("/audit/requests/no-such-request").await;
        assert!(nothing.contains("It left nothing here"), "{nothing}");
        let other = Tenant::make(&desk.vault, "Explored by others").await;
        let stranger = Somebody::owner(&desk.vault, other.id).await;
        let theirs = Browser::of(&wire, &stranger).page(&format!("/audit/requests/{denied}")).await;
        assert!(theirs.contains("It left nothing here"), "{theirs}");
    });
}

#[test]
fn an_entry_is_told_in_the_words_of_the_catalogue() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let tenant = Tenant::make(&desk.vault, "Told").await;
        let owner = Somebody::owner(&desk.vault, tenant.id).await;
        let denied = wire.ask(Ask::get("/api/v1/members").key(&tenant.agent_key)).await;
        let entries = desk.database.entries(denied.header("x-request-id")).await;
        let mut browser = Browser::of(&wire, &owner);
        let page = browser.page(&format!("/audit/{}", entries[0].id)).await;
        for words in [
            "A known caller asked for something that is not open to it, or in a way that cannot be read.",
            "Gate 1, identity",
            "Worth a look.",
            "By the API",
            &format!("href=\"/agents/{}\"", tenant.agent),
            &format!("href=\"/audit?actor=key:{}\"", tenant.agent_key_id),
            &format!("href=\"/audit/requests/{}\"", denied.header("x-request-id")),
            "href=\"/audit?kind=access.denied\"",
        ] {
            assert!(page.contains(words), "{words}: {page}");
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
