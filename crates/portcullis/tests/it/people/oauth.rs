//! OAuth over the wire: agents get tokens, for themselves and for people; tokens are asked about and called back; what is
//! published is enough to verify them.

use app::operator::Operator;
use authn::jwt::KeySet;
use authn::jwt::access::AccessClaims;
use kernel::{Clock as _, MemberRole, SystemClock};
use mail::Address;
use serde_json::{Value, json};

use crate::house::members::Somebody;
use crate::house::{Answer, Ask, Build, Desk, Tenant, Wire, request, run};

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

struct Stage {
    desk: &'static Desk,
    wire: Wire,
    tenant: Tenant,
}

impl Stage {
    async fn set(desk: &'static Desk, words: &str) -> Self {
        let wire = Build::over(&desk.vault).serve().await;
        let tenant = Tenant::make(&desk.vault, words).await;
        Self { desk, wire, tenant }
    }

    /// The agent's own credentials in a form, with more beside them.
    fn client(&self, more: &Value) -> Value {
        let mut form = json!({
            "client_id": self.tenant.agent.to_string(), "client_secret": self.tenant.agent_key.expose(),
        });
        let more = more.as_object().expect("an object").clone();
        form.as_object_mut().expect("an object").extend(more);
        form
    }

    async fn token(&self, form: &Value) -> Answer {
        self.wire.ask(Ask::post("/oauth/token").form(form)).await
    }

    async fn own_token(&self) -> String {
        let answer = self.token(&self.client(&json!({"grant_type": "client_credentials"}))).await;
        text(&answer, "access_token")
    }

    async fn exchanged(&self, subject: &str) -> Answer {
        let more = json!({
            "grant_type": EXCHANGE, "subject_token": subject, "subject_token_type": ACCESS_TOKEN,
        });
        self.token(&self.client(&more)).await
    }

    async fn whoami(&self, token: &str) -> Answer {
        self.wire.ask(Ask::get("/api/v1/whoami").bearer(token)).await
    }

    async fn introspected(&self, token: &str) -> Value {
        let ask = Ask::post("/oauth/introspect").key(&self.tenant.owner_key).form(&json!({"token": token}));
        let answer = self.wire.ask(ask).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }
}

fn text(answer: &Answer, member: &str) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()[member].as_str().expect("text").to_owned()
}

#[track_caller]
fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status.as_u16(), answer.json()["error"].as_str()), (status, Some(code)));
    assert!(answer.json()["error_description"].is_string(), "{}", answer.text());
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[test]
fn an_agent_gets_a_token_of_its_own_and_works_with_it() {
    run(async |house| {
        let stage = Stage::set(house.shared().await, "Own tokens").await;
        let (wire, tenant) = (&stage.wire, &stage.tenant);
        let answer = stage.token(&stage.client(&json!({"grant_type": "client_credentials"}))).await;
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(
            (&answer.json()["token_type"], &answer.json()["expires_in"]),
            (&json!("Bearer"), &json!(900))
        );
        let token = text(&answer, "access_token");
        // The same with the header, as RFC 6749 prefers it.
        let pair = format!("{}:{}", tenant.agent, tenant.agent_key.expose());
        let basic = Ask::post("/oauth/token")
            .header("authorization", &format!("Basic {}", base64(&pair)))
            .form(&json!({"grant_type": "client_credentials"}));
        let other = text(&wire.ask(basic).await, "access_token");
        assert_ne!(token, other, "each has an id of its own");
        for token in [&token, &other] {
            let who = stage.whoami(token).await.json();
            assert_eq!((&who["kind"], &who["agent"]), (&json!("agent"), &json!(tenant.agent.to_string())));
            assert_eq!(
                (&who["acting_for"], &who["key"]),
                (&Value::Null, &json!(tenant.agent_key_id.to_string()))
            );
            let chat = Ask::chat(r#"{"model":"loopback","messages":[{"role":"user","content":"hello"}]}"#);
            let answer = wire.ask(chat.bearer(token)).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
        // From the outside, with nothing but what is published.
        let published = wire.ask(Ask::get("/.well-known/jwks.json")).await;
        let (keys, _) = KeySet::from_jwks(&published.body, None).expect("a key set");
        let issuer = stage.desk.vault.issuer();
        let verified = AccessClaims::verify(&token, &keys, issuer, issuer, SystemClock.now());
        let (_, claims) = verified.expect("good");
        assert_eq!(claims.client_id.as_deref(), Some(&*tenant.agent.to_string()), "RFC 9068 §2.2");
        assert_eq!((claims.sub, claims.act), (tenant.agent.uuid(), None));
        let known = stage.introspected(&token).await;
        assert_eq!((&known["active"], &known["client_id"]), (&json!(true), &json!(tenant.agent.to_string())));
        assert!(known["scope"].as_str().is_some_and(|scope| scope.contains("models:invoke")), "{known}");
        // With the key gone, so is every token that was had by it.
        let revoke = Ask::new(http::Method::DELETE, format!("/api/v1/keys/{}", tenant.agent_key_id));
        assert_eq!(wire.ask(revoke.key(&tenant.owner_key)).await.status, 204);
        assert_eq!(stage.whoami(&token).await.status, 401);
        assert_eq!(stage.introspected(&token).await, json!({"active": false}));
        refused(
            &stage.token(&stage.client(&json!({"grant_type": "client_credentials"}))).await,
            401,
            "invalid_client",
        );
    });
}

fn base64(text: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let bits =
            chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let six = (bits >> (18 - 6 * place)) & 63;
            out.push(if place <= chunk.len() { char::from(ALPHABET[six as usize]) } else { '=' });
        }
    }
    out
}

/// The agent stays an agent, its token names both, opens what both may, and ends with the person's session.
#[test]
fn an_agent_acts_for_a_person_by_token_exchange() {
    run(async |house| {
        let stage = Stage::set(house.shared().await, "Exchange").await;
        let (vault, tenant) = (&stage.desk.vault, &stage.tenant);
        let person = Somebody::member(vault, tenant.id, MemberRole::Viewer).await;
        let subject = person.token(vault).await;
        let answer = stage.exchanged(&subject).await;
        assert_eq!(answer.json()["issued_token_type"], ACCESS_TOKEN, "{}", answer.text());
        let token = text(&answer, "access_token");
        let who = stage.whoami(&token).await.json();
        assert_eq!((&who["kind"], &who["acting_for"]), (&json!("agent"), &json!(person.account.to_string())));
        let known = stage.introspected(&token).await;
        assert_eq!(known["sub"], person.account.to_string());
        assert_eq!(known["act"], json!({"sub": tenant.agent.to_string()}));
        assert!(!known["scope"].as_str().is_some_and(|scope| scope.contains("models:invoke")), "{known}");
        // A viewer calls no model, so neither does an agent for them; a member does.
        let chat = |token: &str| {
            Ask::chat(r#"{"model":"loopback","messages":[{"role":"user","content":"hello"}]}"#).bearer(token)
        };
        assert_eq!(stage.wire.ask(chat(&token)).await.status, 403);
        let member = Somebody::member(vault, tenant.id, MemberRole::Member).await;
        let acting = text(&stage.exchanged(&member.token(vault).await).await, "access_token");
        let id = stage.wire.request_id();
        let answer = stage.wire.ask(chat(&acting).header("x-request-id", &id)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        for entry in stage.desk.database.entries_once(&id, 2).await {
            assert_eq!(entry.leaf["actor"]["kind"], "agent");
            assert_eq!(entry.fact("acting_for"), &json!(member.account.to_string()), "{}", entry.leaf);
        }
        // What cannot be a subject.
        let stranger = Tenant::make(vault, "Elsewhere").await;
        let theirs = Somebody::member(vault, stranger.id, MemberRole::Admin).await.token(vault).await;
        let own = stage.own_token().await;
        for bad in [&*theirs, &*own, &*token, tenant.owner_key.expose(), "a.b.c", "word"] {
            refused(&stage.exchanged(bad).await, 400, "invalid_request");
        }
        let operator = Operator::new(vault.clone(), request());
        operator.disable(&Address::parse(&person.address).expect("an address")).await.expect("closed");
        assert_eq!(stage.whoami(&token).await.status, 401, "it ended with the person's session");
        refused(&stage.exchanged(&subject).await, 400, "invalid_request");
    });
}

#[test]
fn nobody_acts_for_a_person_who_must_first_set_up_a_second_factor() {
    run(async |house| {
        let stage = Stage::set(house.shared().await, "Second factor first").await;
        let (vault, tenant) = (&stage.desk.vault, &stage.tenant);
        let person = Somebody::member(vault, tenant.id, MemberRole::Member).await;
        let subject = person.token(vault).await;
        assert_eq!(stage.exchanged(&subject).await.status, 200, "as long as nobody asks for one");
        let rules = json!({
            "name": "Strict", "second_factor_for_all": true, "second_factor_roles": [], "session_hours": 12,
        });
        let ask = Ask::new(http::Method::PUT, "/api/v1/organization/settings").json(rules.to_string());
        let answer = stage.wire.ask(ask.key(&tenant.owner_key)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        refused(&stage.exchanged(&subject).await, 400, "invalid_request");
    });
}

#[test]
fn a_client_that_does_not_prove_itself_gets_nothing_and_is_on_record() {
    run(async |house| {
        let stage = Stage::set(house.shared().await, "Refusals").await;
        let (wire, tenant) = (&stage.wire, &stage.tenant);
        let grant = json!({"grant_type": "client_credentials"});
        let own = stage.own_token().await;
        let with = |id: String, secret: &str| json!({"grant_type": "client_credentials", "client_id": id, "client_secret": secret});
        let agent = tenant.agent.to_string();
        for form in [
            grant.clone(),
            with(agent.clone(), "wrong"),
            with(agent.clone(), tenant.owner_key.expose()),
            with(stage.desk.vault.instance().to_string(), tenant.agent_key.expose()),
            // A token is no secret: whoever took one could renew it for ever.
            with(agent.clone(), &own),
            json!({"grant_type": "client_credentials", "client_secret": tenant.agent_key.expose()}),
        ] {
            let id = wire.request_id();
            let answer = wire.ask(Ask::post("/oauth/token").header("x-request-id", &id).form(&form)).await;
            refused(&answer, 401, "invalid_client");
            assert!(answer.header("www-authenticate").starts_with("Basic"));
            let entries = stage.desk.database.entries(&id).await;
            assert_eq!(entries.len(), 1, "{entries:?}");
            assert_eq!(
                (entries[0].outcome(), &entries[0].leaf["action"]),
                ("refused", &json!("token.issue"))
            );
            assert!(!entries[0].leaf.to_string().contains("pcl_"), "no secret in the log");
        }
        let bearer = Ask::post("/oauth/token").bearer(&own).form(&grant);
        refused(&wire.ask(bearer).await, 401, "invalid_client");
        for (more, code) in [
            (json!({"grant_type": "password", "username": "a", "password": "b"}), "unsupported_grant_type"),
            (json!({}), "invalid_request"),
            (json!({"grant_type": "client_credentials", "scope": "models:invoke"}), "invalid_scope"),
            (
                json!({"grant_type": "client_credentials", "resource": "https://other.example.com"}),
                "invalid_target",
            ),
            (json!({"grant_type": EXCHANGE}), "invalid_request"),
            (
                json!({"grant_type": EXCHANGE, "subject_token": "x", "subject_token_type": "urn:x"}),
                "invalid_request",
            ),
        ] {
            refused(&stage.token(&stage.client(&more)).await, 400, code);
        }
        let form = "application/x-www-form-urlencoded";
        let sent =
            |kind: &str, body: String| Ask::post("/oauth/token").bare(body).header("content-type", kind);
        let twice = "grant_type=client_credentials&grant_type=client_credentials".to_owned();
        refused(&wire.ask(sent(form, twice)).await, 400, "invalid_request");
        refused(&wire.ask(sent("application/json", grant.to_string())).await, 400, "invalid_request");
        refused(&wire.ask(sent(form, "a=".to_owned() + &"x".repeat(40_000))).await, 413, "invalid_request");
        refused(&wire.ask(Ask::get("/oauth/token")).await, 405, "invalid_request");
        let suspend = Ask::post(format!("/api/v1/agents/{agent}/suspend")).key(&tenant.owner_key);
        assert_eq!(wire.ask(suspend).await.status, 204);
        refused(&stage.token(&stage.client(&grant)).await, 401, "invalid_client");
        assert_eq!(stage.whoami(&own).await.status, 401, "and its tokens are over");
    });
}

#[test]
fn tokens_are_asked_about_and_called_back_inside_the_organization_only() {
    run(async |house| {
        let stage = Stage::set(house.shared().await, "Calling back").await;
        let (vault, wire, tenant) = (&stage.desk.vault, &stage.wire, &stage.tenant);
        let (one, other) = (stage.own_token().await, stage.own_token().await);
        let stranger = Tenant::make(vault, "Next door").await;
        let inactive = json!({"active": false});
        let ask = |path: &str, token: &str| Ask::post(path.to_owned()).form(&json!({"token": token}));
        // Next door nobody learns of it, and nobody ends it.
        let looked = wire.ask(ask("/oauth/introspect", &one).key(&stranger.owner_key)).await;
        assert_eq!((looked.status.as_u16(), looked.json()), (200, inactive.clone()));
        assert_eq!(wire.ask(ask("/oauth/revoke", &one).key(&stranger.owner_key)).await.status, 200);
        assert_eq!(stage.introspected(&one).await["active"], true);
        for nothing in ["word", tenant.owner_key.expose(), &one[..one.len() - 2]] {
            assert_eq!(stage.introspected(nothing).await, inactive, "{nothing}");
            assert_eq!(wire.ask(ask("/oauth/revoke", nothing).key(&tenant.owner_key)).await.status, 200);
        }
        // As an OAuth client, with the token's own agent.
        let revoke = Ask::post("/oauth/revoke").form(&stage.client(&json!({"token": one})));
        let answer = wire.ask(revoke).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(!answer.header("x-portcullis-entry").is_empty());
        assert_eq!(stage.whoami(&one).await.status, 401);
        assert_eq!(stage.introspected(&one).await, inactive);
        assert_eq!(stage.whoami(&other).await.status, 200, "only that one");
        // Strangers are asked to prove who they are.
        for path in ["/oauth/introspect", "/oauth/revoke"] {
            refused(&wire.ask(ask(path, &other)).await, 401, "invalid_client");
            refused(&wire.ask(ask(path, &other).bearer(&one)).await, 401, "invalid_token");
            let both = Ask::post(path.to_owned()).key(&tenant.owner_key);
            refused(
                &wire.ask(both.form(&stage.client(&json!({"token": other})))).await,
                400,
                "invalid_request",
            );
            refused(
                &wire.ask(Ask::post(path.to_owned()).key(&tenant.owner_key).form(&json!({}))).await,
                400,
                "invalid_request",
            );
        }
    });
}

#[test]
fn what_is_published_may_be_kept_and_names_only_what_there_is() {
    run(async |house| {
        let stage = Stage::set(house.shared().await, "Published").await;
        let (wire, issuer) = (&stage.wire, stage.desk.vault.issuer());
        let token = stage.own_token().await;
        for path in [
            "/.well-known/jwks.json",
            "/.well-known/oauth-authorization-server",
            "/.well-known/openid-configuration",
        ] {
            let answer = wire.ask(Ask::get(path)).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert_eq!(answer.header("cache-control"), "public, max-age=300", "{path}");
            let again = wire.ask(Ask::get(path).header("if-none-match", answer.header("etag"))).await;
            assert_eq!((again.status.as_u16(), again.body.len()), (304, 0), "{path}");
            let other = wire.ask(Ask::get(path).header("if-none-match", "\"other\"")).await;
            assert_eq!(other.status, 200, "{path}");
        }
        let server = wire.ask(Ask::get("/.well-known/oauth-authorization-server")).await.json();
        assert_eq!(server, wire.ask(Ask::get("/.well-known/openid-configuration")).await.json());
        assert_eq!(server["issuer"], issuer);
        let api = serde_json::to_value(api::openapi()).expect("JSON");
        for (name, place) in server.as_object().expect("an object") {
            let Some(path) = place.as_str().and_then(|place| place.strip_prefix(issuer)) else { continue };
            let known = path.is_empty() || path == "/docs" || api["paths"][path].is_object();
            assert!(known, "{name} leads nowhere: {place}");
        }
        // A rotation publishes the next key before it is used, and keeps the last one.
        let ids = async || {
            let keys = wire.ask(Ask::get("/.well-known/jwks.json")).await.json();
            let keys = keys["keys"].as_array().expect("keys").clone();
            assert!(
                keys.iter().all(|key| key["alg"] == "RS256" && key["use"] == "sig" && key["d"].is_null())
            );
            keys.iter().map(|key| key["kid"].as_str().expect("an id").to_owned()).collect::<Vec<_>>()
        };
        let before = ids().await;
        stage.desk.vault.rotate_access_keys(&request()).await.expect("rotated");
        let after = ids().await;
        assert!(before.iter().all(|kid| after.contains(kid)) && after.len() > before.len());
        assert_eq!(stage.whoami(&token).await.status, 200, "nobody noticed");
    });
}
