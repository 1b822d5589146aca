//! The one cookie of the control plane: it holds a program's refresh token, for programs that live in a browser.

use app::accounts::Site;
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};
use zeroize::Zeroizing;

/// Its name, without the prefix it has under TLS.
const REFRESH: &str = "portcullis_refresh";
/// The paths it is sent to: those under which sessions begin, go on and end.
const PATH: &str = "/api/v1/auth";
/// Cookies that are looked at; a browser sends far fewer.
const COOKIES_MAX: usize = 64;

/// The refresh cookie's name. Under TLS it says that no plain connection can have set it (RFC 6265bis §4.1.3.1);
/// `__Host-` would ask for the path `/`, and so send it with every request.
pub(crate) fn refresh_name(site: &Site) -> String {
    let prefix = if site.is_secure() { "__Secure-" } else { "" };
    format!("{prefix}{REFRESH}")
}

/// The value a request carries. Two cookies of one name contradict each other and count as none.
pub(crate) fn read(headers: &HeaderMap, name: &str) -> Option<Zeroizing<String>> {
    let sent = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut values = sent
        .flat_map(|line| line.split(';'))
        .take(COOKIES_MAX)
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(known, _)| *known == name);
    match (values.next(), values.next()) {
        (Some((_, value)), None) if !value.is_empty() => Some(Zeroizing::new(value.to_owned())),
        _ => None,
    }
}

/// Sets the refresh cookie for `seconds`.
pub(crate) fn set_refresh(headers: &mut HeaderMap, site: &Site, value: &str, seconds: u64) {
    let secure = if site.is_secure() { "; Secure" } else { "" };
    let name = refresh_name(site);
    let line = format!("{name}={value}; Path={PATH}; HttpOnly; SameSite=Strict{secure}; Max-Age={seconds}");
    if let Ok(mut line) = HeaderValue::from_str(&Zeroizing::new(line)) {
        line.set_sensitive(true);
        headers.append(SET_COOKIE, line);
    }
}

/// Takes the refresh cookie back.
pub(crate) fn clear_refresh(headers: &mut HeaderMap, site: &Site) {
    set_refresh(headers, site, "", 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refresh_cookie_is_for_this_server_alone() {
        let mut headers = HeaderMap::new();
        set_refresh(&mut headers, &Site::new("https://p.example.com").unwrap(), "v", 60);
        clear_refresh(&mut headers, &Site::new("http://localhost:8080").unwrap());
        let set: Vec<_> = headers.get_all(SET_COOKIE).iter().map(|line| line.to_str().unwrap()).collect();
        assert_eq!(
            set,
            [
                "__Secure-portcullis_refresh=v; Path=/api/v1/auth; HttpOnly; SameSite=Strict; Secure; Max-Age=60",
                "portcullis_refresh=; Path=/api/v1/auth; HttpOnly; SameSite=Strict; Max-Age=0",
            ]
        );
    }

    #[test]
    fn a_cookie_is_read_when_it_is_there_once() {
        let read = |lines: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(COOKIE, HeaderValue::from_static(line));
            }
            read(&headers, "a").map(|value| value.to_string())
        };
        assert_eq!(read(&["b=1; a=2"]).as_deref(), Some("2"));
        assert_eq!(read(&["b=1", "a=x=y"]).as_deref(), Some("x=y"));
        for none in [&["b=1"][..], &["a="], &["a=1; a=2"], &["a=1", "a=1"], &["aa=1"]] {
            assert_eq!(read(none), None, "{none:?}");
        }
    }
}
