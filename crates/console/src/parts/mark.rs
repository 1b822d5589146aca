//! Badges, icons, and the picture a phone reads.

use std::fmt::{self, Write as _};

use askama::Template;
use askama::filters::HtmlSafe;

/// How something stands. Always said in words too: colour alone says nothing to some readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    /// Neither good nor bad.
    #[default]
    Plain,
    /// As it should be.
    Good,
    /// Somebody should look.
    Warn,
    /// Refused, broken or overdue.
    Bad,
    /// Marks what is new, or yours.
    Accent,
}

impl Tone {
    pub(crate) fn is(self, other: Self) -> bool {
        self == other
    }

    /// The class it is styled by.
    pub const fn class(self) -> &'static str {
        match self {
            Tone::Plain => "plain",
            Tone::Good => "good",
            Tone::Warn => "warn",
            Tone::Bad => "bad",
            Tone::Accent => "accent",
        }
    }

    /// The icon that says the same without colour.
    pub const fn icon(self) -> Icon {
        match self {
            Tone::Plain | Tone::Accent => Icon::Info,
            Tone::Good => Icon::Check,
            Tone::Warn => Icon::Warning,
            Tone::Bad => Icon::Stop,
        }
    }
}

/// A word or two in a coloured frame.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(source = r#"<span class="badge {{ tone.class() }}">{{ text }}</span>"#, ext = "html")]
pub struct Badge {
    /// How it stands.
    pub tone: Tone,
    /// The words.
    pub text: String,
}

impl HtmlSafe for Badge {}

impl Badge {
    /// `text` in the frame of `tone`.
    pub fn new(tone: Tone, text: impl Into<String>) -> Self {
        Self { tone, text: text.into() }
    }
}

macro_rules! icons {
    ($($(#[$doc:meta])* $name:ident = $path:literal;)*) => {
        /// A small drawing beside words; hidden from screen readers, which have the words.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Icon {
            $($(#[$doc])* $name,)*
        }

        impl Icon {
            /// Every icon.
            pub const ALL: &'static [Icon] = &[$(Icon::$name),*];

            /// The drawing, on a field of 20 by 20, stroked in the text's colour.
            const fn path(self) -> &'static str {
                match self { $(Icon::$name => $path,)* }
            }
        }
    };
}

icons! {
    /// Home.
    Home = "M3.5 9 10 3.5 16.5 9v7.5h-4.5V12h-4v4.5H3.5z";
    /// People.
    People = "M7.5 9.5a2.75 2.75 0 1 0 0-5.5 2.75 2.75 0 0 0 0 5.5zM2.5 16.5c0-2.75 2.25-4.5 5-4.5s5 1.75 5 4.5M13 4.3a2.6 2.6 0 0 1 0 5M14.5 12.2c1.9.5 3 2 3 4.3";
    /// Roles.
    Roles = "M10 3 4 5.25v4.5c0 3.75 2.5 6.25 6 7.25 3.5-1 6-3.5 6-7.25v-4.5zM7.5 10l1.75 1.75L12.75 8.25";
    /// Agents.
    Agent = "M5 7.5h10a1.5 1.5 0 0 1 1.5 1.5v5.5A1.5 1.5 0 0 1 15 16H5a1.5 1.5 0 0 1-1.5-1.5V9A1.5 1.5 0 0 1 5 7.5zM10 7.5V4.5M8.75 4h2.5M7.5 11v1M12.5 11v1M1.75 10.5v2.5M18.25 10.5v2.5";
    /// Keys.
    Key = "M7 13.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM10.5 10h7v2.75M14.5 10v2";
    /// The log.
    Log = "M5 3.5h7.5L15.5 6.5v10h-10.5zM12 3.5V7h3.5M7.5 10h5M7.5 13h5";
    /// Evidence.
    Pack = "M4 3.5h12v13h-12zM7 7h6M7 9.5h6M7.5 13l1.25 1.25L11.5 11.75";
    /// Policy packs.
    Grille = "M4.5 3.5v13M10 3.5v13M15.5 3.5v13M3 7.25h14M3 12.75h14";
    /// Break-glass.
    Glass = "M10 3.5 3.5 16h13zM10 8v3.75M10 13.75v.2";
    /// Webhooks.
    Hook = "M10 3.5v4M6.5 7.5h7v3a3.5 3.5 0 0 1-7 0zM10 14v2.5M13 16.5H7";
    /// Relations.
    Graph = "M10 6.5a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM5 17.5a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM15 17.5a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM9 6.25 5.75 13.75M11 6.25l3.25 7.5";
    /// Settings.
    Settings = "M4 6h6M14 6h2M12 4.25v3.5M4 10h2M10 10h6M8 8.25v3.5M4 14h7M15 14h1M13 12.25v3.5";
    /// Mail.
    Mail = "M3 5.5h14v9.5H3zM3.25 6l6.75 5.25L16.75 6";
    /// An organization.
    Building = "M4.5 16.5v-13h7v13M11.5 8h4v8.5M3 16.5h14M7 6.5h2M7 9.5h2M7 12.5h2";
    /// A person.
    Person = "M10 9.5a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM4.5 16.5c0-3 2.5-4.75 5.5-4.75s5.5 1.75 5.5 4.75";
    /// A device.
    Device = "M3 4.5h14v9H3zM7 16.5h6M10 13.5v3";
    /// A phone.
    Phone = "M6.5 3h7v14h-7zM9.25 14.5h1.5";
    /// A lock.
    Lock = "M5 9h10v7.5H5zM7 9V6.5a3 3 0 0 1 6 0V9M10 12v1.75";
    /// A passkey.
    Passkey = "M8 9.25a2.75 2.75 0 1 0 0-5.5 2.75 2.75 0 0 0 0 5.5zM3 16.25c0-2.75 2.25-4.25 5-4.25.6 0 1.2.1 1.75.25M14.25 12.25a2.25 2.25 0 1 0 0-4.5 2.25 2.25 0 0 0 0 4.5zM14.25 12.25v4.25l1.25-1-1.25-1.25";
    /// To copy.
    Copy = "M7 7h8.5v8.5H7zM4.5 12.5v-8h8";
    /// Done, or good.
    Check = "M4.5 10.5 8.25 14.25 15.5 6.5";
    /// Somebody who watches.
    Eye = "M2.5 10S5.5 4.75 10 4.75 17.5 10 17.5 10 14.5 15.25 10 15.25 2.5 10 2.5 10zM10 12.25a2.25 2.25 0 1 0 0-4.5 2.25 2.25 0 0 0 0 4.5z";
    /// Somebody should look.
    Warning = "M10 3.5 2.75 16h14.5zM10 8v3.75M10 13.75v.2";
    /// Refused or broken.
    Stop = "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM7.5 7.5l5 5M12.5 7.5l-5 5";
    /// Worth knowing.
    Info = "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM10 9.25v4M10 6.5v.2";
    /// One step back.
    Back = "M12.5 4.5 7 10l5.5 5.5";
    /// One step on.
    Next = "M7.5 4.5 13 10l-5.5 5.5";
    /// Opens a menu.
    Down = "M5.5 8 10 12.5 14.5 8";
    /// The menu of a narrow screen.
    Menu = "M3.5 5.5h13M3.5 10h13M3.5 14.5h13";
    /// Something new.
    Plus = "M10 4v12M4 10h12";
    /// To search.
    Search = "M8.75 14a5.25 5.25 0 1 0 0-10.5 5.25 5.25 0 0 0 0 10.5zM12.75 12.75 17 17";
    /// A moment.
    Clock = "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM10 6v4.25l2.75 1.75";
    /// The way out.
    Leave = "M8.5 3.5h-5v13h5M8 10h9M13.75 6.5 17.25 10l-3.5 3.5";
    /// To print.
    Print = "M6 7V3.5h8V7M6 13.5H3.5V7h13v6.5H14M6 11.5h8v5H6z";
    /// To save as a file.
    Download = "M10 3.5v9M6.25 9 10 12.75 13.75 9M4 16.5h12";
    /// Light.
    Sun = "M10 13.25a3.25 3.25 0 1 0 0-6.5 3.25 3.25 0 0 0 0 6.5zM10 2.5v1.75M10 15.75v1.75M2.5 10h1.75M15.75 10h1.75M4.7 4.7l1.25 1.25M14.05 14.05l1.25 1.25M15.3 4.7l-1.25 1.25M5.95 14.05 4.7 15.3";
    /// Dark.
    Moon = "M16 11.75A6.5 6.5 0 0 1 8.25 4a6.5 6.5 0 1 0 7.75 7.75z";
}

impl HtmlSafe for Icon {}

impl fmt::Display for Icon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            r#"<svg class="icon" viewBox="0 0 20 20" width="20" height="20" aria-hidden="true"><path d="{}"/></svg>"#,
            self.path()
        )
    }
}

/// A QR code, drawn from its modules: no markup comes from outside.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(path = "parts/qr.html")]
pub struct Qr {
    side: usize,
    path: String,
    label: String,
}

impl HtmlSafe for Qr {}

/// Light modules around the code; readers need four (ISO/IEC 18004).
const QR_QUIET: usize = 4;

impl Qr {
    /// The code whose dark modules are `true`, row by row, `width` modules wide. `label` says what it holds.
    pub fn new(width: usize, modules: &[bool], label: impl Into<String>) -> Self {
        let mut path = String::with_capacity(modules.len() * 8);
        for (y, row) in modules.chunks(width.max(1)).enumerate() {
            for (x, _) in row.iter().enumerate().filter(|(_, dark)| **dark) {
                let _ = write!(path, "M{} {}h1v1h-1z", x + QR_QUIET, y + QR_QUIET);
            }
        }
        Self { side: width + 2 * QR_QUIET, path, label: label.into() }
    }
}
