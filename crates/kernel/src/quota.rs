//! Counting requests, in one process. At most `quota` requests of one client are let through in **any** 60 seconds: a sliding window,
//! so there is no boundary at which twice the quota passes. Requests that were refused are not counted.
//!
//! Requests of the same second are kept together and leave together, with the last of them, so one client costs at
//! most 61 pairs of numbers whatever the quota; the number of clients is bounded too.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use crate::Timestamp;

/// Length of the window, in seconds.
pub const WINDOW_SECONDS: u64 = 60;
/// Length of the window, in milliseconds.
const WINDOW_MILLIS: u64 = WINDOW_SECONDS * 1_000;
/// Requests closer together than this leave the window together, in milliseconds.
const GRAIN_MILLIS: u64 = 1_000;
/// Clients remembered in each of two generations. When more are met within a window, those not seen for longest are
/// forgotten first, and begin again with their whole quota.
const CLIENTS_MAX: usize = 32_768;

/// What the count says about one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the request may pass.
    pub allowed: bool,
    /// Requests in any window.
    pub quota: u32,
    /// Requests that may follow now.
    pub remaining: u32,
    /// Whole seconds until the oldest counted requests leave the window.
    pub reset_seconds: u64,
}

impl Verdict {
    /// How it is told in header fields, lower-case names first: `RateLimit-Policy` and `RateLimit` as structured fields
    /// (draft-ietf-httpapi-ratelimit-headers), and the older trio that most clients read. `policy` is a word of letters.
    pub fn fields(&self, policy: &str) -> [(&'static str, String); 5] {
        let Self { quota, remaining, reset_seconds, .. } = self;
        [
            ("ratelimit-policy", format!("\"{policy}\";q={quota};w={WINDOW_SECONDS}")),
            ("ratelimit", format!("\"{policy}\";r={remaining};t={reset_seconds}")),
            ("ratelimit-limit", quota.to_string()),
            ("ratelimit-remaining", remaining.to_string()),
            ("ratelimit-reset", reset_seconds.to_string()),
        ]
    }
}

#[derive(Debug)]
struct Group {
    first: u64,
    last: u64,
    count: u32,
}

#[derive(Debug, Default)]
struct Log {
    groups: VecDeque<Group>,
    total: u32,
}

impl Log {
    fn forget_until(&mut self, now: u64) {
        while let Some(group) = self.groups.front_mut() {
            // After the machine's clock was set back, what is "in the future" counts from now on.
            group.last = group.last.min(now);
            group.first = group.first.min(now);
            if now - group.last < WINDOW_MILLIS {
                break;
            }
            self.total -= group.count;
            self.groups.pop_front();
        }
    }

    fn count(&mut self, now: u64) {
        self.total += 1;
        match self.groups.back_mut() {
            Some(group) if now.saturating_sub(group.first) < GRAIN_MILLIS => {
                group.last = group.last.max(now);
                group.count += 1;
            }
            _ => self.groups.push_back(Group { first: now, last: now, count: 1 }),
        }
    }

    fn reset_seconds(&self, now: u64) -> u64 {
        let oldest = self.groups.front().map_or(now, |group| group.last + WINDOW_MILLIS);
        oldest.saturating_sub(now).div_ceil(1_000)
    }
}

#[derive(Default)]
struct Logs {
    young: HashMap<u64, Log>,
    old: HashMap<u64, Log>,
    turned: u64,
}

/// A count of requests by client.
pub struct Quota {
    per_window: u32,
    clients_max: usize,
    logs: Mutex<Logs>,
}

impl std::fmt::Debug for Quota {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Quota").field("per_window", &self.per_window).finish_non_exhaustive()
    }
}

impl Quota {
    /// A count that lets this many requests of one client pass in any window.
    pub fn new(per_window: u32) -> Self {
        Self { per_window, clients_max: CLIENTS_MAX, logs: Mutex::default() }
    }

    /// Judges a request of `client` and counts it when it may pass.
    pub fn take(&self, client: u64, now: Timestamp) -> Verdict {
        self.take_of(self.per_window, client, now)
    }

    /// The same where this many may pass, whatever the count was made with: for limits that differ by client or change.
    pub fn take_of(&self, per_window: u32, client: u64, now: Timestamp) -> Verdict {
        let now = now.unix_millis();
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        logs.turn(now, self.clients_max);
        let mut log = logs.young.remove(&client).or_else(|| logs.old.remove(&client)).unwrap_or_default();
        log.forget_until(now);
        let allowed = log.total < per_window;
        if allowed {
            log.count(now);
        }
        let verdict = Verdict {
            allowed,
            quota: per_window,
            remaining: per_window.saturating_sub(log.total),
            reset_seconds: log.reset_seconds(now),
        };
        logs.young.insert(client, log);
        verdict
    }
}

impl Logs {
    /// Makes the young generation the old one when it is full or a window old; the old one is empty of anybody by then.
    fn turn(&mut self, now: u64, clients_max: usize) {
        let aged = now.abs_diff(self.turned) >= WINDOW_MILLIS;
        if aged || self.young.len() >= clients_max {
            self.old = std::mem::take(&mut self.young);
            self.turned = now;
        }
    }
}

#[cfg(test)]
mod tests;
