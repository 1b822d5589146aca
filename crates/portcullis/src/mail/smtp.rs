//! The carrier: one SMTP connection for each letter (RFC 5321).
//!
//! Connections are not shared: a delivery that is cut off in the middle would leave an answer in the pipe that the next
//! letter takes for its own. Each step has its own limit, and it is known at which step a server said no: only what it
//! says of the letter itself is final; a refused login or a broken line is the operator's to mend, and is tried again.

use std::time::Duration;

use anyhow::{Context as _, Result};
use app::mail::{Carrier, Delivery, Parcel, Undelivered};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters, TlsParametersBuilder,
};
use lettre::transport::smtp::extension::ClientId;

use crate::settings::{Encryption, MailSettings, Sender, SmtpLogin};

use super::compose::compose;

/// Longest time until the server has taken the connection and said hello, in seconds.
pub const CONNECT_SECONDS_MAX: u64 = 15;
/// Longest time of each step after it: encryption, login, the letter itself, in seconds.
pub const STEP_SECONDS_MAX: u64 = 20;
/// Longest wait for the server's goodbye, in seconds: by then it has the letter, and nothing depends on it.
const GOODBYE_SECONDS_MAX: u64 = 2;

/// Speaks to one mail server. Has no `Debug`: it holds a password.
pub struct Smtp {
    host: String,
    port: u16,
    encryption: Encryption,
    tls: Option<TlsParameters>,
    login: Option<SmtpLogin>,
    from: Sender,
    hello: ClientId,
    connect_max: Duration,
    step_max: Duration,
}

/// What a server said of itself when it was greeted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spoken {
    /// Whether the line is encrypted.
    pub encrypted: bool,
    /// Whether it accepted a login; false where there is none to try.
    pub logged_in: bool,
}

/// Where a conversation stood when it broke off.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Greeting,
    Encryption,
    Login,
    Letter,
}

impl Step {
    const fn says(self) -> &'static str {
        match self {
            Self::Greeting => "the mail server could not be greeted",
            Self::Encryption => "the line to the mail server could not be encrypted",
            Self::Login => "the mail server did not accept the login",
            Self::Letter => "the mail server did not take the letter",
        }
    }
}

impl Smtp {
    /// A carrier for this server. `own_host` is the name of this machine as others know it, said in the greeting.
    ///
    /// # Errors
    /// When the trusted certificates cannot be used.
    pub fn new(settings: MailSettings, own_host: Option<&str>) -> Result<Self> {
        let tls = match settings.encryption {
            Encryption::None => None,
            Encryption::Implicit | Encryption::StartTls => {
                Some(tls(&settings.host, settings.authorities.as_deref())?)
            }
        };
        let name = own_host.filter(|host| host.contains('.') && host.parse::<std::net::IpAddr>().is_err());
        Ok(Self {
            host: settings.host,
            port: settings.port,
            encryption: settings.encryption,
            tls,
            login: settings.login,
            from: settings.from,
            hello: name.map_or_else(ClientId::default, |name| ClientId::Domain(name.to_owned())),
            connect_max: Duration::from_secs(CONNECT_SECONDS_MAX),
            step_max: Duration::from_secs(STEP_SECONDS_MAX),
        })
    }

    /// The same carrier with less patience.
    #[must_use]
    pub fn within(self, connect_max: Duration, step_max: Duration) -> Self {
        Self { connect_max, step_max, ..self }
    }

    /// Greets the server, encrypts, logs in, and leaves: everything but a letter.
    ///
    /// # Errors
    /// What stood in the way.
    pub async fn greet(&self) -> Result<Spoken, Undelivered> {
        let mut connection = self.open().await?;
        let encrypted = connection.is_encrypted();
        goodbye(&mut connection).await;
        Ok(Spoken { encrypted, logged_in: self.login.is_some() })
    }

    async fn open(&self) -> Result<AsyncSmtpConnection, Undelivered> {
        let implicit = self.tls.clone().filter(|_| self.encryption == Encryption::Implicit);
        let server = (self.host.as_str(), self.port);
        let connecting = AsyncSmtpConnection::connect_tokio1(server, None, &self.hello, implicit, None);
        let mut connection = within(Step::Greeting, self.connect_max, connecting).await?;
        if let Some(tls) = self.tls.clone().filter(|_| self.encryption == Encryption::StartTls) {
            if !connection.can_starttls() {
                return Err(not_now(Step::Encryption, "it does not offer STARTTLS"));
            }
            within(Step::Encryption, self.step_max, connection.starttls(tls, &self.hello)).await?;
        }
        if let Some(login) = &self.login {
            let password = login.password.expose_str().unwrap_or_default();
            let credentials = Credentials::new(login.user.to_string(), password.to_owned());
            let ways = [Mechanism::Plain, Mechanism::Login];
            within(Step::Login, self.step_max, connection.auth(&ways, &credentials)).await?;
        }
        Ok(connection)
    }

    async fn carry(&self, parcel: &Parcel) -> Result<(), Undelivered> {
        let (envelope, bytes) = compose(parcel, &self.from)
            .map_err(|error| Undelivered { permanent: true, detail: error.to_string() })?;
        let mut connection = self.open().await?;
        within(Step::Letter, self.step_max, connection.send(&envelope, &bytes)).await?;
        goodbye(&mut connection).await;
        Ok(())
    }
}

impl Carrier for Smtp {
    fn deliver<'a>(&'a self, parcel: &'a Parcel) -> Delivery<'a> {
        Box::pin(self.carry(parcel))
    }
}

fn tls(host: &str, authorities: Option<&[u8]>) -> Result<TlsParameters> {
    let mut builder = TlsParametersBuilder::new(host.to_owned());
    if let Some(pem) = authorities {
        let trusted =
            Certificate::from_pem(pem).context("the trusted certificates of the mail server do not read")?;
        // Who names an authority means this one, not this one too.
        builder = builder.certificate_store(CertificateStore::None).add_root_certificate(trusted);
    }
    builder.build_rustls().context("the trusted certificates of the mail server cannot be used")
}

/// One step of the conversation, within its limit.
async fn within<T>(
    step: Step,
    limit: Duration,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Undelivered> {
    match tokio::time::timeout(limit, work).await {
        Ok(done) => done.map_err(|error| failure(step, &error)),
        Err(_) => Err(not_now(step, &format!("no answer within {} s", limit.as_secs_f32()))),
    }
}

/// Leaves in order, if the server answers soon.
async fn goodbye(connection: &mut AsyncSmtpConnection) {
    let _ = tokio::time::timeout(Duration::from_secs(GOODBYE_SECONDS_MAX), connection.quit()).await;
}

fn not_now(step: Step, why: &str) -> Undelivered {
    Undelivered { permanent: false, detail: format!("{}: {why}", step.says()) }
}

/// What an error means. Its own text is not passed on: servers repeat addresses in theirs.
fn failure(step: Step, error: &Error) -> Undelivered {
    let why = match error.status() {
        Some(code) => format!("it answered {code}{}", enhanced(error)),
        None if error.is_tls() => "it does not speak TLS".to_owned(),
        None if error.is_timeout() => "it did not answer in time".to_owned(),
        None if error.is_client() => "it does not offer what is needed".to_owned(),
        None if error.is_response() => "it does not speak SMTP".to_owned(),
        None => match tls_error(error) {
            Some(rustls::Error::InvalidCertificate(_)) => {
                "its certificate is not trusted, or is another host's".to_owned()
            }
            Some(_) => "it does not speak TLS".to_owned(),
            None => "it cannot be reached, or hung up".to_owned(),
        },
    };
    // About the letter only the codes for mailboxes and content are final (RFC 5321 §4.2.2); the others of the
    // five hundreds are about the conversation or the account.
    let about_the_letter = error
        .status()
        .and_then(|code| code.to_string().parse::<u16>().ok())
        .is_some_and(|code| matches!(code, 510..=521 | 523..=529 | 540..=599));
    Undelivered {
        permanent: step == Step::Letter && about_the_letter,
        detail: format!("{}: {why}", step.says()),
    }
}

/// What TLS found wrong, which travels inside an IO error.
fn tls_error(error: &Error) -> Option<&rustls::Error> {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let inner = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if let Some(found) = inner.and_then(|inner| inner.downcast_ref()) {
            return Some(found);
        }
        source = cause.source();
    }
    None
}

/// The enhanced status code (RFC 3463) that a server's text begins with, such as ` 5.1.1`.
fn enhanced(error: &Error) -> String {
    let text = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    let word = text.split_whitespace().next().unwrap_or_default();
    let parts: Vec<&str> = word.split('.').collect();
    let digits =
        |part: &&str| (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    if parts.len() == 3 && parts.iter().all(digits) { format!(" {word}") } else { String::new() }
}
