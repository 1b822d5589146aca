//! A router that knows its paths: axum's own does not tell them, and the browser tests must not forget a page.

use axum::Router;
use axum::routing::MethodRouter;

use super::State;

pub(super) struct Doors {
    router: Router<State>,
    paths: Vec<&'static str>,
}

impl Doors {
    pub(super) fn new() -> Self {
        Self { router: Router::new(), paths: Vec::new() }
    }

    pub(super) fn route(mut self, path: &'static str, methods: MethodRouter<State>) -> Self {
        self.paths.push(path);
        Self { router: self.router.route(path, methods), ..self }
    }

    pub(super) fn merge(mut self, other: Self) -> Self {
        self.paths.extend(other.paths);
        Self { router: self.router.merge(other.router), ..self }
    }

    pub(super) fn router(self) -> Router<State> {
        self.router
    }

    pub(super) fn paths(self) -> Vec<&'static str> {
        self.paths
    }
}
