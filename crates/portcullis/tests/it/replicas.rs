//! Two replicas on one database: what one of them changes about a key, the other knows at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crypto::{ApiKey, ApiKeyEnv, SystemRng};
use gates::{Draft, Principal, Vault};
use kernel::{Clock as _, EventKind, KeyId, Problem, ProblemKind, SystemClock};
use store::keys::NewKey;

use crate::house::actions::Changing;
use crate::house::{House, Tenant, execute, request, run};

/// What a change may take to reach the other replica.
const WITHIN: Duration = Duration::from_secs(1);
/// Between two tries of a key.
const TRY: Duration = Duration::from_millis(10);

struct Two {
    here: Arc<Vault>,
    there: Arc<Vault>,
    tenant: Tenant,
}

impl Two {
    async fn new(house: &'static House) -> Self {
        let database = &house.shared().await.database;
        let here = database.vault().await.expect("served");
        let there = database.vault().await.expect("served twice");
        let tenant = Tenant::make(&here, "words").await;
        Self { here, there, tenant }
    }

    async fn is_good_on_both(&self, key: &ApiKey) -> bool {
        look(&self.here, key).await.is_ok() && look(&self.there, key).await.is_ok()
    }

    /// Makes a service key here.
    async fn issue(&self, expires_in: Option<Duration>) -> (KeyId, ApiKey) {
        let owner = self.tenant.owner(&self.here).await;
        let mut pass = self.here.enter::<Changing>(owner, request()).await.expect("the owner may");
        let (id, key) = (KeyId::new(&SystemClock, &SystemRng), ApiKey::generate(ApiKeyEnv::Test, &SystemRng));
        let at = SystemClock.now();
        let new = NewKey {
            id,
            project: self.tenant.project,
            agent: None,
            name: "another",
            role: "reader",
            capabilities: None,
            hint: key.hint(),
            hash: key.hash(),
            at,
            expires_at: expires_in.map(|wait| at.plus(wait)),
        };
        store::keys::create(pass.tx(), &new).await.expect("inserted");
        pass.seal(Draft::done(EventKind::KeyCreated).subject("key", id)).await.expect("sealed");
        (id, key)
    }
}

async fn look(vault: &Arc<Vault>, key: &ApiKey) -> Result<Principal, Problem> {
    vault.authenticate(Some(key.expose()), &request()).await
}

/// Tries the key there until it is as `good` says, and returns how long that took after `since`.
async fn until(vault: &Arc<Vault>, key: &ApiKey, good: bool, since: Instant) -> Duration {
    loop {
        let seen = look(vault, key).await;
        if seen.is_ok() == good {
            if let Err(problem) = seen {
                assert_eq!(problem.kind, ProblemKind::Unauthenticated);
            }
            return since.elapsed();
        }
        assert!(
            since.elapsed() < WITHIN,
            "after {WITHIN:?} the key is still {}",
            if good { "refused" } else { "good" }
        );
        tokio::time::sleep(TRY).await;
    }
}

#[test]
fn a_new_key_works_on_both_at_once() {
    run(async |house| {
        let two = Two::new(house).await;
        let (_, key) = two.issue(None).await;
        assert!(two.is_good_on_both(&key).await);
        let principal = look(&two.there, &key).await.expect("good");
        assert_eq!((principal.tenant(), principal.kind()), (two.tenant.id, "service"));
    });
}

#[test]
fn a_revoked_key_stops_on_both() {
    run(async |house| {
        let two = Two::new(house).await;
        let (id, key) = two.issue(None).await;
        assert!(two.is_good_on_both(&key).await, "both remember it now");
        let mut pass = two
            .here
            .enter::<Changing>(two.tenant.owner(&two.here).await, request())
            .await
            .expect("the owner may");
        assert!(store::keys::revoke(pass.tx(), id, SystemClock.now()).await.expect("updated"));
        pass.seal(Draft::done(EventKind::KeyRevoked).subject("key", id)).await.expect("sealed");
        let since = Instant::now();
        look(&two.here, &key).await.expect_err("here it is over with the seal");
        until(&two.there, &key, false, since).await;
    });
}

#[test]
fn a_suspended_agent_stops_on_both_and_comes_back() {
    run(async |house| {
        let two = Two::new(house).await;
        let key = &two.tenant.agent_key;
        assert!(two.is_good_on_both(key).await);
        for (since, good) in [(Some(SystemClock.now()), false), (None, true)] {
            let mut pass = two
                .here
                .enter::<Changing>(two.tenant.owner(&two.here).await, request())
                .await
                .expect("the owner may");
            assert!(store::agents::set_suspended(pass.tx(), two.tenant.agent, since).await.expect("updated"));
            pass.seal(Draft::done(EventKind::AgentSuspended)).await.expect("sealed");
            let sealed = Instant::now();
            assert_eq!(look(&two.here, key).await.is_ok(), good, "here it holds with the seal");
            until(&two.there, key, good, sealed).await;
        }
    });
}

#[test]
fn a_rotated_key_works_beside_its_successor_for_the_overlap_only() {
    run(async |house| {
        let two = Two::new(house).await;
        let (old, old_key) = two.issue(None).await;
        let (new, new_key) = two.issue(None).await;
        assert!(two.is_good_on_both(&old_key).await);
        let overlap = Duration::from_millis(400);
        let mut pass = two
            .here
            .enter::<Changing>(two.tenant.owner(&two.here).await, request())
            .await
            .expect("the owner may");
        let until_then = SystemClock.now().plus(overlap);
        store::keys::replace(pass.tx(), old, new, until_then).await.expect("updated");
        pass.seal(Draft::done(EventKind::KeyRotated).subject("key", old)).await.expect("sealed");
        assert!(look(&two.here, &old_key).await.is_ok(), "in the overlap the old one works");
        assert!(two.is_good_on_both(&new_key).await, "beside the new one");
        until(&two.there, &old_key, false, Instant::now()).await;
        assert!(SystemClock.now() >= until_then, "not before its time");
        until(&two.here, &old_key, false, Instant::now()).await;
        assert!(two.is_good_on_both(&new_key).await);
    });
}

#[test]
fn an_expired_key_is_refused_from_memory_too() {
    run(async |house| {
        let two = Two::new(house).await;
        let (_, key) = two.issue(Some(Duration::from_millis(300))).await;
        assert!(two.is_good_on_both(&key).await);
        // Nothing in the database changes when a key expires.
        for vault in [&two.here, &two.there] {
            until(vault, &key, false, Instant::now()).await;
        }
    });
}

#[test]
fn a_change_behind_every_servers_back_is_seen_too() {
    run(async |house| {
        let two = Two::new(house).await;
        let (id, key) = two.issue(None).await;
        assert!(two.is_good_on_both(&key).await);
        let mut superuser = house.shared().await.database.superuser().await;
        let revoke = format!(
            r"begin; update api_key set revoked_at = now() where id = '{id}';
              insert into audit_entry (tenant_id, id, at, kind, actor, request_id, leaf)
                  values ('{}', overlay(gate.first_entry_id(now())::text placing right(gen_random_uuid()::text, 22) from 15)::uuid, now(), 'x', 'x', 'x', '\x7b7d'); commit",
            two.tenant.id
        );
        execute(&mut superuser, &revoke).await.expect("revoked by hand");
        let since = Instant::now();
        for vault in [&two.here, &two.there] {
            until(vault, &key, false, since).await;
        }
    });
}

#[test]
fn strangers_keys_are_refused_alike() {
    run(async |house| {
        let two = Two::new(house).await;
        let unknown = ApiKey::generate(ApiKeyEnv::Test, &SystemRng);
        let mut answers = Vec::new();
        for bearer in [unknown.expose(), "pcl_test_nonsense", ""] {
            let problem =
                two.here.authenticate(Some(bearer), &request()).await.expect_err("it opens nothing");
            answers.push((problem.kind, problem.detail));
        }
        answers.dedup();
        assert_eq!(answers.len(), 1, "nothing tells an unknown key from a malformed one: {answers:?}");
    });
}
