//! A key makes no key that is stronger than itself: neither anew nor as the successor of another.

use crate::house::{Ask, Build, Tenant, run};

#[test]
fn a_narrow_key_comes_by_no_stronger_one() {
    run(async |house| {
        let desk = house.shared().await;
        let tenant = Tenant::make(&desk.vault, "keys").await;
        let wire = Build::over(&desk.vault).serve().await;
        let make = |body: &'static str| Ask::post("/api/v1/keys").json(body);
        let narrow = r#"{"name":"narrow","role":"owner","capabilities":["keys:manage","keys:read","organization:read"]}"#;
        let made = wire.ask(make(narrow).key(&tenant.owner_key)).await;
        assert_eq!(made.status.as_u16(), 201, "{}", made.text());
        let narrow = made.json()["secret"].as_str().expect("a secret").to_owned();
        // Anew.
        let wide = make(r#"{"name":"wide","role":"owner"}"#).bearer(&narrow);
        let refused = wire.ask(wide).await;
        assert_eq!(refused.status.as_u16(), 422, "{}", refused.text());
        // As the successor of the owner's key.
        let rotate = format!("/api/v1/keys/{}/rotate", tenant.owner_key_id);
        let refused = wire.ask(Ask::post(&rotate).json("{}").bearer(&narrow)).await;
        assert_eq!(refused.status.as_u16(), 403, "{}", refused.text());
        assert_eq!(refused.json()["gate"], "token");
        let whoami = wire.ask(Ask::get("/api/v1/whoami").key(&tenant.owner_key)).await;
        assert_eq!(whoami.status.as_u16(), 200, "the owner's key was not replaced");
        // Its own successor, and that of an equal, it may have.
        let own = Ask::post("/api/v1/keys/current/rotate").json("{}").bearer(&narrow);
        let rotated = wire.ask(own).await;
        assert_eq!(rotated.status.as_u16(), 201, "{}", rotated.text());
    });
}
