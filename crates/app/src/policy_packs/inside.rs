//! A pack opened, for people who read it: its files, how its tests end today, and what it touches.

use packs::check::Checked;
use packs::mfa::{self, Rule};
use packs::suite::{self, Outcome};
use packs::{Document, Finding, Floor, Limits, Manifest, Reach, RoleTemplate, Tools};

use super::Shown;

/// What is in a pack. What cannot be read is empty, and the findings say why.
#[derive(Debug, Clone, Default)]
pub struct Inside {
    /// What it says about itself.
    pub manifest: Option<Manifest>,
    /// What this server finds in it today, warnings among it.
    pub findings: Vec<Finding>,
    /// Its policies as they were written, by file.
    pub policies: Vec<(String, String)>,
    /// How its own tests end.
    pub tests: Vec<Outcome>,
    /// What people must have shown of themselves.
    pub proofs: Vec<Rule>,
    /// The least that is done about personal data while it is in force.
    pub floor: Option<Floor>,
    /// The templates of roles that come with it.
    pub roles: Vec<RoleTemplate>,
    /// What it limits.
    pub limits: Option<Limits>,
    /// Which tools may be offered to a model.
    pub tools: Option<Tools>,
    /// The actions it has something to say about.
    pub reach: Vec<Reach>,
    /// How many actions it closes to everybody because it permits none of them.
    pub closes: usize,
    /// What it says for readers.
    pub read_me: Option<String>,
}

/// Opens a pack. It was sound when it was taken; a newer server may find otherwise, and then says so here.
pub fn inside(shown: &Shown) -> Inside {
    let Ok(document) = Document::of_json(&shown.document) else { return Inside::default() };
    let Checked { manifest, findings, pack } = packs::check(&document);
    let texts = document.under("policies").map(|(file, text)| (file.to_owned(), text.to_owned()));
    Inside {
        manifest,
        findings,
        policies: texts.collect(),
        tests: pack.as_ref().map_or_else(Vec::new, |pack| suite::run(pack, &document)),
        proofs: document.file(mfa::FILE).and_then(|text| mfa::rules(text).ok()).unwrap_or_default(),
        floor: pack.as_ref().and_then(packs::Pack::floor).cloned(),
        roles: pack
            .as_ref()
            .and_then(packs::Pack::roles)
            .map_or_else(Vec::new, |roles| roles.templates().to_vec()),
        limits: pack.as_ref().and_then(packs::Pack::limits).cloned(),
        tools: pack.as_ref().and_then(packs::Pack::tools).cloned(),
        reach: pack.as_ref().map_or_else(Vec::new, packs::Pack::reach),
        closes: pack.as_ref().map_or(0, packs::Pack::closes),
        read_me: document.file("README.md").map(str::to_owned),
    }
}
