//! Examples made from templates and lists, by a chance that is the same every time.

use pii::Class;
use pii::training::Example;

use crate::lists::Lists;
use crate::vocabulary::{
    BODY_WORDS, CHILD_KINDS, CHILD_WORDS, CHILDREN, MEASURES, ORDINALS, SITES, SMALL_NUMBERS, STATES,
    STREET_NAMES, STREETS,
};

/// A reproducible source of chance (xorshift64*).
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `n`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap_or(0) % n.max(1)
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn pick<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        if all.is_empty() { None } else { all.get(self.below(all.len())) }
    }

    fn word(&mut self, all: &[&'static str]) -> &'static str {
        self.pick(all).copied().unwrap_or_default()
    }
}

/// How names and the like are written in one document.
#[derive(Clone, Copy)]
enum Case {
    AsIs,
    Small,
    Capitals,
}

impl Case {
    fn of(self, text: &str) -> String {
        match self {
            Self::AsIs => text.to_owned(),
            Self::Small => text.to_lowercase(),
            Self::Capitals => text.to_uppercase(),
        }
    }
}

/// Whether a template is written in capitals, so that what is filled in should be: words, and not a small letter.
fn in_capitals(template: &str) -> bool {
    !template.contains(|c: char| c.is_lowercase())
        && template.split_whitespace().any(|word| word.len() > 2 && !word.contains('{'))
}

/// Fills templates.
pub(crate) struct Generator<'a> {
    pub(crate) lists: &'a Lists,
    pub(crate) chance: Chance,
}

impl Generator<'_> {
    /// One example from a template.
    pub(crate) fn fill(&mut self, template: &str) -> Example {
        let template = template.replace("\\n", "\n").replace("\\t", "\t");
        let case = match self.chance.below(20) {
            0 | 1 => Case::Small,
            2 => Case::Capitals,
            _ if in_capitals(&template) => Case::Capitals,
            _ => Case::AsIs,
        };
        let mut example = Example { judged: Class::ALL.to_vec(), ..Example::default() };
        let mut rest = template.as_str();
        while let Some(open) = rest.find('{') {
            let hole = rest[open + 1..].chars().next().filter(|_| rest[open + 2..].starts_with('}'));
            example.text.push_str(&rest[..open]);
            let filled = hole.and_then(|hole| self.hole(hole, case));
            let Some((text, class)) = filled else {
                example.text.push('{');
                rest = &rest[open + 1..];
                continue;
            };
            let start = example.text.len();
            example.text.push_str(&text);
            if let Some(class) = class {
                example.spans.push((start, example.text.len(), class));
            }
            rest = &rest[open + 3..];
        }
        example.text.push_str(rest);
        example
    }

    #[expect(clippy::option_option, reason = "a span of no class is a thing with a name of another kind")]
    fn hole(&mut self, hole: char, case: Case) -> Option<(String, Option<Option<Class>>)> {
        Some(match hole {
            'P' => (case.of(&self.person()), Some(Some(Class::Person))),
            'G' => (case.of(&self.given()), Some(Some(Class::Person))),
            'L' => (case.of(&self.family()), Some(Some(Class::Person))),
            'A' => (case.of(&self.address()), Some(Some(Class::Address))),
            'H' => (self.condition(), Some(Some(Class::Health))),
            'M' => (self.treatment(), Some(Some(Class::Health))),
            'C' => (self.child(), Some(Some(Class::Minor))),
            'B' => (self.body(), Some(Some(Class::Biometric))),
            'W' => (self.company(), Some(None)),
            'K' => (self.place(), Some(None)),
            'Z' => (case.of(&self.thing()), Some(None)),
            'D' => (self.date(), None),
            'E' => (self.mail(), None),
            'N' => (self.telephone(), None),
            'I' => (format!("198.51.100.{}", self.chance.below(256)), None),
            'U' => (self.id(), None),
            '#' => (self.number(), None),
            'X' => (self.key(), None),
            'Y' => (self.path(), None),
            _ => return None,
        })
    }

    fn given(&mut self) -> String {
        let name = if self.chance.one_in(2) {
            // The list is in the order of how many bear the name; the front is taken more often.
            let n = self.lists.census_given.len();
            let at = self.chance.below(n).min(self.chance.below(n));
            self.lists.census_given.get(at)
        } else {
            let at = self.chance.below(self.lists.with_given.len());
            self.lists.with_given.get(at).and_then(|i| self.chance.pick(&self.lists.people[*i].given))
        };
        name.cloned().unwrap_or_else(|| "Ada".to_owned())
    }

    /// A name of people that something else bears: a type, a product, a storm.
    fn thing(&mut self) -> String {
        if self.chance.one_in(3) { self.family() } else { self.given() }
    }

    fn family(&mut self) -> String {
        let name = if self.chance.one_in(2) {
            // The list is in the order of how many bear the name; the front is taken more often.
            let n = self.lists.census_family.len();
            let at = self.chance.below(n).min(self.chance.below(n));
            self.lists.census_family.get(at)
        } else {
            let at = self.chance.below(self.lists.with_family.len());
            self.lists.with_family.get(at).and_then(|i| self.chance.pick(&self.lists.people[*i].family))
        };
        name.cloned().unwrap_or_else(|| "Byron".to_owned())
    }

    fn person(&mut self) -> String {
        let (given, family) = if self.chance.one_in(2) {
            (self.given(), self.family())
        } else {
            let at = self.chance.below(self.lists.people.len());
            let names = &self.lists.people[at];
            match (self.chance.pick(&names.given), self.chance.pick(&names.family)) {
                (Some(given), Some(family)) => (given.clone(), family.clone()),
                _ => (self.given(), self.family()),
            }
        };
        let initial = char::from(b'A' + u8::try_from(self.chance.below(26)).unwrap_or(0));
        match self.chance.below(26) {
            4 | 24 | 25 => format!("{family}, {given}"),
            0 | 1 => format!("{given} {initial}. {family}"),
            2 => format!("{given} {} {family}", self.given()),
            3 => format!("{given} {family}-{}", self.family()),
            5 => format!("{given} {family} {}", self.family()),
            6 => format!("{}. {family}", given.chars().next().unwrap_or('A')),
            7 => given,
            8 => format!("{family} {given}"),
            9 => format!(
                "{given} {} {family}",
                self.chance.word(&[
                    "de", "van", "von", "da", "di", "al", "bin", "van der", "de la", "O'", "Mc", "dos"
                ])
            ),
            10 => format!("{given} {family} {}", self.chance.word(&["Jr.", "Sr.", "III", "PhD", "MD"])),
            _ => format!("{given} {family}"),
        }
    }

    /// An address in English with a low number, which the lists have few of.
    fn plain_address(&mut self) -> String {
        let n = 1 + self.chance.below(300).min(self.chance.below(300));
        let name =
            if self.chance.one_in(2) { self.chance.word(STREET_NAMES).to_owned() } else { self.family() };
        let street = format!("{n} {name} {}", self.chance.word(STREETS));
        let zip = 10_000 + self.chance.below(89_999);
        let force = self.chance.word(&["AA", "AE", "AP"]);
        match self.chance.below(9) {
            0 => street,
            1 => format!("Flat {}, {street}, {}", 1 + self.chance.below(40), self.place()),
            2 => format!("{street}\n{}\n{} {zip}", self.place(), self.chance.word(STATES)),
            3 => format!("PO Box {n}, {}", self.place()),
            5 => format!("PO Box {n}"),
            6 => format!("P.O. Box {n}"),
            7 => {
                let ship = self.chance.word(&["USS", "USNS", "USNV", "USCGC"]);
                format!("{ship} {}\nFPO {force} {zip}", self.family())
            }
            8 => format!("PSC {n}, Box {}\nAPO {force} {zip}", self.chance.below(10_000)),
            _ => format!("{street}, {}, {} {zip}", self.place(), self.chance.word(STATES)),
        }
    }

    fn address(&mut self) -> String {
        if self.chance.one_in(5) {
            return self.plain_address();
        }
        let Some(address) = self.chance.pick(&self.lists.addresses).cloned() else { return String::new() };
        let address = if self.chance.one_in(3) {
            // The street alone.
            address.split(['\n']).next().unwrap_or_default().to_owned()
        } else {
            address
        };
        let joint = match self.chance.below(10) {
            0..=5 => ", ",
            6..=8 => "\n",
            _ => " ",
        };
        address.replace('\n', joint)
    }

    fn condition(&mut self) -> String {
        let text = self.chance.pick(&self.lists.conditions).cloned().unwrap_or_default();
        match self.chance.below(14) {
            0 => format!(
                "{} {text}",
                self.chance.word(&[
                    "severe",
                    "chronic",
                    "acute",
                    "mild",
                    "early-onset",
                    "untreated",
                    "recurrent"
                ])
            ),
            1 => Case::Capitals.of(&text),
            2 => {
                let mut letters = text.chars();
                letters.next().map_or_else(String::new, |c| c.to_uppercase().chain(letters).collect())
            }
            _ => text,
        }
    }

    fn treatment(&mut self) -> String {
        let text = self.chance.pick(&self.lists.treatments).cloned().unwrap_or_default();
        if text.contains(|c: char| c.is_ascii_digit()) || !self.chance.one_in(6) {
            return text;
        }
        let amount = self.chance.word(&["5", "10", "20", "25", "50", "75", "100", "200", "500"]);
        format!("{text} {amount}{}", self.chance.word(&["mg", " mg", " mcg", " ml", "mg"]))
    }

    fn child(&mut self) -> String {
        let who = self.chance.word(CHILDREN);
        let age = 2 + self.chance.below(16);
        let word = self.chance.word(SMALL_NUMBERS);
        let nth = self.chance.word(ORDINALS);
        match self.chance.below(24) {
            0..=2 => format!("{age} year old {who}"),
            3..=5 => format!("{age}-year-old {who}"),
            6 => format!("{word} year old {who}"),
            7 => format!("{word}-year-old {who}"),
            8 => format!("{age}yo"),
            9 => format!("{age} y/o {who}"),
            10 => format!("aged {age}"),
            11 => format!("under {age} years old"),
            12 => format!("under the age of {age}"),
            13 => format!("{nth} grader"),
            14 => format!("a {nth}-grader"),
            15 => "a minor".to_owned(),
            16 => format!("toddler {who}"),
            17 => self.chance.word(CHILD_WORDS).to_owned(),
            18 => format!("{} {who}", self.chance.word(CHILD_KINDS)),
            19 => format!("{age} years old"),
            20 => format!("{age}-year-old"),
            21 => format!("{} months old", 1 + self.chance.below(23)),
            22 => format!("{word} years old"),
            _ => format!("in {nth} grade"),
        }
    }

    fn body(&mut self) -> String {
        let site = self.chance.word(SITES);
        let thing = self.chance.word(MEASURES);
        match self.chance.below(6) {
            0 => self.chance.word(BODY_WORDS).to_owned(),
            1 => format!("{site} {thing}s"),
            _ => format!("{site} {thing}"),
        }
    }

    fn company(&mut self) -> String {
        let known = self.chance.word(&[
            "Acme Corp",
            "Ford",
            "Mercedes",
            "Oracle",
            "Johnson & Johnson",
            "Morgan Stanley",
            "Wells Fargo",
            "Jenkins",
            "Microsoft",
            "Siemens",
            "Goldman Sachs",
            "Merrill Lynch",
            "Walt Disney",
            "Dell",
            "Marriott",
            "Tesla",
            "Philip Morris",
            "Barclays",
            "Chase",
            "Harley-Davidson",
            "Levi Strauss",
            "Hugo Boss",
            "Ralph Lauren",
            "Amazon",
            "Google",
            "Lufthansa",
            "Santander",
            "Lloyds",
            "Porsche",
            "Bosch",
            "Heinz",
            "Ericsson",
            "Nokia",
            "Macy's",
            "McDonald's",
            "Wendy's",
            "Kellogg's",
            "Cadbury",
            "Lockheed Martin",
            "Procter & Gamble",
        ]);
        match self.chance.below(3) {
            0 => known.to_owned(),
            1 => {
                let end = self.chance.word(&[
                    "Ltd", "LLC", "Inc.", "GmbH", "Group", "and Sons", "plc", "AG", "S.A.", "Holdings",
                    "Bank", "Partners",
                ]);
                format!("{} {end}", self.family())
            }
            _ => {
                let end = self.chance.word(&["Ltd", "Inc", "Associates", "& Co", "Industries", "Foundation"]);
                format!("{}, {} and {} {end}", self.family(), self.family(), self.family())
            }
        }
    }

    fn place(&mut self) -> String {
        let n = self.lists.places.len();
        let at = self.chance.below(n).min(self.chance.below(n));
        self.lists.places.get(at).cloned().unwrap_or_default()
    }

    fn date(&mut self) -> String {
        let (d, m, y) = (1 + self.chance.below(28), 1 + self.chance.below(12), 1950 + self.chance.below(76));
        let month =
            self.chance.word(&["January", "March", "April", "May", "June", "August", "October", "December"]);
        match self.chance.below(5) {
            0 => format!("{m}/{d}/{y}"),
            1 => format!("{d}.{m}.{y}"),
            2 => format!("{y}-{m:02}-{d:02}"),
            3 => format!("{d} {month} {y}"),
            _ => format!("{month} {d}, {y}"),
        }
    }

    fn mail(&mut self) -> String {
        let (given, family) = (self.given().to_lowercase(), self.family().to_lowercase());
        let n = self.chance.below(90);
        let local = match self.chance.below(7) {
            0 | 1 => format!("{given}.{family}"),
            2 => format!("{}{family}", given.chars().next().unwrap_or('a')),
            3 => format!("{family}{n}"),
            4 => format!("{given}_{family}+news"),
            5 => format!("{given}{family}"),
            _ => format!("{given}{n}"),
        };
        let host = self.chance.word(&[
            "example.com",
            "mail.example.org",
            "acme-corp.example",
            "uni-north.example",
            "corp.internal.example",
            "proton.example",
        ]);
        let local = local.replace([' ', '\''], "");
        if self.chance.one_in(12) {
            format!("{local}@{host}").to_uppercase()
        } else {
            format!("{local}@{host}")
        }
    }

    /// What keys and encoded data look like.
    fn key(&mut self) -> String {
        let symbols: &[u8] = match self.chance.below(6) {
            0 => b"0123456789abcdef",
            1 => b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
            2 => b"X*",
            3 => b"abcdefghijklmnopqrstuvwxyz0123456789-_.",
            4 => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&*@?~^",
            _ => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
        };
        let length = 8 + self.chance.below(60);
        (0..length).filter_map(|_| self.chance.pick(symbols).map(|b| char::from(*b))).collect()
    }

    fn path(&mut self) -> String {
        let part = |chance: &mut Chance| {
            chance.word(&[
                "v1", "v2", "items", "users", "api", "opt", "Library", "src", "Main", "Orders", "static",
                "img", "A7",
            ])
        };
        (0..=self.chance.below(4)).flat_map(|_| ["/", part(&mut self.chance)]).collect()
    }

    fn telephone(&mut self) -> String {
        let n = 1_000_000 + self.chance.below(8_999_999);
        match self.chance.below(3) {
            0 => format!("+44 20 {} {}", n / 1000, n % 1000),
            1 => format!("(202) 555-{:04}", n % 10_000),
            _ => format!("0{} {}", 151 + n % 20, n),
        }
    }

    fn id(&mut self) -> String {
        format!("{:016x}", self.chance.next())
    }

    fn number(&mut self) -> String {
        match self.chance.below(3) {
            0 => (1 + self.chance.below(60)).to_string(),
            1 => (100 + self.chance.below(9_900)).to_string(),
            _ => (10_000 + self.chance.below(9_990_000)).to_string(),
        }
    }
}
