//! Forms: what was typed, what is wrong with it, and the fields themselves.

use std::borrow::Borrow;
use std::fmt::Display;

use askama::Template;
use askama::filters::HtmlSafe;
use kernel::Problem;

use crate::parts::Icon;

/// What a form shows: the values to start from, and what is wrong when it came back.
///
/// A form that was refused is rendered again with status 422 and the same values; secrets are never among them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Form {
    scope: &'static str,
    values: Vec<(String, String)>,
    errors: Vec<(String, String)>,
    problem: Option<String>,
}

impl Form {
    /// An empty form.
    pub fn blank() -> Self {
        Self::default()
    }

    /// An empty form on a page with several: `scope` keeps the ids of their fields apart.
    pub fn named(scope: &'static str) -> Self {
        Self { scope, ..Self::default() }
    }

    /// The form with a value in a field. A field that may have several values is given them one by one.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.values.push((name.into(), value.into()));
        self
    }

    /// The form with something wrong in a field; `message` says what to do, in words.
    #[must_use]
    pub fn refuse(mut self, name: impl Into<String>, message: impl Into<String>) -> Self {
        self.errors.push((name.into(), message.into()));
        self
    }

    /// The form with something wrong that belongs to no field.
    #[must_use]
    pub fn problem(mut self, message: impl Into<String>) -> Self {
        self.problem = Some(message.into());
        self
    }

    /// The form with everything a problem says: its fields where it names some, its detail otherwise.
    #[must_use]
    pub fn refused_by(mut self, problem: &Problem) -> Self {
        if problem.errors.is_empty() {
            return self.problem(problem.detail.clone());
        }
        let named = problem.errors.iter();
        self.errors.extend(
            named.map(|error| {
                (error.pointer.trim_start_matches('/').replace('/', "."), sentence(&error.detail))
            }),
        );
        self
    }

    /// The first value of a field, or nothing.
    pub fn value(&self, name: &str) -> &str {
        self.values.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// Whether a field has this value among its values.
    pub fn has(&self, name: &str, value: &str) -> bool {
        self.values.iter().any(|(known, held)| known == name && held == value)
    }

    /// What is wrong with a field.
    pub fn error(&self, name: &str) -> Option<&str> {
        self.errors.iter().find(|(known, _)| known == name).map(|(_, message)| message.as_str())
    }

    /// Whether anything is wrong.
    pub fn is_refused(&self) -> bool {
        self.problem.is_some() || !self.errors.is_empty()
    }

    /// The id of a field's control.
    pub fn id(&self, name: &str) -> String {
        let name = name.replace('.', "-");
        if self.scope.is_empty() { format!("field-{name}") } else { format!("{}-{name}", self.scope) }
    }

    /// The list of everything that is wrong, with links to the fields; nothing when nothing is.
    pub fn summary(&self) -> Summary {
        let links = self.errors.iter().map(|(name, message)| (self.id(name), message.clone())).collect();
        Summary { problem: self.problem.clone(), links }
    }

    /// Everything that is wrong, for a part of the page that is shown without the form's head.
    pub(crate) fn complaints(&self) -> Complaints {
        let all = self.errors.iter().map(|(_, message)| message.clone()).chain(self.problem.clone());
        Complaints { all: all.collect() }
    }

    /// A line of text.
    pub fn text(&self, name: &str, label: impl Into<String>) -> Control {
        self.control(Kind::Line("text"), name, label)
    }

    /// An e-mail address.
    pub fn email(&self, name: &str, label: impl Into<String>) -> Control {
        self.control(Kind::Line("email"), name, label).autocomplete("email")
    }

    /// What to look for; `/` on the keyboard leads here.
    pub fn search(&self, name: &str, label: impl Into<String>) -> Control {
        Control { required: false, ..self.control(Kind::Line("search"), name, label) }
    }

    /// A password; what was typed is never shown again.
    pub fn password(&self, name: &str, label: impl Into<String>) -> Control {
        Control { value: String::new(), ..self.control(Kind::Line("password"), name, label) }
    }

    /// A code of digits from an app or a message.
    pub fn code(&self, name: &str, label: impl Into<String>) -> Control {
        let control = self.control(Kind::Line("text"), name, label).autocomplete("one-time-code");
        Control { numeric: true, value: String::new(), ..control }
    }

    /// Several lines.
    pub fn area(&self, name: &str, label: impl Into<String>, rows: u8) -> Control {
        self.control(Kind::Area(rows), name, label)
    }

    /// One of a few, in a menu.
    pub fn menu(&self, name: &str, label: impl Into<String>, choices: &[Choice]) -> Control {
        Control { choices: grouped(self.marked(name, choices)), ..self.control(Kind::Menu, name, label) }
    }

    /// One of a few, all in view.
    pub fn radios(&self, name: &str, label: impl Into<String>, choices: &[Choice]) -> Control {
        Control { choices: self.marked(name, choices), ..self.control(Kind::Radios, name, label) }
    }

    /// Any of a few, all in view.
    pub fn checks(&self, name: &str, label: impl Into<String>, choices: &[Choice]) -> Control {
        let control = self.control(Kind::Checks, name, label).optional();
        Control { choices: self.marked(name, choices), said_optional: false, ..control }
    }

    /// Yes or no; the field's value is `on` when it is ticked.
    pub fn tick(&self, name: &str, label: impl Into<String>) -> Control {
        let control = self.control(Kind::Tick, name, label).optional();
        Control { ticked: self.has(name, "on"), said_optional: false, ..control }
    }

    fn marked(&self, name: &str, choices: &[Choice]) -> Vec<Choice> {
        let mark = |choice: &Choice| Choice { chosen: self.has(name, &choice.value), ..choice.clone() };
        choices.iter().map(mark).collect()
    }

    fn control(&self, kind: Kind, name: &str, label: impl Into<String>) -> Control {
        Control {
            kind,
            id: self.id(name),
            name: name.to_owned(),
            label: label.into(),
            value: self.value(name).to_owned(),
            error: self.error(name).map(str::to_owned),
            hint: None,
            autocomplete: None,
            placeholder: None,
            bounds: None,
            choices: Vec::new(),
            required: true,
            said_optional: false,
            numeric: false,
            ticked: false,
            first: false,
            label_aside: false,
        }
    }
}

/// A detail as a sentence of its own: in a problem document it may go on from the name of its field.
fn sentence(detail: &str) -> String {
    let mut letters = detail.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// What a form's head says when it came back.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(path = "parts/summary.html")]
pub struct Summary {
    problem: Option<String>,
    links: Vec<(String, String)>,
}

impl HtmlSafe for Summary {}

/// What is wrong, line by line.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(
    source = r#"<ul class="plain complaints">{% for one in all %}<li>{{ one }}</li>{% endfor %}</ul>"#,
    ext = "html"
)]
pub(crate) struct Complaints {
    all: Vec<String>,
}

impl HtmlSafe for Complaints {}

/// What is asked of a new password: length, and that it is not known from a breach; no rules of composition
/// (NIST SP 800-63B).
pub(crate) fn password_hint(characters_min: impl Display) -> String {
    format!(
        "At least {characters_min} characters. A few words in a row do well; passwords known from breaches are refused."
    )
}

/// One of the values a field offers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    value: String,
    label: String,
    hint: Option<String>,
    chosen: bool,
    group: Option<String>,
    opens: bool,
    closes: bool,
}

impl Choice {
    /// `value` as it is sent, `label` as it is read.
    pub fn new(value: impl Into<String>, label: impl Into<String>) -> Self {
        Self { value: value.into(), label: label.into(), ..Self::default() }
    }

    /// With a sentence that explains it; menus leave it out.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Under a heading of a menu, together with its neighbours of the same group.
    #[must_use]
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.group = Some(group.into());
        self
    }
}

impl Choice {
    /// Whether this value is sent by it.
    pub(crate) fn is(&self, value: &str) -> bool {
        self.value == value
    }
}

/// The same choices, each knowing whether its group begins or ends with it.
fn grouped(mut choices: Vec<Choice>) -> Vec<Choice> {
    for at in 0..choices.len() {
        let group = choices[at].group.clone();
        let same = |other: Option<&Choice>| other.is_some_and(|other| other.group == group);
        let opens = group.is_some() && !same(at.checked_sub(1).and_then(|before| choices.get(before)));
        let closes = group.is_some() && !same(choices.get(at + 1));
        (choices[at].opens, choices[at].closes) = (opens, closes);
    }
    choices
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Line(&'static str),
    Area(u8),
    Menu,
    Radios,
    Checks,
    Tick,
}

/// A field with its label, hint and error, tied together for screen readers.
#[expect(clippy::struct_excessive_bools, reason = "attributes of HTML, each on or off")]
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(path = "parts/control.html")]
pub struct Control {
    kind: Kind,
    id: String,
    name: String,
    label: String,
    value: String,
    error: Option<String>,
    hint: Option<String>,
    autocomplete: Option<&'static str>,
    placeholder: Option<String>,
    bounds: Option<(u64, u64)>,
    choices: Vec<Choice>,
    required: bool,
    said_optional: bool,
    numeric: bool,
    ticked: bool,
    first: bool,
    label_aside: bool,
}

impl HtmlSafe for Control {}

impl Control {
    /// A sentence under the label.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What a browser or password manager may fill in (HTML's `autocomplete` tokens).
    #[must_use]
    pub fn autocomplete(mut self, tokens: &'static str) -> Self {
        self.autocomplete = Some(tokens);
        self
    }

    /// An example of what belongs here; never the only explanation.
    #[must_use]
    pub fn placeholder(mut self, example: impl Into<String>) -> Self {
        self.placeholder = Some(example.into());
        self
    }

    /// A whole number between two others.
    #[must_use]
    pub fn between(mut self, least: impl Borrow<u64>, most: impl Borrow<u64>) -> Self {
        self.kind = Kind::Line("number");
        self.bounds = Some((*least.borrow(), *most.borrow()));
        self
    }

    /// A date, `YYYY-MM-DD`.
    #[must_use]
    pub fn date(mut self) -> Self {
        self.kind = Kind::Line("date");
        self
    }

    /// A date and a time of day, `YYYY-MM-DDTHH:MM`.
    #[must_use]
    pub fn moment(mut self) -> Self {
        self.kind = Kind::Line("datetime-local");
        self
    }

    /// May stay empty, and says so.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.required = false;
        self.said_optional = true;
        self
    }

    /// May stay empty, and the label or hint says what that means.
    #[must_use]
    pub fn not_required(mut self) -> Self {
        self.required = false;
        self
    }

    /// A group whose label stands right above it as a heading: only screen readers hear it again.
    #[must_use]
    pub fn label_aside(mut self) -> Self {
        self.label_aside = true;
        self
    }

    /// Where typing starts.
    #[must_use]
    pub fn first(mut self) -> Self {
        self.first = true;
        self
    }

    fn is_area(&self) -> bool {
        matches!(self.kind, Kind::Area(_))
    }

    fn rows(&self) -> u8 {
        if let Kind::Area(rows) = self.kind { rows } else { 1 }
    }

    fn input_type(&self) -> &'static str {
        if let Kind::Line(kind) = self.kind { kind } else { "text" }
    }

    fn is_group(&self) -> bool {
        matches!(self.kind, Kind::Radios | Kind::Checks)
    }

    fn group_type(&self) -> &'static str {
        if self.kind == Kind::Radios { "radio" } else { "checkbox" }
    }

    /// The ids of what describes the field, for `aria-describedby`.
    fn described_by(&self) -> Option<String> {
        let hint = self.hint.as_ref().map(|_| format!("{}-hint", self.id));
        let error = self.error.as_ref().map(|_| format!("{}-error", self.id));
        match (hint, error) {
            (Some(hint), Some(error)) => Some(format!("{hint} {error}")),
            (hint, error) => hint.or(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_field_is_tied_to_its_hint_and_error() {
        let form = Form::blank().with("email", "x\"><script>").refuse("email", "Write an address.");
        let html = form.email("email", "Address").hint("Where mail reaches you.").render().unwrap();
        assert!(html.contains("aria-describedby=\"field-email-hint field-email-error\""), "{html}");
        assert!(html.contains("aria-invalid=\"true\""), "{html}");
        assert!(!html.contains("<script>"), "{html}");
        assert!(form.summary().render().unwrap().contains("href=\"#field-email\""));
    }

    #[test]
    fn a_menu_keeps_groups_together() {
        let choices = [
            Choice::new("", "Any"),
            Choice::new("a", "A").group("One"),
            Choice::new("b", "B").group("One"),
            Choice::new("c", "C").group("<Two>"),
        ];
        let html = Form::blank().with("kind", "b").menu("kind", "Kind", &choices).render().unwrap();
        assert_eq!(html.matches("<optgroup").count(), 2, "{html}");
        assert_eq!(html.matches("</optgroup>").count(), 2, "{html}");
        let one = html.split_once("label=\"One\">").unwrap().1.split_once("</optgroup>").unwrap().0;
        assert!(one.contains(">A<") && one.contains("value=\"b\" selected") && !one.contains(">C<"), "{one}");
        assert!(!html.contains("<Two>"), "{html}");
    }

    #[test]
    fn secrets_are_never_shown_again() {
        let form = Form::blank().with("password", "hunter2").with("code", "123456");
        assert!(!form.password("password", "Password").render().unwrap().contains("hunter2"));
        assert!(!form.code("code", "Code").render().unwrap().contains("123456"));
    }

    #[test]
    fn a_problem_fills_in_the_fields_it_names() {
        let form = Form::blank().refused_by(&Problem::invalid("/name", "Give it a name."));
        assert_eq!(form.error("name"), Some("Give it a name."));
        assert!(Form::blank().refused_by(&Problem::not_found()).problem.is_some());
    }
}
