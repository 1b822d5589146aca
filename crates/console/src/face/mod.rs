//! The handlers: they read what a browser sends, ask the house, and fill the pages. They decide nothing.

mod address;
mod agents;
mod answer;
mod break_glass;
mod cookies;
mod doors;
mod evidence;
mod explorer;
mod given;
mod heads;
mod health;
mod inside;
mod invitations;
mod join;
mod lately;
mod members;
mod outbox;
mod own;
mod packs;
mod passkey;
mod posted;
mod privacy;
mod record;
mod relations;
mod retention;
mod roles;
mod settings;
mod sign_in;
mod sign_up;
mod step_up;
mod visit;
mod webhooks;
mod words;

use std::sync::Arc;

use app::accounts::Accounts;
use app::audit::Receipts;
use app::audit::jobs::Sequencer;
use app::providers::UrlRules;
use app::relations::Relations;
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use gates::Vault;

use self::doors::Doors;
use self::record::Recorder;
use crate::assets;

/// What the console works with.
#[derive(Clone)]
pub struct State {
    accounts: Accounts,
    sequencer: Sequencer,
    receipts: Receipts,
    mail_server: Option<String>,
    webhook_rules: UrlRules,
    relations: Arc<Relations>,
}

impl State {
    /// The console of an instance; `sequencer` signs checkpoints for proofs.
    pub fn new(accounts: Accounts, sequencer: Sequencer) -> Self {
        let receipts = Receipts::new(sequencer.clone());
        Self {
            accounts,
            sequencer,
            receipts,
            mail_server: None,
            webhook_rules: UrlRules::default(),
            relations: Arc::default(),
        }
    }

    /// The same, with the keys for receipts that other faces hold too.
    #[must_use]
    pub fn with_receipts(self, receipts: Receipts) -> Self {
        Self { receipts, ..self }
    }

    /// The same, of an instance whose mail goes out through a server, which the outbox names.
    #[must_use]
    pub fn with_mail_server(self, mail_server: Option<String>) -> Self {
        Self { mail_server, ..self }
    }

    /// The same, where webhooks may be sent to more than public addresses by TLS.
    #[must_use]
    pub fn with_webhooks(self, webhook_rules: UrlRules) -> Self {
        Self { webhook_rules, ..self }
    }

    /// The same, with the tuples in memory that other faces answer from too: what one writes the others know at once.
    #[must_use]
    pub fn with_relations(self, relations: Arc<Relations>) -> Self {
        Self { relations, ..self }
    }

    fn vault(&self) -> &Arc<Vault> {
        self.accounts.vault()
    }
}

/// Every page, and the files they need. Wrap it, together with the other faces, in the shared manners.
pub fn router(state: State) -> Router {
    let recorder = Recorder::new(state.clone(), paths());
    let pages = doors().router().layer(from_fn_with_state(recorder, record::refusals));
    pages.merge(assets::routes()).with_state(state)
}

/// The paths of the console, as patterns: `/members/{id}`. Which methods each takes, the server says itself (`Allow`).
pub fn paths() -> Vec<&'static str> {
    doors().paths()
}

fn doors() -> Doors {
    Doors::new()
        .route("/", get(inside::home))
        .route("/roles", get(roles::page))
        .route("/agents", get(agents::list))
        .route("/agents/new", get(agents::new_page).post(agents::create))
        .route("/agents/{id}", get(agents::page))
        .route("/agents/{id}/suspend", get(agents::suspend_page).post(agents::suspend))
        .route("/agents/{id}/resume", post(agents::resume))
        .route("/keys", get(agents::keys))
        .route("/keys/new", get(agents::key_page).post(agents::key_create))
        .route("/keys/created", post(agents::key_stored))
        .route("/keys/{id}", get(agents::key))
        .route("/keys/{id}/revoke", get(agents::key_revoke_page).post(agents::key_revoke))
        .route("/keys/{id}/rotate", get(agents::key_rotate_page).post(agents::key_rotate))
        .route("/sign-in", get(sign_in::page).post(sign_in::submit))
        .route("/sign-in/second", get(sign_in::second_page).post(sign_in::second_submit))
        .route("/sign-in/passkey/options", post(passkey::ask))
        .route("/sign-in/passkey", post(passkey::sign_in))
        .route("/sign-in/second/passkey", post(passkey::second))
        .route("/sign-out", get(sign_in::sign_out_page).post(sign_in::sign_out))
        .route("/sign-up", get(sign_up::page).post(sign_up::submit))
        .route("/sign-up/sent", get(sign_up::sent))
        .route("/verify", get(sign_up::verify_page).post(sign_up::verify))
        .route("/reset", get(sign_up::reset_page).post(sign_up::reset))
        .route("/reset/sent", get(sign_up::reset_sent))
        .route("/reset/new", get(sign_up::reset_new_page).post(sign_up::reset_new))
        .route("/welcome", get(join::welcome_page).post(join::welcome))
        .route("/welcome/passkey/options", post(passkey::welcome_options))
        .route("/welcome/passkey", post(passkey::welcome))
        .route("/invitation", get(join::invitation_page).post(join::invitation))
        .route("/invitation/passkey/options", post(passkey::invitation_options))
        .route("/invitation/passkey", post(passkey::invitation))
        .route("/onboarding", get(join::onboarding_page))
        .route("/onboarding/create", post(join::create))
        .route("/onboarding/join", post(join::join))
        .route("/switch", get(join::switch_page).post(join::switch))
        .route("/enrol", get(own::enrol_page))
        .route("/enrol/totp", get(own::enrol_totp_page).post(own::enrol_totp))
        .route("/enrol/codes", post(own::enrol_codes_stored))
        .route("/step-up", get(step_up::page).post(step_up::submit))
        .route("/step-up/passkey", post(passkey::step_up))
        .route("/theme", post(own::theme))
        .route("/security", get(own::security))
        .route("/security/password", get(own::password_page).post(own::password))
        .route("/security/delegations/{agent}/end", get(lately::end_page).post(lately::end))
        .route("/security/email", get(address::page).post(address::submit))
        .route("/security/email/withdraw", post(address::withdrawn))
        .route("/security/email/sent", get(sign_up::email_sent))
        .route("/security/email/confirm", get(address::confirm_page).post(address::confirm))
        .route("/security/totp", get(own::totp_page).post(own::totp))
        .route("/security/totp/remove", get(own::totp_remove_page).post(own::totp_remove))
        .route("/security/recovery-codes", get(own::codes_page).post(own::codes))
        .route("/security/recovery-codes/stored", post(own::codes_stored))
        .route("/security/passkeys/new", get(own::passkey_new_page))
        .route("/security/passkeys/options", post(passkey::begin))
        .route("/security/passkeys", post(passkey::add))
        .route("/security/passkeys/{id}", get(own::passkey_page).post(own::passkey_rename))
        .route("/security/passkeys/{id}/remove", get(own::passkey_remove_page).post(own::passkey_remove))
        .route("/sessions", get(own::sessions))
        .route("/sessions/revoke-others", get(own::revoke_others_page).post(own::revoke_others))
        .route("/sessions/{id}/revoke", get(own::revoke_page).post(own::revoke))
        .merge(people())
        .merge(log())
        .merge(oversight())
}

/// The log, its heads, how long it is kept.
fn log() -> Doors {
    Doors::new()
        .route("/audit", get(explorer::list))
        .route("/audit/checkpoints", get(heads::page))
        .route("/audit/checkpoints/note", get(heads::note))
        .route("/audit/checkpoints/anchor", get(heads::anchor))
        .route("/audit/retention", get(retention::page))
        .route("/audit/retention/days", get(retention::days_page).post(retention::change))
        .route("/audit/holds/new", get(retention::new_page).post(retention::place))
        .route("/audit/holds/{id}/lift", get(retention::lift_page).post(retention::lift))
        .route("/audit/requests/{request_id}", get(explorer::request))
        .route("/audit/{id}", get(explorer::entry_page))
        .route("/audit/{id}/proof", get(explorer::proof))
        .route("/audit/{id}/receipt", get(explorer::receipt_page))
        .route("/audit/{id}/receipt/file", get(explorer::receipt_file))
}

/// Members, invitations, settings.
fn people() -> Doors {
    Doors::new()
        .route("/members", get(members::list))
        .route("/members/invite", get(invitations::page).post(invitations::invite))
        .route("/members/leave", get(members::leave_page).post(members::leave))
        .route("/members/permissions", get(roles::of_members))
        .route("/members/{id}/give", post(given::give_member))
        .route("/members/{id}/take", post(given::take_member))
        .route("/keys/{id}/give", post(given::give_key))
        .route("/keys/{id}/take", post(given::take_key))
        .route("/agents/{id}/give", post(given::give_agent))
        .route("/agents/{id}/take", post(given::take_agent))
        .route("/roles/templates/new", get(roles::new_page).post(roles::make))
        .route("/roles/templates/{name}", get(roles::template_page).post(roles::change))
        .route("/roles/templates/{name}/remove", get(roles::remove_page).post(roles::remove))
        .route("/members/{id}", get(members::page).post(members::change_role))
        .route("/members/{id}/suspend", get(members::suspend_page).post(members::suspend))
        .route("/members/{id}/resume", post(members::resume))
        .route("/members/{id}/remove", get(members::remove_page).post(members::remove))
        .route("/members/{id}/transfer", get(members::transfer_page).post(members::transfer))
        .route("/members/{id}/sessions/revoke-all", get(members::end_all_page).post(members::end_all))
        .route("/members/{id}/sessions/{session}/revoke", get(members::end_page).post(members::end))
        .route("/invitations/{id}/resend", post(invitations::resend))
        .route("/invitations/{id}/withdraw", get(invitations::withdraw_page).post(invitations::withdraw))
        .route("/settings", get(settings::page).post(settings::name))
        .route("/settings/second-factor", post(settings::second_factor))
        .route("/settings/sessions", post(settings::sessions))
}

/// What is done about personal data.
fn rules() -> Doors {
    Doors::new()
        .route("/privacy", get(privacy::page))
        .route("/privacy/deep", post(privacy::deep))
        .route("/privacy/edit", get(privacy::edit_page).post(privacy::edit))
        .route("/privacy/save", post(privacy::save))
        .route("/privacy/playground", get(privacy::playground_page).post(privacy::look))
        .route("/privacy/reveal", get(privacy::reveal_page).post(privacy::reveal))
}

/// Signed policy packs, and the keys whose signature counts.
fn policies() -> Doors {
    Doors::new()
        .route("/policies/packs", get(packs::list))
        .route("/policies/packs/new", get(packs::new_page).post(packs::take))
        .route("/policies/packs/roll-back", get(packs::back_page).post(packs::back))
        .route("/policies/packs/{id}", get(packs::page))
        .route("/policies/packs/{id}/dry-run", get(packs::tried_page).post(packs::attempt))
        .route("/policies/packs/{id}/activate", post(packs::activate))
        .route("/policies/keys/new", get(packs::keys::new_page).post(packs::keys::trust))
        .route("/policies/keys/{id}/revoke", get(packs::keys::revoke_page).post(packs::keys::revoke))
}

/// Webhooks.
fn hooks() -> Doors {
    Doors::new()
        .route("/webhooks", get(webhooks::list))
        .route("/webhooks/new", get(webhooks::new_page).post(webhooks::create))
        .route("/webhooks/{id}", get(webhooks::page))
        .route("/webhooks/{id}/edit", get(webhooks::edit_page).post(webhooks::edit))
        .route("/webhooks/{id}/test", post(webhooks::test))
        .route("/webhooks/{id}/rotate", get(webhooks::rotate_page).post(webhooks::rotate))
        .route("/webhooks/{id}/delete", get(webhooks::delete_page).post(webhooks::delete))
        .route("/webhooks/{id}/replay", get(webhooks::replay_dead_page).post(webhooks::replay_dead))
        .route("/webhooks/{id}/deliveries/{delivery}", get(webhooks::delivery))
        .route(
            "/webhooks/{id}/deliveries/{delivery}/replay",
            get(webhooks::replay_page).post(webhooks::replay),
        )
}

/// Evidence packs, break-glass, and the mail of the instance.
fn oversight() -> Doors {
    Doors::new()
        .route("/evidence", get(evidence::list))
        .route("/evidence/new", get(evidence::new_page).post(evidence::create))
        .route("/evidence/{id}", get(evidence::page))
        .route("/evidence/{id}/download", get(evidence::download))
        .route("/evidence/{id}/link", get(evidence::link_page).post(evidence::link))
        .route("/evidence/{id}/delete", get(evidence::delete_page).post(evidence::delete))
        .route("/break-glass", get(break_glass::list).post(break_glass::open))
        .route("/break-glass/{id}", get(break_glass::page).post(break_glass::review))
        .route("/break-glass/{id}/end", get(break_glass::end_page).post(break_glass::end))
        .merge(relations::doors())
        .route("/instance/outbox", get(outbox::list))
        .route("/instance/outbox/{id}", get(outbox::page))
        .merge(hooks())
        .merge(rules())
        .merge(policies())
}
