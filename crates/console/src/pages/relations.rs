//! Relations: stores, what is in them, and why an answer is what it is.

use askama::Template;

use crate::layout::Shell;
use crate::parts::{Badge, Choice, Form, Icon, Id, Pager, Tone, When};

/// A store, as a row.
#[derive(Debug, Clone)]
pub struct RelationStoreRow {
    /// For paths.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// Writes until now.
    pub revision: i64,
    /// When it was last written to.
    pub written: When,
}

/// `/relations`: the stores.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/relations.html")]
pub struct RelationStores {
    /// What surrounds it.
    pub shell: Shell,
    /// The stores on this page.
    pub stores: Vec<RelationStoreRow>,
    /// The store of the product itself, on the page that has it.
    pub kept: Option<RelationStoreRow>,
    /// The form of a new one: `name`.
    pub form: Form,
    /// Whether the person may make one.
    pub may_write: bool,
    /// The way on.
    pub pager: Pager,
}

/// The store a page is about, and the ways between its pages.
#[derive(Debug, Clone)]
pub struct StoreHead {
    /// For paths.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// Which of its pages is open: the last part of its path.
    pub at: &'static str,
}

impl StoreHead {
    /// Its pages: the last part of the path, and the name.
    pub(crate) const fn tabs() -> [(&'static str, &'static str); 6] {
        [
            ("", "Model"),
            ("tuples", "Tuples"),
            ("changes", "Changes"),
            ("ask", "Ask why"),
            ("what-if", "What if"),
            ("review", "Access review"),
        ]
    }

    /// The path of one of its pages.
    pub(crate) fn path(&self, tab: &str) -> String {
        let slash = if tab.is_empty() { "" } else { "/" };
        format!("/relations/{}{slash}{tab}", self.id)
    }
}

/// A type of a model.
#[derive(Debug, Clone)]
pub struct TypeRow {
    /// Its name.
    pub name: String,
    /// Its relations.
    pub relations: Vec<String>,
}

/// A model in the modelling language.
#[derive(Debug, Clone)]
pub struct ModelShown {
    /// Its id.
    pub id: Id,
    /// When it was written.
    pub written: When,
    /// The model.
    pub dsl: String,
    /// Its types with their relations.
    pub types: Vec<TypeRow>,
}

/// `/relations/{store}`: the model of a store.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/relation_store.html")]
pub struct RelationStorePage {
    /// What surrounds it.
    pub shell: Shell,
    /// The store.
    pub head: StoreHead,
    /// Its whole id.
    pub id: Id,
    /// Writes until now.
    pub revision: i64,
    /// When it was made.
    pub made: When,
    /// The model in force, or the older one that is looked at.
    pub model: Option<ModelShown>,
    /// Older and newer models: path, short id, when, whether it is the one that is shown.
    pub models: Vec<(String, String, When, bool)>,
}

/// A tuple, as a row.
#[derive(Debug, Clone)]
pub struct TupleRow {
    /// The user.
    pub user: String,
    /// The relation.
    pub relation: String,
    /// The object.
    pub object: String,
    /// The condition and its values.
    pub condition: Option<String>,
    /// When it was written.
    pub written: When,
    /// Where it is removed.
    pub remove: String,
}

/// `/relations/{store}/tuples`: what was written.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/relation_tuples.html")]
pub struct RelationTuples {
    /// What surrounds it.
    pub shell: Shell,
    /// The store.
    pub head: StoreHead,
    /// The filter: `object`, `relation`, `user`; sent by GET.
    pub form: Form,
    /// Whether the list is filtered.
    pub filtered: bool,
    /// The tuples on this page; `None` when the filter makes no sense.
    pub tuples: Option<Vec<TupleRow>>,
    /// Whether the person may write.
    pub may_write: bool,
    /// The way on.
    pub pager: Pager,
}

/// `/relations/{store}/tuples/new`: a tuple that is to come.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/relation_tuple_new.html")]
pub struct RelationTupleNew {
    /// What surrounds it.
    pub shell: Shell,
    /// The store.
    pub head: StoreHead,
    /// `user`, `relation`, `object`.
    pub form: Form,
    /// What `relation` offers.
    pub relations: Vec<Choice>,
}

/// A change, as a row.
#[derive(Debug, Clone)]
pub struct ChangeRow {
    /// The revision it made.
    pub revision: i64,
    /// "Written" or "Deleted".
    pub done: Badge,
    /// The tuple, in words.
    pub tuple: String,
    /// When.
    pub at: When,
}

/// `/relations/{store}/changes`: what came and went.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/relation_changes.html")]
pub struct RelationChanges {
    /// What surrounds it.
    pub shell: Shell,
    /// The store.
    pub head: StoreHead,
    /// The changes on this page, oldest first.
    pub changes: Vec<ChangeRow>,
    /// The way on.
    pub pager: Pager,
}

/// A box of the drawing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WhyBox {
    /// Its left edge and its top.
    pub x: u32,
    /// Its top.
    pub y: u32,
    /// What stands in it, as far as there is room.
    pub words: String,
    /// All of it.
    pub whole: String,
    /// How it stands.
    pub tone: Tone,
}

/// A line of the drawing, from a box to the one below that it follows from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WhyLine {
    /// Where it begins and where it ends.
    pub from: (u32, u32),
    /// Where it ends.
    pub to: (u32, u32),
    /// What stands beside it.
    pub words: String,
    /// Whether it is only what is missing.
    pub missing: bool,
}

/// Why an answer is what it is, drawn.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WhyGraph {
    /// Its width.
    pub width: u32,
    /// Its height.
    pub height: u32,
    /// What is to be seen, in a sentence.
    pub label: String,
    /// The boxes.
    pub boxes: Vec<WhyBox>,
    /// The lines.
    pub lines: Vec<WhyLine>,
    /// The same in words, step by step.
    pub steps: Vec<String>,
}

/// An answer with its reason.
#[derive(Debug, Clone)]
pub struct WhyAnswer {
    /// The answer.
    pub allowed: bool,
    /// The answer as a sentence.
    pub says: String,
    /// The drawing; nothing when nothing is known to be missing.
    pub graph: Option<WhyGraph>,
    /// The revision it was given by.
    pub revision: u64,
    /// The model it was given by.
    pub model: Id,
    /// Where what is missing is supposed.
    pub what_if: Option<String>,
    /// Its entry in the log.
    pub entry: String,
}

/// `/relations/{store}/ask`: the explorer.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/relation_ask.html")]
pub struct RelationAsk {
    /// What surrounds it.
    pub shell: Shell,
    /// The store.
    pub head: StoreHead,
    /// The question: `user`, `relation`, `object`, `at`; sent by GET.
    pub form: Form,
    /// What `relation` offers.
    pub relations: Vec<Choice>,
    /// The answer, when something was asked and could be answered.
    pub answer: Option<WhyAnswer>,
}

/// What differs between what is and what is supposed.
#[derive(Debug, Clone)]
pub struct WhatDiffers {
    /// The answer as it is.
    pub before: WhyAnswer,
    /// The answer as it would be.
    pub after: WhyAnswer,
    /// Who would gain the relation to the object.
    pub gained: Vec<String>,
    /// Who would lose it.
    pub lost: Vec<String>,
    /// Whether the two lists are not whole.
    pub incomplete: bool,
}

/// `/relations/{store}/what-if`: what would be.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/relation_what_if.html")]
pub struct RelationWhatIf {
    /// What surrounds it.
    pub shell: Shell,
    /// The store.
    pub head: StoreHead,
    /// `user`, `relation`, `object`, `writes`, `deletes`, `model`, `at`.
    pub form: Form,
    /// What `relation` offers.
    pub relations: Vec<Choice>,
    /// What `model` offers, "the same" first.
    pub models: Vec<Choice>,
    /// What differs, when something was asked and could be answered.
    pub differs: Option<WhatDiffers>,
}

/// `/relations/{store}/review`: everything somebody can reach.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/relation_review.html")]
pub struct RelationReview {
    /// What surrounds it.
    pub shell: Shell,
    /// The store.
    pub head: StoreHead,
    /// `user`, `at`; sent by GET.
    pub form: Form,
    /// What is reached, when it was asked: object and relation.
    pub access: Option<Vec<(String, String)>>,
    /// Relations about which nothing can be said, and why.
    pub undecided: Vec<(String, String)>,
    /// The revision it was given by.
    pub revision: u64,
    /// Where the file is.
    pub file: String,
    /// The way on.
    pub pager: Pager,
}

impl WhyBox {
    /// How wide each is.
    pub const WIDTH: u32 = 250;
    /// How high each is.
    pub const HEIGHT: u32 = 40;
}

impl WhyLine {
    /// Half way down, where it turns.
    pub(crate) const fn middle(&self) -> u32 {
        self.from.1 + (self.to.1 - self.from.1) / 3
    }
}

impl RelationReview {
    /// Where it is asked why one of the rows is so.
    pub(crate) fn why(&self, object: &str, relation: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let user = self.form.value("user");
        query.append_pair("user", user).append_pair("relation", relation).append_pair("object", object);
        if !self.form.value("at").is_empty() {
            query.append_pair("at", self.form.value("at"));
        }
        format!("{}?{}", self.head.path("ask"), query.finish())
    }
}
