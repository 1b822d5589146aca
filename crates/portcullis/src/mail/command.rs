//! `portcullis mail`: the outbox, for the operator on the machine.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use app::mail::Shown;
use kernel::LetterId;
use mail::Message;
use serde_json::{Value, json};

use crate::desk::with_vault;
use crate::say;
use crate::settings::{Environment, PlaceArgs};

/// Letters that are listed when nobody says how many.
const LETTERS_DEFAULT: u16 = 50;

/// What to show of the outbox.
#[derive(clap::Args, Clone, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct MailArgs {
    /// One letter instead of the list.
    #[command(subcommand)]
    pub command: Option<MailCommand>,
    /// Print a JSON object.
    #[arg(long)]
    pub json: bool,
    /// How many letters, newest first.
    #[arg(long, value_name = "COUNT", default_value_t = LETTERS_DEFAULT, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub limit: u16,
    /// Where the embedded PostgreSQL is.
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// What to do with one letter.
#[derive(clap::Subcommand, Clone, Debug)]
pub enum MailCommand {
    /// Print one letter, as text. It may hold a link that opens an account.
    #[command(after_help = "Examples:\n  portcullis mail show 019a0000-0000-7000-8000-000000000000\n  \
        portcullis mail show 019a0000-0000-7000-8000-000000000000 --html > letter.html\n\n\
        Exit status: 0 printed, 1 there is no such letter, or it cannot be read, 2 wrong usage or settings.")]
    Show(ShowArgs),
}

/// Which letter, and how.
#[derive(clap::Args, Clone, Debug)]
pub struct ShowArgs {
    /// The letter's id, from the list.
    #[arg(value_name = "ID")]
    pub id: String,
    /// Print only its HTML.
    #[arg(long, conflicts_with = "json")]
    pub html: bool,
    /// Print a JSON object with all of it.
    #[arg(long)]
    pub json: bool,
    /// Where the embedded PostgreSQL is.
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// `portcullis mail` and `portcullis mail show`.
///
/// # Errors
/// When the database cannot be read, or there is no such letter.
pub(crate) async fn run(args: &MailArgs, environment: &dyn Environment) -> Result<ExitCode> {
    match &args.command {
        None => {
            let limit = i64::from(args.limit);
            let letters = with_vault(&args.place, environment, async |vault| {
                Ok(app::mail::list(vault, None, limit).await?)
            })
            .await?;
            tell(&letters, args.json)?;
        }
        Some(MailCommand::Show(show)) => {
            let id: LetterId = show.id.parse().context("a letter's id is what `portcullis mail` lists")?;
            let found =
                with_vault(&show.place, environment, async |vault| Ok(app::mail::show(vault, id).await?))
                    .await?;
            let Some((shown, message)) = found else { bail!("there is no letter {id}") };
            if show.html {
                say::out(message.html())?;
            } else if show.json {
                say::json(&whole(&shown, &message))?;
            } else {
                say::out(text(&shown, &message))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn tell(letters: &[Shown], as_json: bool) -> std::io::Result<()> {
    if as_json {
        let letters: Vec<Value> = letters.iter().map(summary).collect();
        return say::json(&json!({ "letters": letters }));
    }
    if letters.is_empty() {
        return say::out("The outbox is empty.\n");
    }
    let mut text = String::new();
    for letter in letters {
        // Writing to memory cannot fail.
        let _ = writeln!(
            text,
            "{}  {}  {:<7}  {:<26}  {}",
            letter.id,
            when(letter.made_at),
            letter.state.name(),
            letter.kind,
            to(letter)
        );
        if let Some(error) = &letter.last_error {
            let _ = writeln!(text, "{:>38}{} attempts; {error}", "", letter.attempts);
        }
    }
    say::out(text)
}

/// A moment to the second: `2026-11-22 10:00:00Z`.
fn when(at: kernel::Timestamp) -> String {
    let text = at.to_string();
    let cut = text.split('.').next().unwrap_or(&text);
    format!("{}Z", cut.replace('T', " "))
}

fn to(letter: &Shown) -> &str {
    letter.to.as_ref().map_or("(does not open with this ENCRYPTION_KEY)", mail::Address::as_str)
}

fn summary(letter: &Shown) -> Value {
    json!({
        "id": letter.id,
        "kind": letter.kind,
        "to": letter.to.as_ref().map(mail::Address::as_str),
        "state": letter.state.name(),
        "made_at": letter.made_at,
        "due_at": letter.due_at,
        "sent_at": letter.sent_at,
        "failed_at": letter.failed_at,
        "attempts": letter.attempts,
        "last_error": letter.last_error,
    })
}

fn whole(letter: &Shown, message: &Message) -> Value {
    let mut value = summary(letter);
    value["subject"] = message.subject().into();
    value["text"] = message.text().into();
    value["html"] = message.html().into();
    value["until"] = json!(message.until());
    value
}

fn text(letter: &Shown, message: &Message) -> String {
    let state = match (letter.sent_at, letter.failed_at) {
        (Some(at), _) => format!("sent {}", when(at)),
        (None, Some(at)) => format!("given up {}", when(at)),
        (None, None) => "waiting".to_owned(),
    };
    let error = letter.last_error.as_ref().map_or_else(String::new, |error| format!("; last: {error}"));
    format!(
        "To:       {}\nSubject:  {}\nMade:     {}\nState:    {state}, {} attempts{error}\n\n{}",
        message.to().as_str(),
        message.subject(),
        when(letter.made_at),
        letter.attempts,
        message.text()
    )
}
