//! How the five gates stand: what this very request found out by passing them, and what the log says of itself. What could
//! not be read is said to be unknown, never well.

use std::time::Duration;

use app::home::{LogHealth, PLACED_SECONDS_MAX, PolicyHealth, REFUSALS_ROWS_MAX, Refusals, Standing};
use kernel::{Gate, Timestamp};

use crate::pages::GateHealth;
use crate::parts::Tone;

/// How long past its time a checkpoint may be before that is worth a word, in seconds: signing looks once a second, and a
/// busy machine takes longer.
const LATE_SECONDS: u64 = 60;

/// Why something is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unknown {
    /// This person may not read it.
    NotTheirs,
    /// It could not be read.
    Unread,
    /// Nothing can be written to the log.
    Unwritable,
}

/// What was found out.
#[expect(clippy::struct_excessive_bools, reason = "four independent facts, each of its own gate")]
pub(super) struct Facts {
    pub(super) second_factor: bool,
    /// Everybody is let in as owner: the server runs in the mode for development.
    pub(super) no_credentials: bool,
    /// The database answers.
    pub(super) ready: bool,
    /// What is remembered of credentials is known to be fresh.
    pub(super) fresh: bool,
    pub(super) policy: Result<PolicyHealth, Unknown>,
    pub(super) log: Result<LogHealth, Unknown>,
    pub(super) checkpoint_every: Duration,
    pub(super) now: Timestamp,
}

/// The five gates, in order.
pub(super) fn gates(facts: &Facts) -> Vec<GateHealth> {
    vec![identity(facts), token(facts), tenancy(facts), privacy(facts), audit(facts)]
}

fn health(gate: Gate, tone: Tone, state: &str, detail: String, path: Option<&str>) -> GateHealth {
    GateHealth { gate, tone, state: state.to_owned(), detail, path: path.map(str::to_owned) }
}

/// How many of something were refused lately, or that this is not known.
fn refused(log: &Result<LogHealth, Unknown>, one: &str, many: &str, of: fn(&Refusals) -> i64) -> String {
    match log {
        Ok(log) => match of(&log.refusals) {
            0 => format!(" No {one} was refused in a day."),
            1 => format!(" One {one} was refused in a day."),
            count if count >= REFUSALS_ROWS_MAX => {
                format!(" More than {} {many} were refused in a day.", count - 1)
            }
            count => format!(" {count} {many} were refused in a day."),
        },
        Err(Unknown::NotTheirs) => String::new(),
        Err(_) => " How much was refused could not be read.".to_owned(),
    }
}

fn identity(facts: &Facts) -> GateHealth {
    let path = Some("/security");
    if facts.no_credentials {
        let detail = "The server runs in development mode: whoever reaches it without a key is an owner.";
        return health(Gate::Identity, Tone::Warn, "Unguarded", detail.to_owned(), path);
    }
    let factor = if facts.second_factor { "with a second factor" } else { "without a second factor" };
    let refused = refused(&facts.log, "credential", "credentials", |refusals| refusals.credentials);
    health(Gate::Identity, Tone::Good, "Open", format!("You are known, {factor}.{refused}"), path)
}

fn token(facts: &Facts) -> GateHealth {
    let path = Some("/sessions");
    if !facts.fresh {
        let detail = "Every credential is looked up anew: whether one was revoked could not be seen lately.";
        return health(Gate::Token, Tone::Warn, "Slow", detail.to_owned(), path);
    }
    let refused = refused(&facts.log, "request", "requests", |refusals| refusals.requests);
    let detail = format!("Sessions and keys are looked at again within a second.{refused}");
    health(Gate::Token, Tone::Good, "Open", detail, path)
}

fn tenancy(facts: &Facts) -> GateHealth {
    if !facts.ready {
        let detail = "The database does not answer; nothing is let through.";
        return health(Gate::Tenancy, Tone::Bad, "Shut", detail.to_owned(), None);
    }
    let detail = "The database shows this organization's rows and no others.";
    health(Gate::Tenancy, Tone::Good, "Open", detail.to_owned(), None)
}

fn kinds(count: usize) -> String {
    if count == 1 { "1 kind".to_owned() } else { format!("{count} kinds") }
}

fn privacy(facts: &Facts) -> GateHealth {
    let Ok(policy) = &facts.policy else {
        let detail = "The PII policy could not be read; without it nothing is said to a provider.";
        return health(Gate::Privacy, Tone::Bad, "Shut", detail.to_owned(), None);
    };
    let PolicyHealth { version, strict, flagged, off, loosened } = policy;
    let counted = match flagged {
        0 => String::new(),
        count => format!(" That of {} is only counted and goes out.", kinds(*count)),
    };
    let unseen = match off {
        0 => String::new(),
        count => format!(" That of {} is not looked for.", kinds(*count)),
    };
    let kept = kinds(*strict);
    let detail =
        format!("Policy {version}: personal data of {kept} is replaced before it goes out.{counted}{unseen}");
    match (strict, loosened) {
        (_, 0) => health(Gate::Privacy, Tone::Good, "Open", detail, None),
        (0, _) => {
            let detail = format!("Policy {version} replaces nothing: personal data goes out as it is.");
            health(Gate::Privacy, Tone::Warn, "Lets all through", detail, None)
        }
        _ => health(Gate::Privacy, Tone::Warn, "Partly open", detail, None),
    }
}

fn audit(facts: &Facts) -> GateHealth {
    let of = |tone, state: &str, detail: String| health(Gate::Audit, tone, state, detail, Some("/audit"));
    let log = match facts.log {
        Ok(log) => log,
        Err(Unknown::NotTheirs) => {
            let detail = "That you looked at this page was written down before it was shown.";
            return health(Gate::Audit, Tone::Good, "Open", detail.to_owned(), None);
        }
        Err(Unknown::Unread) => {
            return of(Tone::Warn, "Unknown", "How the log stands could not be read.".to_owned());
        }
        Err(Unknown::Unwritable) => {
            let detail = "Nothing can be written to the log, so nothing is done.";
            return of(Tone::Bad, "Shut", detail.to_owned());
        }
    };
    // The gravest first: what is found wrong with the log itself, then what is merely late.
    if log.alarms > 0 {
        let detail = "What was written was found changed or lost. The log says what, and what is to be done.";
        return of(Tone::Bad, "Alarm", detail.to_owned());
    }
    if log.behind {
        let detail =
            format!("Entries wait longer than {PLACED_SECONDS_MAX} seconds for their place in the log.");
        return of(Tone::Warn, "Behind", detail);
    }
    let Some(standing) = log.standing else {
        return of(Tone::Good, "Open", "The first entry is on its way to its place.".to_owned());
    };
    if is_late(&standing, facts) {
        let since = minutes(facts.now.since(standing.signed_at));
        let every = minutes(facts.checkpoint_every);
        let detail =
            format!("The log grew, and no checkpoint was signed for {since}; one is due every {every}.");
        return of(Tone::Warn, "Unsigned", detail);
    }
    let detail = match standing.signed_size {
        0 => "The first checkpoint is about to be signed.".to_owned(),
        1 => "One entry is under a signed checkpoint.".to_owned(),
        size => format!("{size} entries are under a signed checkpoint."),
    };
    let waiting = match standing.size - standing.signed_size {
        0 => String::new(),
        1 => " One waits for the next.".to_owned(),
        count => format!(" {count} wait for the next."),
    };
    of(Tone::Good, "Open", detail + &waiting)
}

/// Whether a checkpoint should have been signed by now.
fn is_late(standing: &Standing, facts: &Facts) -> bool {
    let due = standing.signed_at.plus(facts.checkpoint_every).plus(Duration::from_secs(LATE_SECONDS));
    standing.size > standing.signed_size && due < facts.now
}

fn minutes(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds < 120 => format!("{seconds} seconds"),
        seconds if seconds < 7_200 => format!("{} minutes", seconds / 60),
        seconds => format!("{} hours", seconds / 3_600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix_micros(1_790_000_000_000_000).plus(Duration::from_secs(seconds))
    }

    fn well() -> Facts {
        let standing = Standing { size: 40, signed_size: 38, signed_at: at(0) };
        Facts {
            second_factor: true,
            no_credentials: false,
            ready: true,
            fresh: true,
            policy: Ok(PolicyHealth {
                version: "pii@default".into(),
                strict: 9,
                flagged: 0,
                off: 0,
                loosened: 0,
            }),
            log: Ok(LogHealth {
                standing: Some(standing),
                behind: false,
                alarms: 0,
                refusals: Refusals { credentials: 3, requests: 0 },
            }),
            checkpoint_every: Duration::from_mins(5),
            now: at(200),
        }
    }

    fn log(facts: &mut Facts) -> &mut LogHealth {
        facts.log.as_mut().expect("a log")
    }

    /// The state of one gate, with all others open.
    #[track_caller]
    fn one(facts: &Facts, gate: Gate, tone: Tone, state: &str, words: &str) {
        for health in gates(facts) {
            if health.gate == gate {
                assert_eq!((health.tone, health.state.as_str()), (tone, state), "{}", health.detail);
                assert!(health.detail.contains(words), "{}", health.detail);
            } else {
                assert_eq!(health.tone, Tone::Good, "{:?}: {}", health.gate, health.detail);
            }
        }
    }

    #[test]
    fn open_gates_say_what_they_did() {
        let facts = well();
        one(&facts, Gate::Identity, Tone::Good, "Open", "3 credentials were refused in a day");
        one(&facts, Gate::Token, Tone::Good, "Open", "No request was refused");
        one(&facts, Gate::Privacy, Tone::Good, "Open", "Policy pii@default: personal data of 9 kinds");
        one(&facts, Gate::Audit, Tone::Good, "Open", "38 entries are under a signed checkpoint. 2 wait");
        let many = Facts { log: Err(Unknown::NotTheirs), second_factor: false, ..well() };
        one(&many, Gate::Identity, Tone::Good, "Open", "You are known, without a second factor.");
        one(&many, Gate::Audit, Tone::Good, "Open", "written down before it was shown");
        let mut many = well();
        log(&mut many).refusals.requests = REFUSALS_ROWS_MAX;
        one(&many, Gate::Token, Tone::Good, "Open", "More than 9999 requests");
    }

    #[test]
    fn an_alarm_comes_before_all_else() {
        let mut alarmed = well();
        log(&mut alarmed).alarms = 1;
        log(&mut alarmed).behind = true;
        one(&alarmed, Gate::Audit, Tone::Bad, "Alarm", "found changed or lost");
    }

    #[test]
    fn gates_warn() {
        let dev = Facts { no_credentials: true, ..well() };
        one(&dev, Gate::Identity, Tone::Warn, "Unguarded", "development mode");
        one(&Facts { fresh: false, ..well() }, Gate::Token, Tone::Warn, "Slow", "looked up anew");
        let policy = |strict, flagged, off| Facts {
            policy: Ok(PolicyHealth {
                version: "mine".into(),
                strict,
                flagged,
                off,
                loosened: flagged + off,
            }),
            ..well()
        };
        one(&policy(7, 1, 1), Gate::Privacy, Tone::Warn, "Partly open", "That of 1 kind is only counted");
        one(&policy(0, 4, 5), Gate::Privacy, Tone::Warn, "Lets all through", "goes out as it is");
    }

    #[test]
    fn the_audit_gate_warns_when_checkpoints_or_places_are_late() {
        let mut late = well();
        late.now = at(5 * 60 + LATE_SECONDS + 1);
        one(&late, Gate::Audit, Tone::Warn, "Unsigned", "no checkpoint was signed for 6 minutes");
        late.now = at(5 * 60 + LATE_SECONDS);
        one(&late, Gate::Audit, Tone::Good, "Open", "38 entries");
        // A log that does not grow needs no new checkpoint, however old the last one is.
        let mut quiet = Facts { now: at(1_000_000), ..well() };
        log(&mut quiet).standing = Some(Standing { size: 38, signed_size: 38, signed_at: at(0) });
        one(&quiet, Gate::Audit, Tone::Good, "Open", "38 entries");
        let mut behind = well();
        log(&mut behind).behind = true;
        one(&behind, Gate::Audit, Tone::Warn, "Behind", "longer than 30 seconds");
    }

    #[test]
    fn gates_shut_and_what_is_not_known_is_not_well() {
        one(&Facts { ready: false, ..well() }, Gate::Tenancy, Tone::Bad, "Shut", "does not answer");
        let unread = Facts { policy: Err(Unknown::Unread), ..well() };
        one(&unread, Gate::Privacy, Tone::Bad, "Shut", "could not be read");
        let unread = Facts { log: Err(Unknown::Unread), ..well() };
        one(&unread, Gate::Audit, Tone::Warn, "Unknown", "could not be read");
        assert!(gates(&unread)[0].detail.contains("How much was refused could not be read"));
        let shut = Facts { log: Err(Unknown::Unwritable), ..well() };
        one(&shut, Gate::Audit, Tone::Bad, "Shut", "nothing is done");
    }
}
