//! Where events are forwarded to: a collector of syslog messages, a file.

use std::path::PathBuf;

use audit_log::Format;

use super::args::ServerArgs;
use super::fault::Faults;
use super::mail::host_and_port;
use crate::embedded::files;

/// The port of syslog over TLS (RFC 5425 §4.1).
const TLS_PORT: u16 = 6_514;
/// The port of syslog over TCP.
const TCP_PORT: u16 = 601;
/// Longest file of authorities, in bytes.
const CA_BYTES_MAX: u64 = 1_048_576;

/// A collector of syslog messages.
#[derive(Clone, Debug)]
pub struct SyslogSettings {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether the way there is encrypted.
    pub tls: bool,
    /// The format of the messages.
    pub format: Format,
    /// The only authorities whose certificates are trusted, in PEM form; those of the web when not said.
    pub authorities: Option<Vec<u8>>,
}

/// Where events are forwarded to.
#[derive(Clone, Debug, Default)]
pub struct SiemSettings {
    /// A collector.
    pub syslog: Option<SyslogSettings>,
    /// A file of JSON Lines.
    pub file: Option<PathBuf>,
}

pub(super) fn read(args: &ServerArgs, faults: &mut Faults) -> SiemSettings {
    let some = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let (url, format, ca) = (some(&args.siem_syslog), some(&args.siem_format), some(&args.siem_ca));
    let syslog = url.map(|url| syslog(&url, format.as_deref(), ca.as_deref()));
    let syslog = match syslog.transpose() {
        Ok(None) => {
            for (name, value) in
                [("PORTCULLIS_SIEM_FORMAT", &args.siem_format), ("PORTCULLIS_SIEM_CA", &args.siem_ca)]
            {
                if value.as_deref().is_some_and(|value| !value.is_empty()) {
                    faults.add(name, "it is of use only together with PORTCULLIS_SIEM_SYSLOG.");
                }
            }
            None
        }
        Ok(syslog) => syslog,
        Err((name, why)) => {
            faults.add(name, why);
            None
        }
    };
    let file = args.siem_file.clone().filter(|path| !path.as_os_str().is_empty());
    if file.as_ref().is_some_and(|path| !path.is_absolute() || path.file_name().is_none()) {
        faults.add("PORTCULLIS_SIEM_FILE", "give the path of a file, from the root on.");
    }
    SiemSettings { syslog, file }
}

type Fault = (&'static str, String);

fn syslog(url: &str, format: Option<&str>, ca: Option<&str>) -> Result<SyslogSettings, Fault> {
    let fault = |why: &str| ("PORTCULLIS_SIEM_SYSLOG", why.to_owned());
    let (scheme, place) = url.split_once("://").ok_or_else(|| fault("give tls://host:port."))?;
    let tls = match scheme {
        "tls" => true,
        "tcp" => false,
        _ => return Err(fault("it begins with tls://, or on this machine with tcp://.")),
    };
    let (host, port) =
        host_and_port(place).map_err(|_| fault("it names no host, or no port; give tls://host:port."))?;
    let here =
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    if !tls && !here {
        return Err(fault(
            "tcp:// is for a collector on this machine; events of all organizations go there, so the \
                          way to another one is tls://.",
        ));
    }
    let format = match format.map_or(Ok(Format::Cef), str::parse) {
        Ok(Format::Csv) | Err(_) => {
            return Err(("PORTCULLIS_SIEM_FORMAT", "it is cef, ocsf or jsonl.".to_owned()));
        }
        Ok(format) => format,
    };
    let authorities =
        ca.map(|path| authorities(path).map_err(|why| ("PORTCULLIS_SIEM_CA", why))).transpose()?;
    if !tls && authorities.is_some() {
        return Err((
            "PORTCULLIS_SIEM_CA",
            "with tcp:// there are no certificates; leave it out.".to_owned(),
        ));
    }
    Ok(SyslogSettings {
        host,
        port: port.unwrap_or(if tls { TLS_PORT } else { TCP_PORT }),
        tls,
        format,
        authorities,
    })
}

fn authorities(path: &str) -> Result<Vec<u8>, String> {
    let text = files::read_text(std::path::Path::new(path), CA_BYTES_MAX)
        .map_err(|error| format!("the file cannot be read: {error}."))?;
    if !text.contains("-----BEGIN CERTIFICATE-----") {
        return Err("the file holds no certificate in PEM form.".to_owned());
    }
    Ok(text.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_is_named_by_its_url() {
        for (url, host, port, tls) in [
            ("tls://siem.example.com:6515", "siem.example.com", 6_515, true),
            ("tls://siem.example.com", "siem.example.com", 6_514, true),
            ("tls://[2001:db8::1]", "2001:db8::1", 6_514, true),
            ("tcp://127.0.0.1", "127.0.0.1", 601, false),
            ("tcp://localhost:1514", "localhost", 1_514, false),
        ] {
            let read = syslog(url, None, None).unwrap();
            assert_eq!((read.host.as_str(), read.port, read.tls), (host, port, tls), "{url}");
            assert_eq!(read.format, Format::Cef);
        }
        for bad in [
            "siem.example.com",
            "udp://localhost",
            "tls://",
            "tls://h:0",
            "tls://h:x",
            "tcp://siem.example.com",
        ] {
            assert!(syslog(bad, None, None).is_err(), "{bad}");
        }
        assert!(syslog("tls://h", Some("csv"), None).is_err());
        assert_eq!(syslog("tls://h", Some("ocsf"), None).unwrap().format, Format::Ocsf);
        assert!(syslog("tls://h", None, Some("/nowhere/ca.pem")).is_err());
        assert!(syslog("tls://h", None, Some("/dev/null")).is_err());
    }
}
