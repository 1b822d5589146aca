//! What the console refuses of somebody who is signed in is on record: forms that cannot be accepted, addresses that lead
//! nowhere, forms that another page sent.

use http::Method;
use http::header::CONTENT_TYPE;
use kernel::MemberRole;
use serde_json::json;

use super::Browser;
use crate::house::members::Somebody;
use crate::house::{Ask, Build, Desk, Entry, Tenant, Wire, run};

/// Stands in what is sent, and must stand nowhere in the log.
const MARK: &str = "zebrafinch";
const FORM: &str = "application/x-www-form-urlencoded";

/// The refusals among the entries of a request: a page that comes back may have looked something up besides.
async fn refusals(desk: &Desk, id: &str) -> Vec<Entry> {
    let entries = desk.database.entries(id).await;
    assert!(entries.iter().all(|entry| !entry.leaf.to_string().contains(MARK)), "{entries:?}");
    entries.into_iter().filter(|entry| entry.outcome() != "ok").collect()
}

async fn sent(browser: &mut Browser<'_>, wire: &Wire, ask: Ask) -> (u16, String) {
    let id = wire.request_id();
    let answer = browser.sent(ask.header("x-request-id", &id)).await;
    (answer.status.as_u16(), id)
}

#[test]
fn a_form_or_an_address_that_is_refused_leaves_one_entry() {
    run(async |house| {
        let desk = house.shared().await;
        let tenant = Tenant::make(&desk.vault, "Refused pages").await;
        let wire = Build::over(&desk.vault).serve().await;
        let admin = Somebody::member(&desk.vault, tenant.id, MemberRole::Admin).await;
        let mut browser = Browser::of(&wire, &admin);
        browser.page("/agents/new").await;
        let csrf = browser.csrf.clone();
        let form = |path: &str, fields: &str| {
            let body = format!("csrf={csrf}&{fields}");
            Browser::of(&wire, &admin).request(Method::POST, path).header(CONTENT_TYPE, FORM).bare(body)
        };
        let get = |path: String| Browser::of(&wire, &admin).request(Method::GET, &path);
        let bad_name = format!("name=++&purpose={MARK}&project={}", tenant.project);
        for (what, ask, status, route, because) in [
            ("a name that is none", form("/agents/new", &bad_name), 422, "/agents/new", "invalid"),
            (
                "a project that is none",
                form("/agents/new", &format!("name=a&project={MARK}")),
                422,
                "/agents/new",
                "invalid",
            ),
            ("an id that is none", get(format!("/members/{MARK}")), 404, "/members/{id}", "not-found"),
            (
                "an id that is none, to change",
                form(&format!("/keys/{MARK}/revoke"), ""),
                404,
                "/keys/{id}/revoke",
                "not-found",
            ),
            (
                "no form at all",
                get("/agents/new".into()).method(Method::POST).header(CONTENT_TYPE, "text/plain").bare(MARK),
                415,
                "/agents/new",
                "unsupported-media-type",
            ),
            (
                "a form of another page",
                get("/agents/new".into()).method(Method::POST).header(CONTENT_TYPE, FORM).bare("csrf=0"),
                403,
                "/agents/new",
                "forbidden",
            ),
        ] {
            let (answered, id) = sent(&mut browser, &wire, ask).await;
            assert_eq!(answered, status, "{what}");
            let found = refusals(desk, &id).await;
            let [entry] = found.as_slice() else { panic!("{what}: {found:?}") };
            let leaf = &entry.leaf;
            assert_eq!((&*entry.kind, entry.outcome()), ("access.denied", "refused"), "{what}: {leaf}");
            assert_eq!(entry.tenant, tenant.id.to_string(), "{what}");
            assert_eq!(leaf["actor"]["id"], admin.account.to_string(), "{what}: {leaf}");
            assert_eq!(
                (&leaf["source"], &leaf["action"]),
                (&json!("console"), &json!("console.request")),
                "{what}"
            );
            assert_eq!(
                (entry.fact("route"), entry.fact("because")),
                (&json!(route), &json!(because)),
                "{what}"
            );
        }
    });
}

/// What a gate has written already is not written twice; and what is shown leaves no refusal.
#[test]
fn a_refusal_of_a_gate_is_written_once() {
    run(async |house| {
        let desk = house.shared().await;
        let tenant = Tenant::make(&desk.vault, "Refused once").await;
        let wire = Build::over(&desk.vault).serve().await;
        let viewer = Somebody::member(&desk.vault, tenant.id, MemberRole::Viewer).await;
        let mut browser = Browser::of(&wire, &viewer);
        for (path, status, count) in [("/keys", 403, 1), ("/agents", 200, 0), ("/security", 200, 0)] {
            let ask = browser.request(Method::GET, path);
            let (answered, id) = sent(&mut browser, &wire, ask).await;
            assert_eq!(answered, status, "{path}");
            let found = refusals(desk, &id).await;
            assert_eq!(found.len(), count, "{path}: {found:?}");
            assert!(found.iter().all(|entry| entry.leaf["action"] == "key.list"), "{path}: {found:?}");
        }
        // Nobody is signed in: a form that is refused belongs to nobody's log.
        let mut nobody = Browser::nobodys(&wire);
        let ask = nobody.request(Method::POST, "/sign-up").header(CONTENT_TYPE, FORM).bare("csrf=0");
        let (answered, id) = sent(&mut nobody, &wire, ask).await;
        assert_eq!((answered, desk.database.entries(&id).await.len()), (403, 0));
    });
}
