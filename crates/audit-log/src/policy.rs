//! Witness policies, [C2SP tlog-policy](https://c2sp.org/tlog-policy): which logs are believed, which witnesses are
//! known, and how many of them must have cosigned. The file is what an auditor keeps; it is the root of their trust.

use std::collections::HashMap;

use crate::checkpoint::{Checkpoint, OpenError};
use crate::cosign::{CosignError, Cosignature, CosignerKey, cosignatures};
use crate::note::{KeyError, Note, VerifierKey};

/// Longest policy file, in bytes.
pub const POLICY_BYTES_MAX: usize = 64 * 1_024;

/// Most logs, and most witnesses and groups together, of one policy.
pub const POLICY_ITEMS_MAX: usize = 256;

/// The name that asks for no witness.
const NONE: &str = "none";

/// A policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    logs: Vec<PolicyLog>,
    witnesses: Vec<PolicyWitness>,
    groups: Vec<Group>,
    quorum: Quorum,
}

/// A log that is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyLog {
    /// Its key; the key's name is the log's origin.
    pub key: VerifierKey,
    /// Where it is, if that was said.
    pub url: Option<String>,
}

/// A witness that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyWitness {
    /// What the policy calls it.
    pub name: String,
    /// Its key.
    pub key: CosignerKey,
    /// Its submission prefix, if that was said.
    pub url: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    least: usize,
    members: Vec<Member>,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quorum {
    /// `none`: no witness at all.
    Nobody,
    By(Member),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Member {
    Witness(usize),
    Group(usize),
}

/// A policy cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Longer than [`POLICY_BYTES_MAX`] or more than [`POLICY_ITEMS_MAX`] items.
    #[error("the policy is larger than 64 KiB or has more than 256 logs or names")]
    TooLarge,
    /// No `quorum` line.
    #[error("the policy has no quorum line; `quorum none` asks for no witness")]
    NoQuorum,
    /// Something is wrong in a line.
    #[error("line {line}: {fault}")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// What is wrong with it.
        fault: LineFault,
    },
}

/// What is wrong with a line of a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineFault {
    /// Neither `log` nor `witness`, `group`, `quorum`, or with too few or too many words.
    #[error(
        "expected `log VKEY [URL]`, `witness NAME VKEY [URL]`, `group NAME all|any|N MEMBER…` or `quorum NAME`"
    )]
    Words,
    /// The key cannot be used.
    #[error("{0}")]
    Key(#[from] KeyError),
    /// The same key or name twice, or `none` as a name.
    #[error("`{0}` is named twice, or cannot be a name here")]
    Twice(String),
    /// A name that no line above defines.
    #[error("`{0}` is not defined above")]
    Unknown(String),
    /// A threshold below one or above the number of members.
    #[error("a group asks for at least one and at most all of its members")]
    Threshold,
}

/// A checkpoint is not what the policy asks for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unmet {
    /// Not a checkpoint that one of the logs signed.
    #[error(transparent)]
    Log(#[from] OpenError),
    /// A cosignature of a known witness is forged.
    #[error(transparent)]
    Cosignature(#[from] CosignError),
    /// Too few witnesses.
    #[error("the witnesses that cosigned are fewer than the policy asks for")]
    Quorum,
}

impl Policy {
    /// Reads a policy file.
    ///
    /// # Errors
    /// [`PolicyError`], with the line and what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        if text.len() > POLICY_BYTES_MAX {
            return Err(PolicyError::TooLarge);
        }
        let mut reader = Reader::default();
        for (at, line) in text.split('\n').enumerate() {
            let words: Vec<&str> = line.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
            if words.first().is_none_or(|word| word.starts_with('#')) {
                continue;
            }
            reader.line(&words).map_err(|fault| PolicyError::Line { line: at + 1, fault })?;
            if reader.logs.len() > POLICY_ITEMS_MAX || reader.names.len() > POLICY_ITEMS_MAX {
                return Err(PolicyError::TooLarge);
            }
        }
        let quorum = reader.quorum.ok_or(PolicyError::NoQuorum)?;
        Ok(Self { logs: reader.logs, witnesses: reader.witnesses, groups: reader.groups, quorum })
    }

    /// The logs.
    pub fn logs(&self) -> &[PolicyLog] {
        &self.logs
    }

    /// The witnesses.
    pub fn witnesses(&self) -> &[PolicyWitness] {
        &self.witnesses
    }

    /// Whether any witness is asked for.
    pub const fn asks_for_witnesses(&self) -> bool {
        matches!(self.quorum, Quorum::By(_))
    }

    /// The valid cosignatures of known witnesses, whether or not they are enough.
    ///
    /// # Errors
    /// A forged line of a known witness.
    pub fn cosignatures(&self, note: &Note) -> Result<Vec<Cosignature<'_>>, CosignError> {
        cosignatures(note, self.witnesses.iter().map(|witness| &witness.key))
    }

    /// Whether these cosignatures, as [`Policy::cosignatures`] found them, are enough.
    pub fn is_met_by(&self, found: &[Cosignature<'_>]) -> bool {
        let has = |witness: &PolicyWitness| found.iter().any(|line| line.key == &witness.key);
        let met: Vec<bool> = self.witnesses.iter().map(has).collect();
        // Members stand above their group, so one pass over the groups settles all of them.
        let mut groups: Vec<bool> = Vec::with_capacity(self.groups.len());
        let holds = |member: &Member, groups: &[bool]| match *member {
            Member::Witness(at) => met.get(at).copied().unwrap_or(false),
            Member::Group(at) => groups.get(at).copied().unwrap_or(false),
        };
        for group in &self.groups {
            let count = group.members.iter().filter(|member| holds(member, &groups)).count();
            groups.push(count >= group.least);
        }
        match self.quorum {
            Quorum::Nobody => true,
            Quorum::By(member) => holds(&member, &groups),
        }
    }

    /// The checkpoint, when one of the logs signed it and enough witnesses cosigned it.
    ///
    /// # Errors
    /// [`Unmet`]: which of the two is missing.
    pub fn check(&self, note: &Note) -> Result<Checkpoint, Unmet> {
        let keys: Vec<VerifierKey> = self.logs.iter().map(|log| log.key.clone()).collect();
        let checkpoint = Checkpoint::open(note, &keys)?;
        if self.is_met_by(&self.cosignatures(note)?) { Ok(checkpoint) } else { Err(Unmet::Quorum) }
    }
}

#[derive(Default)]
struct Reader<'t> {
    logs: Vec<PolicyLog>,
    witnesses: Vec<PolicyWitness>,
    groups: Vec<Group>,
    names: HashMap<&'t str, Member>,
    quorum: Option<Quorum>,
}

impl<'t> Reader<'t> {
    fn line(&mut self, words: &[&'t str]) -> Result<(), LineFault> {
        match *words {
            ["log", key] => self.log(key, None),
            ["log", key, url] => self.log(key, Some(url)),
            ["witness", name, key] => self.witness(name, key, None),
            ["witness", name, key, url] => self.witness(name, key, Some(url)),
            ["group", name, least, ref members @ ..] if !members.is_empty() => {
                let members =
                    members.iter().map(|member| self.named(member)).collect::<Result<Vec<_>, _>>()?;
                let least = match least {
                    "any" => Some(1),
                    "all" => Some(members.len()),
                    count => crate::checkpoint::decimal(count).and_then(|count| usize::try_from(count).ok()),
                };
                let least = least.filter(|least| (1..=members.len()).contains(least));
                let least = least.ok_or(LineFault::Threshold)?;
                self.name(name, Member::Group(self.groups.len()))?;
                self.groups.push(Group { least, members });
                Ok(())
            }
            ["quorum", name] => {
                if self.quorum.is_some() {
                    return Err(LineFault::Twice("quorum".to_owned()));
                }
                self.quorum = Some(if name == NONE { Quorum::Nobody } else { Quorum::By(self.named(name)?) });
                Ok(())
            }
            _ => Err(LineFault::Words),
        }
    }

    fn log(&mut self, key: &str, url: Option<&str>) -> Result<(), LineFault> {
        let parsed: VerifierKey = key.parse()?;
        if self.logs.iter().any(|log| log.key.public_key() == parsed.public_key()) {
            return Err(LineFault::Twice(key.to_owned()));
        }
        self.logs.push(PolicyLog { key: parsed, url: url.map(str::to_owned) });
        Ok(())
    }

    fn witness(&mut self, name: &'t str, key: &str, url: Option<&str>) -> Result<(), LineFault> {
        let parsed: CosignerKey = key.parse()?;
        if self.witnesses.iter().any(|witness| witness.key.public_key() == parsed.public_key()) {
            return Err(LineFault::Twice(key.to_owned()));
        }
        self.name(name, Member::Witness(self.witnesses.len()))?;
        self.witnesses.push(PolicyWitness {
            name: name.to_owned(),
            key: parsed,
            url: url.map(str::to_owned),
        });
        Ok(())
    }

    fn name(&mut self, name: &'t str, member: Member) -> Result<(), LineFault> {
        if name == NONE || self.names.insert(name, member).is_some() {
            return Err(LineFault::Twice(name.to_owned()));
        }
        Ok(())
    }

    fn named(&self, name: &str) -> Result<Member, LineFault> {
        self.names.get(name).copied().ok_or_else(|| LineFault::Unknown(name.to_owned()))
    }
}

#[cfg(test)]
mod tests;
