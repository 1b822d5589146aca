//! What is done about personal data: the rules by class and channel, changed one channel at a time and only after it was shown
//! what they would have changed; a text tried on them; a token revealed.

use app::pii::{RevealToken, ScanText, Text};
use app::policies::{ChangePolicy, FoundOn, Overview, ReadPolicy, Trial, TryPolicy};
use gates::{Channel, Human, Raw};
use kernel::{Permission, Problem, ProblemKind};
use pii::{Class, ClassPolicy, Mode, Rulebook, Said, THRESHOLD_DEFAULT};

use super::answer::{Answer, Said as Told};
use super::posted::Posted;
use super::visit::{Visit, admits, entered, may, now, pass};
use crate::layout::Room;
use crate::pages::{self, AmountRow, RuleCell, RuleField, RuleRow, ShiftRow, Stretched};
use crate::parts::{Badge, Choice, Form, Tone, When};

const HERE: &str = "/privacy";
/// What is said of a form that is come back to after somebody confirmed who they are.
const NOT_SAVED: &str = "This is not saved yet. Look at it once more and save it.";

pub(super) fn words(channel: Channel) -> &'static str {
    match channel {
        Channel::Prompt => "To a model",
        Channel::Completion => "From a model",
        Channel::ToolArguments => "To a tool",
        Channel::ToolResults => "From a tool",
        Channel::Memory => "Memory",
        Channel::Upload => "Uploads",
        Channel::Webhook => "Webhooks",
        Channel::Log => "Names and words here",
        Channel::Export => "Exports",
        Channel::AgentMessage => "Between agents",
    }
}

pub(super) fn says(class: Class) -> &'static str {
    match class {
        Class::Person => "Names of people",
        Class::Email => "E-mail addresses",
        Class::Phone => "Telephone numbers",
        Class::Address => "Postal addresses",
        Class::GovId => "Numbers of a state",
        Class::Payment => "Cards and accounts",
        Class::Health => "Health",
        Class::Biometric => "Biometric data",
        Class::Credential => "Passwords and keys",
        Class::Minor => "That it is a child",
        Class::Ip => "Internet addresses",
    }
}

pub(super) fn mode_words(mode: Mode) -> &'static str {
    match mode {
        Mode::Strict => "Replaced",
        Mode::Reversible => "Put back",
        Mode::FlagOnly => "Counted",
        Mode::Off => "Not looked for",
    }
}

pub(super) fn badge(mode: Mode) -> Badge {
    let tone = match mode {
        Mode::Strict => Tone::Good,
        Mode::Reversible => Tone::Accent,
        Mode::FlagOnly => Tone::Plain,
        Mode::Off => Tone::Warn,
    };
    Badge::new(tone, mode_words(mode))
}

pub(super) fn usual(threshold: f32) -> bool {
    (threshold - THRESHOLD_DEFAULT).abs() < f32::EPSILON
}

/// `book` is what is in force, and `said` what the organization says.
fn rows(book: &Rulebook, said: &Rulebook) -> Vec<RuleRow> {
    let default = Rulebook::default();
    let cell = |channel: Channel, class: Class| {
        let rule = book.on(channel).rule(class);
        RuleCell {
            mode: badge(rule.mode),
            threshold: (!usual(rule.threshold)).then(|| rule.threshold.to_string()),
            differs: rule != default.on(channel).rule(class),
            raised: rule != said.on(channel).rule(class),
        }
    };
    Class::ALL
        .into_iter()
        .map(|class| RuleRow {
            class: class.name(),
            says: says(class),
            cells: Channel::ALL.into_iter().map(|channel| cell(channel, class)).collect(),
        })
        .collect()
}

pub(super) fn channel_words(name: &str) -> String {
    let known = Channel::ALL.into_iter().find(|channel| channel.name() == name);
    known.map_or_else(|| name.to_owned(), |channel| words(channel).to_owned())
}

fn found_row(found: &FoundOn) -> AmountRow {
    AmountRow {
        class: found.class.name().to_owned(),
        channel: words(found.channel).to_owned(),
        amount: found.findings.to_string(),
        conversations: None,
        until: None,
    }
}

/// `GET /privacy`.
pub(super) async fn page(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    // What was sent before somebody had to confirm who they are goes before what is in force.
    let sent = visit.query("switch").map(|_| {
        let form = deep_form(visit.query("deep").is_some());
        form.problem(NOT_SAVED)
    });
    let page = overview(&visit, &human, sent).await?;
    Ok(visit.settle(Answer::page(&page)))
}

/// The page, with this form about deep reading when one was sent.
async fn overview(visit: &Visit, human: &Human, sent: Option<Form>) -> Result<pages::Privacy, Answer> {
    let read = app::policies::overview(pass::<ReadPolicy>(visit, human).await?).await;
    let (Overview { in_force, found, kept }, _) = read.map_err(|problem| visit.refused(&problem))?;
    let at = now(&visit.state);
    let kept = kept.into_iter().map(|kept| AmountRow {
        class: kept.class,
        channel: channel_words(&kept.channel),
        amount: kept.values.to_string(),
        conversations: Some(kept.conversations.to_string()),
        until: Some(When::seen(kept.last_expires_at, at)),
    });
    let said = in_force.book.said();
    Ok(pages::Privacy {
        shell: visit.shell(human, Some(Room::Privacy)),
        version: in_force.book.version().to_owned(),
        since: in_force.since.map(|since| When::seen(since, at)),
        channels: Channel::ALL.into_iter().map(|channel| (words(channel), channel.name())).collect(),
        rows: rows(&in_force.effective, &in_force.book),
        floor: in_force.floor.clone(),
        listed: (said.allow.len(), said.deny.len()),
        found: found.iter().map(found_row).collect(),
        kept: kept.collect(),
        deep: sent.unwrap_or_else(|| deep_form(said.deep)),
        has_model: visit.state.vault().reads_deep(),
        may_change: may(human, Permission::PoliciesManage),
        may_try: may(human, Permission::ModelsInvoke),
    })
}

fn deep_form(on: bool) -> Form {
    Form::named("deep").with("deep", if on { "on" } else { "" })
}

/// `POST /privacy/deep`: whether uncertain sentences are read by a second model.
pub(super) async fn deep(posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let Ok(pass) = entered::<ChangePolicy>(visit, &human).await? else {
        return Err(Visit::to_step_up(&posted.kept_in(HERE, &["switch", "deep"])));
    };
    let on = posted.get("deep") == "on";
    let said = Said { deep: on, ..in_force(visit, &human).await?.said().clone() };
    match app::policies::change(pass, said).await {
        Ok(_) => Ok(Answer::redirect(HERE).saying(&visit.site().clone(), Told::PolicySaved)),
        Err(problem) if problem.errors.is_empty() => Err(visit.refused(&problem)),
        Err(problem) => {
            let page = overview(visit, &human, Some(deep_form(on).refused_by(&problem))).await?;
            Ok(visit.settle(Answer::form(&problem, &page)))
        }
    }
}

fn channel_of(name: &str) -> Result<Channel, Problem> {
    let known = Channel::ALL.into_iter().find(|channel| channel.name() == name);
    known.ok_or_else(Problem::not_found)
}

fn threshold_name(class: Class) -> String {
    format!("{}_from", class.name())
}

/// The names of all fields of the form of a channel.
fn field_names() -> Vec<String> {
    Class::ALL.into_iter().flat_map(|class| [class.name().to_owned(), threshold_name(class)]).collect()
}

fn edit_form(visit: &Visit, human: &Human, channel: Channel, form: Form) -> pages::PrivacyEdit {
    let default = Rulebook::default();
    let fields = Class::ALL.into_iter().map(|class| RuleField {
        class: class.name(),
        threshold_name: threshold_name(class),
        default: format!(
            "{}. By itself the product says: {}.",
            says(class),
            mode_words(default.on(channel).mode(class))
        ),
    });
    let modes = [Mode::Strict, Mode::Reversible, Mode::FlagOnly, Mode::Off];
    let modes = modes.into_iter().filter(|mode| *mode != Mode::Reversible || channel.can_be_reversible());
    let mut choices = vec![Choice::new("", "As for all ways")];
    choices.extend(modes.map(|mode| Choice::new(mode.name(), mode_words(mode))));
    pages::PrivacyEdit {
        shell: visit.shell(human, Some(Room::Privacy)),
        channel: (words(channel), channel.name()),
        form,
        fields: fields.collect(),
        modes: choices,
    }
}

async fn in_force(visit: &Visit, human: &Human) -> Result<Rulebook, Answer> {
    let read = app::policies::read(pass::<ReadPolicy>(visit, human).await?).await;
    Ok(read.map_err(|problem| visit.refused(&problem))?.0.book)
}

/// `GET /privacy/edit`.
pub(super) async fn edit_page(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let asked = visit.query("channel").map(|name| name.to_string()).unwrap_or_default();
    let channel = channel_of(&asked).map_err(|problem| visit.refused(&problem))?;
    if !may(&human, Permission::PoliciesManage) {
        admits::<ChangePolicy>(&visit, &human).await?;
    }
    let book = in_force(&visit, &human).await?;
    let said = book.said().channels.get(&channel);
    let form = Class::ALL.into_iter().fold(Form::blank(), |form, class| {
        // What was sent before somebody had to confirm who they are goes before what is in force.
        let kept = |name: &str| visit.query(name).map(|value| value.to_string());
        let rule = said.and_then(|rules| rules.get(&class));
        let mode = rule.map_or("", |rule| rule.mode.name()).to_owned();
        let from = rule.filter(|rule| !usual(rule.threshold)).map(|rule| rule.threshold.to_string());
        let name = threshold_name(class);
        let from = kept(&name).unwrap_or_else(|| from.unwrap_or_default());
        form.with(class.name(), kept(class.name()).unwrap_or(mode)).with(name, from)
    });
    let form = if visit.query("EMAIL").is_some() { form.problem(NOT_SAVED) } else { form };
    Ok(visit.settle(Answer::page(&edit_form(&visit, &human, channel, form))))
}

/// What the form says, laid over what is in force.
fn laid(posted: &Posted, book: &Rulebook, channel: Channel) -> Result<Said, Problem> {
    let mut said = book.said().clone();
    let mut rules = pii::ClassRules::new();
    for class in Class::ALL {
        let (mode, from) = (posted.get(class.name()), posted.get(&threshold_name(class)).trim().to_owned());
        if mode.is_empty() {
            if !from.is_empty() {
                let detail = "Say what is done with it too, or leave this empty.";
                return Err(Problem::invalid(format!("/{}", threshold_name(class)), detail));
            }
            continue;
        }
        let modes = [Mode::Strict, Mode::Reversible, Mode::FlagOnly, Mode::Off];
        let mode = modes.into_iter().find(|known| known.name() == mode);
        let mode = mode.ok_or_else(|| Problem::invalid(format!("/{class}"), "Choose one of these."))?;
        let threshold = if from.is_empty() { Some(THRESHOLD_DEFAULT) } else { from.parse::<f32>().ok() };
        let threshold = threshold.filter(|threshold| (0.0..=1.0).contains(threshold)).ok_or_else(|| {
            Problem::invalid(format!("/{}", threshold_name(class)), "A confidence is a number from 0 to 1.")
        })?;
        rules.insert(class, ClassPolicy { mode, threshold });
    }
    if rules.is_empty() {
        said.channels.remove(&channel);
    } else {
        said.channels.insert(channel, rules);
    }
    Ok(said)
}

fn sent(posted: &Posted) -> Form {
    field_names().into_iter().fold(Form::blank(), |form, name| {
        let value = posted.get(&name).to_owned();
        form.with(name, value)
    })
}

fn verdict(trial: &Trial) -> String {
    match (trial.looked_at, trial.changed, trial.uncertain) {
        (0, ..) => "There are no calls yet to try it on.".to_owned(),
        (all, changed, 0) => {
            format!("Of the {all} newest entries about calls, {changed} would have changed.")
        }
        (all, changed, perhaps) => {
            format!(
                "Of the {all} newest entries about calls, {changed} would have changed, and {perhaps} perhaps."
            )
        }
    }
}

/// `POST /privacy/edit`: what it would have changed.
pub(super) async fn edit(posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let channel = channel_of(posted.get("channel")).map_err(|problem| visit.refused(&problem))?;
    let pass = pass::<TryPolicy>(visit, &human).await?;
    let book = in_force(visit, &human).await?;
    let tried = match laid(&posted, &book, channel) {
        Ok(said) => app::policies::attempt(pass, said).await.map(|(trial, _)| trial),
        Err(problem) => Err(problem),
    };
    let trial = match tried {
        Ok(trial) => trial,
        Err(problem) if problem.errors.is_empty() => return Err(visit.refused(&problem)),
        Err(problem) => {
            let page = edit_form(visit, &human, channel, sent(&posted).refused_by(&problem));
            return Ok(visit.settle(Answer::form(&problem, &page)));
        }
    };
    let fields = field_names().into_iter().map(|name| {
        let value = posted.get(&name).to_owned();
        (name, value)
    });
    let page = pages::PrivacyConfirm {
        shell: visit.shell(&human, Some(Room::Privacy)),
        channel: (words(channel), channel.name()),
        fields: fields.collect(),
        verdict: verdict(&trial),
        shifts: trial
            .shifts
            .iter()
            .map(|shift| ShiftRow {
                channel: words(shift.channel).to_owned(),
                class: shift.class.name().to_owned(),
                now: mode_words(shift.now).to_owned(),
                then: mode_words(shift.then).to_owned(),
                findings: shift.findings,
            })
            .collect(),
        unknown: trial.unknown,
    };
    Ok(visit.settle(Answer::page(&page)))
}

/// `POST /privacy/save`.
pub(super) async fn save(posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let channel = channel_of(posted.get("channel")).map_err(|problem| visit.refused(&problem))?;
    let Ok(pass) = entered::<ChangePolicy>(visit, &human).await? else {
        let names = field_names();
        let names: Vec<&str> = std::iter::once("channel").chain(names.iter().map(String::as_str)).collect();
        return Err(Visit::to_step_up(&posted.kept_in("/privacy/edit", &names)));
    };
    let book = in_force(visit, &human).await?;
    let changed = match laid(&posted, &book, channel) {
        Ok(said) => app::policies::change(pass, said).await.map(drop),
        Err(problem) => Err(problem),
    };
    match changed {
        Ok(()) => Ok(Answer::redirect(HERE).saying(&visit.site().clone(), Told::PolicySaved)),
        Err(problem) if problem.errors.is_empty() => Err(visit.refused(&problem)),
        Err(problem) => {
            let page = edit_form(visit, &human, channel, sent(&posted).refused_by(&problem));
            Ok(visit.settle(Answer::form(&problem, &page)))
        }
    }
}

fn playground(visit: &Visit, human: &Human, form: Form) -> pages::PrivacyPlayground {
    let choice = |channel: Channel| Choice::new(channel.name(), words(channel));
    pages::PrivacyPlayground {
        shell: visit.shell(human, Some(Room::Privacy)),
        form,
        channels: Channel::ALL.into_iter().map(choice).collect(),
        looked: None,
        verdict: String::new(),
    }
}

/// `GET /privacy/playground`.
pub(super) async fn playground_page(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    admits::<ScanText>(&visit, &human).await?;
    Ok(visit.settle(Answer::page(&playground(&visit, &human, Form::blank()))))
}

/// `POST /privacy/playground`: a text is looked through and forgotten.
pub(super) async fn look(posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let channel = channel_of(posted.get("channel")).map_err(|problem| visit.refused(&problem))?;
    let text = posted.get("text").to_owned();
    let pass = pass::<ScanText>(visit, &human).await?;
    let asked = Text { bytes: text.len(), text: Raw::new(text.clone()), channel, conversation: None };
    let (found, _) = app::pii::scan(pass, asked).await.map_err(|problem| visit.refused(&problem))?;
    let mut page = playground(visit, &human, posted.form(&["text", "channel"]));
    page.verdict = match found.total {
        0 => format!("Nothing, under {}.", found.policy),
        1 => format!("One finding, under {}.", found.policy),
        count => format!("{count} findings, under {}.", found.policy),
    };
    let (mut stretches, mut place) = (Vec::new(), 0);
    for finding in &found.findings {
        // One finding may lie inside another that is only counted.
        if finding.start < place {
            continue;
        }
        let Some((before, inside)) = text.get(place..finding.start).zip(text.get(finding.start..finding.end))
        else {
            continue;
        };
        stretches.push(Stretched { text: before.to_owned(), found: None });
        let confidence = finding.confidence;
        let said = format!(
            "{}, {}, sure to {confidence:.2}",
            finding.class,
            mode_words(finding.mode).to_lowercase()
        );
        stretches.push(Stretched { text: inside.to_owned(), found: Some(said) });
        place = finding.end;
    }
    stretches.push(Stretched { text: text.get(place..).unwrap_or_default().to_owned(), found: None });
    page.looked = Some(stretches);
    Ok(visit.settle(Answer::page(&page)))
}

fn reveal_form(visit: &Visit, human: &Human, form: Form, value: Option<String>) -> pages::PrivacyReveal {
    pages::PrivacyReveal { shell: visit.shell(human, Some(Room::Privacy)), form, value }
}

/// `GET /privacy/reveal`.
pub(super) async fn reveal_page(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    admits::<ReadPolicy>(&visit, &human).await?;
    Ok(visit.settle(Answer::page(&reveal_form(&visit, &human, Form::blank(), None))))
}

/// `POST /privacy/reveal`.
pub(super) async fn reveal(posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let pass = pass::<RevealToken>(visit, &human).await?;
    match app::pii::reveal(pass, posted.get("token").trim(), posted.get("reason")).await {
        Ok((revealed, _)) => {
            let value = Some(revealed.value.as_str().to_owned());
            Ok(visit.settle(Answer::page(&reveal_form(visit, &human, Form::blank(), value))))
        }
        Err(problem) if problem.kind == ProblemKind::NotFound => {
            let problem = Problem::invalid("/token", "Nothing is kept under this token, or not any more.");
            let form = posted.form(&["token", "reason"]).refused_by(&problem);
            Ok(visit.settle(Answer::form(&problem, &reveal_form(visit, &human, form, None))))
        }
        Err(problem) if problem.errors.is_empty() => Err(visit.refused(&problem)),
        Err(problem) => {
            let form = posted.form(&["token", "reason"]).refused_by(&problem);
            Ok(visit.settle(Answer::form(&problem, &reveal_form(visit, &human, form, None))))
        }
    }
}
