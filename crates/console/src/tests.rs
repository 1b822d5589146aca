use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use axum::body::Body;
use http::Request;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use crate::assets::{self, File};
use crate::html::{Element, Page};
use crate::samples::{self, HOSTILE, Sample};

/// Every sample with its page; panics with the sample's name when one cannot be read.
fn pages() -> impl Iterator<Item = (Sample, Page)> {
    samples::all().into_iter().map(|sample| {
        let page = Page::read(&sample.html).unwrap_or_else(|error| panic!("{}: {error}", sample.name));
        (sample, page)
    })
}

#[test]
fn names_of_samples_are_unique() {
    let mut names = HashSet::new();
    for sample in samples::all() {
        assert!(names.insert(sample.name), "{}", sample.name);
    }
}

#[test]
fn nothing_is_inline_and_nothing_comes_from_elsewhere() {
    for (sample, page) in pages() {
        for element in &page.elements {
            let tag = &element.tag;
            assert!(tag != "style", "{}: a style element", sample.name);
            for attribute in element.attributes() {
                let inline = attribute == "style" || attribute.starts_with("on") || attribute == "srcdoc";
                assert!(!inline, "{}: <{tag} {attribute}>", sample.name);
            }
            if tag == "script" {
                let known = File::ALL.iter().any(|file| element.get("src") == Some(file.url()));
                assert!(known && element.text.is_empty(), "{}: a script that is not ours", sample.name);
            }
            for name in ["href", "src", "action", "hx-get", "hx-post"] {
                let Some(value) = element.get(name) else { continue };
                let ours = value.starts_with('/') && !value.starts_with("//") || value.starts_with('#');
                assert!(ours, "{}: {name}=\"{value}\"", sample.name);
            }
        }
    }
}

#[test]
fn every_form_that_changes_something_carries_its_token() {
    for (sample, page) in pages() {
        for (at, form) in page.all("form") {
            let tokens = page
                .inside(at)
                .filter(|inner| inner.get("name") == Some("csrf"))
                .filter(|inner| inner.tag == "input" && inner.get("type") == Some("hidden"))
                .filter(|inner| inner.get("value") == Some("sample-token"))
                .count();
            // A token in a form that is sent by GET would stand in the address, and in everybody's logs.
            let wanted = usize::from(form.get("method") == Some("post"));
            assert_eq!(tokens, wanted, "{}: {:?} {:?}", sample.name, form.get("method"), form.get("action"));
            assert!(form.get("method").is_some(), "{}: a form without a method", sample.name);
        }
    }
}

#[test]
fn every_control_has_a_name_people_can_hear() {
    for (sample, page) in pages() {
        for (at, element) in page.elements.iter().enumerate() {
            let labelled = |id: &str| {
                page.all("label").any(|(label, e)| e.get("for") == Some(id) && !page.words(label).is_empty())
            };
            let said = match element.tag.as_str() {
                "input" if element.get("type") == Some("hidden") => true,
                "input" | "select" | "textarea" => element.get("id").is_some_and(labelled),
                "button" | "a" | "summary" => {
                    element.get("aria-label").is_some() || !page.words(at).is_empty()
                }
                "img" => element.get("alt").is_some(),
                "svg" => element.get("aria-hidden").is_some() || element.get("aria-label").is_some(),
                "nav" | "dialog" => element.get("aria-label").or(element.get("aria-labelledby")).is_some(),
                _ => true,
            };
            assert!(said, "{}: {element:?}", sample.name);
        }
    }
}

#[test]
fn ids_are_unique_and_what_refers_to_them_finds_them() {
    for (sample, page) in pages() {
        let mut ids = HashSet::new();
        for id in page.elements.iter().filter_map(|element| element.get("id")) {
            assert!(ids.insert(id.to_owned()) && !id.is_empty(), "{}: id {id:?} twice", sample.name);
        }
        for element in &page.elements {
            let lists = [
                "aria-describedby",
                "aria-labelledby",
                "for",
                "popovertarget",
                "data-copy-from",
                "data-from",
            ];
            let named = lists.iter().filter_map(|name| element.get(name)).flat_map(str::split_whitespace);
            let linked = element.get("href").and_then(|href| href.strip_prefix('#'));
            for id in named.chain(linked) {
                assert!(
                    ids.contains(id),
                    "{}: nothing has the id {id:?} that <{}> names",
                    sample.name,
                    element.tag
                );
            }
        }
    }
}

#[test]
fn who_may_only_look_at_the_retention_sees_no_form() {
    let mut seen = 0;
    for (sample, page) in pages().filter(|(sample, _)| sample.name.starts_with("retention-")) {
        let changes = page.all("form").any(|(_, form)| form.get("action") == Some("/audit/retention/days"))
            || page
                .all("a")
                .any(|(_, way)| way.get("href").is_some_and(|to| to.starts_with("/audit/holds/")));
        if sample.html.contains("You can look.") {
            assert!(!changes, "{}", sample.name);
            seen += 1;
        } else {
            assert!(changes, "{}", sample.name);
        }
    }
    assert_eq!(seen, 2);
}

#[test]
fn headings_are_in_order() {
    for (sample, page) in pages() {
        let in_main = |element: &Element| page.around(element).any(|outer| outer.tag == "main");
        let levels: Vec<u32> = page
            .elements
            .iter()
            .filter(|element| in_main(element))
            .filter_map(|element| element.tag.strip_prefix('h')?.parse().ok())
            .collect();
        assert_eq!(levels.first(), Some(&1), "{}: {levels:?}", sample.name);
        assert_eq!(levels.iter().filter(|level| **level == 1).count(), 1, "{}: {levels:?}", sample.name);
        assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{}: {levels:?}", sample.name);
    }
}

#[test]
fn a_page_says_what_it_is() {
    for (sample, page) in pages() {
        assert_eq!(page.all("main").count(), 1, "{}", sample.name);
        let (title, _) = page.all("title").next().unwrap();
        assert!(page.words(title).ends_with(" · Portcullis"), "{}", sample.name);
        let html = page.all("html").next().unwrap().1;
        assert_eq!((html.get("lang"), html.get("data-theme")), (Some("en"), Some("auto")), "{}", sample.name);
    }
}

#[test]
fn text_of_strangers_stays_text() {
    let mut shown = 0;
    for sample in samples::all() {
        assert!(
            !sample.html.contains("<script>alert") && !sample.html.contains("<img src=x"),
            "{}",
            sample.name
        );
        shown += usize::from(
            sample.html.contains("&#60;script&#62;alert") || sample.html.contains("&lt;script&gt;"),
        );
    }
    assert!(shown >= 20, "only {shown} samples show the hostile text");
    assert!(HOSTILE.contains("<script>"));
}

#[test]
fn no_template_trusts_a_value() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("templates")];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            assert!(!text.contains("|safe") && !text.contains("| safe"), "{}", path.display());
            seen += 1;
        }
    }
    assert!(seen > 50);
}

#[test]
fn the_scripts_make_no_markup_of_text() {
    for file in [File::Script, File::Passkeys, File::Proofs] {
        let text = std::str::from_utf8(file.bytes()).unwrap();
        for sink in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            ".style",
        ] {
            assert!(!text.contains(sink), "{file:?}: {sink}");
        }
    }
    let style = std::str::from_utf8(File::Style.bytes()).unwrap();
    assert!(!style.contains("@import") && !style.contains("url("));
}

#[tokio::test]
async fn files_are_served_once_and_for_ever() {
    for file in File::ALL {
        let request = Request::builder().uri(file.url()).body(Body::empty()).unwrap();
        let response = assets::routes::<()>().with_state(()).oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["cache-control"], "public, max-age=31536000, immutable");
        assert!(response.headers().contains_key("content-type"));
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), file.bytes());
    }
    let request = Request::builder().uri("/assets/console.00000000.css").body(Body::empty()).unwrap();
    assert_eq!(assets::routes::<()>().with_state(()).oneshot(request).await.unwrap().status(), 404);
}

/// Writes `target/console-gallery`: every sample as a file a browser opens, with the files it needs beside it.
#[test]
fn the_gallery_is_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/console-gallery");
    fs::create_dir_all(folder.join("assets")).unwrap();
    for old in fs::read_dir(folder.join("assets")).unwrap() {
        fs::remove_file(old.unwrap().path()).unwrap();
    }
    for file in File::ALL {
        fs::write(folder.join(file.url().trim_start_matches('/')), file.bytes()).unwrap();
    }
    let mut index = String::from(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Gallery</title><h1>Gallery</h1><ul>",
    );
    for sample in samples::all() {
        let html = sample.html.replace("\"/assets/", "\"assets/");
        fs::write(folder.join(format!("{}.html", sample.name)), html).unwrap();
        write!(index, "<li><a href=\"{0}.html\">{0}</a></li>", sample.name).unwrap();
    }
    fs::write(folder.join("index.html"), index + "</ul></html>\n").unwrap();
}
