//! Second factors: enrolling, signing in with them, and being asked for them.

use app::accounts::SessionKind;
use app::accounts::factors::{BeginTotp, ConfirmTotp};
use app::accounts::own::ChangePassword;
use app::accounts::sign_in::{Second, Step};
use app::accounts::step_up::{Factor, StepUp};
use app::agents::ListAgents;
use authn::totp::TOTP_STEP_SECONDS;
use kernel::{Clock as _, MemberRole, ProblemKind, SystemClock};
use sqlx::AssertSqlSafe;

use crate::house::people::{Person, accounts, human, principal};
use crate::house::{Tenant, request, run};

/// The code of a secret in base 32, `steps` from now, by the standard tool's arithmetic.
pub(crate) fn code(secret: &str, steps: i64) -> String {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let (mut bits, mut count, mut key) = (0_u32, 0, Vec::new());
    for letter in secret.bytes() {
        let value = alphabet.iter().position(|known| *known == letter).expect("base 32");
        bits = bits << 5 | u32::try_from(value).expect("five bits");
        count += 5;
        if count >= 8 {
            count -= 8;
            key.push(u8::try_from(bits >> count & 255).expect("a byte"));
        }
    }
    let seconds = SystemClock.now().unix_seconds() + steps * i64::try_from(TOTP_STEP_SECONDS).expect("small");
    let step = seconds / i64::try_from(TOTP_STEP_SECONDS).expect("small");
    let mac = aws_lc_rs::hmac::sign(
        &aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &key),
        &step.to_be_bytes(),
    );
    let mac = mac.as_ref();
    let at = usize::from(mac[19] & 15);
    let number = u32::from_be_bytes(mac[at..at + 4].try_into().expect("four bytes")) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

/// Enrols an authenticator app; answers its secret and the recovery codes.
pub(super) async fn enrol(doors: &app::accounts::Accounts, person: &Person) -> (String, Vec<String>) {
    let vault = doors.vault();
    let pass =
        vault.enter::<BeginTotp>(principal(vault, &person.opened).await, request()).await.expect("fresh");
    let (offer, _) = doors.begin_totp(pass).await.expect("begun");
    let secret = offer.secret.to_string();
    let who = principal(vault, &person.opened).await;
    let pass = vault.enter::<ConfirmTotp>(who, request()).await.expect("one's own");
    // The last step's code, so that the present one is left for signing in.
    let guest = person.guest.again();
    let (codes, _) = doors.confirm_totp(pass, guest.visitor(), &code(&secret, -1)).await.expect("confirmed");
    let codes = codes.expect("the first factor comes with recovery codes");
    (secret, codes.iter().map(|code| code.expose().to_owned()).collect())
}

#[test]
fn a_second_factor_is_asked_for_and_each_code_works_once() {
    run(async |house| {
        let desk = house.shared().await;
        let doors = accounts(&desk.vault);
        let person = Person::sign_up(&doors).await;
        let (secret, codes) = enrol(&doors, &person).await;
        assert_eq!(codes.len(), 10);
        let Step::SecondFactor(waiting) = person.sign_in(&doors, SessionKind::Browser).await.expect("right")
        else {
            panic!("the password alone must not be enough")
        };
        assert!(waiting.totp && waiting.recovery && !waiting.passkey);
        let ticket = waiting.ticket.expose().to_owned();
        let guest = person.guest.again();
        let wrong = doors.sign_in_second(guest.visitor(), &ticket, Second::Totp("000000".into())).await;
        assert_eq!(wrong.err().expect("wrong").kind, ProblemKind::Unauthenticated);
        let replayed = doors.sign_in_second(guest.visitor(), &ticket, Second::Totp(code(&secret, -1))).await;
        assert!(replayed.is_err(), "the code that confirmed the app is used up");
        let now = code(&secret, 0);
        let opened =
            doors.sign_in_second(guest.visitor(), &ticket, Second::Totp(now.clone())).await.expect("in");
        assert_eq!(human(&desk.vault, &opened).await.expect("good").assurance().name(), "aal2");
        let spent = doors.sign_in_second(guest.visitor(), &ticket, Second::Totp(now)).await;
        assert!(spent.is_err(), "a ticket works once");
        for (code, good) in [(&codes[0], true), (&codes[0], false), (&codes[1], true)] {
            let Step::SecondFactor(waiting) =
                person.sign_in(&doors, SessionKind::Browser).await.expect("right")
            else {
                panic!("asked for")
            };
            let factor = Second::Recovery(code.to_lowercase());
            let entered = doors.sign_in_second(guest.visitor(), waiting.ticket.expose(), factor).await;
            assert_eq!(entered.is_ok(), good);
        }
    });
}

/// The organization asks for a second factor: until it is there, enrolment is open and nothing else.
#[test]
fn a_member_who_must_enrol_reaches_only_that() {
    run(async |house| {
        let desk = house.shared().await;
        let doors = accounts(&desk.vault);
        let tenant = Tenant::make(&desk.vault, "Strict").await;
        let person = Person::sign_up(&doors).await;
        person.join(&desk.vault, tenant.id, MemberRole::Admin, false).await;
        let opened = person.enter(&doors, SessionKind::Browser).await;
        let person = Person { opened, ..person };
        let may = async || {
            let who = principal(&desk.vault, &person.opened).await;
            desk.vault.enter::<ListAgents>(who, request()).await.map(drop).map_err(|problem| problem.kind)
        };
        assert_eq!(may().await, Ok(()));
        let sql = format!(
            "begin; set local session_replication_role = replica; insert into portcullis.organization_settings \
             values ('{0}', true, '{{}}', 12, now()); insert into portcullis.cache_epoch values ('{0}', 1) \
             on conflict (tenant_id) do update set epoch = portcullis.cache_epoch.epoch + 1; commit",
            tenant.id
        );
        let mut superuser = desk.database.superuser().await;
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut superuser).await.expect("set");
        tokio::time::sleep(std::time::Duration::from_millis(600)).await;
        assert_eq!(may().await, Err(ProblemKind::MustEnrol));
        let who = principal(&desk.vault, &person.opened).await;
        let closed = desk.vault.enter::<ChangePassword>(who, request()).await.map(drop);
        assert_eq!(closed.expect_err("closed").kind, ProblemKind::MustEnrol);
        enrol(&doors, &person).await;
        assert_eq!(may().await, Ok(()), "enrolled and confirmed in one go");
    });
}

/// A session that was left open does nothing dangerous: a factor must have been confirmed a moment ago.
#[test]
fn dangerous_actions_need_a_fresh_factor() {
    run(async |house| {
        let desk = house.shared().await;
        let doors = accounts(&desk.vault);
        let person = Person::sign_up(&doors).await;
        let sql = format!(
            "begin; set local session_replication_role = replica; \
             update portcullis.session set auth_time = auth_time - interval '11 minutes' where id = '{}'; commit",
            person.opened.id
        );
        let mut superuser = desk.database.superuser().await;
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut superuser).await.expect("aged");
        let who = principal(&desk.vault, &person.opened).await;
        let stale = desk.vault.enter::<ChangePassword>(who, request()).await.map(drop);
        assert_eq!(stale.expect_err("stale").kind, ProblemKind::StepUp);
        let guest = person.guest.again();
        let pass = async || {
            let who = principal(&desk.vault, &person.opened).await;
            desk.vault.enter::<StepUp>(who, request()).await.expect("always open")
        };
        let wrong = doors
            .step_up(pass().await, guest.visitor(), Factor::Password("not this one at all".into()))
            .await;
        assert!(wrong.is_err());
        let right = Factor::Password(crate::house::people::PASSWORD.into());
        doors.step_up(pass().await, guest.visitor(), right).await.expect("confirmed");
        let who = principal(&desk.vault, &person.opened).await;
        assert!(desk.vault.enter::<ChangePassword>(who, request()).await.is_ok());
    });
}
