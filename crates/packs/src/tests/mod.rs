//! What packs say, and what is said of packs.

mod findings;
mod interplay;
mod record;
mod slices;

use std::collections::BTreeMap;

use crate::pack::Pack;
use crate::question::{Asker, AskerKind, Facts, Question};
use crate::{Document, Mode, check, sample};

/// The files of a sample pack with this for its policies.
pub(crate) fn files(mode: Mode, policies: &str) -> BTreeMap<String, String> {
    let mut files = sample::files("sample", mode);
    files.insert("policies/main.cedar".to_owned(), policies.to_owned());
    files
}

/// A pack of these policies, which must be sound.
pub(crate) fn pack(mode: Mode, policies: &str) -> Pack {
    pack_of(files(mode, policies))
}

/// A pack of these files, which must be sound.
pub(crate) fn pack_of(files: BTreeMap<String, String>) -> Pack {
    let checked = check(&Document::of_files(files).unwrap());
    checked.pack.unwrap_or_else(|| panic!("{:#?}", checked.findings))
}

/// Somebody of this kind and role.
pub(crate) fn asker(kind: AskerKind, role: &str) -> Asker<'_> {
    Asker { kind, id: "somebody", role, owner: false, second_factor: true }
}

/// A question about a Monday at noon.
pub(crate) fn question<'a>(action: &'a str, asker: Asker<'a>) -> Question<'a> {
    let at = "2026-01-05T12:00:00Z".parse().unwrap();
    Question { action, organization: "an-organization", asker, facts: Facts::at(at) }
}
