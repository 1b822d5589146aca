//! The pages before one is inside.

use kernel::{Gate, Problem, ProblemKind};

use super::{HOSTILE, Sample, frame, half_in, page, paths, shell};
use crate::layout::{Flash, Frame};
use crate::pages::*;
use crate::parts::{Form, Qr, Secret};

pub(super) fn all() -> Vec<Sample> {
    [sign_in(), sign_up(), invitations(), between(), problems()].into_iter().flatten().collect()
}

fn sign_in() -> Vec<Sample> {
    let empty = SignIn {
        frame: frame(),
        form: Form::blank(),
        return_to: Some("/members".to_owned()),
        passkey: paths(),
        sso: None,
        providers: Vec::new(),
        sign_up_open: true,
    };
    let refused = SignIn {
        form: Form::blank()
            .with("email", HOSTILE)
            .problem("Address and password do not fit together. Check both, or set a new password."),
        providers: vec![SignInProvider { name: "Google".to_owned(), action: "/sign-in/google".to_owned() }],
        ..empty.clone()
    };
    let sso = SignIn {
        sso: Some(SingleSignOn {
            email: "member.one@example.com".to_owned(),
            organization: "Example organization".to_owned(),
            provider: "Example directory".to_owned(),
            action: "/sign-in/sso".to_owned(),
        }),
        ..empty.clone()
    };
    let second = SecondFactor {
        frame: frame(),
        form: Form::blank()
            .refuse("code", "That code is not right, or it was used before. Wait for the next one."),
        way: SecondWay::App,
        others: vec![SecondWay::Passkey, SecondWay::Recovery],
        passkey: paths(),
        return_to: None,
    };
    let second_passkey = SecondFactor {
        form: Form::blank(),
        way: SecondWay::Passkey,
        others: vec![SecondWay::App, SecondWay::Recovery],
        ..second.clone()
    };
    let second_recovery = SecondFactor { form: Form::blank(), way: SecondWay::Recovery, ..second.clone() };
    let step_up = StepUp {
        frame: half_in(),
        form: Form::blank(),
        about_to: "make an API key".to_owned(),
        way: SecondWay::Password,
        others: vec![SecondWay::Passkey, SecondWay::App],
        passkey: paths(),
        return_to: "/keys/new?agent=1&b=2".to_owned(),
        minutes: 10,
    };
    let step_up_passkey =
        StepUp { way: SecondWay::Passkey, others: vec![SecondWay::Password], ..step_up.clone() };
    vec![
        page("sign-in", &empty),
        page("sign-in-refused", &refused),
        page("sign-in-sso", &sso),
        page("second-factor-app", &second),
        page("second-factor-passkey", &second_passkey),
        page("second-factor-recovery", &second_recovery),
        page("step-up", &step_up),
        page("step-up-passkey", &step_up_passkey),
        page("sign-out", &SignOut { frame: half_in(), email: "member.one@example.com".to_owned() }),
    ]
}

fn sign_up() -> Vec<Sample> {
    let empty = SignUp { frame: frame(), form: Form::blank(), password_characters_min: 12 };
    let refused = SignUp {
        form: Form::blank()
            .with("name", HOSTILE)
            .with("email", "member.one@example")
            .refuse("email", "This is not a whole address; something like name@example.com is.")
            .refuse("password", "This password is known from a breach. Take another."),
        ..empty.clone()
    };
    let sent = |kind| MailSent { frame: frame(), kind, minutes_valid: 30 };
    let new_password = ResetNew {
        frame: frame(),
        form: Form::blank(),
        token: Secret::new("sample"),
        email: "member.one@example.com".to_owned(),
        password_characters_min: 12,
    };
    let welcome = Welcome {
        frame: frame(),
        form: Form::blank(),
        token: Secret::new(HOSTILE),
        passkey: paths(),
        password_characters_min: 12,
    };
    vec![
        page("sign-up", &empty),
        page("sign-up-refused", &refused),
        page("sign-up-sent", &sent(MailKind::SignUp)),
        page("reset-sent", &sent(MailKind::Reset)),
        page("email-sent", &sent(MailKind::EmailChange)),
        page("verify", &Verify { frame: frame(), form: Form::blank(), token: Secret::new("sample") }),
        page("reset", &Reset { frame: frame(), form: Form::blank() }),
        page("reset-new", &new_password),
        page("welcome", &welcome),
        page("link-spent-verify", &LinkSpent { frame: frame(), kind: LinkKind::Verify }),
        page("link-spent-reset", &LinkSpent { frame: frame(), kind: LinkKind::Reset }),
        page("link-spent-invitation", &LinkSpent { frame: frame(), kind: LinkKind::Invitation }),
        page("link-spent-email-change", &LinkSpent { frame: frame(), kind: LinkKind::EmailChange }),
        page("link-spent-welcome", &LinkSpent { frame: frame(), kind: LinkKind::Welcome }),
    ]
}

fn invitations() -> Vec<Sample> {
    let invitation = |invited, organization: &str| InvitationPage {
        frame: frame(),
        form: Form::blank(),
        token: Secret::new("sample"),
        organization: organization.to_owned(),
        role: "Member".to_owned(),
        by: "Member two".to_owned(),
        email: "member.one@example.com".to_owned(),
        invited,
        passkey: paths(),
        password_characters_min: 12,
    };
    vec![
        page("invitation-new", &invitation(Invited::New, "Example organization")),
        page("invitation-account", &invitation(Invited::HasAccount, "Example organization")),
        page("invitation-signed-in", &invitation(Invited::SignedIn, "Example organization")),
        page("invitation-other", &invitation(Invited::SomebodyElse, HOSTILE)),
    ]
}

fn between() -> Vec<Sample> {
    let onboarding = Onboarding {
        frame: half_in(),
        create: Form::named("create"),
        join: Form::named("join"),
        may_create: true,
        may_turn_back: false,
    };
    let refused = Onboarding {
        join: Form::named("join").with("code", HOSTILE).refuse("code", "No invitation has this code."),
        may_create: false,
        may_turn_back: true,
        ..onboarding.clone()
    };
    let enrol = Enrol {
        frame: Frame { flash: Some(Flash::warn("The rule is new: it was set today.")), ..half_in() },
        form: Form::blank(),
        organization: "Example organization".to_owned(),
        passkey: paths(),
        may_switch: true,
    };
    let totp = EnrolTotp {
        frame: half_in(),
        form: Form::blank(),
        qr: qr(),
        secret: Secret::new("JBSWY3DPEHPK3PXPJBSWY3DP"),
    };
    let codes = EnrolCodes { frame: half_in(), codes: codes(), next: "/".to_owned() };
    let mut memberships = shell(None).memberships;
    memberships[1].name = HOSTILE.to_owned();
    let switch = Switch { frame: half_in(), memberships, return_to: Some("/audit".to_owned()) };
    vec![
        page("onboarding", &onboarding),
        page("onboarding-refused", &refused),
        page("enrol", &enrol),
        page("enrol-totp", &totp),
        page("enrol-codes", &codes),
        page("switch", &switch),
    ]
}

fn problems() -> Vec<Sample> {
    let request = "0199aa00-0000-7000-8000-0000000000ff";
    let shown = |problem: &Problem| ProblemPage::new(half_in(), problem, request);
    let at = |gate, kind, detail: &'static str| shown(&Problem::at(gate, kind, detail));
    vec![
        page("problem-not-found", &shown(&Problem::not_found())),
        page("problem-internal", &shown(&Problem::internal().retry_after(30))),
        page(
            "problem-identity",
            &at(Gate::Identity, ProblemKind::Unauthenticated, "This page is for people who are signed in."),
        ),
        page(
            "problem-token",
            &at(Gate::Token, ProblemKind::Forbidden, "Your role does not include keys:manage."),
        ),
        page("problem-tenancy", &at(Gate::Tenancy, ProblemKind::NotFound, "Nothing of that id is here.")),
        page("problem-privacy", &at(Gate::Privacy, ProblemKind::Invalid, HOSTILE)),
        page(
            "problem-audit",
            &at(Gate::Audit, ProblemKind::Unavailable, "The log cannot be written just now."),
        ),
    ]
}

/// A picture that looks like a QR code; it holds nothing.
pub(super) fn qr() -> Qr {
    const WIDTH: usize = 29;
    const CORNER: usize = 7;
    let corner = |x: usize, y: usize| {
        let ring = x.min(CORNER - 1 - x).min(y.min(CORNER - 1 - y));
        ring != 1
    };
    let modules: Vec<bool> = (0..WIDTH * WIDTH)
        .map(|at| match (at % WIDTH, at / WIDTH) {
            (x, y) if x < CORNER && y < CORNER => corner(x, y),
            (x, y) if x >= WIDTH - CORNER && y < CORNER => corner(x + CORNER - WIDTH, y),
            (x, y) if x < CORNER && y >= WIDTH - CORNER => corner(x, y + CORNER - WIDTH),
            (x, y) => (x * x * 7 + y * 13 + x * y) % 5 < 2,
        })
        .collect();
    Qr::new(WIDTH, &modules, "The key of your account, for an authenticator app")
}

pub(super) fn codes() -> Vec<Secret> {
    (0..10_u32)
        .map(|at| Secret::new(format!("{:04x}-{:04x}", at * 6_151 + 4_099, at * 3_571 + 8_209)))
        .collect()
}
