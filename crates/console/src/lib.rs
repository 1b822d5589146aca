//! The web console: pages for people, rendered on the server.
//!
//! A page is a struct of [`pages`] with plain owned values; rendering it cannot fail for want of data and decides
//! nothing. What surrounds it is a [`layout::Shell`] for somebody who is inside and a [`layout::Frame`] for everybody
//! else. [`assets`] serves the files the pages name. Every page is whole without scripts; with them, filters answer
//! while one types, confirm pages open as dialogs, and passkeys work.
//!
//! # What a page relies on
//!
//! * Content policy: `default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self';
//!   form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script';
//!   trusted-types default`. Nothing is inline, so no nonce is needed. `console.js` makes the default policy: it lets
//!   htmx and the dialogs parse answers of this server into documents where no script runs, and refuses every other
//!   sink. A sign-in service of elsewhere is reached by a redirect after a POST, which `form-action` must allow by name.
//! * Every form that is sent by POST carries `csrf`; JSON requests carry the same token in `X-CSRF-Token`. A form that
//!   is sent by GET carries none, because it would stand in the address.
//! * A POST that is accepted answers 303 with a [`layout::Flash`] kept for the next page; one that is refused renders
//!   the same page with status 422 and a [`parts::Form`] that says why.
//! * `return` is a path of this server; the handler refuses everything else.
//! * The theme is in the cookie [`layout::Theme::COOKIE`], which scripts may write.
//! * htmx asks for whole pages and takes the part it needs (`hx-select`), so a handler need not know of it. A confirm
//!   page is fetched and its `.confirm` shown as a dialog; an answer that is none, such as a redirect to `/step-up`,
//!   is gone to instead.
//!
//! # Passkeys
//!
//! A ceremony has two paths ([`pages::PasskeyPaths`]), both POST with JSON. *Options* is sent the form's fields without
//! secrets and answers `{"ceremony": "…", "publicKey": {…}}`, the options as in WebAuthn Level 3 (`…OptionsJSON`).
//! *Finish* is sent the same fields with `ceremony` and `credential` (`…ResponseJSON`) and answers
//! `{"location": "/…"}`. A refusal is a problem document; its `detail` is shown.
//!
//! The list of passkeys carries their ids and whose they are. What it held when the window last showed it, and holds no
//! more, the script signals as unknown (WebAuthn Level 3), so that the browser stops offering it.
//!
//! # Routes
//!
//! GET renders the page, POST goes to the same path unless another is named. Fields besides `csrf`:
//!
//! | path | page | fields of POST, and other POSTs |
//! |---|---|---|
//! | `/sign-in?return=` | [`pages::SignIn`] | `email`, `password`, `return`; an organization's own service: its `action` with `email`, `return` |
//! | `/sign-in/second?way=` | [`pages::SecondFactor`] | `way`, `code`, `return` |
//! | `/step-up?return=&way=` | [`pages::StepUp`] | `way`, `code` or `password`, `return` |
//! | `/sign-out` | [`pages::SignOut`] | none |
//! | `/sign-up` | [`pages::SignUp`] | `name`, `email`, `password` |
//! | `/sign-up/sent`, `/reset/sent`, `/security/email/sent` | [`pages::MailSent`] | |
//! | `/verify?t=` | [`pages::Verify`] | `t` |
//! | `/reset` | [`pages::Reset`] | `email` |
//! | `/reset/new?t=` | [`pages::ResetNew`] | `t`, `password` (`username` is sent along for password managers) |
//! | `/welcome?t=` | [`pages::Welcome`] | `t`, `name`, `email`, `password`; passkey paths with the same but the password |
//! | `/invitation?t=` | [`pages::InvitationPage`] | `t`, and for a new account `name`, `password`; passkey paths likewise |
//! | a link that is spent | [`pages::LinkSpent`] | |
//! | a refusal or failure | [`pages::ProblemPage`] | |
//! | `/onboarding` | [`pages::Onboarding`] | `/onboarding/create`: `name`; `/onboarding/join`: `code` |
//! | `/enrol` | [`pages::Enrol`] | passkey paths with `name` |
//! | `/enrol/totp` | [`pages::EnrolTotp`] | `code` |
//! | `/enrol/codes` | [`pages::EnrolCodes`] | `return` |
//! | `/switch?return=` | [`pages::Switch`] | `organization`, `return` |
//! | `/theme` | | `theme`, `return` |
//! | `/` | [`pages::Home`] | `/first-steps/hide` |
//! | `/members?q=&status=&role=&after=` | [`pages::Members`] | `/invitations/{id}/resend` |
//! | `/members/invite` | [`pages::Invite`] | `email`, `role` |
//! | `/members/{id}?role=` | [`pages::MemberPage`] | `role`; `/members/{id}/resume` |
//! | `/roles` | [`pages::Roles`] | |
//! | `/agents?q=&status=&after=` | [`pages::Agents`] | |
//! | `/agents/new` | [`pages::AgentNew`] | `name`, `purpose`, `project`, `owner` |
//! | `/agents/{id}` | [`pages::AgentPage`] | `/agents/{id}/resume`; `/agents/{id}/clients` (a new OAuth client) |
//! | `/keys?q=&status=&after=` | [`pages::Keys`] | |
//! | `/keys/new?agent=` | [`pages::KeyNew`] | `name`, `agent`, `role`, `capability` (several), `expires_days` (empty: never) |
//! | `/keys/created` | [`pages::KeyCreated`] | `return` |
//! | `/sessions` | [`pages::Sessions`] | |
//! | `/security` | [`pages::Security`] | |
//! | `/security/password` | [`pages::SecurityPassword`] | `current`, `password` |
//! | `/security/totp` | [`pages::SecurityTotp`] | `code` |
//! | `/security/recovery-codes` | [`pages::RecoveryCodes`] | none; `/security/recovery-codes/stored` |
//! | `/security/passkeys/new` | [`pages::PasskeyNew`] | passkey paths with `name` |
//! | `/security/passkeys/{id}` | [`pages::PasskeyRename`] | `name` |
//! | `/security/email` | [`pages::SecurityEmail`] | `email`; `/security/email/withdraw` |
//! | `/audit?q=&range=&from=&to=&kind=&category=&severity=&outcome=&actor=&subject=&project=&request=&before=&after=` | [`pages::Audit`] | |
//! | `/audit/{id}` | [`pages::AuditEntry`], [`pages::AuditArchived`] | |
//! | `/audit/{id}/receipt` | [`pages::AuditReceipt`] | |
//! | `/audit/retention` | [`pages::Retention`] | |
//! | `/audit/retention/days?days=` | [`pages::RetentionDays`] | `days`, and `sure` when it is less than now |
//! | `/audit/holds/new` | [`pages::HoldNew`] | `reason`, `from`, `until` |
//! | `/audit/holds/{id}/lift` | [`pages::HoldLift`] | `reason` |
//! | `/audit/requests/{request_id}` | [`pages::AuditRequest`] | |
//! | `/settings?name=&factor=&required=&role=&hours=` | [`pages::Settings`] | `name`; `/settings/second-factor`: `factor`, `required` (`on`), `role` (several); `/settings/sessions`: `hours` |
//! | `/webhooks` | [`pages::Webhooks`] | |
//! | `/webhooks/new` | [`pages::WebhookForm`], then [`pages::WebhookSecret`] | `url`, `description`, `kind` (several), `more` |
//! | `/webhooks/{id}?state=&after=` | [`pages::WebhookPage`] | `/webhooks/{id}/test` |
//! | `/webhooks/{id}/edit` | [`pages::WebhookForm`] | the same, and `enabled` (`on`) |
//! | `/webhooks/{id}/deliveries/{delivery}` | [`pages::WebhookDelivery`] | |
//! | `/relations?after=` | [`pages::RelationStores`] | `name` |
//! | `/relations/{store}?model=` | [`pages::RelationStorePage`] | |
//! | `/relations/{store}/tuples?object=&relation=&user=&after=` | [`pages::RelationTuples`] | |
//! | `/relations/{store}/tuples/new?user=&relation=&object=` | [`pages::RelationTupleNew`] | `user`, `relation`, `object` |
//! | `/relations/{store}/changes?after=` | [`pages::RelationChanges`] | |
//! | `/relations/{store}/ask?user=&relation=&object=&at=` | [`pages::RelationAsk`] | |
//! | `/relations/{store}/what-if?user=&relation=&object=&writes=&deletes=&model=&at=` | [`pages::RelationWhatIf`] | the same |
//! | `/relations/{store}/review?user=&at=&after=` | [`pages::RelationReview`] | |
//! | `/break-glass?after=` | [`pages::BreakGlass`] | `reason`, `minutes` |
//! | `/break-glass/{id}?after=` | [`pages::BreakGlassReview`] | `verdict`, `note` |
//! | `/instance/outbox?after=`, `/instance/outbox/{id}` | [`pages::Outbox`], [`pages::OutboxMessage`] | |
//!
//! These are asked once more, each with a [`pages::Confirm`] at GET and the act at POST of the same path (`reason` and
//! `typed` where the page asks for them): `/members/{id}/` + `suspend`, `remove`, `transfer`,
//! `sessions/revoke-all`, `sessions/{session}/revoke`; `/members/leave`; `/invitations/{id}/withdraw`; `/agents/{id}/suspend`,
//! `/agents/{id}/clients/{client}/revoke`; `/keys/{id}/` + `rotate`, `revoke`; `/sessions/{id}/revoke`,
//! `/sessions/revoke-others`; `/security/` + `passkeys/{id}/remove`, `totp/remove`;
//! `/break-glass/{id}/end`; `/webhooks/{id}/` + `rotate` (then [`pages::WebhookSecret`]), `delete`, `replay`,
//! `deliveries/{delivery}/replay`; `/relations/{store}/tuples/remove?user=&relation=&object=`.
//!
//! What needs a factor confirmed a moment ago leads to `/step-up` first and comes back: to a confirm page, or to the form with
//! what was chosen in its query, which says that it is not saved yet. Prose stands in no address: the page of a
//! break-glass asks for the confirmation before the reason is written.
//!
//! # Looking at it
//!
//! `cargo test -p console` writes every page with made-up values to `target/console-gallery`; open its `index.html`.

mod rooms;

pub mod assets;
mod face;
pub mod layout;
pub mod pages;
pub mod parts;

pub use face::{State, paths, router};

#[cfg(test)]
mod html;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
