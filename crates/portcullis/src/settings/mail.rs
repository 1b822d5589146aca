//! The mail server, and whom letters come from.

use std::path::Path;

use crypto::Secret;
use lettre::transport::smtp::client::Certificate;
use mail::Address;
use zeroize::Zeroizing;

use crate::embedded::files;

use super::database::is_local;
use super::{Environment, Faults};

const URL: &str = "PORTCULLIS_SMTP_URL";
const FROM: &str = "PORTCULLIS_MAIL_FROM";
/// Port of `smtps://` (RFC 8314 §3.3).
const PORT_SMTPS: u16 = 465;
/// Port of `smtp://`, where a program hands mail in (RFC 6409 §3.1).
const PORT_SUBMISSION: u16 = 587;
/// Port of a server on this machine that is spoken to without TLS.
const PORT_PLAIN: u16 = 25;
/// Longest name of a sender, in characters.
const SENDER_CHARS_MAX: usize = 100;
/// Largest file of trusted certificates, in bytes.
const CA_BYTES_MAX: u64 = 262_144;
/// What an operator may always need to know.
const FORM: &str =
    "one reads smtp://user:password@mail.example.com:587 or smtps://user:password@mail.example.com";
const ESCAPE: &str = "escape special characters of the password with %";

/// How the way to the mail server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// From the first byte on (`smtps://`).
    Implicit,
    /// With STARTTLS, before anything is said (`smtp://`); a server that cannot is refused.
    StartTls,
    /// Not at all: only on this machine (`?tls=none`).
    None,
}

/// A login at the mail server. Has no `Debug`.
pub struct SmtpLogin {
    /// The user.
    pub user: Zeroizing<String>,
    /// The password.
    pub password: Secret,
}

/// Whom letters come from.
#[derive(Clone, PartialEq, Eq)]
pub struct Sender {
    /// The name beside the address.
    pub name: Option<String>,
    /// The address.
    pub address: Address,
}

/// A mail server. Has no `Debug`: it holds a password.
pub struct MailSettings {
    /// Its name or address, without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the way to it is encrypted.
    pub encryption: Encryption,
    /// The login, where it wants one.
    pub login: Option<SmtpLogin>,
    /// The only certificate authorities that are trusted; the public ones when absent. PEM.
    pub authorities: Option<Vec<u8>>,
    /// Whom letters come from.
    pub from: Sender,
}

/// Reads the server from the environment and the sender from the flag or its variable. `None` when no server is named:
/// letters stay in the outbox then.
pub(super) fn read(
    from: Option<&str>,
    environment: &dyn Environment,
    faults: &mut Faults,
) -> Option<MailSettings> {
    let from = from.map(str::trim).filter(|text| !text.is_empty());
    let sender = from.map(|text| {
        sender(text).map_err(|sentence| {
            faults.add(FROM, sentence);
        })
    });
    let text = environment.get(URL)?;
    let server = url(&text).map_err(|sentence| faults.add(URL, sentence));
    if sender.is_none() {
        faults.add(
            FROM,
            format!(
                "{URL} is set, so letters are sent, and they need a sender: set it to an address, \
                     such as Portcullis <portcullis@example.com>."
            ),
        );
    }
    let (server, from) = (server.ok()?, sender?.ok()?);
    Some(MailSettings {
        host: server.host,
        port: server.port,
        encryption: server.encryption,
        login: server.login,
        authorities: server.authorities,
        from,
    })
}

/// `address` or `Name <address>`.
fn sender(text: &str) -> Result<Sender, String> {
    let (name, address) = match text.strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
        Some((name, address)) => (name.trim(), address),
        None => ("", text),
    };
    let address = Address::parse(address)
        .map_err(|error| format!("{error}; give an address, or a name and an address in angle brackets."))?;
    let name = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(name);
    if name.chars().count() > SENDER_CHARS_MAX
        || name.chars().any(|char| char.is_control() || "<>\"".contains(char))
    {
        return Err(format!(
            "the name before the address has at most {SENDER_CHARS_MAX} characters on one line, \
             without quotes and angle brackets."
        ));
    }
    Ok(Sender { name: (!name.is_empty()).then(|| name.to_owned()), address })
}

/// What the URL says.
struct Server {
    host: String,
    port: u16,
    encryption: Encryption,
    login: Option<SmtpLogin>,
    authorities: Option<Vec<u8>>,
}

/// Reads the URL. No part of it is ever in the message: it holds a password.
fn url(text: &str) -> Result<Server, String> {
    let text = text.trim();
    let (mut encryption, rest) = if let Some(rest) = text.strip_prefix("smtps://") {
        (Encryption::Implicit, rest)
    } else if let Some(rest) = text.strip_prefix("smtp://") {
        (Encryption::StartTls, rest)
    } else {
        return Err(format!("it begins with neither smtp:// nor smtps://; {FORM}."));
    };
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let place = place.strip_suffix('/').unwrap_or(place);
    if place.contains(['/', '#']) || query.contains('#') {
        return Err(format!("it has a path or a fragment; {FORM}, and {ESCAPE}."));
    }
    let (login, host_port) = match place.rsplit_once('@') {
        Some((login, host_port)) => (Some(self::login(login)?), host_port),
        None => (None, place),
    };
    let (host, port) = host_and_port(host_port)?;
    let mut authorities = None;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("tls", "required")) => {}
            Some(("tls", "none")) if encryption == Encryption::Implicit => {
                return Err(
                    "smtps:// is encrypted, so tls=none contradicts it; use smtp:// or leave it out."
                        .to_owned(),
                );
            }
            Some(("tls", "none")) => encryption = Encryption::None,
            Some(("tls", _)) => return Err("tls is `required` or `none`.".to_owned()),
            Some(("ca", path)) => authorities = Some(read_authorities(path)?),
            _ => return Err(format!("of parameters it takes tls and ca only; {ESCAPE}.")),
        }
    }
    if encryption == Encryption::None && !is_local(&host) {
        return Err(
            "tls=none is for a mail server on this machine; letters hold links that open accounts, so the way to \
             any other is encrypted."
                .to_owned(),
        );
    }
    if encryption == Encryption::None && authorities.is_some() {
        return Err(
            "ca says whose certificates are trusted, and with tls=none there are none; leave one out."
                .to_owned(),
        );
    }
    let usual = match encryption {
        Encryption::Implicit => PORT_SMTPS,
        Encryption::StartTls => PORT_SUBMISSION,
        Encryption::None => PORT_PLAIN,
    };
    Ok(Server { host, port: port.unwrap_or(usual), encryption, login, authorities })
}

fn login(text: &str) -> Result<SmtpLogin, String> {
    let wrong = || format!("before the @ stand user and password, with a colon between them; {ESCAPE}.");
    let (user, password) = text.split_once(':').ok_or_else(wrong)?;
    let (user, password) = (decoded(user).ok_or_else(wrong)?, decoded(password).ok_or_else(wrong)?);
    let has_control = user.chars().chain(password.chars()).any(char::is_control);
    if user.is_empty() || password.is_empty() || has_control {
        return Err(wrong());
    }
    Ok(SmtpLogin { user, password: Secret::new(password.as_bytes()) })
}

/// Undoes percent-encoding (RFC 3986 §2.1).
fn decoded(text: &str) -> Option<Zeroizing<String>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        if *byte == b'%' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            bytes.push(*crypto::unhex(digits)?.first()?);
            rest = &after[2..];
        } else {
            bytes.push(*byte);
            rest = after;
        }
    }
    std::str::from_utf8(&bytes).ok().map(|text| Zeroizing::new(text.to_owned()))
}

/// `host`, `host:port`, `[address]` or `[address]:port`.
pub(super) fn host_and_port(text: &str) -> Result<(String, Option<u16>), String> {
    let wrong = || format!("it names no host, or one with a port that is none; {FORM}.");
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (host, port) = rest.split_once(']').ok_or_else(wrong)?;
        host.parse::<std::net::Ipv6Addr>().map_err(|_| wrong())?;
        (host, if port.is_empty() { None } else { Some(port.strip_prefix(':').ok_or_else(wrong)?) })
    } else {
        let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
        let fit = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '.');
        if host.is_empty() || host.len() > 253 || !host.chars().all(fit) {
            return Err(wrong());
        }
        (host, port)
    };
    let port = port.map(|port| port.parse().ok().filter(|port| *port > 0).ok_or_else(wrong)).transpose()?;
    Ok((host.to_ascii_lowercase(), port))
}

fn read_authorities(path: &str) -> Result<Vec<u8>, String> {
    let path = decoded(path).ok_or_else(|| "ca is no path.".to_owned())?;
    let path = Path::new(path.as_str());
    if !path.is_absolute() {
        return Err("ca is the path of a PEM file, from the root on.".to_owned());
    }
    let text = files::read_text(path, CA_BYTES_MAX)
        .map_err(|error| format!("the file that ca names cannot be read: {error}."))?;
    let is_certificate = text.contains("-----BEGIN CERTIFICATE-----");
    if !is_certificate || Certificate::from_pem(text.as_bytes()).is_err() {
        return Err("the file that ca names holds no certificate in PEM form.".to_owned());
    }
    Ok(text.into_bytes())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    type Read = (Option<MailSettings>, Vec<String>);

    fn mail(from: Option<&str>, url: &str) -> Read {
        let mut faults = Faults::default();
        let environment = if url.is_empty() { BTreeMap::new() } else { BTreeMap::from([(URL, url)]) };
        let found = read(from, &environment, &mut faults);
        (found, faults.0.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn servers_are_read() {
        let from = Some("Example <portcullis@example.com>");
        for (text, host, port, encryption, login) in [
            ("smtp://mail.example.com", "mail.example.com", 587, Encryption::StartTls, None),
            (
                "smtps://u:p@Mail.example.com/",
                "mail.example.com",
                465,
                Encryption::Implicit,
                Some(("u", "p")),
            ),
            ("smtp://a%40b:p%3A%2F%25@h:2525", "h", 2525, Encryption::StartTls, Some(("a@b", "p:/%"))),
            ("smtp://h?tls=required", "h", 587, Encryption::StartTls, None),
            ("smtp://localhost?tls=none", "localhost", 25, Encryption::None, None),
            ("smtp://127.0.0.1:1025?tls=none", "127.0.0.1", 1025, Encryption::None, None),
            ("smtp://u:p@[::1]:1025?tls=none", "::1", 1025, Encryption::None, Some(("u", "p"))),
        ] {
            let (found, faults) = mail(from, text);
            let found = found.unwrap_or_else(|| panic!("{text}: {faults:?}"));
            assert_eq!(
                (found.host.as_str(), found.port, found.encryption),
                (host, port, encryption),
                "{text}"
            );
            let has =
                found.login.as_ref().map(|login| (login.user.as_str(), login.password.expose_str().unwrap()));
            assert_eq!(has, login, "{text}");
            assert_eq!(found.from.name.as_deref(), Some("Example"));
            assert_eq!(found.from.address.as_str(), "portcullis@example.com");
        }
    }

    #[test]
    fn each_fault_is_one_sentence_without_the_secret() {
        let from = Some("portcullis@example.com");
        for text in [
            "secret",
            "http://u:secret@h",
            "smtp://",
            "smtp://u:secret@",
            "smtp://secret@h",
            "smtp://:secret@h",
            "smtp://u:@secret",
            "smtp://u:sec%zzret@h",
            "smtp://u:sec%0d%0aret@h",
            "smtp://u:secret@h:0",
            "smtp://u:secret@h:99999",
            "smtp://u:secret@h/path",
            "smtp://u:sec/ret@h",
            "smtp://u:sec?ret@h",
            "smtp://u:sec#ret@h",
            "smtp://u:secret@h?tls=maybe",
            "smtp://u:secret@h?tls=none",
            "smtp://u:secret@192.0.2.1?tls=none",
            "smtps://u:secret@localhost?tls=none",
            "smtp://u:secret@h?password=secret",
            "smtp://u:secret@[192.0.2.1]",
            "smtp://u:secret@h?ca=relative.pem",
            "smtp://u:secret@h?ca=/nowhere/at/all.pem",
            "smtp://u:secret@h?ca=/dev/null",
            "smtp://u:secret@ex ample",
        ] {
            let (found, faults) = mail(from, text);
            assert!(found.is_none(), "{text}");
            let [fault] = faults.as_slice() else { panic!("{text}: {faults:?}") };
            assert!(fault.starts_with(URL) && fault.ends_with('.'), "{fault}");
            assert!(!fault.contains("sec") && !fault.contains("ret@"), "{fault}");
        }
    }

    #[test]
    fn letters_need_a_sender() {
        let (found, faults) = mail(None, "smtp://h");
        assert!(found.is_none() && faults.len() == 1 && faults[0].starts_with(FROM), "{faults:?}");
        let (found, faults) = mail(Some("nobody"), "smtp://h:none");
        assert!(found.is_none() && faults.len() == 2, "both are said: {faults:?}");
        assert_eq!(mail(Some("portcullis@example.com"), "").1.len(), 0);
        assert_eq!(mail(None, "").1.len(), 0);
        assert_eq!(mail(Some("nobody"), "").1.len(), 1);
        for (text, name) in [
            ("a@example.com", None),
            ("<a@example.com>", None),
            ("The Gate <a@example.com>", Some("The Gate")),
            ("\"Gate, the\" <a@example.com>", Some("Gate, the")),
        ] {
            assert_eq!(sender(text).ok().unwrap().name.as_deref(), name, "{text}");
        }
        for bad in
            ["a\r\nBcc: x <a@example.com>", "<<a@example.com>", "a@example.com>", "a <b> <c@d.example>", ""]
        {
            assert!(sender(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(url in "(smtps?://)?\\PC{0,60}", from in "\\PC{0,60}") {
            let _ = mail(Some(&from), &url);
        }
    }
}
