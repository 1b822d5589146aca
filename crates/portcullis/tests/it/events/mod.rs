//! The log as events: exported in the formats of other people's tools, followed as it grows, and taken away by the command.

mod command;
mod export;
mod tail;

use std::sync::Arc;

use audit_log::leaf_hash;
use gates::Vault;
use serde_json::Value;
use sqlx::Row as _;

use crate::house::process::{Env, Process};
use crate::house::web::Web;
use crate::house::{Database, House, Tenant, soon};

/// A server with an organization of its own.
struct Stage {
    database: Database,
    server: Process,
    tenant: Tenant,
    key: String,
}

impl Stage {
    async fn build(house: &'static House, purpose: &str, env: Env<'_>) -> Self {
        let database = house.database(purpose).await;
        let vault: Arc<Vault> = database.vault().await.expect("served");
        let tenant = Tenant::make(&vault, purpose).await;
        vault.close();
        let server = Process::serve(&database, env).await;
        let key = tenant.owner_key.expose().to_owned();
        Self { database, server, tenant, key }
    }

    fn web(&self) -> Web {
        self.server.web(self.key.clone())
    }

    /// Makes the log grow by so many entries.
    async fn grow(&self, entries: usize) {
        let web = self.web();
        for _ in 0..entries {
            web.get("/api/v1/projects").await.expect(200);
        }
    }

    /// The organization's entries as stored, in the order of the log, once `entry` has its place.
    async fn stored(&self, entry: &str) -> Vec<Vec<u8>> {
        let mut superuser = self.database.superuser().await;
        let placed = async {
            loop {
                let rows = sqlx::query(
                    "select e.leaf, e.id::text as id from audit_leaf l join audit_entry e \
                     on e.tenant_id = l.tenant_id and e.id = l.entry_id \
                     where l.tenant_id = $1::text::uuid order by l.seq",
                )
                .bind(self.tenant.id.to_string())
                .fetch_all(&mut superuser)
                .await
                .expect("leaves");
                if rows.iter().any(|row| row.get::<String, _>("id") == entry) {
                    return rows.iter().map(|row| row.get("leaf")).collect();
                }
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        soon("the entry has its place", placed).await
    }

    /// Makes one entry more, and waits until it has its place: everything before it has its own by then.
    async fn settled(&self) -> Vec<Vec<u8>> {
        let entry = self.web().get("/api/v1/projects").await.expect(200).entry();
        self.stored(&entry).await
    }
}

/// The entry in a line of JSON Lines, byte for byte; checks the hash that stands beside it.
fn entry_of(line: &str) -> (u64, &[u8]) {
    let value: Value = serde_json::from_str(line).expect("a line is JSON");
    let (_, entry) = line.split_once(",\"entry\":").expect("an entry");
    let entry = entry.strip_suffix('}').expect("an object").as_bytes();
    assert_eq!(value["leaf_hash"], leaf_hash(entry).to_string(), "{line}");
    (value["index"].as_u64().expect("an index"), entry)
}
