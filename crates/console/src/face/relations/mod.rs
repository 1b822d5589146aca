//! Relations: stores and what is in them. The questions stand in [`ask`].

mod ask;
mod graph;

use app::relations::{
    self as house, ChangesAsked, CreateStore, ListModels, ListStores, OnClash, ReadChanges, ReadModel,
    ReadRelations, ReadStore, Refused, Store, StoredModel, TupleKey, TuplesAsked, WriteRelations, id_text,
    parse_id, tuple_of,
};
use authz::{Model, PrintOptions, to_dsl};
use axum::extract::Path;
use axum::routing::get;
use gates::{Caller as _, Human};
use kernel::{Permission, Problem, ProblemKind, RelationModelId, RelationStoreId};

use super::answer::{Answer, Said};
use super::doors::Doors;
use super::posted::Posted;
use super::visit::{Visit, admits, may, now, pass};
use crate::layout::Room;
use crate::pages::{self, ChangeRow, ModelShown, RelationStoreRow, StoreHead, TupleRow, TypeRow};
use crate::parts::{Badge, Choice, Form, Id, Pager, Tone, When};

/// Stores, tuples or changes on a page.
const ROWS: i64 = 50;
/// Models that are listed beside the one that is shown.
const MODELS: i64 = 20;

/// The pages.
pub(super) fn doors() -> Doors {
    Doors::new()
        .route("/relations", get(list).post(create))
        .route("/relations/{store}", get(page))
        .route("/relations/{store}/tuples", get(tuples))
        .route("/relations/{store}/tuples/new", get(new_page).post(add))
        .route("/relations/{store}/tuples/remove", get(remove_page).post(remove))
        .route("/relations/{store}/changes", get(changes))
        .route("/relations/{store}/ask", get(ask::page))
        .route("/relations/{store}/what-if", get(ask::what_if_page).post(ask::what_if))
        .route("/relations/{store}/review", get(ask::review))
        .route("/relations/{store}/review/file", get(ask::review_file))
}

fn refused(visit: &Visit, refused: &Refused) -> Answer {
    visit.refused(&refused.problem())
}

/// What is wrong with what was asked, for the form it was asked in; everything else is a page of its own.
fn wrong(error: &Refused) -> Option<Problem> {
    let fits = |problem: &Problem| {
        matches!(problem.kind, ProblemKind::BadRequest | ProblemKind::Invalid | ProblemKind::Conflict)
    };
    Some(error.problem()).filter(fits)
}

/// The store a path names.
async fn opened(visit: &Visit, human: &Human, text: &str) -> Result<Store, Answer> {
    let id = parse_id(text).map(RelationStoreId::from_uuid);
    let id = id.ok_or_else(|| visit.refused(&Problem::not_found()))?;
    let read = house::store(pass::<ReadStore>(visit, human).await?, id).await;
    Ok(read.map_err(|error| refused(visit, &error))?.0)
}

/// The newest models of a store.
async fn models_of(visit: &Visit, human: &Human, store: &Store) -> Result<Vec<StoredModel>, Answer> {
    let read = house::models(pass::<ListModels>(visit, human).await?, store.id, None, MODELS).await;
    Ok(read.map_err(|error| refused(visit, &error))?.0)
}

fn head(store: &Store, at: &'static str) -> StoreHead {
    StoreHead { id: id_text(store.id.uuid()), name: store.name.clone(), at }
}

fn model_of(row: &StoredModel) -> Model {
    serde_json::from_str(&row.document).unwrap_or_default()
}

/// The relations of a model, each once, as a form offers them.
fn relations_of(models: &[StoredModel]) -> Vec<Choice> {
    let model = models.first().map(model_of).unwrap_or_default();
    let mut names: Vec<&str> =
        model.types().iter().flat_map(|of| of.relations.iter().map(|(name, _)| name)).collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(|name| Choice::new(name, name)).collect()
}

/// Whether it is the store that the product keeps of its own: nobody writes to it.
fn is_kept(human: &Human, store: &Store) -> bool {
    store.id.uuid() == human.principal().tenant().uuid()
}

async fn list_page(visit: &Visit, human: &Human, form: Form) -> Result<pages::RelationStores, Answer> {
    let after = visit.query("after").and_then(|id| parse_id(&id)).map(RelationStoreId::from_uuid);
    let read = house::stores(pass::<ListStores>(visit, human).await?, None, after, ROWS).await;
    let (found, _) = read.map_err(|error| refused(visit, &error))?;
    let at = now(&visit.state);
    let row = |store: &Store| RelationStoreRow {
        id: id_text(store.id.uuid()),
        name: store.name.clone(),
        revision: store.revision,
        written: When::seen(store.updated_at, at),
    };
    let next = found.last().filter(|_| i64::try_from(found.len()).is_ok_and(|found| found == ROWS));
    Ok(pages::RelationStores {
        shell: visit.shell(human, Some(Room::Relations)),
        pager: Pager {
            shown: found.iter().filter(|store| !is_kept(human, store)).count(),
            first: after.map(|_| "/relations".to_owned()),
            next: next.map(|last| format!("/relations?after={}", id_text(last.id.uuid()))),
        },
        stores: found.iter().filter(|store| !is_kept(human, store)).map(row).collect(),
        kept: found.iter().find(|store| is_kept(human, store)).map(row),
        form,
        may_write: may(human, Permission::PoliciesManage),
    })
}

/// `GET /relations`.
async fn list(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let page = list_page(&visit, &human, Form::blank()).await?;
    Ok(visit.settle(Answer::page(&page)))
}

/// `POST /relations`.
async fn create(posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let made = house::create_store(pass::<CreateStore>(visit, &human).await?, posted.get("name").to_owned());
    match made.await {
        Ok((store, _)) => {
            let there = format!("/relations/{}", id_text(store.id.uuid()));
            Ok(Answer::redirect(&there).saying(&visit.site().clone(), Said::StoreMade))
        }
        Err(error) => {
            let problem = wrong(&error).ok_or_else(|| refused(visit, &error))?;
            let form = posted.form(&["name"]);
            let form = match &error {
                Refused::Fault(fault) if fault.code == house::Code::Validation => {
                    form.refuse("name", "Use 3 to 64 letters, digits, spaces or . - / ^ _ & @.")
                }
                _ => form.refused_by(&problem),
            };
            let page = list_page(visit, &human, form).await?;
            Ok(visit.settle(Answer::form(&problem, &page)))
        }
    }
}

fn shown(row: &StoredModel, at: kernel::Timestamp) -> ModelShown {
    let model = model_of(row);
    let types = model.types().iter().map(|of| TypeRow {
        name: of.name.clone(),
        relations: of.relations.iter().map(|(name, _)| name.to_owned()).collect(),
    });
    ModelShown {
        id: Id::new(id_text(row.id.uuid())),
        written: When::seen(row.created_at, at),
        types: types.collect(),
        dsl: to_dsl(&model, PrintOptions::default()).unwrap_or_else(|_| row.document.clone()),
    }
}

/// `GET /relations/{store}`.
async fn page(Path(text): Path<String>, visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let store = opened(&visit, &human, &text).await?;
    let models = models_of(&visit, &human, &store).await?;
    let wanted = visit.query("model").and_then(|id| parse_id(&id)).map(RelationModelId::from_uuid);
    let older = match wanted.filter(|wanted| models.iter().all(|known| known.id != *wanted)) {
        None => None,
        Some(id) => {
            let read = house::model(pass::<ReadModel>(&visit, &human).await?, store.id, id).await;
            Some(read.map_err(|error| refused(&visit, &error))?.0)
        }
    };
    let chosen = older.as_ref().or_else(|| match wanted {
        None => models.first(),
        Some(wanted) => models.iter().find(|known| known.id == wanted),
    });
    let at = now(&visit.state);
    let (head, id) = (head(&store, ""), id_text(store.id.uuid()));
    let listed = |row: &StoredModel| {
        let name = id_text(row.id.uuid());
        let path = format!("/relations/{id}?model={name}");
        (path, name, When::seen(row.created_at, at), chosen.is_some_and(|chosen| chosen.id == row.id))
    };
    let page = pages::RelationStorePage {
        shell: visit.shell(&human, Some(Room::Relations)),
        head,
        revision: store.revision,
        made: When::seen(store.created_at, at),
        model: chosen.map(|row| shown(row, at)),
        models: models.iter().map(listed).collect(),
        id: Id::new(id),
    };
    Ok(visit.settle(Answer::page(&page)))
}

/// `path` with these pairs in its query.
fn with_query(path: &str, pairs: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs.iter().filter(|(_, value)| !value.is_empty()));
    format!("{path}?{}", query.finish())
}

/// A form with these parameters of the address.
fn from_query(visit: &Visit, names: &[&'static str]) -> Form {
    names.iter().fold(Form::blank(), |form, name| {
        let value = visit.query(name).map(|value| value.trim().to_owned()).unwrap_or_default();
        form.with(*name, value)
    })
}

/// `GET /relations/{store}/tuples`.
async fn tuples(Path(text): Path<String>, visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let store = opened(&visit, &human, &text).await?;
    let form = from_query(&visit, &["object", "relation", "user"]);
    let [object, relation, user] = ["object", "relation", "user"].map(|name| form.value(name).to_owned());
    let after = visit.query("after").map(|after| after.to_string()).unwrap_or_default();
    let first = !after.is_empty();
    let asked = TuplesAsked { user, relation, object, after, rows: ROWS };
    let read = house::read(pass::<ReadRelations>(&visit, &human).await?, store.id, &asked).await;
    let (head, at) = (head(&store, "tuples"), now(&visit.state));
    let base = head.path("tuples");
    let filter = [("object", asked.object.as_str()), ("relation", &asked.relation), ("user", &asked.user)];
    let row = |row: &house::StoredTuple| {
        let TupleKey { user, relation, object, .. } = tuple_of(row);
        let pairs = [("user", user.as_str()), ("relation", &relation), ("object", &object)];
        let remove = with_query(&format!("{base}/remove"), &pairs);
        let values = row.context.as_deref().map_or_else(String::new, |context| format!(" {context}"));
        let condition = row.condition.as_ref().map(|name| format!("{name}{values}"));
        TupleRow { remove, condition, written: When::seen(row.written_at, at), user, relation, object }
    };
    let mut page = pages::RelationTuples {
        shell: visit.shell(&human, Some(Room::Relations)),
        filtered: filter.iter().any(|(_, value)| !value.is_empty()),
        form,
        tuples: None,
        may_write: may(&human, Permission::PoliciesManage) && !is_kept(&human, &store),
        pager: Pager::default(),
        head,
    };
    match read {
        Ok(((found, next), _)) => {
            let more = || with_query(&base, &[filter.as_slice(), &[("after", next.as_str())]].concat());
            page.pager = Pager {
                shown: found.len(),
                first: first.then(|| with_query(&base, &filter)),
                next: (!next.is_empty()).then(more),
            };
            page.tuples = Some(found.iter().map(row).collect());
            Ok(visit.settle(Answer::page(&page)))
        }
        Err(error) => {
            let problem = wrong(&error).ok_or_else(|| refused(&visit, &error))?;
            page.form = page.form.problem("Name an object, or a type with a colon together with a user.");
            Ok(visit.settle(Answer::form(&problem, &page)))
        }
    }
}

async fn new_form(
    visit: &Visit,
    human: &Human,
    store: &Store,
    form: Form,
) -> Result<pages::RelationTupleNew, Answer> {
    Ok(pages::RelationTupleNew {
        shell: visit.shell(human, Some(Room::Relations)),
        head: head(store, "tuples"),
        form,
        relations: relations_of(&models_of(visit, human, store).await?),
    })
}

/// `GET /relations/{store}/tuples/new`.
async fn new_page(Path(text): Path<String>, visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    admits::<WriteRelations>(&visit, &human).await?;
    let store = opened(&visit, &human, &text).await?;
    let form = from_query(&visit, &["user", "relation", "object"]);
    let page = new_form(&visit, &human, &store, form).await?;
    Ok(visit.settle(Answer::page(&page)))
}

/// Writes one tuple, or deletes it.
async fn written(
    visit: &Visit,
    human: &Human,
    store: &Store,
    (tuple, is_write): (TupleKey, bool),
) -> Result<Result<(), Refused>, Answer> {
    let one = [tuple];
    let (writes, deletes): (&[TupleKey], &[TupleKey]) = if is_write { (&one, &[]) } else { (&[], &one) };
    let entered = pass::<WriteRelations>(visit, human).await?;
    let clash = OnClash::Error;
    let relations = &visit.state.relations;
    let done = house::write(entered, relations, (store.id, None), (writes, clash), (deletes, clash)).await;
    Ok(done.map(drop))
}

/// `POST /relations/{store}/tuples/new`.
async fn add(Path(text): Path<String>, posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let store = opened(visit, &human, &text).await?;
    let field = |name: &str| posted.get(name).trim().to_owned();
    let tuple = TupleKey::new(field("user"), field("relation"), field("object"));
    match written(visit, &human, &store, (tuple, true)).await? {
        Ok(()) => {
            let there = head(&store, "tuples").path("tuples");
            Ok(Answer::redirect(&there).saying(&visit.site().clone(), Said::TupleWritten))
        }
        Err(error) => {
            let problem = wrong(&error).ok_or_else(|| refused(visit, &error))?;
            let form = posted.form(&["user", "relation", "object"]).problem(problem.detail.clone());
            let page = new_form(visit, &human, &store, form).await?;
            Ok(visit.settle(Answer::form(&problem, &page)))
        }
    }
}

fn named(visit: &Visit) -> TupleKey {
    let part = |name: &str| visit.query(name).map(|value| value.to_string()).unwrap_or_default();
    TupleKey::new(part("user"), part("relation"), part("object"))
}

/// `GET /relations/{store}/tuples/remove`.
async fn remove_page(Path(text): Path<String>, visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    admits::<WriteRelations>(&visit, &human).await?;
    let store = opened(&visit, &human, &text).await?;
    let TupleKey { user, relation, object, .. } = named(&visit);
    let base = head(&store, "tuples").path("tuples");
    let pairs = [("user", user.as_str()), ("relation", &relation), ("object", &object)];
    let page = pages::Confirm {
        shell: visit.shell(&human, Some(Room::Relations)),
        title: "Remove the tuple".into(),
        lead: format!("{user} is no longer {relation} of {object}."),
        effects: vec![
            "What follows from it alone ends at once, for every program that asks.".into(),
            "The store remembers that it was there, and until when.".into(),
        ],
        action: with_query(&format!("{base}/remove"), &pairs),
        button: "Remove it".into(),
        tone: Tone::Bad,
        cancel: base,
    };
    Ok(visit.settle(Answer::page(&page)))
}

/// `POST /relations/{store}/tuples/remove`.
async fn remove(Path(text): Path<String>, posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let store = opened(visit, &human, &text).await?;
    let done = written(visit, &human, &store, (named(visit), false)).await?;
    done.map_err(|error| refused(visit, &error))?;
    let there = head(&store, "tuples").path("tuples");
    Ok(Answer::redirect(&there).saying(&visit.site().clone(), Said::TupleRemoved))
}

/// `GET /relations/{store}/changes`.
async fn changes(Path(text): Path<String>, visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let store = opened(&visit, &human, &text).await?;
    let after = visit.query("after").map(|after| after.to_string()).unwrap_or_default();
    let first = !after.is_empty();
    let asked = ChangesAsked { after, rows: ROWS, ..ChangesAsked::default() };
    let read = house::changes(pass::<ReadChanges>(&visit, &human).await?, store.id, &asked).await;
    let ((found, next), _) = read.map_err(|error| refused(&visit, &error))?;
    let head = head(&store, "changes");
    let base = head.path("changes");
    let full = i64::try_from(found.len()).is_ok_and(|found| found == ROWS);
    let row = |change: &house::StoredChange| ChangeRow {
        revision: change.revision,
        done: if change.deleted {
            Badge::new(Tone::Bad, "Deleted")
        } else {
            Badge::new(Tone::Good, "Written")
        },
        tuple: graph::line(&tuple_of(&change.tuple)),
        at: When::stamp(change.tuple.written_at),
    };
    let page = pages::RelationChanges {
        shell: visit.shell(&human, Some(Room::Relations)),
        pager: Pager {
            shown: found.len(),
            first: first.then(|| base.clone()),
            next: full.then(|| with_query(&base, &[("after", &next)])),
        },
        changes: found.iter().map(row).collect(),
        head,
    };
    Ok(visit.settle(Answer::page(&page)))
}
