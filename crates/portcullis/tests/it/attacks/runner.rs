//! Runs one case and judges what came back.

use futures_util::TryStreamExt as _;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Column as _, Either, Row as _, ValueRef as _};

/// One attack and its twin.
pub(super) struct Case {
    /// What is tried, in a few words.
    pub(super) name: &'static str,
    /// What the superuser makes first, correctly, where the schema has no such object of its own.
    pub(super) made: &'static str,
    /// The attack. The last step is judged.
    pub(super) attack: &'static [Step],
    /// What must come back.
    pub(super) holds: Check,
    /// The same on a badly made object.
    pub(super) twin: Twin,
}

/// The attack on an object made badly on purpose.
pub(super) struct Twin {
    /// What the superuser makes, badly.
    pub(super) made: &'static str,
    /// Who attacks it.
    pub(super) login: Login,
    /// The attack. The last step is judged.
    pub(super) attack: &'static [Step],
    /// What comes back, which is the leak.
    pub(super) leaks: Check,
    /// What the superuser undoes, where the defence that was switched off is one the other cases rely on.
    pub(super) undo: &'static str,
}

/// Who runs an attack.
#[derive(Debug, Clone, Copy)]
pub(super) enum Login {
    /// The role that serves tenants.
    App,
    /// A role the stage made.
    As(&'static str),
}

/// One message to the server. `{…}` in it stands for what [`super::stage::Words`] knows.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    /// Statements.
    Sql(&'static str),
    /// Statements that are expected to fail, as part of the attack.
    Fails(&'static str),
    /// `COPY … TO STDOUT`.
    CopyOut(&'static str),
    /// `COPY … FROM STDIN` with this input.
    CopyIn(&'static str, &'static str),
}

/// What an answer must be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Check {
    /// Exactly these rows, columns joined by `|`.
    Rows(&'static [&'static str]),
    /// An error of this SQLSTATE.
    Refused(&'static str),
    /// No error, and nothing in it of the other tenant.
    Quiet,
    /// Words of the other tenant, in a row or in a message.
    Tells,
    /// These words, in a row.
    Says(&'static str),
    /// No error: doing it is the damage.
    Works,
}

/// What the server said to one step.
#[derive(Debug)]
pub(super) enum Answer {
    Rows(Vec<String>),
    Refused { state: String, message: String },
}

impl Check {
    /// Whether `answer` is as it must be; `secret` are the other tenant's words, and `fill` says what a step's words are.
    pub(super) fn accepts(self, answer: &Answer, secret: &str, fill: &dyn Fn(&str) -> String) -> bool {
        let told = match answer {
            Answer::Rows(rows) => rows.iter().any(|row| row.contains(secret)),
            Answer::Refused { message, .. } => message.contains(secret),
        };
        match (self, answer) {
            (Self::Tells, _) => told,
            (Self::Works, Answer::Rows(_)) => true,
            (Self::Says(words), Answer::Rows(rows)) => rows.iter().any(|row| row.contains(&fill(words))),
            (Self::Rows(expected), Answer::Rows(rows)) => !told && rows == expected,
            (Self::Quiet, Answer::Rows(_)) => !told,
            (Self::Refused(expected), Answer::Refused { state, .. }) => !told && state == expected,
            _ => false,
        }
    }
}

/// Runs every step; the answer to the last is the result, an unexpected failure before it an error.
pub(super) async fn play(
    on: &mut PgConnection,
    steps: &[Step],
    fill: &dyn Fn(&str) -> String,
) -> Result<Answer, String> {
    let mut last = Answer::Rows(Vec::new());
    for (index, step) in steps.iter().enumerate() {
        last = answer_of(say(on, step, fill).await);
        let is_last = index + 1 == steps.len();
        match (&last, step) {
            (Answer::Refused { .. }, Step::Fails(_)) => (),
            (Answer::Rows(_), Step::Fails(sql)) => return Err(format!("{sql:?} was expected to fail")),
            (Answer::Refused { state, message }, _) if !is_last => {
                return Err(format!("step {} failed with {state}: {message}", index + 1));
            }
            _ => (),
        }
    }
    Ok(last)
}

async fn say(
    on: &mut PgConnection,
    step: &Step,
    fill: &dyn Fn(&str) -> String,
) -> Result<Vec<String>, sqlx::Error> {
    match step {
        Step::Sql(sql) | Step::Fails(sql) => rows(on, fill(sql)).await,
        Step::CopyOut(sql) => {
            let chunks: Vec<_> = on.copy_out_raw(&fill(sql)).await?.try_collect().await?;
            let text: String = chunks.iter().map(|chunk| String::from_utf8_lossy(chunk)).collect();
            Ok(text.lines().map(str::to_owned).collect())
        }
        Step::CopyIn(sql, input) => {
            let mut copy = on.copy_in_raw(&fill(sql)).await?;
            copy.send(fill(input).into_bytes()).await?;
            copy.finish().await.map(|count| vec![count.to_string()])
        }
    }
}

async fn rows(on: &mut PgConnection, sql: String) -> Result<Vec<String>, sqlx::Error> {
    let mut stream = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_many(on);
    let mut rows = Vec::new();
    while let Some(item) = stream.try_next().await? {
        if let Either::Right(row) = item {
            let values = row.columns().iter().map(|column| {
                let value = row.try_get_raw(column.ordinal()).expect("the column is there");
                if value.is_null() { "null".to_owned() } else { value.as_str().expect("text").to_owned() }
            });
            rows.push(values.collect::<Vec<_>>().join("|"));
        }
    }
    Ok(rows)
}

fn answer_of(said: Result<Vec<String>, sqlx::Error>) -> Answer {
    match said {
        Ok(rows) => Answer::Rows(rows),
        Err(sqlx::Error::Database(error)) => Answer::Refused {
            state: error.code().unwrap_or_default().into_owned(),
            message: format!("{error:?}"),
        },
        Err(other) => Answer::Refused { state: "client".to_owned(), message: other.to_string() },
    }
}
