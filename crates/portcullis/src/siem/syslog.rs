//! Syslog over TLS (RFC 5425): each delivery is a connection of its own, and has arrived when the collector has closed its
//! side after we closed ours.
//!
//! The protocol has no other acknowledgement. A collector that closes in order has read everything to its end; one that
//! dies in between resets the connection, and the delivery is made again.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use app::siem::{Collector, Undelivered};
use audit_log::EntryError;
use audit_log::formats::{Event, Format, Writer, syslog};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::settings::SyslogSettings;

/// Longest time until a connection stands and is encrypted, in seconds.
const CONNECT_SECONDS_MAX: u64 = 10;
/// Longest wait for the collector to close its side, in seconds.
const CLOSE_SECONDS_MAX: u64 = 10;

/// A collector of syslog messages.
pub(crate) struct SyslogCollector {
    settings: SyslogSettings,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    hostname: String,
    name: String,
}

impl SyslogCollector {
    /// `hostname` is what this server calls itself in its messages.
    ///
    /// # Errors
    /// When the authorities cannot be read, or the host is no name a certificate could have.
    pub(crate) fn new(settings: SyslogSettings, hostname: &str) -> Result<Self> {
        let tls = if settings.tls { Some(connector(&settings)?) } else { None };
        let scheme = if settings.tls { "tls" } else { "tcp" };
        let name = format!("syslog:{scheme}://{}:{}", settings.host, settings.port);
        Ok(Self { settings, tls, hostname: hostname.to_owned(), name })
    }

    /// Connects and takes leave, sending nothing.
    ///
    /// # Errors
    /// What stands in the way.
    pub(crate) async fn greet(&self) -> Result<(), Undelivered> {
        self.deliver(Vec::new()).await
    }

    async fn connect(&self) -> std::io::Result<TcpStream> {
        let stream = TcpStream::connect((self.settings.host.as_str(), self.settings.port)).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

fn connector(settings: &SyslogSettings) -> Result<(TlsConnector, ServerName<'static>)> {
    let mut roots = RootCertStore::empty();
    match &settings.authorities {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate = certificate.context("the file of authorities cannot be read")?;
                roots.add(certificate).context("the file of authorities holds what is no authority")?;
            }
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(settings.host.clone()).context("the collector's host is no name")?;
    Ok((TlsConnector::from(Arc::new(config)), name))
}

impl Collector for SyslogCollector {
    fn name(&self) -> &str {
        &self.name
    }

    fn format(&self) -> Format {
        self.settings.format
    }

    fn encode(&self, writer: &Writer, event: &Event<'_>, out: &mut Vec<u8>) -> Result<(), EntryError> {
        out.extend(syslog::frame(writer, event, &self.hostname)?);
        Ok(())
    }

    async fn deliver(&self, batch: Vec<u8>) -> Result<(), Undelivered> {
        let place = &self.name;
        let broken = |what: &str, error: &std::io::Error| Undelivered(format!("{place}: {what}: {error}"));
        let limit = Duration::from_secs(CONNECT_SECONDS_MAX);
        let late =
            |_| Undelivered(format!("{place}: there was no connection within {CONNECT_SECONDS_MAX} s"));
        let stream = tokio::time::timeout(limit, self.connect()).await.map_err(late)?;
        let stream = stream.map_err(|error| broken("it cannot be reached", &error))?;
        let sent = match &self.tls {
            None => hand_over(stream, &batch).await,
            Some((connector, name)) => {
                let stream = tokio::time::timeout(limit, connector.connect(name.clone(), stream)).await;
                let stream = stream.map_err(late)?;
                let stream =
                    stream.map_err(|error| broken("the connection could not be encrypted", &error))?;
                hand_over(stream, &batch).await
            }
        };
        sent.map_err(|error| broken("the connection broke", &error))
    }
}

/// Sends everything, closes, and waits for the other side to close.
async fn hand_over(mut stream: impl AsyncRead + AsyncWrite + Unpin, batch: &[u8]) -> std::io::Result<()> {
    stream.write_all(batch).await?;
    stream.flush().await?;
    stream.shutdown().await?;
    let mut unread = [0; 256];
    let closed = async {
        loop {
            match stream.read(&mut unread).await {
                Ok(0) => return Ok(()),
                // A collector has nothing to say; what it says all the same is not looked at.
                Ok(_) => {}
                // The end of the connection without the end of the encryption: it came in order all the same, a
                // connection with unread bytes would have been reset.
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    };
    let silent = |_| {
        let why = format!("it did not close its side within {CLOSE_SECONDS_MAX} s");
        std::io::Error::new(std::io::ErrorKind::TimedOut, why)
    };
    tokio::time::timeout(Duration::from_secs(CLOSE_SECONDS_MAX), closed).await.map_err(silent)?
}
