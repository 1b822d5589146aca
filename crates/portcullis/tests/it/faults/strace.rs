//! strace: it counts the file system calls of a program, makes one of them fail, or kills the program there.
//!
//! strace counts for each thread by itself: `when=3` is the third call of every one of them. So the places to break are taken
//! from runs that go well. Where a file has the same name each time, only calls about that name are counted; else those of the
//! thread, and what other files have to do with them is luck: [`Hit`] says which file was hit.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;
use tokio::sync::OnceCell;

use crate::house::process::run_to_end;

/// Debian's package of it.
const PACKAGE: &str = "strace";
/// Set where a test that cannot be run is a failure.
const CONTINUOUS_INTEGRATION: &str = "CI";
/// Set to break every call instead of a sample.
const EVERYTHING: &str = "FAULTS_EVERY_CALL";

/// How often, and after which pause, it is looked whether strace has written everything.
const ENDED_TRIES: usize = 200;
const ENDED_MILLIS: u64 = 10;

/// The last call of a process that is broken, where there are many processes: of all that are, and of a sample.
const EARLY_MAX: usize = 64;
const EARLY_SAMPLE_MAX: usize = 4;

/// A file system call, and what it does. Other machines have some of them under other names, or not at all.
const CALLS: [(&str, Does); 33] = [
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
enum Does {
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

/// Whether strace can be used. Where it cannot, the test that asks is passed over with a word, or fails when this is continuous
/// integration.
pub(super) async fn is_usable() -> bool {
    static USABLE: OnceCell<Result<(), String>> = OnceCell::const_new();
    match USABLE.get_or_init(look).await {
        Ok(()) => true,
        Err(why) if std::env::var_os(CONTINUOUS_INTEGRATION).is_some() => panic!("{why}"),
        Err(why) => {
            eprintln!("\nNOT TESTED, nothing was broken: {why}\n");
            false
        }
    }
}

async fn look() -> Result<(), String> {
    if !runs(&[PACKAGE, "-V"]).await
        && rustix::process::geteuid().is_root()
        && runs(&["apt-get", "--version"]).await
    {
        // A list of packages that cannot be brought up to date may still do.
        runs(&["apt-get", "update", "-qq"]).await;
        runs(&["apt-get", "install", "-qq", "-y", "--no-install-recommends", PACKAGE]).await;
    }
    if !runs(&[PACKAGE, "-V"]).await {
        return Err(format!(
            "the test of failing disks needs strace: install it with `apt-get install {PACKAGE}`"
        ));
    }
    // In some containers a process may not trace another.
    if !runs(&[PACKAGE, "-f", "-o", "/dev/null", "true"]).await {
        return Err("the test of failing disks needs strace, and it may not trace here (ptrace)".to_owned());
    }
    Ok(())
}

async fn runs(words: &[&str]) -> bool {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).env("DEBIAN_FRONTEND", "noninteractive");
    command.stdin(std::process::Stdio::null());
    command.output().await.is_ok_and(|output| output.status.success())
}

/// Whose calls are looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Follow {
    /// Those of every thread, and of every process that it starts.
    Threads,
    /// Those of the first thread.
    MainThread,
}

/// The words that run a command under strace, which writes what it sees into `log`; all processes that it starts included.
///
/// The program is the child of whoever starts it, not strace's, so that it is stopped and killed as ever.
pub(super) fn tracing(log: &Path, follow: Follow, fault: Option<&Fault>) -> Vec<String> {
    let mut words: Vec<String> =
        ["strace", "-D", "-y", "-s", "0", "-e", "signal=KILL"].map(String::from).into();
    // Without `--seccomp-bpf`, which would be quicker: signals are not injected by it.
    words.extend((follow == Follow::Threads).then(|| "-f".to_owned()));
    let calls = CALLS.map(|(name, _)| format!("?{name}")).join(",");
    words.extend(["-o".to_owned(), log.display().to_string(), "-e".to_owned(), format!("trace={calls}")]);
    if let Some(path) = fault.and_then(|fault| fault.path.clone()) {
        words.extend(["-P".to_owned(), path]);
    }
    if let Some(Fault { call, effect, when, .. }) = fault {
        let what = match effect {
            Effect::Error(name) => format!("error={name}"),
            Effect::Kill => "signal=KILL".to_owned(),
        };
        words.extend(["-e".to_owned(), format!("inject={call}:{what}:when={when}")]);
    }
    words.push("--".to_owned());
    words
}

/// Whether a fault came to pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hit {
    /// At one of the files in question.
    There,
    /// At something else, too: a library, a pipe.
    Elsewhere,
    /// No call was the one.
    Nowhere,
}

/// What a fault hit, for files below `place`.
pub(super) async fn hit(log: &Path, place: &Path, fault: &Fault) -> Hit {
    let (text, place) = (ended(log).await, place.display().to_string());
    let broken: Vec<&str> = match fault.effect {
        Effect::Error(_) => text.lines().filter(|line| line.ends_with("(INJECTED)")).collect(),
        Effect::Kill if !text.contains("+++ killed by SIGKILL +++") => Vec::new(),
        Effect::Kill => {
            let begun = format!("{}(", fault.call);
            let cut = |line: &&str| line.ends_with("= ?") || line.ends_with("<unfinished ...>");
            text.lines().filter(|line| line.contains(&begun)).filter(cut).collect()
        }
    };
    let killed = fault.effect == Effect::Kill && text.contains("+++ killed by SIGKILL +++");
    // Threads each have their count, so that one fault may hit several.
    let there = broken.iter().filter(|line| line.contains(&place)).count();
    match (there, broken.len() - there) {
        (0, 0) if !killed => Hit::Nowhere,
        (1.., 0) => Hit::There,
        (1.., _) if killed => Hit::There,
        _ => Hit::Elsewhere,
    }
}

/// What strace wrote, once it has written that the program ended.
async fn ended(log: &Path) -> String {
    for _ in 0..ENDED_TRIES {
        let text = std::fs::read_to_string(log).unwrap_or_default();
        if text.lines().next_back().is_some_and(|line| line.ends_with("+++")) {
            return text;
        }
        tokio::time::sleep(Duration::from_millis(ENDED_MILLIS)).await;
    }
    std::fs::read_to_string(log).unwrap_or_default()
}

/// A call about files in question.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    call: String,
    /// Its number among those of this name in its thread.
    number: usize,
    /// The files it is about, and its number among those of this name about each.
    paths: Vec<(String, usize)>,
}

/// The calls of a run that were about files below `place`.
pub(super) async fn seen(log: &Path, place: &Path) -> Vec<Seen> {
    let (text, place) = (ended(log).await, place.display().to_string());
    let mut numbers = HashMap::<(&str, &str), usize>::new();
    let mut by_path = HashMap::<(&str, &str, String), usize>::new();
    let mut found = Vec::new();
    for line in text.lines() {
        // Where one thread alone is looked at, lines do not name it.
        let named =
            line.split_once(' ').filter(|(thread, _)| thread.bytes().all(|byte| byte.is_ascii_digit()));
        let (thread, rest) = named.unwrap_or(("", line));
        // What is resumed was counted when it began.
        let Some((call, arguments)) = rest.trim_start().split_once('(') else { continue };
        if !CALLS.iter().any(|(name, _)| *name == call) {
            continue;
        }
        let number = numbers.entry((thread, call)).or_default();
        *number += 1;
        let mut paths: Vec<String> = Vec::new();
        for (at, _) in arguments.match_indices(&place) {
            let path: String = arguments[at..].chars().take_while(|c| !"\"<>".contains(*c)).collect();
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
        let counted = paths.into_iter().map(|path| {
            let number = by_path.entry((thread, call, path.clone())).or_default();
            *number += 1;
            (path, *number)
        });
        let counted: Vec<_> = counted.collect();
        if !counted.is_empty() {
            found.push(Seen { call: call.to_owned(), number: *number, paths: counted });
        }
    }
    found
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

/// Where strace writes for the test with this folder. It may run under another account than the test.
pub(super) fn log_in(folder: &Path) -> PathBuf {
    let log = folder.join("strace.log");
    let _ = std::fs::remove_file(&log);
    log
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::house::process::Folder;
    use crate::house::run;

    #[test]
    fn calls_are_counted_and_broken() {
        run(async |_| {
            if !is_usable().await {
                return;
            }
            let folder = Folder::new("strace");
            let (log, file) = (log_in(folder.path()), folder.path().join("file"));
            let go = async |fault: Option<&Fault>| {
                let words = tracing(&log, Follow::Threads, fault);
                let mut command = Command::new(&words[0]);
                command.args(&words[1..]);
                command.args([
                    "sh",
                    "-c",
                    "echo one > \"$1\"; mkdir \"$1.d\"; rmdir \"$1.d\"; echo two >> \"$1\"",
                ]);
                command.arg("sh").arg(&file);
                run_to_end(command).await.code
            };
            assert_eq!(go(None).await, Some(0));
            let runs = seen(&log, &file).await;
            let writes: Vec<_> =
                faults(&runs, &runs, 40).into_iter().filter(|fault| fault.call == "write").collect();
            // Two writes, three things that can befall each.
            assert_eq!(writes.len(), 6, "{writes:?}");
            for fault in writes {
                let _ = std::fs::remove_file(&file);
                go(Some(&fault)).await;
                assert_eq!(hit(&log, &file, &fault).await, Hit::There, "{fault}");
                let kept = std::fs::read_to_string(&file).unwrap_or_default();
                let wanted = match (fault.effect, fault.when) {
                    (Effect::Error(_), 1) => "two\n",
                    (Effect::Error(_), _) | (Effect::Kill, 2) => "one\n",
                    (Effect::Kill, _) => "",
                };
                assert_eq!(kept, wanted, "{fault}");
            }
        });
    }
}
