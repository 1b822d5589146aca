//! Relations.

use super::{HOSTILE, Sample, ago, choices, hostile_shell, page, shell, stamp};
use crate::layout::{Room, Shell};
use crate::pages::*;
use crate::parts::{Badge, Form, Id, Pager, Tone};

const STORE: &str = "01KJ0000000000000000000001";
const MODEL: &str = "01KJ0000000000000000000002";
const DSL: &str = "model\n  schema 1.1\n\ntype user\n\ntype document\n  relations\n    define owner: [user]\n    define viewer: [user] or owner";

pub(super) fn all() -> Vec<Sample> {
    [stores(), store(), written(), asked(), supposed(), reviewed()].into_iter().flatten().collect()
}

fn here() -> Shell {
    shell(Some(Room::Relations))
}

fn head(at: &'static str) -> StoreHead {
    StoreHead { id: STORE.to_owned(), name: "documents".to_owned(), at }
}

fn hostile_head(at: &'static str) -> StoreHead {
    StoreHead { name: HOSTILE.to_owned(), ..head(at) }
}

fn stores() -> Vec<Sample> {
    let row = |name: &str| RelationStoreRow {
        id: STORE.to_owned(),
        name: name.to_owned(),
        revision: 12,
        written: ago(4),
    };
    let full = RelationStores {
        shell: here(),
        stores: vec![row("documents"), row(HOSTILE)],
        kept: Some(row("portcullis")),
        form: Form::blank(),
        may_write: true,
        pager: Pager { shown: 2, ..Pager::default() },
    };
    let refused = RelationStores {
        stores: Vec::new(),
        form: Form::blank().with("name", HOSTILE).refuse("name", "Use 3 to 64 letters."),
        ..full.clone()
    };
    let reader = RelationStores { stores: Vec::new(), may_write: false, ..full.clone() };
    vec![page("relations", &full), page("relations-refused", &refused), page("relations-empty", &reader)]
}

fn store() -> Vec<Sample> {
    let types = vec![
        TypeRow { name: "user".to_owned(), relations: Vec::new() },
        TypeRow { name: "document".to_owned(), relations: vec!["owner".to_owned(), "viewer".to_owned()] },
    ];
    let shown = ModelShown { id: Id::new(MODEL), written: ago(30), dsl: DSL.to_owned(), types };
    let listed = |id: &str, shown| (format!("/relations/{STORE}?model={id}"), id.to_owned(), ago(30), shown);
    let full = RelationStorePage {
        shell: here(),
        head: head(""),
        id: Id::new(STORE),
        revision: 12,
        made: ago(300),
        model: Some(shown.clone()),
        models: vec![listed(MODEL, true), listed(STORE, false)],
    };
    let empty = RelationStorePage { model: None, models: Vec::new(), ..full.clone() };
    let hostile = RelationStorePage {
        shell: hostile_shell(Some(Room::Relations)),
        head: hostile_head(""),
        model: Some(ModelShown {
            dsl: HOSTILE.to_owned(),
            types: vec![TypeRow { name: HOSTILE.to_owned(), relations: vec![HOSTILE.to_owned()] }],
            ..shown
        }),
        ..full.clone()
    };
    vec![
        page("relation-store", &full),
        page("relation-store-empty", &empty),
        page("relation-store-hostile", &hostile),
    ]
}

fn written() -> Vec<Sample> {
    let row = |user: &str, condition: Option<&str>| TupleRow {
        user: user.to_owned(),
        relation: "viewer".to_owned(),
        object: "document:1".to_owned(),
        condition: condition.map(str::to_owned),
        written: ago(9),
        remove: format!(
            "/relations/{STORE}/tuples/remove?user=user%3Aanne&relation=viewer&object=document%3A1"
        ),
    };
    let full = RelationTuples {
        shell: here(),
        head: head("tuples"),
        form: Form::blank(),
        filtered: false,
        tuples: Some(vec![
            row("user:anne", None),
            row("user:*", Some("in_hours")),
            row(HOSTILE, Some(HOSTILE)),
        ]),
        may_write: true,
        pager: Pager { shown: 3, ..Pager::default() },
    };
    let none = RelationTuples { tuples: Some(Vec::new()), filtered: true, ..full.clone() };
    let young = RelationTuples { tuples: Some(Vec::new()), may_write: false, ..full.clone() };
    let refused = RelationTuples {
        tuples: None,
        form: Form::blank().with("user", HOSTILE).problem("Name an object."),
        ..full.clone()
    };
    let new = RelationTupleNew {
        shell: here(),
        head: hostile_head("tuples"),
        form: Form::blank().with("user", HOSTILE).problem("The model has no place for it."),
        relations: choices(&[("owner", "owner"), ("viewer", "viewer")]),
    };
    let change = |tone, done: &str, tuple: &str| ChangeRow {
        revision: 3,
        done: Badge::new(tone, done),
        tuple: tuple.to_owned(),
        at: stamp(9),
    };
    let changes = RelationChanges {
        shell: here(),
        head: head("changes"),
        changes: vec![
            change(Tone::Good, "Written", "user:anne viewer document:1"),
            change(Tone::Bad, "Deleted", HOSTILE),
        ],
        pager: Pager { shown: 2, ..Pager::default() },
    };
    let unchanged = RelationChanges { changes: Vec::new(), ..changes.clone() };
    vec![
        page("relation-tuples", &full),
        page("relation-tuples-none", &none),
        page("relation-tuples-young", &young),
        page("relation-tuples-refused", &refused),
        page("relation-tuple-new", &new),
        page("relation-changes", &changes),
        page("relation-changes-none", &unchanged),
    ]
}

fn graph(words: &str, missing: bool) -> WhyGraph {
    let one = |y: u32, words: &str, tone| WhyBox {
        x: 8,
        y,
        words: words.to_owned(),
        whole: words.to_owned(),
        tone,
    };
    WhyGraph {
        width: 266,
        height: 148,
        label: words.to_owned(),
        boxes: vec![one(8, "document:1#viewer", Tone::Accent), one(100, words, Tone::Good)],
        lines: vec![WhyLine { from: (133, 48), to: (133, 100), words: words.to_owned(), missing }],
        steps: vec![words.to_owned()],
    }
}

fn answer(allowed: bool, words: &str) -> WhyAnswer {
    WhyAnswer {
        allowed,
        says: words.to_owned(),
        graph: Some(graph(words, !allowed)),
        revision: 12,
        model: Id::new(MODEL),
        what_if: (!allowed).then(|| format!("/relations/{STORE}/what-if?user=user%3Abob")),
        entry: "0199aa00-0000-7000-8000-0000000000e1".to_owned(),
    }
}

fn asked() -> Vec<Sample> {
    let blank = RelationAsk {
        shell: here(),
        head: head("ask"),
        form: Form::blank(),
        relations: choices(&[("owner", "owner"), ("viewer", "viewer")]),
        answer: None,
    };
    let yes =
        RelationAsk { answer: Some(answer(true, "user:anne is viewer of document:1.")), ..blank.clone() };
    let no = RelationAsk { answer: Some(answer(false, HOSTILE)), head: hostile_head("ask"), ..blank.clone() };
    let never = RelationAsk {
        answer: Some(WhyAnswer {
            graph: None,
            what_if: None,
            ..answer(false, "user:bob is not viewer of it.")
        }),
        ..blank.clone()
    };
    let refused = RelationAsk {
        form: Form::blank().with("user", HOSTILE).refuse("user", "Write a user."),
        ..blank.clone()
    };
    vec![
        page("relation-ask", &blank),
        page("relation-ask-yes", &yes),
        page("relation-ask-no", &no),
        page("relation-ask-never", &never),
        page("relation-ask-refused", &refused),
    ]
}

fn supposed() -> Vec<Sample> {
    let blank = RelationWhatIf {
        shell: here(),
        head: head("what-if"),
        form: Form::blank().with("writes", HOSTILE),
        relations: choices(&[("owner", "owner"), ("viewer", "viewer")]),
        models: choices(&[("", "The one in force"), (MODEL, "An older one")]),
        differs: None,
    };
    let differs = WhatDiffers {
        before: answer(false, "user:bob is not viewer of document:1."),
        after: answer(true, HOSTILE),
        gained: vec!["user:bob".to_owned(), HOSTILE.to_owned()],
        lost: Vec::new(),
        incomplete: true,
    };
    let told = RelationWhatIf { differs: Some(differs), ..blank.clone() };
    vec![page("relation-what-if", &blank), page("relation-what-if-told", &told)]
}

fn reviewed() -> Vec<Sample> {
    let blank = RelationReview {
        shell: here(),
        head: head("review"),
        form: Form::blank(),
        access: None,
        undecided: Vec::new(),
        revision: 12,
        file: String::new(),
        pager: Pager::default(),
    };
    let full = RelationReview {
        form: Form::blank().with("user", "user:anne").with("at", "12"),
        access: Some(vec![
            ("document:1".to_owned(), "viewer".to_owned()),
            (HOSTILE.to_owned(), "viewer".to_owned()),
        ]),
        undecided: vec![("document#editor".to_owned(), HOSTILE.to_owned())],
        file: format!("/relations/{STORE}/review/file?user=user%3Aanne"),
        pager: Pager { shown: 2, ..Pager::default() },
        ..blank.clone()
    };
    let nothing = RelationReview { access: Some(Vec::new()), ..blank.clone() };
    vec![
        page("relation-review", &blank),
        page("relation-review-full", &full),
        page("relation-review-none", &nothing),
    ]
}
