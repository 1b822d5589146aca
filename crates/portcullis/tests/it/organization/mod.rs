//! The people of an organization: who belongs to it, what it asks of them, and who may reach past the rules.

mod break_glass;
mod invitations;
mod members;
mod settings;

use std::sync::Arc;
use std::time::{Duration, Instant};

use app::mail::Post;
use gates::{Principal, Vault};
use kernel::{Problem, TenantId};
use sqlx::Row as _;

use crate::house::Database;
use crate::house::members::Somebody;
use crate::house::people::accounts;

/// What a change may take to reach another replica.
const WITHIN: Duration = Duration::from_secs(1);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(10);

fn post(vault: &Arc<Vault>) -> Post {
    accounts(vault).post()
}

/// Looks at a person's session through a replica until it is as wanted.
async fn until(
    vault: &Arc<Vault>,
    somebody: &Somebody,
    what: &str,
    wanted: impl Fn(&Result<Principal, Problem>) -> bool,
) {
    let since = Instant::now();
    while !wanted(&somebody.known(vault).await) {
        assert!(since.elapsed() < WITHIN, "after {WITHIN:?} it is not so: {what}");
        tokio::time::sleep(LOOK).await;
    }
}

/// How many entries of this kind are in the tenant's log, by outcome.
async fn entries(database: &Database, tenant: TenantId, kind: &str) -> Vec<serde_json::Value> {
    let rows = sqlx::query("select leaf from audit_entry where tenant_id = $1 and kind = $2 order by id")
        .bind(tenant.uuid())
        .bind(kind)
        .fetch_all(&mut database.superuser().await)
        .await
        .expect("entries");
    rows.iter().map(|row| serde_json::from_slice(row.get("leaf")).expect("JSON")).collect()
}

/// Nothing that names a person is in the log of a tenant.
async fn names_nobody(database: &Database, tenant: TenantId) {
    let found: i64 = sqlx::query_scalar(
        "select count(*) from audit_entry where tenant_id = $1 \
         and convert_from(leaf, 'UTF8') ~* '(@example|Somebody|Firefox|invited-)'",
    )
    .bind(tenant.uuid())
    .fetch_one(&mut database.superuser().await)
    .await
    .expect("a count");
    assert_eq!(found, 0, "personal data is in the log");
}
