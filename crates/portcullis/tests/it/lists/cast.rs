//! Everybody who may knock: with no key, with keys that open nothing, with keys of every role, people of every role with
//! a token, and from next door.

use app::audit::retention::{Held, PlaceHold, place_hold};
use app::input::Name;
use app::policy_packs::{TrustKey, Trusted, trust};
use crypto::{ApiKey, ApiKeyEnv, SystemRng};
use kernel::{MemberRole, Need, PolicyKeyId, Problem, Rank, Role};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use super::samples::Subject;
use super::{Operation, Sample};
use crate::house::members::Somebody;
use crate::house::{Ask, Build, Database, Desk, Tenant, Wire};
use crate::policy_packs::{files, signed};

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
    /// A member.
    Person(MemberRole),
    /// An admin who owns the organization.
    Owner,
    /// A person without an organization.
    Newcomer,
    /// A member who was suspended.
    SuspendedMember,
    /// A member whose role needs a second factor that is not there.
    MustEnrol,
}

impl Who {
    pub(crate) const ALL: [Self; 19] = [
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
        Self::Person(MemberRole::Viewer),
        Self::Person(MemberRole::Member),
        Self::Person(MemberRole::Admin),
        Self::Owner,
        Self::Newcomer,
        Self::SuspendedMember,
        Self::MustEnrol,
    ];

    /// Somebody who may do it.
    pub(crate) fn best(operation: &Operation) -> Self {
        if operation.is_personal() { Self::Owner } else { Self::Service(Role::Owner) }
    }

    /// What must become of a good request for `operation`.
    pub(crate) fn expected(self, operation: &Operation, sample: &Sample) -> u16 {
        let Some(needs) = operation.needs else { return sample.status };
        let (kind, rank) = match self {
            Self::Agent => ("agent", Rank::Key(Role::Editor)),
            Self::Service(role) => ("service", Rank::Key(role)),
            Self::Stranger => ("service", Rank::Key(Role::Owner)),
            Self::Person(role) => ("human", Rank::Member(role)),
            Self::Owner => ("human", Rank::Member(MemberRole::Admin)),
            Self::Newcomer => ("human", Rank::Newcomer),
            Self::MustEnrol => ("human", Rank::Member(MemberRole::ProviderAdmin)),
            _ => return 401,
        };
        let own = matches!(sample.subject, Subject::None | Subject::Fixed(_));
        let barred = self == Self::MustEnrol && needs != Need::Enrol
            || sample.owners_only && kind == "human" && self != Self::Owner;
        match operation.allows(kind, rank) && !barred {
            false => 403,
            // What is somebody else's is not there.
            true if self == Self::Stranger && !own => 404,
            // A person holds no key that could be rotated.
            true if kind == "human" && operation.id == "key.rotate_own" => 409,
            // There is no organization to leave.
            true if self == Self::Newcomer && operation.id == "member.leave" => 409,
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
    pub(super) desk: &'static Desk,
    keys: Vec<(Who, String)>,
    /// An admin who opens overrides for others to look at.
    opener: String,
}

impl Cast {
    pub(crate) async fn gather(desk: &'static Desk) -> Self {
        let wire = Build::over(&desk.vault).serve().await;
        let tenant = Tenant::make(&desk.vault, "Lists").await;
        let stranger = Tenant::make(&desk.vault, "Next door").await;
        let opener = Somebody::member(&desk.vault, tenant.id, MemberRole::Admin).await;
        let opener = opener.token(&desk.vault).await;
        let (database, keys) = (&desk.database, Vec::new());
        let mut cast = Self { wire, tenant, stranger, database, desk, keys, opener };
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
        cast.invite_people().await;
        for key in [&cast.tenant.owner_key, &cast.stranger.owner_key] {
            // A first checkpoint, so that there is one to read.
            let answer = cast.wire.ask(Ask::post("/api/v1/audit/checkpoints").key(key)).await;
            assert_eq!(answer.status, 201, "{}", answer.text());
        }
        cast
    }

    /// People of every role, each with a token. This is where another credential of people would plug in.
    async fn invite_people(&mut self) {
        let rules = json!({
            "name": "Lists", "second_factor_for_all": false, "second_factor_roles": ["provider_admin"],
            "session_hours": 12,
        });
        let rules = Ask::new(http::Method::PUT, "/api/v1/organization/settings").json(rules.to_string());
        let answer = self.wire.ask(rules.key(&self.tenant.owner_key)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        for who in [
            Who::Person(MemberRole::Viewer),
            Who::Person(MemberRole::Member),
            Who::Person(MemberRole::Admin),
            Who::Owner,
            Who::Newcomer,
            Who::MustEnrol,
        ] {
            let token = self.fresh(who).await;
            self.keys.push((who, token));
        }
        let suspended = Somebody::member(&self.desk.vault, self.tenant.id, MemberRole::Admin).await;
        let token = suspended.token(&self.desk.vault).await;
        self.done(Ask::post(format!("/api/v1/members/{}/suspend", suspended.account))).await;
        self.keys.push((Who::SuspendedMember, token));
    }

    /// The token of a person of this kind whom nobody has met before.
    pub(super) async fn fresh(&self, who: Who) -> String {
        let (vault, tenant) = (&self.desk.vault, self.tenant.id);
        let somebody = match who {
            Who::Person(role) => Somebody::member(vault, tenant, role).await,
            Who::Owner => Somebody::owner(vault, tenant).await,
            Who::Newcomer => Somebody::newcomer(vault).await,
            Who::MustEnrol => Somebody::member(vault, tenant, MemberRole::ProviderAdmin).await,
            other => panic!("{other:?} is no person who can be made"),
        };
        somebody.token(vault).await
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
            Subject::Member => Somebody::member(&self.desk.vault, self.tenant.id, MemberRole::Viewer)
                .await
                .account
                .to_string(),
            Subject::Admin => Somebody::member(&self.desk.vault, self.tenant.id, MemberRole::Admin)
                .await
                .account
                .to_string(),
            Subject::Session => {
                let member = Somebody::member(&self.desk.vault, self.tenant.id, MemberRole::Viewer).await;
                format!("{} {}", member.account, member.session)
            }
            Subject::Invitation => {
                let body = json!({"address": format!("asked-{number}@example.com"), "role": "member"});
                id(&self.made("/api/v1/invitations", &body).await)
            }
            Subject::Webhook => self.webhook().await,
            Subject::Delivery => self.delivery().await,
            Subject::Pack => {
                let body = json!({
                    "framework": "soc2", "from": "2025-01-01T00:00:00Z", "to": "2025-01-02T00:00:00Z",
                });
                id(&self.made("/api/v1/evidence/packs", &body).await)
            }
            Subject::Hold => {
                let person = Somebody::owner(&self.desk.vault, self.tenant.id).await;
                let held = Held { reason: "A court has asked for this.".to_owned(), from: None, until: None };
                let placed = place_hold(person.pass::<PlaceHold>(&self.desk.vault).await, held).await;
                placed.expect("placed").0.id.to_string()
            }
            Subject::PolicyKey => self.policy_key(&number.to_string()).await.1.expect("trusted").to_string(),
            Subject::PolicyPack => {
                // One key for all of them: there is room for a few only.
                let (key, _) = self.policy_key("packs").await;
                let pack = signed(files(&format!("pack-{number}"), 1, None), &key);
                id(&self.made("/api/v1/policies/packs", &pack).await)
            }
            Subject::Relations => {
                let store = id(&self.made("/fga/stores", &json!({"name": format!("store-{number}")})).await);
                let models = format!("/fga/stores/{store}/authorization-models");
                let model = self.made(&models, &super::samples::relation_model()).await;
                format!("{store} {}", model["authorization_model_id"].as_str().expect("an id"))
            }
            Subject::Template | Subject::Grantee | Subject::Grant => self.role(subject, number).await,
            Subject::OpenOverride => self.open_override().await,
            Subject::PastOverride => {
                let id = self.open_override().await;
                self.close_override(&id).await;
                id
            }
            Subject::Entry => {
                let answer = self.wire.ask(Ask::get("/api/v1/whoami").key(&self.tenant.owner_key)).await;
                answer.header("x-portcullis-entry").to_owned()
            }
        }
    }

    /// A key with this in its name, and its id when it was not trusted yet.
    async fn policy_key(&self, words: &str) -> (audit_log::SigningKey, Result<PolicyKeyId, Problem>) {
        let name = audit_log::KeyName::new(format!("{words}.example.com")).expect("a name");
        let key = audit_log::SigningKey::from_seed(name, &[7; 32]).expect("a key");
        let person = Somebody::owner(&self.desk.vault, self.tenant.id).await;
        let new = Trusted {
            name: Name::parse("a key".to_owned(), "/name").expect("a name"),
            vkey: key.verifier().to_string(),
            not_before: None,
            expires_at: None,
        };
        let trusted = trust(person.pass::<TrustKey>(&self.desk.vault).await, new).await;
        (key, trusted.map(|(key, _)| key.id))
    }

    /// A template of a role, or somebody that it can be given to.
    async fn role(&self, subject: Subject, number: u32) -> String {
        if subject == Subject::Template {
            let name = format!("template-{number}");
            let body =
                json!({"name": name, "holders": "person", "title": "Lists", "permissions": ["members:read"]});
            self.made("/api/v1/roles/templates", &body).await;
            return name;
        }
        let member = Somebody::member(&self.desk.vault, self.tenant.id, MemberRole::Viewer).await;
        let grantee = format!("user:{}", member.account);
        if subject == Subject::Grant {
            let body = json!({"grants": "mcp_access"}).to_string();
            self.done(Ask::post(format!("/api/v1/roles/grants/{grantee}")).json(body)).await;
            return format!("{grantee} mcp_access");
        }
        grantee
    }

    /// There is room for a few only, so those of earlier requests go.
    async fn webhook(&self) -> String {
        let key = &self.tenant.owner_key;
        let list = self.wire.ask(Ask::get("/api/v1/webhooks").key(key)).await.json();
        for old in list["items"].as_array().expect("a list") {
            let path = format!("/api/v1/webhooks/{}", id(old));
            self.wire.ask(Ask::new(http::Method::DELETE, path).key(key)).await;
        }
        let body = json!({"url": "https://hooks.example.com/portcullis", "kinds": ["policy.changed"]});
        id(&self.made("/api/v1/webhooks", &body).await)
    }

    /// The superuser says that it has ended: nothing sends here.
    async fn delivery(&self) -> String {
        let webhook = self.webhook().await;
        let path = format!("/api/v1/webhooks/{webhook}/test");
        let answer = self.wire.ask(Ask::post(path).key(&self.tenant.owner_key)).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        let delivery = id(&answer.json());
        let sql = format!(
            "update portcullis.webhook_delivery set state = 'dead', ended_at = now() where id = '{delivery}'"
        );
        let mut superuser = self.database.superuser().await;
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut superuser).await.expect("ended");
        format!("{webhook} {delivery}")
    }

    async fn open_override(&self) -> String {
        // One at a time: whoever could not close the last one left it open.
        let list = self.wire.ask(Ask::get("/api/v1/break-glass?limit=200").bearer(&self.opener)).await.json();
        for glass in list["items"].as_array().expect("a list").iter().filter(|glass| glass["state"] == "open")
        {
            self.close_override(&id(glass)).await;
        }
        let body = json!({"reason": "Something for others to look at.", "seconds": 600});
        let ask = Ask::post("/api/v1/break-glass").bearer(&self.opener).json(body.to_string());
        let answer = self.wire.ask(ask).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        id(&answer.json())
    }

    async fn close_override(&self, id: &str) {
        // Somebody else's is not closed by this admin, and need not be.
        self.wire.ask(Ask::post(format!("/api/v1/break-glass/{id}/close")).bearer(&self.opener)).await;
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
        let mut ask = sample.ask(&self.wire, operation, &subject);
        if sample.in_project && !matches!(who, Who::Stranger) {
            ask = ask.json(sample.body_in(&self.wire, self.tenant.project).expect("a body"));
        }
        match who {
            Who::Person(_) | Who::Owner | Who::Newcomer | Who::MustEnrol if sample.once => {
                ask.bearer(&self.fresh(who).await)
            }
            _ => self.signed(ask, who),
        }
    }
}

fn id(made: &Value) -> String {
    made["id"].as_str().unwrap_or_else(|| panic!("an id: {made}")).to_owned()
}
