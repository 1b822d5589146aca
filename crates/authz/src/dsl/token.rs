//! The words of the modelling language.
//!
//! The numbers are those of OpenFGA's own lexer: the lists of expected words in its messages are ordered by them.

/// A kind of word; 0 is the end of the input.
pub(super) type Kind = u8;

pub(super) const EOF: Kind = 0;
pub(super) const COLON: Kind = 1;
pub(super) const COMMA: Kind = 2;
pub(super) const LESS: Kind = 3;
pub(super) const GREATER: Kind = 4;
pub(super) const LBRACKET: Kind = 5;
pub(super) const LPAREN: Kind = 7;
pub(super) const RPAREN: Kind = 8;
pub(super) const WHITESPACE: Kind = 9;
pub(super) const IDENTIFIER: Kind = 10;
pub(super) const HASH: Kind = 11;
pub(super) const AND: Kind = 12;
pub(super) const OR: Kind = 13;
pub(super) const BUT_NOT: Kind = 14;
pub(super) const FROM: Kind = 15;
pub(super) const MODULE: Kind = 16;
pub(super) const MODEL: Kind = 17;
pub(super) const SCHEMA: Kind = 18;
pub(super) const SCHEMA_VERSION: Kind = 19;
pub(super) const EXTEND: Kind = 20;
pub(super) const TYPE: Kind = 21;
pub(super) const CONDITION: Kind = 22;
pub(super) const RELATIONS: Kind = 23;
pub(super) const RELATION: Kind = 24;
pub(super) const DEFINE: Kind = 25;
pub(super) const WITH: Kind = 26;
pub(super) const RBRACKET: Kind = 34;
pub(super) const LBRACE: Kind = 35;
pub(super) const RBRACE: Kind = 36;
pub(super) const DOT: Kind = 37;
pub(super) const STAR: Kind = 42;
pub(super) const COMMENT: Kind = 48;
pub(super) const NUM_FLOAT: Kind = 49;
pub(super) const NUM_INT: Kind = 50;
pub(super) const NUM_UINT: Kind = 51;
pub(super) const STRING: Kind = 52;
pub(super) const BYTES: Kind = 53;
pub(super) const EXTENDED_IDENTIFIER: Kind = 54;
pub(super) const NEWLINE: Kind = 55;
pub(super) const PARAM_CONTAINER: Kind = 56;
pub(super) const PARAM_TYPE: Kind = 57;

/// How the kinds are named in messages, by number.
const NAMES: [&str; 58] = [
    "<EOF>",
    "':'",
    "','",
    "'<'",
    "'>'",
    "'['",
    "RBRACKET",
    "'('",
    "')'",
    "WHITESPACE",
    "IDENTIFIER",
    "'#'",
    "'and'",
    "'or'",
    "'but not'",
    "'from'",
    "'module'",
    "'model'",
    "'schema'",
    "SCHEMA_VERSION",
    "'extend'",
    "'type'",
    "'condition'",
    "'relations'",
    "'relation'",
    "'define'",
    "'with'",
    "'=='",
    "'!='",
    "'in'",
    "'<='",
    "'>='",
    "'&&'",
    "'||'",
    "']'",
    "'{'",
    "'}'",
    "'.'",
    "'-'",
    "'!'",
    "'?'",
    "'+'",
    "'*'",
    "'/'",
    "'%'",
    "'true'",
    "'false'",
    "'null'",
    "CEL_COMMENT",
    "NUM_FLOAT",
    "NUM_INT",
    "NUM_UINT",
    "STRING",
    "BYTES",
    "EXTENDED_IDENTIFIER",
    "NEWLINE",
    "CONDITION_PARAM_CONTAINER",
    "CONDITION_PARAM_TYPE",
];

/// Words with a fixed spelling, letters only.
pub(super) const KEYWORDS: [(&str, Kind); 18] = [
    ("and", AND),
    ("or", OR),
    ("but not", BUT_NOT),
    ("from", FROM),
    ("module", MODULE),
    ("model", MODEL),
    ("schema", SCHEMA),
    ("extend", EXTEND),
    ("type", TYPE),
    ("condition", CONDITION),
    ("relations", RELATIONS),
    ("relation", RELATION),
    ("define", DEFINE),
    ("with", WITH),
    ("in", 29),
    ("true", 45),
    ("false", 46),
    ("null", 47),
];

/// Signs, longer ones first.
pub(super) const SIGNS: [(&str, Kind); 25] = [
    ("==", 27),
    ("!=", 28),
    ("<=", 30),
    (">=", 31),
    ("&&", 32),
    ("||", 33),
    ("#", HASH),
    (":", COLON),
    (",", COMMA),
    ("<", LESS),
    (">", GREATER),
    ("[", LBRACKET),
    ("]", RBRACKET),
    ("{", LBRACE),
    ("}", RBRACE),
    ("(", LPAREN),
    (")", RPAREN),
    (".", DOT),
    ("-", 38),
    ("!", 39),
    ("?", 40),
    ("+", 41),
    ("*", STAR),
    ("/", 43),
    ("%", 44),
];

/// A set of kinds, with a place for "the rule may end here".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Kinds(u64);

impl Kinds {
    pub(super) const NONE: Self = Self(0);
    /// The rule can end here; never a kind of word.
    pub(super) const END: Self = Self(1 << 63);

    pub(super) fn of(kind: Kind) -> Self {
        Self(1 << kind)
    }

    /// Every kind but one, and not the end of the input.
    pub(super) fn all_but(kind: Kind) -> Self {
        Self(((1 << NAMES.len()) - 1) & !1 & !(1 << kind))
    }

    pub(super) fn has(self, kind: Kind) -> bool {
        self.0 & (1 << kind) != 0
    }

    pub(super) fn may_end(self) -> bool {
        self.0 & Self::END.0 != 0
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn without_end(self) -> Self {
        Self(self.0 & !Self::END.0)
    }

    pub(super) fn overlaps(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl std::fmt::Display for Kinds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> =
            NAMES.iter().enumerate().filter(|(k, _)| self.0 & (1 << k) != 0).map(|(_, n)| *n).collect();
        match names.as_slice() {
            [one] => f.write_str(one),
            several => write!(f, "{{{}}}", several.join(", ")),
        }
    }
}

/// One word of the text.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// Byte range in the cleaned text.
    pub(super) start: usize,
    pub(super) end: usize,
    /// Counted from 0.
    pub(super) line: usize,
    /// Counted from 0, in characters.
    pub(super) column: usize,
}
