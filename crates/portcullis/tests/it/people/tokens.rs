//! Access and refresh tokens, and agents that act for people.

use app::accounts::SessionKind;
use app::operator::Operator;
use app::tokens::{ExchangeToken, IssueToken, RevokeToken};
use authn::jwt::KeySet;
use authn::jwt::access::AccessClaims;
use base64::Engine as _;
use gates::{Principal, Vault};
use kernel::Clock as _;
use kernel::{MemberRole, Permission, ProblemKind, SystemClock};
use mail::Address;

use crate::house::members::{Somebody, past};
use crate::house::people::{Person, accounts, letter};
use crate::house::{Tenant, request, run};

#[test]
fn an_access_token_opens_what_its_session_opens_and_anybody_can_verify_it() {
    run(async |house| {
        let desk = house.shared().await;
        let (vault, doors) = (&desk.vault, accounts(&desk.vault));
        let tenant = Tenant::make(vault, "Tokens").await;
        let person = Person::sign_up(&doors).await;
        person.join(vault, tenant.id, MemberRole::Member, false).await;
        let opened = person.enter(&doors, SessionKind::Program).await;
        let guest = person.guest.again();
        let access = doors.access_token(guest.visitor(), opened.id).await.expect("issued");
        let who = vault.authenticate(Some(&access.token), &request()).await.expect("good");
        assert!(matches!(who, Principal::Human(_)));
        assert_eq!((who.tenant(), who.account()), (tenant.id, Some(person.account)));
        // With nothing but what is published.
        let jwks = vault.jwks().await.expect("published").to_string();
        let (keys, refused) = KeySet::from_jwks(jwks.as_bytes(), None).expect("a key set");
        assert!(refused.is_empty());
        let (_, claims) =
            AccessClaims::verify(&access.token, &keys, vault.issuer(), vault.issuer(), SystemClock.now())
                .expect("ours");
        assert_eq!(
            (claims.tenant_id, claims.roles.as_slice()),
            (tenant.id, ["member".to_owned()].as_slice())
        );
        assert_eq!(claims.exp - claims.iat, 900);
        // A rotation changes the key and nothing else.
        vault.rotate_access_keys(&request()).await.expect("rotated");
        assert!(
            vault.authenticate(Some(&access.token), &request()).await.is_ok(),
            "the old key is still published"
        );
        let next = doors.access_token(guest.visitor(), opened.id).await.expect("issued");
        assert!(vault.authenticate(Some(&next.token), &request()).await.is_ok());
        for bent in [format!("{}x", *access.token), access.token.replace('.', ".."), "a.b.c".to_owned()] {
            assert!(vault.authenticate(Some(&bent), &request()).await.is_err(), "{bent}");
        }
        // Called back by a service of the organization, it is dead at once.
        let facts = vault.token_facts(&access.token, &request()).await.expect("known").expect("ours");
        let pass = vault.enter::<RevokeToken>(tenant.owner(vault).await, request()).await.expect("may");
        app::tokens::revoke(pass, Some(&facts)).await.expect("called back");
        assert!(vault.authenticate(Some(&access.token), &request()).await.is_err());
        assert!(vault.authenticate(Some(&next.token), &request()).await.is_ok(), "only that one");
    });
}

#[test]
fn refreshing_never_forks_and_a_copy_ends_the_session() {
    run(async |house| {
        let desk = house.shared().await;
        let doors = accounts(&desk.vault);
        let person = Person::sign_up(&doors).await;
        let opened = person.enter(&doors, SessionKind::Program).await;
        let first = opened.refresh.expect("a token").expose();
        // Eight tabs at once, one token: every one gets the same successor.
        let tabs = (0..8).map(|_| {
            let (doors, first, guest) = (doors.clone(), first.clone(), person.guest.again());
            tokio::spawn(async move {
                doors.refresh(guest.visitor(), &first).await.map(|next| next.refresh.expose().to_string())
            })
        });
        let mut next = Vec::new();
        for tab in tabs.collect::<Vec<_>>() {
            next.push(tab.await.expect("no panic").expect("none is lost"));
        }
        next.dedup();
        assert_eq!(next.len(), 1, "one living chain");
        let again = doors.refresh(person.guest.again().visitor(), &next[0]).await.expect("the living one");
        let living = again.refresh.expose().to_string();
        // Past the grace a replaced token is a copy.
        let sql = format!(
            "begin; set local session_replication_role = replica; update portcullis.session set refresh_rotations = \
             (select array_agg(r - interval '1 minute') from unnest(refresh_rotations) r) where id = '{}'; commit",
            opened.id
        );
        let mut superuser = desk.database.superuser().await;
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut superuser).await.expect("aged");
        let reused = doors.refresh(person.guest.again().visitor(), &first).await;
        assert_eq!(reused.err().expect("a copy").kind, ProblemKind::Unauthenticated);
        assert!(
            doors.refresh(person.guest.again().visitor(), &living).await.is_err(),
            "the family has ended"
        );
        assert!(
            desk.vault.authenticate(Some(&again.access.token), &request()).await.is_err(),
            "and its tokens"
        );
        assert!(letter(&desk.vault, &person.address, "refresh_token_reuse").await.is_some());
    });
}

/// A refresh token does not outlive its person's account.
#[test]
fn a_closed_account_refreshes_nothing() {
    run(async |house| {
        let desk = house.shared().await;
        let doors = accounts(&desk.vault);
        let person = Person::sign_up(&doors).await;
        let opened = person.enter(&doors, SessionKind::Program).await;
        let token = opened.refresh.expect("a token").expose();
        let operator = Operator::new(desk.vault.clone(), request());
        let address = Address::parse(&person.address).expect("an address");
        assert!(operator.disable(&address).await.expect("closed") >= 2);
        assert!(doors.refresh(person.guest.again().visitor(), &token).await.is_err());
        assert!(person.sign_in(&doors, SessionKind::Browser).await.is_err());
        operator.enable(&address).await.expect("open again");
        assert!(
            doors.refresh(person.guest.again().visitor(), &token).await.is_err(),
            "old sessions stay ended"
        );
        person.enter(&doors, SessionKind::Browser).await;
    });
}

/// An agent that acts for a person stays an agent, may only what both may, and stops with the person's session.
#[test]
fn an_agent_acts_for_a_person_within_what_both_may() {
    run(async |house| {
        let desk = house.shared().await;
        let (vault, doors) = (&desk.vault, accounts(&desk.vault));
        let tenant = Tenant::make(vault, "Delegation").await;
        let person = Person::sign_up(&doors).await;
        person.join(vault, tenant.id, MemberRole::Viewer, false).await;
        let opened = person.enter(&doors, SessionKind::Program).await;
        let guest = person.guest.again();
        let access = doors.access_token(guest.visitor(), opened.id).await.expect("issued");
        let human = vault.authenticate(Some(&access.token), &request()).await.expect("a person");
        let pass =
            vault.enter::<ExchangeToken>(tenant.agent(vault).await, request()).await.expect("an agent");
        let (delegated, _) = app::tokens::exchange(pass, &human).await.expect("issued");
        let acting = vault.authenticate(Some(&delegated.token), &request()).await.expect("good");
        assert!(matches!(acting, Principal::Agent(_)), "no path from an agent to a person");
        assert_eq!((acting.agent(), acting.acting_for()), (Some(tenant.agent), Some(person.account)));
        assert!(acting.capabilities().has(Permission::ModelsRead), "both may");
        assert!(
            !acting.capabilities().has(Permission::ModelsInvoke),
            "a viewer may not, so neither may its agent"
        );
        let pass = vault.enter::<IssueToken>(tenant.agent(vault).await, request()).await.expect("an agent");
        let (own, _) = app::tokens::issue(pass).await.expect("issued");
        let alone = vault.authenticate(Some(&own.token), &request()).await.expect("good");
        assert!(alone.capabilities().has(Permission::ModelsInvoke) && alone.acting_for().is_none());
        let stranger = Tenant::make(vault, "Elsewhere").await;
        let pass =
            vault.enter::<ExchangeToken>(stranger.agent(vault).await, request()).await.expect("an agent");
        assert!(app::tokens::exchange(pass, &human).await.is_err(), "another organization's person");
        let operator = Operator::new(vault.clone(), request());
        operator.disable(&Address::parse(&person.address).expect("an address")).await.expect("closed");
        assert!(vault.authenticate(Some(&delegated.token), &request()).await.is_err());
        assert!(vault.authenticate(Some(&own.token), &request()).await.is_ok());
    });
}

/// The names of the published keys, in order.
async fn published(vault: &Vault) -> Vec<String> {
    let jwks = vault.jwks().await.expect("published");
    let kids = jwks["keys"].as_array().expect("keys").iter().map(|key| key["kid"].as_str().expect("a name"));
    let mut kids: Vec<String> = kids.map(str::to_owned).collect();
    kids.sort();
    kids
}

/// The name of the key that signed a token.
fn signed_by(token: &str) -> String {
    let head = token.split('.').next().expect("a header");
    let head = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(head).expect("base 64");
    let head: serde_json::Value = serde_json::from_slice(&head).expect("JSON");
    head["kid"].as_str().expect("a name").to_owned()
}

/// A key is published before it signs, for as long as what it signed lives, and no longer.
#[test]
fn keys_are_published_before_they_sign_and_until_their_tokens_are_over() {
    run(async |house| {
        let database = house.database("jwks").await;
        let vault = database.vault().await.expect("served");
        let tenant = Tenant::make(&vault, "Keys").await;
        let person = Somebody::member(&vault, tenant.id, MemberRole::Member).await;
        let first = person.token(&vault).await;
        let at_first = published(&vault).await;
        assert_eq!(at_first.len(), 2, "the current one and the next");
        assert!(at_first.contains(&signed_by(&first)));
        vault.rotate_access_keys(&request()).await.expect("rotated");
        let second = person.token(&vault).await;
        assert_ne!(signed_by(&second), signed_by(&first));
        assert!(at_first.contains(&signed_by(&second)), "what signs now was published before it did");
        let rotated = published(&vault).await;
        assert_eq!(rotated.len(), 3, "the retired one, the current one and the next");
        assert!(at_first.iter().all(|kid| rotated.contains(kid)));
        assert!(
            vault.authenticate(Some(&first), &request()).await.is_ok(),
            "what a retired key signed lives on"
        );
        // An hour is the time of a retired key: four times that of what it signed.
        let aged = async |minutes: u32| {
            let sql = format!("update key_ring set retired_at = now() - interval '{minutes} minutes'");
            past(&database, &format!("{sql} where purpose = 'access_token' and state = 'retired'")).await;
        };
        aged(59).await;
        assert_eq!(published(&vault).await, rotated);
        aged(61).await;
        let kept: Vec<String> = rotated.iter().filter(|kid| **kid != signed_by(&first)).cloned().collect();
        assert_eq!(published(&vault).await, kept, "it has left");
        let gone = vault.authenticate(Some(&first), &request()).await;
        assert_eq!(gone.err().map(|problem| problem.kind), Some(ProblemKind::Unauthenticated));
        assert!(vault.authenticate(Some(&second), &request()).await.is_ok());
    });
}
