//! The lists beside this crate, and the flags they give to words.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use pii::training::{flag, words_of};

/// The shortest word of a phrase, in bytes, that says on its own that it is about health.
const PHRASE_WORD_MIN: usize = 6;

/// Names of one country, by kind.
#[derive(Default)]
pub(crate) struct Names {
    pub(crate) given: Vec<String>,
    pub(crate) family: Vec<String>,
}

/// Everything in the folder `lists`.
pub(crate) struct Lists {
    /// Names by locale, in the order of their locales.
    pub(crate) people: Vec<Names>,
    /// Which of them have given names, and which family names: of some countries only one kind is listed.
    pub(crate) with_given: Vec<usize>,
    pub(crate) with_family: Vec<usize>,
    pub(crate) census_given: Vec<String>,
    pub(crate) census_family: Vec<String>,
    pub(crate) addresses: Vec<String>,
    pub(crate) places: Vec<String>,
    pub(crate) conditions: Vec<String>,
    pub(crate) treatments: Vec<String>,
    words: Vec<(String, String)>,
    clusters: Vec<String>,
}

/// Which countries have names of a kind.
fn having(people: &[(String, Names)], kind: impl Fn(&Names) -> &Vec<String>) -> Vec<usize> {
    (0..people.len()).filter(|i| !kind(&people[*i].1).is_empty()).collect()
}

/// The lines of a list that hold something. What begins with `#` is a remark.
pub(crate) fn lines(folder: &Path, name: &str) -> std::io::Result<Vec<String>> {
    let text = fs::read_to_string(folder.join(name))?;
    Ok(text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).map(str::to_owned).collect())
}

impl Lists {
    pub(crate) fn read(folder: &Path) -> std::io::Result<Self> {
        let mut people: Vec<(String, Names)> = Vec::new();
        for line in lines(folder, "people.txt")?.into_iter().chain(lines(folder, "world.txt")?) {
            let mut fields = line.split('\t').map(str::to_owned);
            let (Some(locale), Some(kind)) = (fields.next(), fields.next()) else { continue };
            if people.last().is_none_or(|(last, _)| *last != locale) {
                people.push((locale, Names::default()));
            }
            if let Some((_, names)) = people.last_mut() {
                if kind == "g" { names.given.extend(fields) } else { names.family.extend(fields) }
            }
        }
        let addresses = lines(folder, "addresses.txt")?;
        let health = lines(folder, "health.txt")?;
        let of = |kind: &str| health.iter().filter_map(|l| l.strip_prefix(kind)).map(str::to_owned).collect();
        let words = lines(folder, "words.txt")?;
        Ok(Self {
            clusters: lines(folder, "clusters.txt")?,
            with_given: having(&people, |names| &names.given),
            with_family: having(&people, |names| &names.family),
            people: people.into_iter().map(|(_, names)| names).collect(),
            census_given: lines(folder, "census-given.txt")?,
            census_family: lines(folder, "census-family.txt")?,
            addresses: addresses
                .iter()
                .filter_map(|line| line.split_once('\t'))
                .map(|(_, address)| address.replace("\\n", "\n"))
                .collect(),
            places: lines(folder, "places.txt")?,
            conditions: of("c\t"),
            treatments: of("m\t"),
            words: words
                .iter()
                .filter_map(|line| line.split_once('\t'))
                .flat_map(|(flag, words)| words.split(' ').map(|word| (flag.to_owned(), word.to_owned())))
                .collect(),
        })
    }

    /// The flags of every word in the lists, and of the words that ordinary text writes small; beside them the cluster.
    pub(crate) fn entries(&self, common: &[u32]) -> BTreeMap<u32, (u16, u32)> {
        let mut all: BTreeMap<u32, u16> = BTreeMap::new();
        let mut add = |text: &str, name: &str, least: usize| {
            let bits = flag(name).unwrap_or(0);
            for (hash, letters, _) in words_of(text) {
                if letters && text.chars().count() >= least {
                    *all.entry(hash).or_default() |= bits;
                }
            }
        };
        for names in &self.people {
            names.given.iter().for_each(|name| add(name, "given", 2));
            names.family.iter().for_each(|name| add(name, "family", 2));
        }
        self.census_given.iter().for_each(|name| add(name, "given", 2));
        self.census_family.iter().for_each(|name| add(name, "family", 2));
        self.places.iter().for_each(|place| add(place, "place", 3));
        for (name, word) in &self.words {
            add(word, name, 1);
        }
        for phrase in self.conditions.iter().chain(&self.treatments) {
            let alone = phrase.split(' ').count() == 1;
            for word in phrase.split(' ').filter(|word| alone || word.len() >= PHRASE_WORD_MIN) {
                for (hash, letters, _) in words_of(word) {
                    if letters && (alone || common.binary_search(&hash).is_err()) {
                        *all.entry(hash).or_default() |= flag("health").unwrap_or(0);
                    }
                }
            }
        }
        for hash in common {
            *all.entry(*hash).or_default() |= flag("common").unwrap_or(0);
        }
        let mut all: BTreeMap<u32, (u16, u32)> = all.into_iter().map(|(h, f)| (h, (f, 0))).collect();
        for (i, line) in self.clusters.iter().enumerate() {
            for word in line.split(' ') {
                for (hash, _, _) in words_of(word) {
                    all.entry(hash).or_default().1 = u32::try_from(i + 1).unwrap_or(0);
                }
            }
        }
        all
    }
}
