//! CPU time of processes, from the scheduler's own accounts (Linux).

use std::fs;
use std::path::Path;

/// Nanoseconds of CPU the process has used, all its threads together.
pub(crate) fn of_process(pid: u32) -> u64 {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return 0 };
    threads
        .flatten()
        .filter_map(|thread| fs::read_to_string(thread.path().join("schedstat")).ok())
        .filter_map(|line| line.split(' ').next()?.parse::<u64>().ok())
        .sum()
}

/// Nanoseconds of CPU the calling thread has used. For work on one thread: other threads that end meanwhile take their share
/// of [`of_process`] with them.
pub(crate) fn of_thread() -> u64 {
    let line = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    line.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0)
}

/// Nanoseconds of CPU of a process and of the processes it started.
pub(crate) fn of_family(parent: u32) -> u64 {
    let Ok(processes) = fs::read_dir("/proc") else { return 0 };
    let children = processes.flatten().filter_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        // The name stands in parentheses and may hold anything; the parent is the second field after it.
        let after = stat.rsplit_once(')')?.1;
        (after.split_whitespace().nth(1)?.parse::<u32>().ok()? == parent).then_some(pid)
    });
    of_process(parent) + children.map(of_process).sum::<u64>()
}

/// The process id in the first `postmaster.pid` below the data directory.
pub(crate) fn postmaster(data: &Path) -> Option<u32> {
    let mut folders = vec![data.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).ok()?.flatten() {
            if entry.file_name() == "postmaster.pid" {
                return fs::read_to_string(entry.path()).ok()?.lines().next()?.parse().ok();
            }
            if entry.path().is_dir() && entry.file_name() != "postgres" {
                folders.push(entry.path());
            }
        }
    }
    None
}

/// The median of some figures.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
