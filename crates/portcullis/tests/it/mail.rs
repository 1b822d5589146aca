//! Letters, carried to a real mail server (aiosmtpd, from its own package index): every kind of line, what a server can
//! refuse, and the outbox in between.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use app::mail::{Carrier, Mailer, Outbox, Parcel, RETRY_DAYS_MAX, Shown, State, Undelivered};
use gates::{Vault, VaultOptions};
use kernel::{Clock, LetterId, SystemClock, Timestamp};
use mail::{Address, Circumstances, Letter, Letterhead, Link, Words};
use portcullis::mail::Smtp;
use portcullis::settings::{Encryption, MailSettings, Sender, SmtpLogin};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::house::process::{Env, Folder, Process, command};
use crate::house::{Database, House, run};
use crate::sdks::{script, virtual_environment};

const USER: &str = "portcullis";
const PASSWORD: &str = "p@ss:w/rd";
/// The same in a URL.
const PASSWORD_ESCAPED: &str = "p%40ss%3Aw%2Frd";
/// Longest wait for a letter to arrive.
const ARRIVE_SECONDS_MAX: u64 = 30;
const TOKEN: &str = "one-time-secret";

/// A mail server in a process of its own. Killed when dropped.
struct Server {
    _child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    port: u16,
}

impl Server {
    async fn start(mode: &str, folder: &Path) -> Self {
        let venv = virtual_environment("mail", Path::new("python3"), "requirements-mail.txt").await;
        let mut command = Command::new(venv.join("bin/python"));
        command.args(["-W", "ignore"]).arg(script("smtp.py")).arg(mode).arg(folder);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("the mail server starts");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut server = Self { _child: child, lines, port: 0 };
        let said = server.next().await;
        server.port = said["port"].as_u64().and_then(|port| port.try_into().ok()).expect("a port");
        server
    }

    /// The next letter that arrives.
    async fn next(&mut self) -> Value {
        let line = timeout(Duration::from_secs(ARRIVE_SECONDS_MAX), self.lines.next_line()).await;
        let line = line.expect("it arrives in time").expect("it reads").expect("the mail server runs");
        serde_json::from_str(&line).expect("one JSON object a line")
    }

    fn settings(&self, encryption: Encryption) -> MailSettings {
        MailSettings {
            host: if encryption == Encryption::None { "127.0.0.1" } else { "localhost" }.to_owned(),
            port: self.port,
            encryption,
            login: Some(login(PASSWORD)),
            authorities: None,
            from: Sender { name: Some("Portcullis".to_owned()), address: address("portcullis@example.com") },
        }
    }
}

fn login(password: &str) -> SmtpLogin {
    SmtpLogin { user: USER.to_owned().into(), password: crypto::Secret::new(password.as_bytes()) }
}

fn smtp(settings: MailSettings) -> Smtp {
    let own = Some("portcullis.example.com");
    Smtp::new(settings, own).expect("a carrier").within(Duration::from_secs(5), Duration::from_secs(3))
}

fn address(text: &str) -> Address {
    Address::parse(text).expect("an address")
}

fn link(path: &str) -> Link {
    Link::parse(&format!("https://portcullis.example.com{path}")).expect("a link")
}

fn head() -> Letterhead {
    Letterhead { instance: link("") }
}

fn letter(until: Timestamp) -> Letter {
    let how =
        Circumstances { at: SystemClock.now(), address: None, device: Some(Words::name("Zürich & co")) };
    Letter::ResetPassword { link: link(&format!("/reset?token={TOKEN}")), until, how }
}

fn parcel(to: &str) -> Parcel {
    let now = SystemClock.now();
    let message = letter(now.plus(Duration::from_mins(10))).write(&head(), &address(to)).expect("written");
    Parcel { id: LetterId::new(&SystemClock, &crypto::SystemRng), made_at: now, message }
}

#[test]
fn a_letter_arrives_over_each_kind_of_line() {
    run(async |_| {
        let folder = Folder::new("mail-lines");
        for (mode, encryption, authority) in [
            ("plain", Encryption::None, None),
            ("auth", Encryption::None, None),
            ("starttls", Encryption::StartTls, Some("ca.pem")),
            ("smtps", Encryption::Implicit, Some("ca.pem")),
            ("alone", Encryption::StartTls, Some("alone.pem")),
        ] {
            let mut server = Server::start(mode, folder.path()).await;
            let mut settings = server.settings(encryption);
            settings.authorities =
                authority.map(|file| std::fs::read(folder.join(file)).expect("a certificate"));
            if mode == "plain" {
                settings.login = None;
            }
            let carrier = smtp(settings);
            let spoken = carrier.greet().await.expect(mode);
            assert_eq!(
                (spoken.encrypted, spoken.logged_in),
                (authority.is_some(), mode != "plain"),
                "{mode}"
            );
            let sent = parcel("someone@example.org");
            carrier.deliver(&sent).await.expect(mode);
            arrived(&server.next().await, &sent, mode);
        }
    });
}

fn arrived(got: &Value, sent: &Parcel, mode: &str) {
    assert_eq!(got["from"], "portcullis@example.com", "{mode}");
    assert_eq!(got["to"], serde_json::json!(["someone@example.org"]), "{mode}");
    assert_eq!(got["hello"], "portcullis.example.com", "{mode}");
    assert_eq!(got["login"].as_str(), (mode != "plain").then_some(USER), "{mode}");
    assert_eq!(got["encrypted"], !matches!(mode, "plain" | "auth"), "{mode}");
    assert_eq!(got["faults"], serde_json::json!([]), "{mode}");
    let headers = &got["headers"];
    assert_eq!(headers["Subject"], sent.message.subject(), "{mode}");
    assert_eq!(headers["Auto-Submitted"], "auto-generated", "{mode}");
    assert_eq!(headers["Message-ID"], format!("<{}@example.com>", sent.id), "{mode}");
    assert_eq!(headers["From"], "Portcullis <portcullis@example.com>", "{mode}");
    assert!(headers["Date"].is_string() && headers["Bcc"].is_null(), "{mode}");
    let [text, html] = got["parts"].as_array().expect("parts").as_slice() else { panic!("two parts: {got}") };
    assert_eq!((&text[0], &html[0]), (&"text/plain".into(), &"text/html".into()), "{mode}");
    // Mail has line ends of its own.
    let same = |got: &Value, sent: &str| got.as_str().is_some_and(|got| got.replace("\r\n", "\n") == sent);
    assert!(same(&text[1], sent.message.text()), "{mode}: {text}");
    assert!(same(&html[1], sent.message.html()), "{mode}: {html}");
}

#[test]
fn what_a_server_refuses_is_told_apart_and_says_no_secret() {
    run(async |_| {
        let folder = Folder::new("mail-refused");
        let refused = async |carrier: &Smtp, to: &str, permanent: bool, says: &str| {
            let failure = carrier.deliver(&parcel(to)).await.expect_err(says);
            assert_eq!(failure.permanent, permanent, "{failure}");
            assert!(failure.detail.contains(says), "{failure} does not say: {says}");
            for secret in [PASSWORD, PASSWORD_ESCAPED, "wrong-password", TOKEN, "@", USER] {
                assert!(!failure.detail.contains(secret), "{failure}");
            }
        };
        let server = Server::start("auth", folder.path()).await;
        let carrier = smtp(server.settings(Encryption::None));
        refused(&carrier, "refuse@example.org", true, "did not take the letter: it answered 550 5.1.1").await;
        refused(&carrier, "broken@example.org", true, "it answered 554 5.6.0").await;
        refused(&carrier, "busy@example.org", false, "it answered 451 4.7.1").await;
        carrier.deliver(&parcel("busy@example.org")).await.expect("the second time");
        refused(&carrier, "slow@example.org", false, "no answer within 3 s").await;
        carrier.deliver(&parcel("someone@example.org")).await.expect("the next is not disturbed");

        // A wrong password is the operator's to mend: no letter is given up for it.
        let wrong =
            MailSettings { login: Some(login("wrong-password")), ..server.settings(Encryption::None) };
        refused(&smtp(wrong), "a@example.org", false, "did not accept the login: it answered 535").await;
        let without = MailSettings { login: None, ..server.settings(Encryption::None) };
        refused(&smtp(without), "a@example.org", false, "it answered 530").await;
        // Nothing is said in the clear to a server that cannot encrypt.
        refused(
            &smtp(server.settings(Encryption::StartTls)),
            "a@example.org",
            false,
            "does not offer STARTTLS",
        )
        .await;
        refused(&smtp(server.settings(Encryption::Implicit)), "a@example.org", false, "could not be greeted")
            .await;

        let server = Server::start("starttls", folder.path()).await;
        for authority in [None, Some("other.pem"), Some("alone.pem")] {
            let mut settings = server.settings(Encryption::StartTls);
            settings.authorities =
                authority.map(|file| std::fs::read(folder.join(file)).expect("a certificate"));
            refused(&smtp(settings), "a@example.org", false, "could not be encrypted: its certificate").await;
        }
        // The right authority, and another host than the certificate names.
        let mut settings = server.settings(Encryption::StartTls);
        let alone = Server::start("alone", folder.path()).await;
        settings.authorities = std::fs::read(folder.join("alone.pem")).ok();
        (settings.host, settings.port) = ("127.0.0.1".to_owned(), alone.port);
        refused(&smtp(settings), "a@example.org", false, "could not be encrypted: its certificate").await;
    });
}

#[test]
fn a_server_that_hangs_or_is_not_there_holds_nobody_up() {
    run(async |_| {
        let silent = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let closed = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let at = |listener: &TcpListener| MailSettings {
            host: "127.0.0.1".to_owned(),
            port: listener.local_addr().expect("an address").port(),
            encryption: Encryption::None,
            login: None,
            authorities: None,
            from: Sender { name: None, address: address("portcullis@example.com") },
        };
        let (hangs, gone) = (at(&silent), at(&closed));
        drop(closed);
        let wait = Duration::from_millis(300);
        for (settings, says) in [(hangs, "no answer within 0.3 s"), (gone, "cannot be reached")] {
            let carrier = Smtp::new(settings, None).expect("a carrier").within(wait, wait);
            let failure = timeout(Duration::from_secs(10), carrier.deliver(&parcel("a@example.org"))).await;
            let failure = failure.expect("in time").expect_err(says);
            assert!(!failure.permanent && failure.detail.contains(says), "{failure}");
        }
    });
}

/// A clock that is moved by hand.
pub(crate) struct Hands(AtomicI64);

impl Hands {
    pub(crate) fn now() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(SystemClock.now().unix_micros())))
    }

    pub(crate) fn forward(&self, seconds: u64) {
        self.0.fetch_add(i64::try_from(seconds * 1_000_000).expect("a short time"), Ordering::Relaxed);
    }

    /// The next millisecond: what is made now has a later id than what was made before.
    pub(crate) fn tick(&self) {
        self.0.fetch_add(1_000, Ordering::Relaxed);
    }

    pub(crate) fn back(&self, seconds: u64) {
        self.0.fetch_sub(i64::try_from(seconds * 1_000_000).expect("a short time"), Ordering::Relaxed);
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_micros(self.0.load(Ordering::Relaxed))
    }
}

async fn vault(database: &Database, clock: &Arc<Hands>) -> Arc<Vault> {
    let clock: Arc<dyn Clock> = Arc::clone(clock) as Arc<dyn Clock>;
    Vault::open(VaultOptions { clock, ..database.options() }).await.expect("served")
}

async fn listed(vault: &Arc<Vault>) -> Vec<(String, State, i32)> {
    let letters = app::mail::list(vault, None, 100).await.expect("listed");
    let told = |letter: Shown| {
        let to = letter.to.expect("it opens").local().to_owned();
        (to, letter.state, letter.attempts)
    };
    let mut told: Vec<_> = letters.into_iter().map(told).collect();
    told.sort_by(|a, b| a.0.cmp(&b.0));
    told
}

async fn rounds(mailer: &Mailer) -> u64 {
    let mut all = 0;
    loop {
        let taken = mailer.round().await.expect("a round");
        all += taken;
        if taken == 0 {
            return all;
        }
    }
}

fn state(to: &str, state: State, attempts: i32) -> (String, State, i32) {
    (to.to_owned(), state, attempts)
}

#[test]
fn the_job_delivers_tries_again_and_gives_up() {
    run(async |house: &'static House| {
        let folder = Folder::new("mail-job");
        let mut server = Server::start("auth", folder.path()).await;
        let database = house.database("mail_job").await;
        let clock = Hands::now();
        let vault = vault(&database, &clock).await;
        let outbox = Outbox::new(Arc::clone(&vault), head());
        let hour = clock.now().plus(Duration::from_hours(1));
        for to in ["someone", "busy", "refuse"] {
            outbox.send(&address(&format!("{to}@example.org")), &letter(hour)).await.expect("put in");
        }
        sealed(&database).await;
        let none = Mailer::new(Arc::clone(&vault), None);
        assert_eq!(rounds(&none).await, 0, "without a mail server letters stay");

        let mailer = Mailer::new(Arc::clone(&vault), Some(Arc::new(smtp(server.settings(Encryption::None)))));
        assert_eq!(rounds(&mailer).await, 3);
        assert_eq!(server.next().await["to"][0], "someone@example.org");
        let after = [
            state("busy", State::Waiting, 1),
            state("refuse", State::Failed, 1),
            state("someone", State::Sent, 1),
        ];
        assert_eq!(listed(&vault).await, after);
        clock.forward(59);
        assert_eq!(rounds(&mailer).await, 0, "a minute has not passed");
        clock.forward(2);
        assert_eq!(rounds(&mailer).await, 1);
        assert_eq!(server.next().await["to"][0], "busy@example.org");
        assert_eq!(listed(&vault).await[0], state("busy", State::Sent, 2));

        // A link that has run out, and a letter that waited too long for a mail server, are given up unsent.
        let day = clock.now().plus(Duration::from_hours(30 * 24));
        outbox.send(&address("late@example.org"), &letter(hour)).await.expect("put in");
        // Ids made in one millisecond have no order.
        clock.forward(1);
        outbox.send(&address("old@example.org"), &letter(day)).await.expect("put in");
        clock.forward((RETRY_DAYS_MAX * 24 + 1) * 3_600);
        assert_eq!(rounds(&mailer).await, 2);
        let now = listed(&vault).await;
        assert_eq!((&now[1], &now[2]), (&state("late", State::Failed, 1), &state("old", State::Failed, 1)));
        let whole = app::mail::list(&vault, None, 1).await.expect("listed").pop().expect("one");
        assert_eq!(whole.last_error.as_deref(), Some("it is too old to be delivered"));
        let (shown, message) = app::mail::show(&vault, whole.id).await.expect("shown").expect("it is there");
        assert!(shown.id == whole.id && message.text().contains(TOKEN));
        assert_eq!(message.to().as_str(), "old@example.org");
        vault.close();
    });
}

/// Nothing of a letter can be read in the tables, and the role that serves tenants cannot even look.
async fn sealed(database: &Database) {
    let mut superuser = database.superuser().await;
    let row: String = sqlx::query_scalar("select string_agg(to_jsonb(m)::text, '') from mail_outbox m")
        .fetch_one(&mut superuser)
        .await
        .expect("rows");
    let bytes: Vec<u8> =
        sqlx::query_scalar("select string_agg(to_sealed || message_sealed, '') from mail_outbox")
            .fetch_one(&mut superuser)
            .await
            .expect("rows");
    let inside = String::from_utf8_lossy(&bytes);
    for secret in ["example.org", TOKEN, "someone"] {
        assert!(!row.contains(secret) && !inside.contains(secret), "{secret} is in the table");
    }
    let mut app = database.app().await;
    for sql in
        ["select id from mail_outbox", "delete from mail_outbox", "update mail_outbox set attempts = 0"]
    {
        let refused = sqlx::query(sql).execute(&mut app).await.expect_err("refused");
        let code =
            refused.as_database_error().and_then(|error| error.code().map(std::borrow::Cow::into_owned));
        assert_eq!(code.as_deref(), Some("42501"), "{sql}");
    }
}

/// Counts what it is handed; refuses while it is told to.
#[derive(Default)]
struct Counter {
    handed: std::sync::Mutex<Vec<LetterId>>,
    dies: bool,
}

impl Carrier for Counter {
    fn deliver<'a>(&'a self, parcel: &'a Parcel) -> app::mail::Delivery<'a> {
        Box::pin(async move {
            self.handed.lock().expect("no panic").push(parcel.id);
            tokio::time::sleep(Duration::from_millis(5)).await;
            if self.dies {
                // As a process that is killed between the server's answer and the mark.
                std::future::pending::<()>().await;
            }
            Ok::<(), Undelivered>(())
        })
    }
}

#[test]
fn replicas_share_the_outbox_and_a_death_loses_nothing() {
    run(async |house: &'static House| {
        const LETTERS: usize = 30;
        let database = house.database("mail_replicas").await;
        let clock = Hands::now();
        let (one, two) = (vault(&database, &clock).await, vault(&database, &clock).await);
        let outbox = Outbox::new(Arc::clone(&one), head());
        let until = clock.now().plus(Duration::from_hours(1));
        for number in 0..LETTERS {
            outbox.send(&address(&format!("a{number}@example.org")), &letter(until)).await.expect("put in");
        }
        // One process takes some and dies with them.
        let dying = Arc::new(Counter { dies: true, ..Counter::default() });
        let mailer = Mailer::new(Arc::clone(&one), Some(Arc::clone(&dying) as Arc<dyn Carrier>));
        assert!(timeout(Duration::from_millis(500), mailer.round()).await.is_err());
        let lost = dying.handed.lock().expect("no panic").len();
        assert!(lost > 0);

        let carrier = Arc::new(Counter::default());
        let mailer = |vault: &Arc<Vault>| {
            Mailer::new(Arc::clone(vault), Some(Arc::clone(&carrier) as Arc<dyn Carrier>))
        };
        let (first, second) = (mailer(&one), mailer(&two));
        let (a, b) = tokio::join!(rounds(&first), rounds(&second));
        assert_eq!(usize::try_from(a + b), Ok(LETTERS - lost), "what the dead one holds is left alone");
        clock.forward(301);
        assert_eq!(usize::try_from(rounds(&second).await), Ok(lost), "and taken over when its time is up");
        let mut handed = carrier.handed.lock().expect("no panic").clone();
        handed.sort_unstable();
        handed.dedup();
        assert_eq!(handed.len(), LETTERS);
        assert_eq!(carrier.handed.lock().expect("no panic").len(), LETTERS, "none was delivered twice");
        assert!(listed(&one).await.iter().all(|(_, state, _)| *state == State::Sent));
        one.close();
        two.close();
    });
}

#[test]
fn the_program_sends_and_the_operator_reads() {
    run(async |house: &'static House| {
        let folder = Folder::new("mail-program");
        let mut mail = Server::start("starttls", folder.path()).await;
        let database = house.database("mail_program").await;
        let ca = folder.join("ca.pem");
        let url = format!("smtp://{USER}:{PASSWORD_ESCAPED}@localhost:{}?ca={ca}", mail.port);
        let env: Env<'_> = &[
            ("PORTCULLIS_SMTP_URL", &url),
            ("PORTCULLIS_MAIL_FROM", "The Gate <portcullis@example.com>"),
            ("PORTCULLIS_PUBLIC_URL", "https://portcullis.example.com"),
        ];
        let server = Process::serve(&database, env).await;
        let vault = database.vault().await.expect("served");
        let outbox = Outbox::new(Arc::clone(&vault), head());
        let until = SystemClock.now().plus(Duration::from_hours(1));
        let id = outbox.send(&address("someone@example.org"), &letter(until)).await.expect("put in");
        let got = mail.next().await;
        assert_eq!(got["headers"]["From"], "The Gate <portcullis@example.com>");
        assert_eq!(got["headers"]["Message-ID"], format!("<{id}@example.com>"));

        let place = database.environment();
        let base: Vec<(&str, &str)> = place.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let base = [&base[..], &[("PORTCULLIS_DATA_DIR", "/nowhere")]].concat();
        let list = async || {
            let told = command(&["mail", "--json"], &base).await.exited(0);
            serde_json::from_str::<Value>(&told).expect("a list")["letters"].clone()
        };
        let mut letters = list().await;
        for _ in 0..50 {
            if letters[0]["state"] == "sent" {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            letters = list().await;
        }
        assert_eq!(letters[0]["id"], id.to_string());
        assert_eq!((&letters[0]["state"], &letters[0]["kind"]), (&"sent".into(), &"reset_password".into()));
        assert_eq!(letters[0]["to"], "someone@example.org");
        let told = command(&["mail"], &base).await.exited(0);
        assert!(
            told.contains(&id.to_string()) && told.contains("someone@example.org") && !told.contains(TOKEN)
        );
        let told = command(&["mail", "show", &id.to_string()], &base).await.exited(0);
        assert!(
            told.starts_with("To:       someone@example.org\nSubject:  Choose a new password\n"),
            "{told}"
        );
        assert!(told.contains(TOKEN), "{told}");
        let told = command(&["mail", "show", &id.to_string(), "--html"], &base).await.exited(0);
        assert!(told.starts_with("<!doctype html>"), "{told}");
        let unknown = "019a0000-0000-7000-8000-000000000000";
        let ran = command(&["mail", "show", unknown], &base).await;
        assert!(ran.err.contains("there is no letter"), "{}", ran.err);
        ran.exited(1);
        command(&["mail", "show", "nonsense"], &base).await.exited(1);
        command(&["mail", "--limit", "0"], &base).await.exited(2);

        let log = server.written();
        assert!(log.contains("letter sent"), "{log}");
        for secret in [PASSWORD, PASSWORD_ESCAPED, TOKEN, "someone@example.org"] {
            assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
        }
        assert!(server.stop().await.success());
        vault.close();
        doctor(&base, env).await;
    });
}

/// What `doctor` says of mail, with the server, without one, and with a wrong setting.
async fn doctor(base: Env<'_>, env: Env<'_>) {
    let mail = async |env: &[(&str, &str)]| {
        let ran = command(&["doctor", "--json", "--listen", "127.0.0.1:0"], &[base, env].concat()).await;
        let report: Value = serde_json::from_str(&ran.out).expect("a report");
        let checks = report["checks"].as_array().cloned().expect("checks");
        let of_mail = checks.into_iter().find(|check| check["what"] == "mail" || check["what"] == "settings");
        let last = report["checks"]
            .as_array()
            .and_then(|all| all.iter().find(|check| check["what"] == "mail").cloned());
        (last.or(of_mail).expect("it says something of mail"), ran.out + &ran.err)
    };
    let (check, _) = mail(env).await;
    assert_eq!(check["grade"], "good", "{check}");
    assert!(check["found"].as_str().is_some_and(|found| found.contains("answers EHLO over TLS")), "{check}");
    let (check, _) = mail(&[]).await;
    assert_eq!(check["grade"], "note", "{check}");
    let wrong = [("PORTCULLIS_SMTP_URL", "smtp://portcullis:do-not-show@mail.example.com?tls=none")];
    let (check, all) = mail(&wrong).await;
    assert_eq!(check["grade"], "bad", "{check}");
    assert!(!all.contains("do-not-show"), "{all}");
}

#[test]
fn without_a_mail_server_the_outbox_is_on_this_machine() {
    run(async |house: &'static House| {
        let folder = Folder::new("mail-up");
        let server = Process::up(house, folder.path(), &[]).await;
        let bin = house.home().bin_dir().display().to_string();
        let data = folder.path().display().to_string();
        let arguments = ["mail", "--data-dir", &data, "--pg-bin", &bin];
        let told = command(&arguments, &[]).await.exited(0);
        assert_eq!(told, "The outbox is empty.\n");
        assert!(server.stop().await.success());
        // The data directory may come from the environment; the database is started for the while.
        let env: Env<'_> = &[("PORTCULLIS_DATA_DIR", &data), ("PORTCULLIS_PG_BIN", &bin)];
        assert_eq!(command(&["mail", "--json"], env).await.exited(0), "{\n  \"letters\": []\n}\n");
        let ran = command(&["mail", "show", "019a0000-0000-7000-8000-000000000000"], env).await;
        assert!(ran.err.contains("there is no letter"), "{}", ran.err);
        ran.exited(1);
    });
}
