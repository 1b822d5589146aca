//! Home, members, roles.

use kernel::Gate;

use super::{
    DAY, HOSTILE, HOUR, Sample, ago, ahead, choices, flashed, hostile_shell, page, people_roles, shell,
};
use crate::layout::{Banner, Flash, Room, Shell};
use crate::pages::*;
use crate::parts::{Badge, Form, Id, Pager, Tone};

pub(super) fn all() -> Vec<Sample> {
    [home(), members(), one_member(), role_pages()].into_iter().flatten().collect()
}

fn gates(audit: Tone, state: &str) -> Vec<GateHealth> {
    let gate = |gate, tone, state: &str, detail: &str, path: Option<&str>| GateHealth {
        gate,
        tone,
        state: state.to_owned(),
        detail: detail.to_owned(),
        path: path.map(str::to_owned),
    };
    vec![
        gate(Gate::Identity, Tone::Good, "Open", "212 sign-ins today, 3 refused", Some("/audit")),
        gate(Gate::Token, Tone::Warn, "2 keys expire soon", "18 live keys, 7 sessions", Some("/keys")),
        gate(Gate::Tenancy, Tone::Good, "Open", "Checked at every start", None),
        gate(Gate::Privacy, Tone::Good, "Open", "41 findings masked today", None),
        gate(Gate::Audit, audit, state, "Checkpoint signed 2 min ago", Some("/audit")),
    ]
}

fn activity(who: &str, what: &str, minutes: u64, outcome: Option<Badge>) -> Activity {
    Activity {
        who: who.to_owned(),
        what: what.to_owned(),
        at: ago(minutes),
        outcome,
        path: "/audit/1".to_owned(),
    }
}

fn step(title: &str, why: &str, done: bool) -> FirstStep {
    FirstStep { title: title.to_owned(), why: why.to_owned(), path: "/members/invite".to_owned(), done }
}

fn home() -> Vec<Sample> {
    let task = |title: &str, why: &str, due, overdue| Task {
        title: title.to_owned(),
        why: why.to_owned(),
        due,
        overdue,
        path: "/break-glass/1".to_owned(),
    };
    let full = Home {
        shell: Shell {
            banner: Some(Banner {
                tone: Tone::Bad,
                text: "Break-glass is open: Member two has more access than usual.".to_owned(),
                until: Some(ahead(41)),
                link: Some(("Look".to_owned(), "/break-glass".to_owned())),
            }),
            ..shell(Some(Room::Home))
        },
        tasks: vec![
            task("Review a break-glass of Member two", "Opened for 30 minutes.", Some(ago(DAY)), true),
            task("Key “build server” expires", "Its agent stops then.", Some(ahead(3 * DAY)), false),
        ],
        unread: false,
        gates: gates(Tone::Good, "Open"),
        activity: Some(vec![
            activity("Member one", "signed in", 2, None),
            activity("Invoice reader", "called a model", 11, None),
            activity("Member three", "asked for the API keys", HOUR, Some(Badge::new(Tone::Bad, "Refused"))),
            activity("Member two", "invited member.four@example.com", 5 * HOUR, None),
        ]),
        first_steps: Vec::new(),
    };
    let new = Home {
        shell: shell(Some(Room::Home)),
        tasks: Vec::new(),
        activity: Some(Vec::new()),
        first_steps: vec![
            step("Create your organization", "", true),
            step("Add a passkey", "So that a lost password opens nothing.", false),
            step("Invite a second administrator", "So that you can be away.", false),
            step(
                "Create the first agent",
                "It gets credentials of its own and one switch that stops it.",
                false,
            ),
            step("Call a model through the gates", "Point any OpenAI SDK at this server.", false),
        ],
        ..full.clone()
    };
    let shut = Home {
        shell: hostile_shell(Some(Room::Home)),
        gates: gates(Tone::Bad, "Cannot write"),
        activity: Some(vec![activity(HOSTILE, HOSTILE, 5, Some(Badge::new(Tone::Warn, HOSTILE)))]),
        tasks: vec![task(HOSTILE, HOSTILE, Some(ahead(DAY)), false)],
        ..full.clone()
    };
    let unread = Home {
        unread: true,
        tasks: Vec::new(),
        activity: None,
        gates: gates(Tone::Warn, "Unknown"),
        ..full.clone()
    };
    vec![page("home", &full), page("home-new", &new), page("home-shut", &shut), page("home-unread", &unread)]
}

fn member(number: u32, role: &str, second_factor: Badge, status: Badge) -> MemberRow {
    let word = ["zero", "one", "two", "three", "four", "five"][number as usize];
    MemberRow {
        id: format!("0199aa00-0000-7000-8000-00000000000{number}"),
        name: format!("Member {word}"),
        email: format!("member.{word}@example.com"),
        role: role.to_owned(),
        owner: number == 1,
        you: number == 1,
        second_factor,
        status,
        last_seen: (number != 5).then(|| ago(u64::from(number) * 7 * HOUR)),
    }
}

fn good(text: &str) -> Badge {
    Badge::new(Tone::Good, text)
}

fn members() -> Vec<Sample> {
    let invitation = |email: &str, expired| InvitationRow {
        id: "1".to_owned(),
        email: email.to_owned(),
        role: "Member".to_owned(),
        by: "Member one".to_owned(),
        sent: ago(2 * DAY),
        expires: ahead(5 * DAY),
        expired,
    };
    let full = Members {
        shell: flashed(
            Some(Room::Members),
            Flash::done("The invitation is on its way to member.six@example.com."),
        ),
        form: Form::blank(),
        statuses: choices(&[("", "Any"), ("active", "Active"), ("suspended", "Suspended")]),
        roles: choices(&[("", "Any"), ("viewer", "Viewer"), ("member", "Member"), ("admin", "Admin")]),
        members: vec![
            member(1, "Admin", good("Passkey"), good("Active")),
            member(2, "Admin", good("App"), good("Active")),
            member(3, "Member", Badge::new(Tone::Warn, "None"), Badge::new(Tone::Warn, "Must enrol")),
            member(4, "Viewer", good("Passkey"), Badge::new(Tone::Bad, "Suspended")),
            member(5, "Provider Admin", Badge::new(Tone::Plain, "None"), good("Active")),
        ],
        pager: Pager { shown: 5, first: None, next: Some("/members?after=5".to_owned()) },
        invitations: vec![
            invitation("member.six@example.com", false),
            invitation("member.seven@example.com", true),
        ],
        may_invite: true,
    };
    let none = Members {
        shell: shell(Some(Room::Members)),
        form: Form::blank().with("q", HOSTILE).with("status", "suspended"),
        members: Vec::new(),
        pager: Pager::default(),
        invitations: Vec::new(),
        may_invite: false,
        ..full.clone()
    };
    let hostile = Members {
        shell: hostile_shell(Some(Room::Members)),
        members: vec![MemberRow {
            name: HOSTILE.to_owned(),
            email: HOSTILE.to_owned(),
            ..member(2, HOSTILE, Badge::new(Tone::Warn, HOSTILE), good("Active"))
        }],
        invitations: vec![invitation(HOSTILE, false)],
        ..full.clone()
    };
    let invite = Invite {
        shell: shell(Some(Room::Members)),
        form: Form::blank().with("role", "member"),
        roles: people_roles(),
        days_valid: 7,
    };
    let refused = Invite {
        form: Form::blank()
            .with("email", "member.one@example.com")
            .refuse("email", "They belong to the organization already.")
            .refuse("role", "Choose a role."),
        ..invite.clone()
    };
    vec![
        page("members", &full),
        page("members-none", &none),
        page("members-hostile", &hostile),
        page("invite", &invite),
        page("invite-refused", &refused),
    ]
}

pub(super) fn session(this: bool, phone: bool) -> SessionRow {
    SessionRow {
        id: "1".to_owned(),
        device: if phone { "Safari on a phone" } else { "Firefox on Linux" }.to_owned(),
        phone,
        address: if phone { "2001:db8::17" } else { "192.0.2.17" }.to_owned(),
        how: if phone { "passkey" } else { "password and app" }.to_owned(),
        started: ago(3 * DAY),
        last_seen: ago(if this { 0 } else { 95 }),
        this,
    }
}

pub(super) fn given(base: &str) -> Given {
    Given {
        base: base.to_owned(),
        title: "Beside the role",
        lead: "Templates of your organization, and access to the MCP endpoint, which comes with no role.",
        held: vec![("auditor".to_owned(), "Auditor".to_owned())],
        more: choices(&[("mcp_access", "Access to the MCP endpoint")]),
        form: Form::named("give"),
        may_change: true,
    }
}

fn one_member() -> Vec<Sample> {
    let other = MemberPage {
        shell: shell(Some(Room::Members)),
        member: member(2, "Admin", good("App"), good("Active")),
        joined: ago(90 * DAY),
        form: Form::blank().with("role", "admin"),
        roles: people_roles(),
        given: given("/members/2"),
        sessions: Some(vec![session(false, false), session(false, true)]),
        suspended: false,
        may_manage: true,
        may_transfer: true,
    };
    let suspended = MemberPage {
        member: member(4, "Viewer", good("Passkey"), Badge::new(Tone::Bad, "Suspended")),
        sessions: Some(Vec::new()),
        suspended: true,
        ..other.clone()
    };
    let own = MemberPage {
        member: MemberRow { you: true, ..member(1, "Admin", good("Passkey"), good("Active")) },
        sessions: None,
        may_manage: false,
        may_transfer: false,
        ..other.clone()
    };
    let hostile = MemberPage {
        shell: hostile_shell(Some(Room::Members)),
        member: MemberRow { name: HOSTILE.to_owned(), email: HOSTILE.to_owned(), ..other.member.clone() },
        ..other.clone()
    };
    vec![
        page("member", &other),
        page("member-suspended", &suspended),
        page("member-own", &own),
        page("member-hostile", &hostile),
    ]
}

fn roles() -> Roles {
    let column = |name: &str, explanation: &str, yours| RoleColumn {
        name: name.to_owned(),
        explanation: explanation.to_owned(),
        yours,
    };
    let row = |name: &str, explanation: &str, least: usize, key: usize| PermissionRow {
        name: name.to_owned(),
        explanation: explanation.to_owned(),
        people: (0..4).map(|role| role >= least && role < 3).collect(),
        keys: (0..4).map(|role| role >= key).collect(),
    };
    let area = |name: &str, rows: Vec<PermissionRow>| PermissionArea { name: name.to_owned(), rows };
    Roles {
        shell: shell(Some(Room::Roles)),
        people: vec![
            column("Viewer", "Sees what is there and changes nothing.", false),
            column("Member", "Works with projects, agents' results and models.", false),
            column("Admin", "Manages members, agents, keys, providers and policies.", true),
            column("Provider Admin", "Manages the providers of all organizations, and nothing else.", false),
        ],
        keys: vec![
            column("Reader", "Sees, changes nothing, calls nothing.", false),
            column("Editor", "Calls models and works with projects.", false),
            column("Admin", "Manages agents, keys, providers and policies.", false),
            column("Owner", "Everything the organization itself can do.", false),
        ],
        areas: vec![
            area(
                "Organization",
                vec![
                    row("organization:read", "See the organization's own record", 0, 0),
                    row("organization:manage", "Change its name and rules", 2, 3),
                ],
            ),
            area(
                "Agents and keys",
                vec![
                    row("agents:read", "List agents", 0, 0),
                    row("agents:manage", "Create, suspend and resume agents", 2, 2),
                    row("keys:read", "List API keys, never their secrets", 2, 2),
                    row("keys:manage", "Create, rotate and revoke API keys", 2, 2),
                ],
            ),
            area("Models", vec![row("models:invoke", "Call a model", 1, 1)]),
        ],
        templates: vec![role_template("auditor", None), role_template("release", None)],
        missing: 0,
        extra: 0,
        may_manage: true,
        may_see_members: true,
        may_see_packs: true,
    }
}

fn role_template(name: &str, drift: Option<&'static str>) -> TemplateRow {
    TemplateRow {
        name: name.to_owned(),
        title: name.to_owned(),
        says: "Sees the log and takes it away.".to_owned(),
        holders: "people",
        built_in: false,
        permissions: vec!["audit:read".to_owned(), "audit:export".to_owned()],
        from_pack: None,
        held_by: 3,
        drift,
        sha256: Id::new("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
    }
}

fn hostile_template() -> TemplateRow {
    TemplateRow {
        title: HOSTILE.to_owned(),
        says: HOSTILE.to_owned(),
        from_pack: Some(HOSTILE.to_owned()),
        ..role_template("odd", None)
    }
}

fn role_pages() -> Vec<Sample> {
    let full = roles();
    let drifted = Roles {
        templates: vec![role_template("auditor", Some("is no longer what it was written as"))],
        missing: 2,
        extra: 1,
        ..full.clone()
    };
    let none = Roles {
        templates: Vec::new(),
        may_manage: false,
        may_see_members: false,
        may_see_packs: false,
        ..full.clone()
    };
    let hostile = hostile_template();
    let permissions = choices(&[("audit:read", "audit:read"), ("audit:export", "audit:export")]);
    let new = RoleTemplate {
        shell: shell(Some(Room::Roles)),
        there: None,
        form: Form::blank()
            .with("holders", "person")
            .refuse("permissions", "A template carries at least one permission."),
        holders: choices(&[("person", "People"), ("key", "API keys")]),
        permissions,
        may_manage: true,
        must_confirm: true,
    };
    let there = RoleTemplate {
        there: Some(role_template("auditor", None)),
        form: Form::blank().with("title", "Auditor").with("permissions", "audit:read"),
        must_confirm: false,
        ..new.clone()
    };
    let odd = RoleTemplate {
        shell: hostile_shell(Some(Room::Roles)),
        there: Some(hostile.clone()),
        may_manage: false,
        ..there.clone()
    };
    let column = |id: &str, name: &str, given: &[&str]| MemberColumn {
        id: id.to_owned(),
        name: name.to_owned(),
        role: "Member".to_owned(),
        given: given.iter().map(|one| (*one).to_owned()).collect(),
    };
    let held = |name: &str, held: Vec<bool>| HeldRow {
        name: name.to_owned(),
        explanation: "View the audit log.".to_owned(),
        held,
    };
    let members = MemberPermissions {
        shell: shell(Some(Room::Members)),
        members: vec![column("1", "Member one", &["auditor"]), column("2", HOSTILE, &[])],
        areas: vec![("Oversight".to_owned(), vec![held("audit:read", vec![true, false])])],
        pager: Pager { shown: 2, first: None, next: Some("/members/permissions?after=2".to_owned()) },
    };
    let hostile = Roles { templates: vec![hostile], ..full.clone() };
    vec![
        page("roles", &full),
        page("roles-drifted", &drifted),
        page("roles-none", &none),
        page("roles-hostile", &hostile),
        page("role-template-new", &new),
        page("role-template", &there),
        page("role-template-looking", &odd),
        page("member-permissions", &members),
    ]
}
