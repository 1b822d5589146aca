//! Every limit of the server's own interfaces, by name and unit. Limits of a wire format live beside its parser.

/// Longest request id accepted from a client, in bytes; a longer or odd one is replaced by a fresh id.
pub const REQUEST_ID_BYTES_MAX: usize = 128;
/// Largest request body by default, in bytes.
pub const BODY_BYTES_DEFAULT: usize = 1_048_576;
/// Largest request body an operator may configure, in bytes.
pub const BODY_BYTES_MAX: usize = 64 * 1_048_576;
/// Longest name of a project, agent, key or provider, in characters.
pub const NAME_CHARS_MAX: usize = 100;
/// Longest description, in characters.
pub const DESCRIPTION_CHARS_MAX: usize = 2_000;
/// Most rows a list answers at once.
pub const PAGE_ROWS_MAX: i64 = 200;
/// Rows a list answers when the caller does not say.
pub const PAGE_ROWS_DEFAULT: i64 = 50;
/// Longest text that is looked through or cleaned for a caller, in bytes.
pub const PII_TEXT_BYTES_MAX: usize = 512 * 1_024;
/// Findings that are told of one text; there may be more.
pub const PII_FINDINGS_MAX: usize = 2_000;
/// Longest name of a conversation, in characters.
pub const CONVERSATION_CHARS_MAX: usize = 128;
/// Shortest reason for revealing what a token stands for, in characters.
pub const REVEAL_REASON_CHARS_MIN: usize = 10;
/// Longest reason for it, in characters.
pub const REVEAL_REASON_CHARS_MAX: usize = 2_000;
/// Entries that rules are tried on before they are put into force, the newest.
pub const TRIAL_ROWS_MAX: i64 = 1_000;
/// Requests that would have changed that are named.
pub const TRIAL_EXAMPLES_MAX: usize = 20;
/// Versions of the PII policy that are shown at once.
pub const POLICY_VERSIONS_ROWS_MAX: i64 = 100;
/// Most models a provider may be configured to serve.
pub const PROVIDER_MODELS_MAX: usize = 500;
/// Longest model name, in bytes.
pub const MODEL_NAME_BYTES_MAX: usize = 200;
/// Longest a key lookup may be served from memory, in seconds.
pub const KEY_CACHE_SECONDS_MAX: u64 = 60;
/// Most key lookups kept in memory.
pub const KEY_CACHE_ENTRIES_MAX: usize = 10_000;
/// Longest overlap in which a rotated key still works beside its successor, in seconds (7 days).
pub const KEY_OVERLAP_SECONDS_MAX: i64 = 7 * 24 * 3_600;
/// Time before the end of a key from when on those who manage keys are told, in seconds (14 days).
pub const KEY_EXPIRES_SOON_SECONDS: u64 = 14 * 24 * 3_600;
/// Security events of an account that its person is shown.
pub const ACCOUNT_EVENTS_ROWS_MAX: i64 = 20;
/// Agents acting for a person that are shown at once.
pub const DELEGATIONS_ROWS_MAX: i64 = 100;
/// How long signed tenant claims stay valid, in seconds: longer than any transaction may run.
pub const CLAIMS_SECONDS: i64 = 120;
/// Longest time between two checkpoints of a log that grows, in seconds.
pub const CHECKPOINT_SECONDS_MAX: u64 = 300;
/// Requests per minute, address and path class, by default.
pub const RATE_STANDARD_PER_MINUTE: u32 = 60;
/// Requests per minute and address to pages of the console.
pub const RATE_CONSOLE_PER_MINUTE: u32 = 600;
/// Requests per minute and address to the paths under which people sign in, by default.
pub const RATE_AUTH_PER_MINUTE: u32 = 20;
/// Requests per minute and address to paths that call a model, by default.
pub const RATE_LLM_PER_MINUTE: u32 = 10;
/// Requests per minute and address to the paths under which relations are asked about, by default: a thousand a second.
pub const RATE_RELATIONS_PER_MINUTE: u32 = 60_000;
/// Age past which a confirmed factor no longer stands for a dangerous action, in seconds (10 minutes).
pub const STEP_UP_SECONDS_MAX: u64 = 600;
/// Time between two notes of when a session was last seen, in seconds.
pub const SESSION_SEEN_SECONDS: i64 = 60;
/// How long a session of the console lasts by default, in hours.
pub const SESSION_HOURS_DEFAULT: i32 = 12;
/// Longest session an organization may allow, in hours (30 days).
pub const SESSION_HOURS_MAX: i32 = 720;
/// Sessions of one member that are shown at once.
pub const MEMBER_SESSIONS_ROWS_MAX: i64 = 200;
/// Longest an override may stay open, in seconds (8 hours).
pub const BREAK_GLASS_SECONDS_MAX: u64 = 8 * 3_600;
/// Shortest an override may be asked for, in seconds (5 minutes).
pub const BREAK_GLASS_SECONDS_MIN: u64 = 300;
/// Shortest reason for an override, in characters.
pub const BREAK_GLASS_REASON_CHARS_MIN: usize = 10;
/// Longest reason for an override, and longest review of one, in characters.
pub const BREAK_GLASS_TEXT_CHARS_MAX: usize = 2_000;
/// Time until an override must have been reviewed, in seconds (7 days).
pub const BREAK_GLASS_REVIEW_SECONDS: u64 = 7 * 24 * 3_600;
/// Before that time, from when on a review is called due rather than merely open, in seconds (3 days).
pub const BREAK_GLASS_DUE_SECONDS: u64 = 3 * 24 * 3_600;
/// How long entries of the audit log stay in the database by default, in days (seven years).
pub const RETENTION_DAYS_DEFAULT: i32 = 2_557;
/// Shortest time an organization may keep its log in the database, in days (six months, as the AI Act's Article 26(6) asks
/// of deployers).
pub const RETENTION_DAYS_MIN: i32 = 184;
/// Longest such time, in days (a hundred years).
pub const RETENTION_DAYS_MAX: i32 = 36_500;
/// How long a shorter retention waits before it takes effect, in days: time for others to notice and object.
pub const RETENTION_SHORTEN_DAYS: u64 = 30;
/// Legal holds of one organization that may stand at once.
pub const HOLDS_MAX: i64 = 100;
/// Legal holds that are shown at once.
pub const HOLDS_ROWS_MAX: i64 = 200;
/// Longest reason for placing or lifting a legal hold, in characters.
pub const HOLD_REASON_CHARS_MAX: usize = 2_000;
/// Shortest such reason, in characters.
pub const HOLD_REASON_CHARS_MIN: usize = 10;
/// Overrides that wait for their review and are shown at once.
pub const BREAK_GLASS_WAITING_ROWS_MAX: i64 = 100;
/// How long an invitation can be accepted, in seconds (7 days).
pub const INVITATION_SECONDS: u64 = 7 * 24 * 3_600;
/// Invitations of one organization that may wait for an answer.
pub const INVITATIONS_MAX: i64 = 1_000;
/// Least time between two invitations of one address by one organization, in seconds.
pub const INVITATION_PAUSE_SECONDS: u64 = 60;
/// How long a link to verify or change an address works, in seconds (24 hours).
pub const VERIFY_LINK_SECONDS: u64 = 24 * 3_600;
/// How long a link to set a new password works, in seconds (30 minutes).
pub const RESET_LINK_SECONDS: u64 = 1_800;
/// How long the first administrator's link works, in seconds (24 hours).
pub const WELCOME_LINK_SECONDS: u64 = 24 * 3_600;
/// How long a begun ceremony can be finished, in seconds.
pub const CEREMONY_SECONDS: u64 = 300;
/// Wrong guesses from a place nobody knows, per account and window.
pub const GUESSES_PER_ACCOUNT_MAX: i32 = 10;
/// Wrong guesses per address of the network and window.
pub const GUESSES_PER_ADDRESS_MAX: i32 = 50;
/// The window in which guesses are counted, in seconds (15 minutes).
pub const GUESS_WINDOW_SECONDS: u64 = 900;
/// Letters one address may be sent in a window, whoever asked for them.
pub const LETTERS_PER_ADDRESS_MAX: i32 = 5;
/// Passkeys one person may have.
pub const PASSKEYS_MAX: i64 = 20;
/// Organizations one person may be a member of.
pub const MEMBERSHIPS_MAX: i64 = 100;
/// Endpoints of webhooks one organization may have.
pub const WEBHOOKS_MAX: i64 = 50;
/// Longest address of an endpoint of webhooks, in bytes.
pub const WEBHOOK_URL_BYTES_MAX: usize = 2_000;
/// Most kinds of events, and patterns of them, one endpoint of webhooks may name.
pub const WEBHOOK_KINDS_MAX: usize = 100;
/// Overlap in which the secret before a rotation signs beside the new one, in seconds, when nothing is said (24 hours).
pub const WEBHOOK_OVERLAP_SECONDS_DEFAULT: i64 = 24 * 3_600;
/// Longest such overlap, in seconds (7 days).
pub const WEBHOOK_OVERLAP_SECONDS_MAX: i64 = 7 * 24 * 3_600;
/// Dead letters of an endpoint that are replayed at once.
pub const WEBHOOK_REPLAY_ROWS_MAX: i64 = 1_000;
/// Attempts of one delivery that are shown at once, the last ones.
pub const WEBHOOK_ATTEMPTS_ROWS_MAX: i64 = 100;
/// Evidence packs one organization may keep.
pub const EVIDENCE_PACKS_MAX: i64 = 1_000;
/// Longest a link to an evidence pack may work, in seconds (7 days).
pub const EVIDENCE_LINK_SECONDS_MAX: u64 = 7 * 24 * 3_600;
/// How long a link to an evidence pack works when nobody says, in seconds (1 hour).
pub const EVIDENCE_LINK_SECONDS_DEFAULT: u64 = 3_600;
/// Shortest a link to an evidence pack may be asked for, in seconds.
pub const EVIDENCE_LINK_SECONDS_MIN: u64 = 60;
/// Keys one organization may have trusted with signing its policy packs, those it revoked among them.
pub const POLICY_KEYS_MAX: usize = 100;
/// Keys that are read at once: all there can be.
pub const POLICY_KEYS_ROWS_MAX: i64 = 100;
/// Policy packs one organization may keep.
pub const POLICY_PACKS_MAX: i64 = 200;
/// Policy packs, and turns between them, that are shown at once.
pub const POLICY_PACKS_ROWS_MAX: i64 = 200;
/// Entries of the log, the newest, that a dry run of a policy pack replays.
pub const POLICY_REPLAY_ROWS_MAX: i64 = 1_000;
/// Decisions of each sort that a dry run shows; it counts them all.
pub const POLICY_REPLAY_SHOWN_MAX: usize = 100;
/// How long a dry run vouches for what a policy pack would do, in seconds (1 hour).
pub const POLICY_DRY_RUN_SECONDS_MAX: u64 = 3_600;
