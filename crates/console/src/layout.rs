//! What surrounds a page: who is looking, where they are, and what the last request said.

use askama::Template;
use askama::filters::HtmlSafe;

use crate::parts::{Icon, Secret, Tone, When, initials};
pub use crate::rooms::{Nav, NavGroup, NavItem, Room};

/// Light or dark, as the person chose; kept in the cookie [`Theme::COOKIE`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the device has it.
    #[default]
    Auto,
    /// Always light.
    Light,
    /// Always dark.
    Dark,
}

impl Theme {
    /// The cookie. It holds a taste, no secret, and scripts may write it.
    pub const COOKIE: &'static str = "portcullis_theme";
    /// Every choice.
    pub const ALL: [Theme; 3] = [Theme::Auto, Theme::Light, Theme::Dark];

    /// The value in the cookie, in forms and in `data-theme`.
    pub const fn name(self) -> &'static str {
        match self {
            Theme::Auto => "auto",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }

    /// The choice a cookie or form names; anything else is [`Theme::Auto`].
    pub fn named(name: &str) -> Self {
        Self::ALL.into_iter().find(|theme| theme.name() == name).unwrap_or_default()
    }

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Theme::Auto => "System",
            Theme::Light => "Light",
            Theme::Dark => "Dark",
        }
    }

    pub(crate) const fn icon(self) -> Icon {
        match self {
            Theme::Auto => Icon::Device,
            Theme::Light => Icon::Sun,
            Theme::Dark => Icon::Moon,
        }
    }
}

/// What the last request said, shown once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flash {
    /// How it went.
    pub tone: Tone,
    /// One sentence.
    pub text: String,
}

impl Flash {
    /// It was done.
    pub fn done(text: impl Into<String>) -> Self {
        Self { tone: Tone::Good, text: text.into() }
    }

    /// It was not, or only in part.
    pub fn warn(text: impl Into<String>) -> Self {
        Self { tone: Tone::Warn, text: text.into() }
    }
}

/// Something everybody on every page must know, such as an open break-glass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Banner {
    /// How grave it is.
    pub tone: Tone,
    /// What is the case.
    pub text: String,
    /// Until when, if there is an end.
    pub until: Option<When>,
    /// Where to look: the words of the link and its path.
    pub link: Option<(String, String)>,
}

/// The person who is signed in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Person {
    /// The name they gave.
    pub name: String,
    /// Their address.
    pub email: String,
    /// Their role in the organization, in words.
    pub role: String,
}

impl Person {
    pub(crate) fn initials(&self) -> String {
        initials(&self.name)
    }
}

/// An organization the person belongs to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Membership {
    /// The organization's id, as the form that switches sends it.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The person's role there, in words.
    pub role: String,
    /// Whether it is the one that is open.
    pub current: bool,
}

/// What surrounds every page of somebody who is signed in.
#[derive(Debug, Clone, Default)]
pub struct Shell {
    /// Goes into every form and is compared on the way back.
    pub csrf: Secret,
    /// Light or dark.
    pub theme: Theme,
    /// The path of this page, to come back to after changing theme or organization.
    pub here: String,
    /// Who is looking.
    pub person: Person,
    /// Name of the open organization.
    pub organization: String,
    /// All organizations of the person, the open one among them.
    pub memberships: Vec<Membership>,
    /// The rooms this person may enter.
    pub nav: Nav,
    /// What the last request said.
    pub flash: Option<Flash>,
    /// What everybody must know.
    pub banner: Option<Banner>,
}

/// What surrounds the pages before somebody is signed in, and those that let nobody past them.
#[derive(Debug, Clone, Default)]
pub struct Frame {
    /// Goes into every form; before sign-in it belongs to a cookie of its own.
    pub csrf: Secret,
    /// Light or dark.
    pub theme: Theme,
    /// What the last request said.
    pub flash: Option<Flash>,
    /// Who is half signed in (onboarding, second factor): offers the way out.
    pub person: Option<Person>,
}

/// The name in a page's title and on its mark.
pub const PRODUCT: &str = "Portcullis";

/// How htmx is configured. Nothing it could evaluate, nothing from elsewhere, no page kept in the browser's storage.
pub const HTMX_CONFIG: &str = r#"{"includeIndicatorStyles":false,"allowEval":false,"allowScriptTags":false,"selfRequestsOnly":true,"historyCacheSize":0,"refreshOnHistoryMiss":true}"#;

/// What the last request said, as a line at the top of the page.
#[derive(Debug, Clone, Template)]
#[template(path = "parts/flash.html")]
pub struct FlashLine<'a> {
    flash: Option<&'a Flash>,
}

impl HtmlSafe for FlashLine<'_> {}

impl Shell {
    pub(crate) fn flash_line(&self) -> FlashLine<'_> {
        FlashLine { flash: self.flash.as_ref() }
    }
}

impl Frame {
    pub(crate) fn flash_line(&self) -> FlashLine<'_> {
        FlashLine { flash: self.flash.as_ref() }
    }
}
