//! Who may do what in the product itself: the model, and the answers that the gates give by it.
//!
//! Every organization has a store of relations whose id is its own (migration 0024): its members, keys and roles as tuples,
//! kept by the database's triggers. The engine is asked before every action. What a process remembers of a store is as old
//! as what it remembers of keys, and dropped with it; what it reads anew is what changed since.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use authz::{Around, Change, Check, Engine, Model, Schema, Snapshot, Tuple};
use kernel::limits::KEY_CACHE_ENTRIES_MAX;
use kernel::{
    Capabilities, Gate, MemberRole, Permission, PermissionSet, Problem, ProblemKind, Rank, Role, TenantId,
};
use serde_json::{Value, json};
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use crate::pool::{DatabaseError, Lease};
use crate::principal::{Standing, Who};
use crate::vault::Vault;

mod authorizer;

#[cfg(test)]
mod tests;

pub(crate) use authorizer::{Against, Panel};
pub use authorizer::{Answering, Authorizer, Question, Unanswered};

/// The model, in the modelling language.
pub const MODEL: &str = include_str!("model.fga");
/// Most changes that are read to bring what is remembered up to date; beyond them everything is read anew.
const CATCH_UP_CHANGES_MAX: i64 = 5_000;
/// The relation of an organization that opens the MCP endpoint. Given by name, never with a role.
pub const MCP_ACCESS: &str = "mcp_access";

/// The model and the templates of roles as a database takes them over, in canonical JSON (RFC 8785).
#[derive(Debug)]
pub struct Own {
    /// The model.
    pub model: String,
    /// Its SHA-256.
    pub sha256: [u8; 32],
    /// The functions of PostgreSQL that row-level security asks, compiled from the model.
    pub functions: String,
    /// The SHA-256 of all of it together.
    pub adopts: [u8; 32],
    /// The templates, as `gate.adopt` reads them, ordered by name.
    pub templates: Value,
}

/// The model could not be read; a test sees to it that it can.
#[derive(Debug, thiserror::Error)]
#[error("the model of this program cannot be read: {0}")]
pub struct ModelError(String);

/// What this program has to be taken over.
///
/// # Errors
/// When the model of this program is not in the language.
pub fn own() -> Result<Own, ModelError> {
    own_of(&parsed()?)
}

fn own_of(model: &Model) -> Result<Own, ModelError> {
    let value = serde_json::to_value(model).map_err(|error| ModelError(error.to_string()))?;
    let document = canonical(&value)?;
    let sha256 = crypto::sha256(document.as_bytes());
    let all = built_in()?;
    let templates: Value = all.iter().map(Template::to_json).collect();
    let functions = functions(model)?;
    let adopts = crypto::sha256(format!("{document}\n{functions}\n{templates}").as_bytes());
    Ok(Own { model: document, sha256, functions, adopts, templates })
}

/// The templates that the product brings: one for each role, ordered by name.
///
/// # Errors
/// As [`template`].
pub fn built_in() -> Result<Vec<Template>, ModelError> {
    let people = MemberRole::ALL.iter().map(|role| {
        let held = PermissionSet::of(Rank::Member(*role));
        template(role.name(), Holders::People, (role.title(), role.says()), held)
    });
    let keys = Role::ALL.iter().map(|role| {
        let held = PermissionSet::of(Rank::Key(*role));
        template(&format!("key_{role}"), Holders::Keys, (role.title(), role.says()), held)
    });
    let mut all = people.chain(keys).collect::<Result<Vec<_>, _>>()?;
    all.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

/// What row-level security asks: one function for every relation that a permission is, and one that finds it by its name.
fn functions(model: &Model) -> Result<String, ModelError> {
    let mut names: Vec<String> = Permission::ALL.iter().map(|permission| permission.relation()).collect();
    names.push(MCP_ACCESS.to_owned());
    let relations: Vec<_> = names.iter().map(|name| ("organization", name.as_str())).collect();
    let options = authz::sql::Options {
        schema: "gate_own",
        table_schema: "portcullis",
        table: "relation_tuple",
        security_definer: false,
        relations: &relations,
    };
    let compiled = authz::sql::compile(model, &options).map_err(|error| ModelError(error.to_string()))?;
    let mut text = compiled.text;
    text.push_str(
        "\ncreate function gate_own.organization(tenant uuid, relation text, subject text) returns boolean\n\
         language plpgsql stable set search_path = pg_catalog, pg_temp\nas $$ begin return case relation\n",
    );
    for function in &compiled.checks {
        let (relation, check) = (&function.relation, &function.check);
        let _ = writeln!(text, "    when '{relation}' then {check}(tenant, tenant, tenant::text, subject)");
    }
    text.push_str("    else false end; end $$;\n");
    Ok(text)
}

/// Whose a template of a role can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holders {
    /// People.
    People,
    /// API keys.
    Keys,
}

impl Holders {
    /// The relation by which they hold it, which is also the word the database has.
    pub const fn relation(self) -> &'static str {
        match self {
            Self::People => "person",
            Self::Keys => "key",
        }
    }

    /// From the database's word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::People, Self::Keys].into_iter().find(|holders| holders.relation() == text)
    }
}

/// A template of a role: a named bundle of permissions, with the hash by which a change that went past the product is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// Its name.
    pub name: String,
    /// Whose it can be.
    pub holders: Holders,
    /// Its name as people read it.
    pub title: String,
    /// What it is for.
    pub says: String,
    /// What it carries.
    pub permissions: PermissionSet,
    /// All of that in canonical JSON (RFC 8785).
    pub document: String,
    /// The SHA-256 of [`Template::document`].
    pub sha256: [u8; 32],
}

/// Makes a template, with its document and hash.
///
/// # Errors
/// When its text cannot be written as JSON, which no text does.
pub fn template(
    name: &str,
    holders: Holders,
    (title, says): (&str, &str),
    permissions: PermissionSet,
) -> Result<Template, ModelError> {
    let names: Vec<_> = permissions.iter().map(Permission::name).collect();
    let document = canonical(&json!({
        "holders": holders.relation(), "name": name, "permissions": names, "says": says, "title": title,
    }))?;
    let sha256 = crypto::sha256(document.as_bytes());
    let (name, title, says) = (name.to_owned(), title.to_owned(), says.to_owned());
    Ok(Template { name, holders, title, says, permissions, document, sha256 })
}

impl Template {
    fn to_json(&self) -> Value {
        let names: Vec<_> = self.permissions.iter().map(Permission::name).collect();
        json!({
            "name": self.name, "holders": self.holders.relation(), "title": self.title, "says": self.says,
            "permissions": names, "document": self.document, "sha256": crypto::hex(&self.sha256),
        })
    }
}

fn parsed() -> Result<Model, ModelError> {
    authz::parse_and_validate(MODEL).map_err(|problems| ModelError(problems.to_string()))
}

fn canonical(value: &Value) -> Result<String, ModelError> {
    let bytes = audit_log::json::to_canonical(value).map_err(|error| ModelError(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| ModelError(error.to_string()))
}

/// The program's model, compiled, with the relation of each permission and what was read of stores lately.
pub(crate) struct Authorities {
    schema: Arc<Schema>,
    /// The hash of what the database must have taken over.
    pub(crate) adopts: [u8; 32],
    relations: Arc<[String]>,
    /// The last snapshot of each organization: never used by itself, only to be brought up to date.
    shelf: Mutex<HashMap<TenantId, Arc<Snapshot>>>,
}

impl Authorities {
    pub(crate) fn new() -> Result<Self, ModelError> {
        let model = parsed()?;
        let own = own_of(&model)?;
        let schema = Schema::compile(&model).map_err(|error| ModelError(error.to_string()))?;
        let relations = Permission::ALL.iter().map(|permission| permission.relation()).collect();
        Ok(Self { schema: Arc::new(schema), adopts: own.adopts, relations, shelf: Mutex::default() })
    }

    fn last(&self, tenant: TenantId) -> Option<Arc<Snapshot>> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner).get(&tenant).cloned()
    }

    fn keep(&self, tenant: TenantId, snapshot: &Arc<Snapshot>) {
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        if shelf.len() >= KEY_CACHE_ENTRIES_MAX {
            shelf.clear();
        }
        shelf.insert(tenant, Arc::clone(snapshot));
    }
}

/// What one organization's relations say, at one revision.
pub(crate) struct Authority {
    engine: Engine,
    tenant: TenantId,
    organization: String,
    relations: Arc<[String]>,
}

impl Authority {
    /// The relation that a permission is; one that nobody has, for a permission that the model does not know.
    fn relation(&self, permission: Permission) -> &str {
        self.relations.get(permission as usize).map_or("", String::as_str)
    }

    /// Whether every link of a chain has a relation: whoever acts, and whoever it acts for.
    fn every_link(&self, links: &[String], relation: &str) -> Result<bool, Unanswered> {
        for link in links {
            if !self.check(link, relation)? {
                return Ok(false);
            }
        }
        Ok(!links.is_empty())
    }

    /// Everything that every link of a chain holds.
    pub(crate) fn held(&self, links: &[String]) -> Result<PermissionSet, Problem> {
        let mut held = PermissionSet::EMPTY;
        for permission in Permission::ALL {
            if self.every_link(links, self.relation(*permission)).map_err(Unanswered::problem)? {
                held = held.with(*permission);
            }
        }
        Ok(held)
    }

    /// A credential's standing with what its relations say that it holds.
    pub(crate) fn holding(&self, standing: &Standing) -> Result<Standing, Problem> {
        let links: Arc<[String]> = links(standing).into();
        let capabilities = Capabilities::found(standing.capabilities.rank(), self.held(&links)?);
        Ok(Standing { capabilities, links, ..standing.clone() })
    }

    /// The revision of the tuples.
    pub(crate) fn revision(&self) -> u64 {
        self.engine.snapshot().revision()
    }

    fn check(&self, user: &str, relation: &str) -> Result<bool, Unanswered> {
        let question = Check { user, relation, object: &self.organization, around: Around::default() };
        self.engine.check(&question).map_err(|error| {
            // No condition and no cycle is in the model, so this is a fault of the program or of the database.
            tracing::error!(%error, "a permission could not be asked about");
            Unanswered::Broken
        })
    }
}

/// As whom a credential is asked about: itself, and the person it acts for.
pub(crate) fn links(standing: &Standing) -> Vec<String> {
    let key = standing.key.map(|key| format!("api_key:{key}"));
    // A key of the configuration is in no table; its role is what it holds.
    let itself = || key.unwrap_or_else(|| format!("static_key:{}", standing.capabilities.rank().name()));
    match &standing.who {
        Who::Human(person) => vec![format!("user:{}", person.account)],
        Who::Agent(delegate) => {
            let mut links = vec![itself()];
            links.extend(delegate.acting_for.map(|account| format!("user:{account}")));
            links
        }
        Who::Service => vec![itself()],
    }
}

impl Vault {
    /// What the relations of an organization say: what is remembered, when it may be used.
    pub(crate) async fn authority(&self, tenant: TenantId) -> Result<Arc<Authority>, Problem> {
        match self.memory.recall(&self.memory.authorities, &tenant) {
            Some(authority) => Ok(authority),
            None => self.fresh_authority(tenant).await,
        }
    }

    /// The same as the database has it now: for a credential that was just looked up there, and may have been made elsewhere
    /// a moment ago.
    pub(crate) async fn fresh_authority(&self, tenant: TenantId) -> Result<Arc<Authority>, Problem> {
        let generation = self.memory.generation();
        let read = self.read_authority(tenant).await.map_err(|error| {
            tracing::error!(%error, "relations could not be read");
            let detail = "What may be done cannot be looked up; try again shortly.";
            Problem::at(Gate::Token, ProblemKind::Unavailable, detail).retry_after(2)
        })?;
        let authority = Arc::new(read);
        self.memory.remember(&self.memory.authorities, tenant, Arc::clone(&authority), generation);
        Ok(authority)
    }

    async fn read_authority(&self, tenant: TenantId) -> Result<Authority, DatabaseError> {
        let mut lease = self.system.lease().await?;
        let last = self.authorities.last(tenant);
        let snapshot = read(&mut lease, tenant, last.as_ref(), &*self.rng).await?;
        lease.give_back();
        self.authorities.keep(tenant, &snapshot);
        let schema = Arc::clone(&self.authorities.schema);
        let engine = Engine::new(schema, snapshot).map_err(decode)?;
        let relations = Arc::clone(&self.authorities.relations);
        Ok(Authority { engine, tenant, organization: format!("organization:{tenant}"), relations })
    }
}

/// The tuples as they are now: those that were there with the changes since, or all of them.
async fn read(
    lease: &mut Lease,
    tenant: TenantId,
    last: Option<&Arc<Snapshot>>,
    rng: &dyn kernel::Rng,
) -> Result<Arc<Snapshot>, DatabaseError> {
    let known = last.map(|snapshot| i64::try_from(snapshot.revision()).unwrap_or(i64::MAX));
    // One statement, so that revision and changes belong together.
    let rows = sqlx::query(
        "select s.revision, c.deleted, c.object_type, c.object_id, c.relation, c.subject from relation_store s \
         left join lateral (select c.* from relation_change c where c.tenant_id = s.tenant_id and c.store_id = s.id \
             and c.revision > $2 order by c.revision, c.ordinal limit $3) c on $2 is not null \
         where s.tenant_id = $1 and s.id = $1",
    )
    .bind(tenant.uuid())
    .bind(known)
    .bind(CATCH_UP_CHANGES_MAX + 1)
    .fetch_all(lease.connection())
    .await?;
    let revision = revision_of(&rows)?;
    if let Some(last) = last {
        if last.revision() == revision {
            return Ok(Arc::clone(last));
        }
        if last.revision() < revision
            && i64::try_from(rows.len()).is_ok_and(|rows| rows <= CATCH_UP_CHANGES_MAX)
        {
            let changes = rows.iter().map(change).collect::<Result<Vec<_>, _>>()?;
            let next = last.with(revision, &changes).map_err(decode)?;
            return Ok(Arc::new(if next.should_compact() { next.compacted() } else { next }));
        }
    }
    let rows = sqlx::query(
        "select s.revision, t.object_type, t.object_id, t.relation, t.subject from relation_store s \
         join relation_tuple t on t.tenant_id = s.tenant_id and t.store_id = s.id and t.until is null \
         where s.tenant_id = $1 and s.id = $1",
    )
    .bind(tenant.uuid())
    .fetch_all(lease.connection())
    .await?;
    let revision = revision_of(&rows)?;
    let tuples = rows.iter().map(tuple).collect::<Result<Vec<_>, _>>()?;
    let mut seed = [0; 8];
    rng.fill(&mut seed);
    Snapshot::build(u64::from_le_bytes(seed), revision, tuples).map(Arc::new).map_err(decode)
}

/// The revision that every row says; zero for a store that is not there.
fn revision_of(rows: &[PgRow]) -> Result<u64, DatabaseError> {
    let revision = rows.first().map(|row| row.try_get::<i64, _>("revision")).transpose()?;
    Ok(revision.unwrap_or_default().unsigned_abs())
}

fn tuple(row: &PgRow) -> Result<Tuple, DatabaseError> {
    let text = |column: &str| row.try_get::<String, _>(column);
    let object = format!("{}:{}", text("object_type")?, text("object_id")?);
    Ok(Tuple::new(text("subject")?, text("relation")?, object))
}

fn change(row: &PgRow) -> Result<Change, DatabaseError> {
    let tuple = tuple(row)?;
    Ok(if row.try_get("deleted")? { Change::Delete(tuple) } else { Change::Write(tuple) })
}

fn decode<E: std::error::Error + Send + Sync + 'static>(error: E) -> DatabaseError {
    DatabaseError::Sql(sqlx::Error::Decode(Box::new(error)))
}
