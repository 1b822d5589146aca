//! What is broken: each call of a run that went well, or a sample of them.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;

use super::strace::Seen;

/// Set to break every call instead of a sample.
const EVERYTHING: &str = "FAULTS_EVERY_CALL";
/// The last call of a process that is broken, where there are many processes: of all that are, and of a sample.
const EARLY_MAX: usize = 64;
const EARLY_SAMPLE_MAX: usize = 4;

/// A file system call, and what it does. Other machines have some of them under other names, or not at all.
pub(super) const CALLS: [(&str, Does); 33] = [
    ("openat", Does::Both),
    ("read", Does::Reads),
    ("pread64", Does::Reads),
    ("getdents64", Does::Reads),
    ("statx", Does::Reads),
    ("write", Does::Grows),
    ("writev", Does::Grows),
    ("pwrite64", Does::Grows),
    ("pwritev", Does::Grows),
    ("copy_file_range", Does::Grows),
    ("sendfile", Does::Grows),
    ("fallocate", Does::Grows),
    ("mkdir", Does::Grows),
    ("mkdirat", Does::Grows),
    ("link", Does::Grows),
    ("linkat", Does::Grows),
    ("fsync", Does::Both),
    ("fdatasync", Does::Both),
    ("sync_file_range", Does::Both),
    ("rename", Does::Both),
    ("renameat", Does::Both),
    ("renameat2", Does::Both),
    ("unlink", Does::Both),
    ("unlinkat", Does::Both),
    ("rmdir", Does::Both),
    ("ftruncate", Does::Both),
    ("chmod", Does::Both),
    ("fchmod", Does::Both),
    ("fchmodat", Does::Both),
    ("chown", Does::Both),
    ("fchown", Does::Both),
    ("fchownat", Does::Both),
    ("flock", Does::Reads),
];

/// What a call does, and so what can befall it.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Does {
    /// Changes nothing: it can fail. To be killed there is to be killed at the next call that changes something.
    Reads,
    /// Takes room on the disk: that can be used up, too.
    Grows,
    /// It can fail, or be the last.
    Both,
}

/// What happens at a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Effect {
    /// It fails with this error and does nothing.
    Error(&'static str),
    /// The program is killed before it is done.
    Kill,
}

/// One call that is broken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fault {
    pub(super) call: String,
    pub(super) effect: Effect,
    /// Which call of that name in its thread, counted from 1: of those about this path where there is one.
    pub(super) when: usize,
    pub(super) path: Option<String>,
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.effect {
            Effect::Error(name) => write!(out, "{name}")?,
            Effect::Kill => write!(out, "kill")?,
        }
        write!(out, " at {} {}", self.call, self.when)?;
        self.path.as_ref().map_or(Ok(()), |path| write!(out, " of {path}"))
    }
}

/// Whether everything is to be broken, which takes long.
pub(super) fn everything() -> bool {
    std::env::var_os(EVERYTHING).is_some()
}

/// Everything that can befall the calls of a run, of which `other` was a second; a sample of at most `most` where not everything
/// is asked for, in which every kind of call has its turn before one has its second, and what changes something comes before
/// what only reads.
pub(super) fn faults(run: &[Seen], other: &[Seen], most: usize) -> Vec<Fault> {
    let paths: HashSet<&str> =
        other.iter().flat_map(|seen| &seen.paths).map(|(path, _)| path.as_str()).collect();
    let mut groups = BTreeMap::<(bool, usize, String), BTreeSet<Fault>>::new();
    for Seen { call, number, paths: about } in run {
        let does = CALLS.iter().find(|(name, _)| name == call).map_or(Does::Both, |(_, does)| *does);
        // The last is what a rename renames to.
        let steady = about.iter().rev().find(|(path, _)| paths.contains(path.as_str()));
        let (path, when) = match steady {
            Some((path, number)) => (Some(path.clone()), *number),
            None => (None, *number),
        };
        let effects: &[Effect] = match does {
            Does::Reads => &[Effect::Error("EIO")],
            Does::Both => &[Effect::Error("EIO"), Effect::Kill],
            Does::Grows => &[Effect::Error("EIO"), Effect::Kill, Effect::Error("ENOSPC")],
        };
        for (rank, effect) in effects.iter().enumerate() {
            let fault = Fault { call: call.clone(), effect: *effect, when, path: path.clone() };
            groups.entry((does == Does::Reads, rank, call.clone())).or_default().insert(fault);
        }
    }
    let groups: Vec<Vec<Fault>> = groups.into_values().map(|group| group.into_iter().collect()).collect();
    if everything() { groups.concat() } else { sample(&groups, most) }
}

fn sample(groups: &[Vec<Fault>], most: usize) -> Vec<Fault> {
    let most = most.min(groups.iter().map(Vec::len).sum());
    let mut shares = vec![0_usize; groups.len()];
    let mut left = most;
    while left > 0 {
        for (share, group) in shares.iter_mut().zip(groups) {
            if left > 0 && *share < group.len() {
                *share += 1;
                left -= 1;
            }
        }
    }
    // Evenly spaced, in the middle of each part.
    let of = |(share, group): (&usize, &Vec<Fault>)| -> Vec<Fault> {
        (0..*share).map(|part| group[(2 * part + 1) * group.len() / (2 * share)].clone()).collect()
    };
    shares.iter().zip(groups).flat_map(of).collect()
}

/// Everything that can befall calls of many processes, each of which counts for itself: early ones, which come to pass in most.
pub(super) fn early_faults(run: &[Seen], most: usize) -> Vec<Fault> {
    let mut lasts = BTreeMap::<&str, usize>::new();
    for seen in run {
        let last = lasts.entry(&seen.call).or_default();
        *last = seen.number.max(*last);
    }
    let mut early = Vec::new();
    for (call, last) in lasts {
        let most = if everything() { EARLY_MAX } else { EARLY_SAMPLE_MAX };
        // 1, 2, 4, … and so on.
        let numbers = std::iter::successors(Some(1_usize), |number| number.checked_mul(2));
        early.extend(numbers.take_while(|number| *number <= last.min(most)).map(|number| Seen {
            call: call.to_owned(),
            number,
            paths: Vec::new(),
        }));
    }
    faults(&early, &[], most)
}
