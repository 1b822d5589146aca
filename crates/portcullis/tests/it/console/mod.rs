//! The console as a browser without scripts meets it: pages, forms, cookies, and nothing else.

mod address;
mod attacks;
mod audit;
mod break_glass;
mod evidence;
mod home;
mod members;
pub(crate) mod newcomers;
mod outbox;
mod packs;
mod refusals;
mod relations;
mod retention;
mod settings;
mod webhooks;

use std::collections::BTreeMap;

use http::Method;
use http::header::{CONTENT_TYPE, COOKIE, HOST, LOCATION, SET_COOKIE};

use crate::house::members::Somebody;
use crate::house::people::SITE;
use crate::house::{Answer, Ask, Wire};

/// A browser that somebody is signed in with.
pub(crate) struct Browser<'a> {
    wire: &'a Wire,
    cookies: BTreeMap<String, String>,
    /// The token of the last page with a form.
    csrf: String,
}

impl<'a> Browser<'a> {
    pub(crate) fn nobodys(wire: &'a Wire) -> Self {
        Self { wire, cookies: BTreeMap::new(), csrf: String::new() }
    }

    pub(crate) fn of(wire: &'a Wire, somebody: &Somebody) -> Self {
        let mut browser = Self::nobodys(wire);
        browser.cookies.insert("portcullis_session".to_owned(), somebody.secret().to_owned());
        browser
    }

    fn request(&self, method: Method, path: &str) -> Ask {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        // Where people find this server; by a number it would send them there first.
        let host = SITE.trim_start_matches("http://");
        Ask::new(method, path).header(HOST, host).header(COOKIE, &cookies.join("; "))
    }

    async fn sent(&mut self, ask: Ask) -> Answer {
        let answer = self.wire.ask(ask).await;
        for line in answer.headers.get_all(SET_COOKIE) {
            let line = line.to_str().expect("text");
            let (name, value) = line.split(';').next().and_then(|pair| pair.split_once('=')).expect("a pair");
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        if let Some((_, rest)) = answer.text().split_once("name=\"csrf\" value=\"") {
            rest.split('"').next().unwrap_or_default().clone_into(&mut self.csrf);
        }
        answer
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        let ask = self.request(Method::GET, path);
        self.sent(ask).await
    }

    /// A page that must be there.
    pub(crate) async fn page(&mut self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {:?} {}", answer.headers.get(LOCATION), answer.text());
        answer.text()
    }

    /// A page that must be refused.
    pub(crate) async fn refused(&mut self, path: &str, status: u16) {
        let answer = self.get(path).await;
        assert_eq!(answer.status, status, "{path}: {:?}", answer.headers.get(LOCATION));
        assert!(answer.text().contains("Quote it when you ask for help"), "{path}: no page says why");
    }

    /// Sends a form with this token.
    async fn sent_with(&mut self, csrf: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("csrf", csrf).extend_pairs(fields);
        let ask = self.request(Method::POST, path);
        self.sent(ask.header(CONTENT_TYPE, "application/x-www-form-urlencoded").bare(form.finish())).await
    }

    /// Sends a form as the last page had it.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        if self.csrf.is_empty() {
            self.page("/security").await;
        }
        let csrf = self.csrf.clone();
        self.sent_with(&csrf, path, fields).await
    }

    /// Sends a form that must be accepted; answers where that leads.
    async fn accepted(&mut self, path: &str, fields: &[(&str, &str)]) -> String {
        let answer = self.post(path, fields).await;
        assert_eq!(answer.status, 303, "{path} {fields:?}: {}", answer.text());
        answer.header("location").to_owned()
    }

    /// Sends a form that must be accepted, and reads the page it leads to, which must say `words`.
    async fn done(&mut self, path: &str, fields: &[(&str, &str)], words: &str) -> String {
        let there = self.accepted(path, fields).await;
        let page = self.page(&there).await;
        assert!(page.contains(words), "{path} leads to {there} that does not say {words:?}: {page}");
        assert!(!self.page(&there).await.contains(words), "{there} says {words:?} for ever");
        page
    }

    /// Sends a form that must come back with `status`; answers the page.
    async fn back(&mut self, path: &str, fields: &[(&str, &str)], status: u16) -> String {
        let answer = self.post(path, fields).await;
        assert_eq!(answer.status, status, "{path} {fields:?}: {}", answer.text());
        answer.text()
    }

    /// Every one of these forms is refused without its token, and with that of somebody else.
    async fn forged(&mut self, paths: &[String]) {
        for path in paths {
            for token in ["", &"0".repeat(64)] {
                let answer = self.sent_with(token, path, &[("role", "viewer"), ("name", "Forged")]).await;
                assert_eq!(answer.status, 403, "{path}: {}", answer.text());
                assert!(answer.text().contains("This form is not from the page you have open"), "{path}");
            }
        }
    }
}

/// Whether the navigation of a page leads to a room.
fn leads_to(page: &str, path: &str) -> bool {
    page.contains(&format!("<li><a href=\"{path}\""))
}

/// The error of a field, as the page shows it.
fn error_of<'a>(page: &'a str, id: &str) -> Option<&'a str> {
    let (_, rest) = page.split_once(&format!("id=\"{id}-error\""))?;
    let (_, rest) = rest.split_once("<span>")?;
    rest.split_once("</span>").map(|(words, _)| words)
}
