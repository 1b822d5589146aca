//! Questions about relations: why, what if, and everything somebody can reach.

use app::relations::{
    self as house, Answered, Asked, Differs, Explain, Freshness, Moment, REVIEW_EXPORT_ROWS_MAX, Refused,
    Review, ReviewAccess, Store, StoredModel, Supposed, TupleKey, WhatIf, Wondered, id_text, parse_id,
};
use authz::{Explanation, Missing, TupleCondition};
use axum::extract::Path;
use gates::{Human, Receipt};
use kernel::{Problem, RelationModelId, Timestamp};

use super::super::answer::Answer;
use super::super::posted::Posted;
use super::super::visit::{Visit, pass};
use super::{from_query, graph, head, models_of, opened, refused, relations_of, with_query, wrong};
use crate::layout::Room;
use crate::pages::{self, StoreHead, WhatDiffers, WhyAnswer};
use crate::parts::{Choice, Form, Id, Pager};

/// Rows of a review on a page.
const ROWS: usize = 100;
/// Fields of a question.
const QUESTION: [&str; 4] = ["user", "relation", "object", "at"];

/// Of when a question is: now when nothing is said, else a revision, or a time in UTC in as many words as people give.
fn freshness(at: &str) -> Option<Freshness> {
    if at.is_empty() {
        return Some(Freshness::Higher);
    }
    if at.bytes().all(|byte| byte.is_ascii_digit()) {
        return at.parse().ok().map(|revision| Freshness::At(Moment::Revision(revision)));
    }
    let at = at.replacen(' ', "T", 1);
    let shapes = [at.clone(), format!("{at}Z"), format!("{at}:00Z"), format!("{at}T00:00:00Z")];
    let time = shapes.iter().find_map(|text| text.parse::<Timestamp>().ok());
    time.map(|time| Freshness::At(Moment::Time(time)))
}

/// What a form asks, or the form with what is wrong.
fn asked(form: Form) -> Result<(TupleKey, Asked, Form), Form> {
    let Some(freshness) = freshness(form.value("at")) else {
        return Err(form.refuse("at", "Write a revision, such as 12, or a time, such as 2026-03-03 12:00."));
    };
    let mut form = form;
    for (name, words) in
        [("user", "Write a user, such as user:anne."), ("object", "Write an object, such as document:1.")]
    {
        if !form.value(name).contains(':') {
            form = form.refuse(name, words);
        }
    }
    if form.is_refused() {
        return Err(form);
    }
    let key = TupleKey::new(form.value("user"), form.value("relation"), form.value("object"));
    Ok((key, Asked { freshness, ..Asked::default() }, form))
}

fn says(key: &TupleKey, allowed: bool) -> String {
    let TupleKey { user, relation, object, .. } = key;
    let not = if allowed { "" } else { "not " };
    format!("{user} is {not}{relation} of {object}.")
}

/// Where what is missing is supposed.
fn suppose(head: &StoreHead, key: &TupleKey, explanation: &Explanation, at: &str) -> Option<String> {
    let (mut writes, mut deletes) = (Vec::new(), Vec::new());
    for missing in explanation.missing.as_ref()? {
        match missing {
            Missing::Write(tuple) => writes.push(graph::line(tuple)),
            Missing::Delete(tuple) => deletes.push(graph::line(tuple)),
            Missing::Condition { .. } => {}
        }
    }
    let (writes, deletes) = (writes.join("\n"), deletes.join("\n"));
    let TupleKey { user, relation, object, .. } = key;
    let pairs = [
        ("user", user.as_str()),
        ("relation", relation),
        ("object", object),
        ("writes", &writes),
        ("deletes", &deletes),
        ("at", at),
    ];
    Some(with_query(&head.path("what-if"), &pairs)).filter(|_| !(writes.is_empty() && deletes.is_empty()))
}

fn answer(
    (head, key, at): (&StoreHead, &TupleKey, &str),
    explanation: &Explanation,
    (revision, model, receipt): (u64, RelationModelId, &Receipt),
) -> WhyAnswer {
    WhyAnswer {
        allowed: explanation.allowed,
        says: says(key, explanation.allowed),
        graph: graph::drawn(key, explanation),
        revision,
        model: Id::new(id_text(model.uuid())),
        what_if: suppose(head, key, explanation, at),
        entry: receipt.entry().to_string(),
    }
}

/// `GET /relations/{store}/ask`.
pub(super) async fn page(Path(text): Path<String>, visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let store = opened(&visit, &human, &text).await?;
    let models = models_of(&visit, &human, &store).await?;
    let mut page = pages::RelationAsk {
        shell: visit.shell(&human, Some(Room::Relations)),
        head: head(&store, "ask"),
        form: from_query(&visit, &QUESTION),
        relations: relations_of(&models),
        answer: None,
    };
    if visit.query("user").is_none() {
        return Ok(visit.settle(Answer::page(&page)));
    }
    let (key, asked, form) = match asked(page.form) {
        Ok(asked) => asked,
        Err(form) => {
            page.form = form;
            let problem = Problem::invalid("/user", "The question cannot be read.");
            return Ok(visit.settle(Answer::form(&problem, &page)));
        }
    };
    page.form = form;
    let entered = pass::<Explain>(&visit, &human).await?;
    let said = house::explain(entered, &visit.state.relations, store.id, key.clone(), asked).await;
    match said {
        Ok((Answered { answer: found, model, revision }, receipt)) => {
            let about = (&page.head, &key, page.form.value("at"));
            page.answer = Some(answer(about, &found, (revision, model, &receipt)));
            Ok(visit.settle(Answer::page(&page)))
        }
        Err(error) => {
            let problem = wrong(&error).ok_or_else(|| refused(&visit, &error))?;
            page.form = page.form.problem(problem.detail.clone());
            Ok(visit.settle(Answer::form(&problem, &page)))
        }
    }
}

/// The tuples of a field, one on a line: user, relation, object, and the name of a condition.
fn tuples(text: &str) -> Result<Vec<TupleKey>, String> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(at, line)| {
            let parts: Vec<&str> = line.split_whitespace().collect();
            match parts.as_slice() {
                [user, relation, object] => Ok(TupleKey::new(*user, *relation, *object)),
                [user, relation, object, name] => Ok(TupleKey {
                    condition: Some(TupleCondition { name: (*name).to_owned(), context: None }),
                    ..TupleKey::new(*user, *relation, *object)
                }),
                _ => Err(format!("Line {}: write a user, a relation and an object.", at + 1)),
            }
        })
        .collect()
}

fn supposed(form: Form) -> Result<(Supposed, Form), Form> {
    let (writes, deletes) = (tuples(form.value("writes")), tuples(form.value("deletes")));
    let model = parse_id(form.value("model")).map(RelationModelId::from_uuid);
    match (writes, deletes) {
        (Ok(writes), Ok(deletes)) => {
            if writes.is_empty() && deletes.is_empty() && model.is_none() {
                return Err(
                    form.refuse("writes", "Suppose something: a tuple more, a tuple less, or another model.")
                );
            }
            Ok((Supposed { writes, deletes, model }, form))
        }
        (Err(words), _) => Err(form.refuse("writes", words)),
        (_, Err(words)) => Err(form.refuse("deletes", words)),
    }
}

fn what_if_form(
    visit: &Visit,
    human: &Human,
    (store, models): (&Store, &[StoredModel]),
    form: Form,
) -> pages::RelationWhatIf {
    let same = Choice::new("", "The one in force");
    let others = models.iter().map(|row| {
        let id = id_text(row.id.uuid());
        Choice::new(id.clone(), format!("{id}, written {}", row.created_at))
    });
    pages::RelationWhatIf {
        shell: visit.shell(human, Some(Room::Relations)),
        head: head(store, "what-if"),
        form,
        relations: relations_of(models),
        models: std::iter::once(same).chain(others).collect(),
        differs: None,
    }
}

/// `GET /relations/{store}/what-if`.
pub(super) async fn what_if_page(Path(text): Path<String>, visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let store = opened(&visit, &human, &text).await?;
    let models = models_of(&visit, &human, &store).await?;
    let form = from_query(&visit, &["user", "relation", "object", "writes", "deletes", "model", "at"]);
    let page = what_if_form(&visit, &human, (&store, &models), form);
    Ok(visit.settle(Answer::page(&page)))
}

/// `POST /relations/{store}/what-if`: nothing is changed; what was supposed stands in no address.
pub(super) async fn what_if(Path(text): Path<String>, posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let store = opened(visit, &human, &text).await?;
    let models = models_of(visit, &human, &store).await?;
    let names = ["user", "relation", "object", "at", "writes", "deletes", "model"];
    let form = names.iter().fold(Form::blank(), |form, name| form.with(*name, posted.get(name).trim()));
    let read = asked(form).and_then(|(key, asked, form)| {
        let (supposed, form) = supposed(form)?;
        Ok((key, asked, supposed, form))
    });
    let (key, asked, supposed, form) = match read {
        Ok(read) => read,
        Err(form) => {
            let page = what_if_form(visit, &human, (&store, &models), form);
            let problem = Problem::invalid("/writes", "What is supposed cannot be read.");
            return Ok(visit.settle(Answer::form(&problem, &page)));
        }
    };
    let mut page = what_if_form(visit, &human, (&store, &models), form);
    match compared(visit, &human, &store, (&page.head, &key), (asked, supposed)).await? {
        Ok(differs) => {
            page.differs = Some(differs);
            Ok(visit.settle(Answer::page(&page)))
        }
        Err(error) => {
            let problem = wrong(&error).ok_or_else(|| refused(visit, &error))?;
            page.form = page.form.problem(problem.detail.clone());
            Ok(visit.settle(Answer::form(&problem, &page)))
        }
    }
}

/// The one answer before and after, and whoever else gains and loses the relation.
async fn compared(
    visit: &Visit,
    human: &Human,
    store: &Store,
    (head, key): (&StoreHead, &TupleKey),
    (asked, supposed): (Asked, Supposed),
) -> Result<Result<WhatDiffers, Refused>, Answer> {
    let relations = &visit.state.relations;
    let entered = pass::<WhatIf>(visit, human).await?;
    let question = (Wondered::Check(key.clone()), asked.clone());
    let (one, receipt) = match house::what_if(entered, relations, store.id, supposed.clone(), question).await
    {
        Ok(one) => one,
        Err(error) => return Ok(Err(error)),
    };
    let (user_type, id) = key.user.split_once(':').unwrap_or_default();
    let users = Wondered::Users {
        object: key.object.clone(),
        relation: key.relation.clone(),
        user_type: user_type.to_owned(),
        user_relation: id.split_once('#').map(|(_, relation)| relation.to_owned()),
    };
    // By the same tuples as the one answer, whatever was written meanwhile.
    let revision = i64::try_from(one.revision).unwrap_or(i64::MAX);
    let freshness = Freshness::At(Moment::Revision(revision));
    let asked = Asked { freshness, model: Some(one.model), ..asked };
    let entered = pass::<WhatIf>(visit, human).await?;
    let all = match house::what_if(entered, relations, store.id, supposed, (users, asked)).await {
        Ok((all, _)) => all.answer,
        Err(error) => return Ok(Err(error)),
    };
    let by = (one.revision, one.model, &receipt);
    let (Differs::Check { before, after }, Differs::Lists(lists)) = (&one.answer, all) else {
        return Err(visit.refused(&Problem::internal()));
    };
    Ok(Ok(WhatDiffers {
        before: answer((head, key, ""), before, by),
        after: answer((head, key, ""), after, by),
        gained: lists.gained,
        lost: lists.lost,
        incomplete: lists.incomplete,
    }))
}

/// Asks for a review; what is wrong with the question is for its form.
async fn reviewed(
    visit: &Visit,
    human: &Human,
    store: &Store,
    form: &Form,
    rows: usize,
) -> Result<Result<Answered<Review>, Refused>, Answer> {
    let after = visit.query("after").map(|after| after.to_string()).unwrap_or_default();
    // What cannot be read was refused before.
    let freshness = freshness(form.value("at")).unwrap_or(Freshness::Higher);
    let model = visit.query("model").and_then(|id| parse_id(&id)).map(RelationModelId::from_uuid);
    let asked = Asked { freshness, model, ..Asked::default() };
    let entered = pass::<ReviewAccess>(visit, human).await?;
    let user = form.value("user").to_owned();
    let found = house::review(entered, &visit.state.relations, store.id, user, (rows, after), asked).await;
    Ok(found.map(|(answered, _)| answered))
}

/// `GET /relations/{store}/review`.
pub(super) async fn review(Path(text): Path<String>, visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let store = opened(&visit, &human, &text).await?;
    let form = from_query(&visit, &["user", "at"]);
    let head = head(&store, "review");
    let (base, user, at) = (head.path("review"), form.value("user").to_owned(), form.value("at").to_owned());
    let mut page = pages::RelationReview {
        shell: visit.shell(&human, Some(Room::Relations)),
        head,
        form,
        access: None,
        undecided: Vec::new(),
        revision: 0,
        file: String::new(),
        pager: Pager::default(),
    };
    if visit.query("user").is_none() {
        return Ok(visit.settle(Answer::page(&page)));
    }
    if freshness(&at).is_none() {
        page.form =
            page.form.refuse("at", "Write a revision, such as 12, or a time, such as 2026-03-03 12:00.");
        let problem = Problem::invalid("/at", "That is no time.");
        return Ok(visit.settle(Answer::form(&problem, &page)));
    }
    match reviewed(&visit, &human, &store, &page.form, ROWS).await? {
        Ok(Answered { answer: found, revision, model }) => {
            let first = visit.query("after").map(|_| with_query(&base, &[("user", &user), ("at", &at)]));
            let next = || with_query(&base, &[("user", &user), ("at", &at), ("after", &found.next)]);
            page.pager =
                Pager { shown: found.access.len(), first, next: (!found.next.is_empty()).then(next) };
            page.revision = revision;
            // The file is by the same tuples and the same model as the page, whatever is written meanwhile.
            let model = id_text(model.uuid());
            let exact = if at.is_empty() { revision.to_string() } else { at };
            page.file =
                with_query(&format!("{base}/file"), &[("user", &user), ("at", &exact), ("model", &model)]);
            page.access = Some(found.access.into_iter().map(|one| (one.object, one.relation)).collect());
            let undecided = found.undecided.into_iter();
            page.undecided =
                undecided.map(|one| (format!("{}#{}", one.object_type, one.relation), one.reason)).collect();
            Ok(visit.settle(Answer::page(&page)))
        }
        Err(error) => {
            let problem = wrong(&error).ok_or_else(|| refused(&visit, &error))?;
            page.form = page.form.problem(problem.detail.clone());
            Ok(visit.settle(Answer::form(&problem, &page)))
        }
    }
}

/// `GET /relations/{store}/review/file`: the same as CSV.
pub(super) async fn review_file(Path(text): Path<String>, visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let store = opened(&visit, &human, &text).await?;
    let form = from_query(&visit, &["user", "at"]);
    if freshness(form.value("at")).is_none() {
        return Err(visit.refused(&Problem::invalid("/at", "That is no time.")));
    }
    let found = reviewed(&visit, &human, &store, &form, REVIEW_EXPORT_ROWS_MAX).await?;
    let found = found.map_err(|error| refused(&visit, &error))?;
    let csv = house::review_csv(form.value("user"), &found.answer);
    Ok(visit.settle(Answer::table("access-review.csv", csv)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_as_people_write_it() {
        assert_eq!(freshness(""), Some(Freshness::Higher));
        assert_eq!(freshness("12"), Some(Freshness::At(Moment::Revision(12))));
        let noon = Some(Freshness::At(Moment::Time("2026-03-03T12:00:00Z".parse().unwrap())));
        for text in ["2026-03-03T12:00", "2026-03-03 12:00", "2026-03-03 12:00:00", "2026-03-03T12:00:00Z"] {
            assert_eq!(freshness(text), noon, "{text}");
        }
        assert!(freshness("2026-03-03").is_some());
        for text in ["yesterday", "-1", "2026-13-01", "99999999999999999999"] {
            assert_eq!(freshness(text), None, "{text}");
        }
    }

    #[test]
    fn tuples_stand_one_on_a_line() {
        let read = tuples("user:anne viewer document:1\n\n  user:bob viewer document:1 in_hours ").unwrap();
        assert_eq!(read.len(), 2);
        assert_eq!(graph::line(&read[1]), "user:bob viewer document:1 in_hours");
        assert!(tuples("user:anne viewer").unwrap_err().starts_with("Line 1"));
    }
}
