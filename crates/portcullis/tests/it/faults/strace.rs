//! strace: it counts the file system calls of a program, makes one of them fail, or kills the program there.
//!
//! strace counts for each thread by itself: `when=3` is the third call of every one of them. So the places to break are taken
//! from runs that go well. Where a file has the same name each time, only calls about that name are counted; else those of the
//! thread, and what other files have to do with them is luck: [`Hit`] says which file was hit.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;
use tokio::sync::OnceCell;

use super::plan::{CALLS, Effect, Fault};
use crate::house::process::run_to_end;

/// Debian's package of it.
const PACKAGE: &str = "strace";
/// Set where a test that cannot be run is a failure.
const CONTINUOUS_INTEGRATION: &str = "CI";
/// How often, and after which pause, it is looked whether strace has written everything.
const ENDED_TRIES: usize = 200;
const ENDED_MILLIS: u64 = 10;

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
    pub(super) call: String,
    /// Its number among those of this name in its thread.
    pub(super) number: usize,
    /// The files it is about, and its number among those of this name about each.
    pub(super) paths: Vec<(String, usize)>,
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

/// Where strace writes for the test with this folder. It may run under another account than the test.
pub(super) fn log_in(folder: &Path) -> PathBuf {
    let log = folder.join("strace.log");
    let _ = std::fs::remove_file(&log);
    log
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::plan::faults;
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
