//! CPU time of processes, from `/proc`.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// Clock ticks of `/proc/<pid>/stat` in a second; fixed at 100 by the Linux user-space interface.
const TICKS_PER_SECOND: u64 = 100;

/// One process as `/proc` tells it.
struct Stat {
    parent: u32,
    own: u64,
    /// Of children that ended and were waited for.
    children: u64,
}

/// CPU time of a process and, apart from it, of everything below it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cpu {
    pub(crate) own: Duration,
    pub(crate) below: Duration,
}

impl Cpu {
    /// The CPU time until now.
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let all = processes()?;
        let mine = all.get(&pid).context("the measured process is gone")?;
        let mut below = mine.children;
        for (id, stat) in &all {
            if *id != pid && descends(&all, *id, pid) {
                below += stat.own + stat.children;
            }
        }
        Ok(Self { own: ticks(mine.own), below: ticks(below) })
    }

    /// What was used since `before`.
    pub(crate) fn since(self, before: Self) -> Self {
        Self { own: self.own.saturating_sub(before.own), below: self.below.saturating_sub(before.below) }
    }
}

fn ticks(count: u64) -> Duration {
    Duration::from_millis(count * 1_000 / TICKS_PER_SECOND)
}

fn descends(all: &HashMap<u32, Stat>, mut id: u32, from: u32) -> bool {
    while let Some(stat) = all.get(&id) {
        if stat.parent == from {
            return true;
        }
        id = stat.parent;
    }
    false
}

fn processes() -> Result<HashMap<u32, Stat>> {
    let mut found = HashMap::new();
    for entry in fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // Processes end while they are being listed.
        let Ok(text) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        if let Some(stat) = parse(&text) {
            found.insert(pid, stat);
        }
    }
    Ok(found)
}

/// The name in parentheses may hold anything, so the fields are counted from its end (proc(5)).
fn parse(text: &str) -> Option<Stat> {
    let fields: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    Some(Stat {
        parent: u32::try_from(number(1)?).ok()?,
        own: number(11)? + number(12)?,
        children: number(13)? + number(14)?,
    })
}
