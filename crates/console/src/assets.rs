//! The console's own files: one stylesheet, four scripts, one mark. They are part of the binary and have their
//! contents' hash in their name, so a browser may keep them for ever and never shows an old one.

use std::sync::LazyLock;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderValue, header};

/// What a browser may do with a file whose name changes with its contents.
const KEEP: &str = "public, max-age=31536000, immutable";

/// Hexadecimal digits of the hash in a file's name.
const HASH_DIGITS: usize = 8;

/// A file the pages refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum File {
    /// `console.css`: everything about how the console looks.
    Style,
    /// `console.js`: copying, menus, times, shortcuts. Loaded before htmx, because it says which HTML is trusted.
    Script,
    /// `passkeys.js`: the two WebAuthn ceremonies, and word to the browser of passkeys that were removed.
    Passkeys,
    /// `proofs.js`: verifies the proof of an entry.
    Proofs,
    /// htmx 2, as it came (0BSD; its licence lies beside it).
    Htmx,
    /// The mark in the browser's tab.
    Mark,
}

impl File {
    /// Every file.
    pub const ALL: [File; 6] =
        [File::Style, File::Script, File::Passkeys, File::Proofs, File::Htmx, File::Mark];

    /// The path it is served under, with the hash of its contents: `/assets/console.1f2e3d4c.css`.
    pub fn url(self) -> &'static str {
        &URLS[self as usize]
    }

    /// The contents.
    pub const fn bytes(self) -> &'static [u8] {
        match self {
            File::Style => include_bytes!("../static/console.css"),
            File::Script => include_bytes!("../static/console.js"),
            File::Passkeys => include_bytes!("../static/passkeys.js"),
            File::Proofs => include_bytes!("../static/proofs.js"),
            File::Htmx => include_bytes!("../static/vendor/htmx-2.0.11.min.js"),
            File::Mark => include_bytes!("../static/mark.svg"),
        }
    }

    const fn name(self) -> (&'static str, &'static str) {
        match self {
            File::Style => ("console", "css"),
            File::Script => ("console", "js"),
            File::Passkeys => ("passkeys", "js"),
            File::Proofs => ("proofs", "js"),
            File::Htmx => ("htmx", "js"),
            File::Mark => ("mark", "svg"),
        }
    }

    const fn media_type(self) -> &'static str {
        match self {
            File::Style => "text/css; charset=utf-8",
            File::Script | File::Passkeys | File::Proofs | File::Htmx => "text/javascript; charset=utf-8",
            File::Mark => "image/svg+xml",
        }
    }
}

/// Made once: the contents do not change while the process lives.
static URLS: LazyLock<[String; 6]> = LazyLock::new(|| {
    File::ALL.map(|file| {
        let (stem, extension) = file.name();
        format!("/assets/{stem}.{:0HASH_DIGITS$x}.{extension}", fingerprint(file.bytes()))
    })
});

/// FNV-1a, folded to 32 bits. It tells one release's file from another's; nobody has to trust it.
fn fingerprint(bytes: &[u8]) -> u32 {
    let wide = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    u32::try_from((wide ^ (wide >> 32)) & u64::from(u32::MAX)).unwrap_or_default()
}

/// The routes of the files. A path with another hash is not known: it belongs to another release.
pub fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    File::ALL
        .into_iter()
        .fold(Router::new(), |router, file| router.route(file.url(), get(move || async move { serve(file) })))
}

fn serve(file: File) -> Response {
    let mut response = file.bytes().into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.media_type()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(KEEP));
    response
}
