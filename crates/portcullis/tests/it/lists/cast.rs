//! Everybody who may knock: with no key, with keys that open nothing, with keys of every role, and from next door.

use crypto::{ApiKey, ApiKeyEnv, SystemRng};
use kernel::Role;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use super::samples::Subject;
use super::{Operation, Sample};
use crate::house::{Ask, Build, Database, Desk, Tenant, Wire};

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    Anonymous,
    /// A key that no database knows.
    Unknown,
    /// Something that is no key.
    Garbage,
    Revoked,
    Expired,
    /// The key of a suspended agent.
    Suspended,
    /// An agent's key, with the role editor.
    Agent,
    /// A service's key.
    Service(Role),
    /// The owner of another organization, who knows this one's ids.
    Stranger,
}

impl Who {
    pub(crate) const ALL: [Self; 12] = [
        Self::Anonymous,
        Self::Unknown,
        Self::Garbage,
        Self::Revoked,
        Self::Expired,
        Self::Suspended,
        Self::Agent,
        Self::Service(Role::Reader),
        Self::Service(Role::Editor),
        Self::Service(Role::Admin),
        Self::Service(Role::Owner),
        Self::Stranger,
    ];

    /// What must become of a good request for `operation`.
    pub(crate) fn expected(self, operation: &Operation, sample: &Sample) -> u16 {
        if operation.permission.is_none() {
            return sample.status;
        }
        let (kind, role) = match self {
            Self::Agent => ("agent", Role::Editor),
            Self::Service(role) => ("service", role),
            Self::Stranger => ("service", Role::Owner),
            _ => return 401,
        };
        let own = matches!(sample.subject, Subject::None | Subject::Fixed(_));
        match operation.allows(kind, role) {
            false => 403,
            // What is somebody else's is not there.
            true if self == Self::Stranger && !own => 404,
            true => sample.status,
        }
    }
}

/// A house, a tenant in it, its keys and its neighbour.
pub(crate) struct Cast {
    pub(crate) wire: Wire,
    pub(crate) tenant: Tenant,
    pub(crate) stranger: Tenant,
    pub(crate) database: &'static Database,
    keys: Vec<(Who, String)>,
}

impl Cast {
    pub(crate) async fn gather(desk: &'static Desk) -> Self {
        let wire = Build::over(&desk.vault).serve().await;
        let tenant = Tenant::make(&desk.vault, "Lists").await;
        let stranger = Tenant::make(&desk.vault, "Next door").await;
        let mut cast = Self { wire, tenant, stranger, database: &desk.database, keys: Vec::new() };
        for role in [Role::Reader, Role::Editor, Role::Admin] {
            let key = cast.made("/api/v1/keys", &json!({"name": role.name(), "role": role.name()})).await;
            cast.keep(Who::Service(role), &key);
        }
        let revoked = cast.made("/api/v1/keys", &json!({"name": "revoked", "role": "owner"})).await;
        cast.done(Ask::new(http::Method::DELETE, format!("/api/v1/keys/{}", id(&revoked)))).await;
        cast.keep(Who::Revoked, &revoked);
        let expired = cast.made("/api/v1/keys", &json!({"name": "expired", "role": "owner"})).await;
        cast.expire(&id(&expired)).await;
        cast.keep(Who::Expired, &expired);
        let agent = cast.made("/api/v1/agents", &json!({"name": "suspended"})).await;
        let asleep = json!({"name": "suspended", "role": "editor", "agent": id(&agent)});
        let asleep = cast.made("/api/v1/keys", &asleep).await;
        cast.done(Ask::post(format!("/api/v1/agents/{}/suspend", id(&agent)))).await;
        cast.keep(Who::Suspended, &asleep);
        for key in [&cast.tenant.owner_key, &cast.stranger.owner_key] {
            // A first checkpoint, so that there is one to read.
            let answer = cast.wire.ask(Ask::post("/api/v1/audit/checkpoints").key(key)).await;
            assert_eq!(answer.status, 201, "{}", answer.text());
        }
        cast
    }

    fn keep(&mut self, who: Who, issued: &Value) {
        let secret = issued["secret"].as_str().expect("a secret").to_owned();
        self.keys.push((who, secret));
    }

    /// The past, which no operation sets: the superuser writes it, past all triggers.
    async fn expire(&self, key: &str) {
        let sql = format!(
            "begin; set local session_replication_role = replica; update portcullis.api_key \
             set expires_at = now() - interval '1 minute' where id = '{key}'; commit"
        );
        let mut superuser = self.database.superuser().await;
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut superuser).await.expect("expired");
    }

    async fn made(&self, path: &str, body: &Value) -> Value {
        let answer = self.wire.ask(Ask::post(path).key(&self.tenant.owner_key).json(body.to_string())).await;
        assert_eq!(answer.status, 201, "{path}: {}", answer.text());
        answer.json()
    }

    async fn done(&self, ask: Ask) {
        let answer = self.wire.ask(ask.key(&self.tenant.owner_key)).await;
        assert_eq!(answer.status, 204, "{}", answer.text());
    }

    /// The id of something of the tenant's, for the path of a request.
    async fn subject(&self, subject: Subject) -> String {
        let number = self.wire.number();
        match subject {
            Subject::None => String::new(),
            Subject::Fixed(text) => text.to_owned(),
            Subject::Agent => id(&self.made("/api/v1/agents", &json!({"name": format!("a {number}")})).await),
            Subject::Key => id(&self
                .made("/api/v1/keys", &json!({"name": format!("k {number}"), "role": "reader"}))
                .await),
            Subject::Provider => {
                let body = json!({"name": format!("q-{number}"), "base_url": "https://api.example.com/v1"});
                id(&self.made("/api/v1/providers", &body).await)
            }
            Subject::Entry => {
                let answer = self.wire.ask(Ask::get("/api/v1/whoami").key(&self.tenant.owner_key)).await;
                answer.header("x-portcullis-entry").to_owned()
            }
        }
    }

    /// `who`'s key on a request.
    pub(crate) fn signed(&self, ask: Ask, who: Who) -> Ask {
        match who {
            Who::Anonymous => ask,
            Who::Garbage => ask.bearer("no-key-at-all"),
            Who::Unknown => ask.key(&ApiKey::generate(ApiKeyEnv::Live, &SystemRng)),
            Who::Agent => ask.key(&self.tenant.agent_key),
            Who::Service(Role::Owner) => ask.key(&self.tenant.owner_key),
            Who::Stranger => ask.key(&self.stranger.owner_key),
            _ => {
                let (_, key) = self.keys.iter().find(|(of, _)| *of == who).expect("a key for everybody");
                ask.bearer(key)
            }
        }
    }

    /// A good request for an operation, from `who`, about something fresh of the tenant's.
    pub(crate) async fn good(&self, operation: &Operation, who: Who) -> Ask {
        let sample = Sample::of(operation);
        let subject = self.subject(sample.subject).await;
        self.signed(sample.ask(&self.wire, operation, &subject), who)
    }
}

fn id(made: &Value) -> String {
    made["id"].as_str().unwrap_or_else(|| panic!("an id: {made}")).to_owned()
}
