//! Members and invitations.

use app::accounts::SessionKind;
use kernel::MemberRole;

use super::{Browser, error_of, leads_to};
use crate::house::members::{Somebody, past};
use crate::house::people::{PASSWORD, Person, accounts, address, letter};
use crate::house::{Build, Tenant, run};

const NOBODY: &str = "019a0000-0000-7000-8000-000000000000";

#[test]
fn an_admin_looks_after_the_members() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let tenant = Tenant::make(&desk.vault, "Members of the console").await;
        let admin = Somebody::member(&desk.vault, tenant.id, MemberRole::Admin).await;
        let other = Somebody::member(&desk.vault, tenant.id, MemberRole::Viewer).await;
        let (mut browser, there) = (Browser::of(&wire, &admin), format!("/members/{}", other.account));
        let list = browser.page("/members").await;
        assert!(list.contains(&other.address) && list.contains("(you)") && leads_to(&list, "/members"));
        assert!(list.contains("Nobody is invited at the moment"));
        let found = browser.page(&format!("/members?q={}&role=viewer", other.address)).await;
        assert!(found.contains(&other.address) && !found.contains("(you)"), "the filter narrows");
        assert!(browser.page("/members?q=no-such-person").await.contains("Nobody matches"));
        let one = browser.page(&there).await;
        assert!(one.contains("Firefox on Linux") && one.contains("Change role"));
        let changed = browser.done(&there, &[("role", "member")], "The role is changed").await;
        assert!(changed.contains("value=\"member\" id=\"field-role-2\" checked"), "{changed}");
        assert!(letter(&desk.vault, &other.address, "membership_changed").await.is_some());
        let bad = browser.back(&there, &[("role", "emperor")], 422).await;
        assert_eq!(error_of(&bad, "field-role"), Some("Choose a role."));
        let above = browser.back(&there, &[("role", "provider_admin")], 422).await;
        assert_eq!(error_of(&above, "field-role"), Some("Only the operator of this server gives this role."));
        for (verb, question) in [("sessions/revoke-all", "out everywhere?"), ("suspend", "Suspend Somebody?")]
        {
            let asked = browser.page(&format!("{there}/{verb}")).await;
            assert!(asked.contains(question), "{asked}");
        }
        browser.done(&format!("{there}/sessions/revoke-all"), &[], "The member is signed out").await;
        assert!(other.known(&desk.vault).await.is_err(), "their session has ended");
        let shut = browser.done(&format!("{there}/suspend"), &[], "The member is suspended").await;
        assert!(shut.contains("Let them in again"));
        browser.done(&format!("{there}/resume"), &[], "The member may come in again").await;
        assert!(browser.page(&format!("{there}/remove")).await.contains("Remove Somebody?"));
        browser.done(&format!("{there}/remove"), &[], "The member is removed").await;
        browser.refused(&there, 404).await;
        browser.refused("/members/no-id", 404).await;
        let own = format!("/members/{}/suspend", admin.account);
        assert!(browser.back(&own, &[], 409).await.contains("Nobody suspends themselves."));
    });
}

#[test]
fn one_session_of_a_member_ends_and_the_others_stay() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let tenant = Tenant::make(&desk.vault, "Sessions of members").await;
        let admin = Somebody::member(&desk.vault, tenant.id, MemberRole::Admin).await;
        let other = Somebody::member(&desk.vault, tenant.id, MemberRole::Member).await;
        let mut browser = Browser::of(&wire, &admin);
        let session = format!("/members/{}/sessions/{}/revoke", other.account, other.session);
        assert!(browser.page(&session).await.contains("End this session of Somebody?"));
        browser.done(&session, &[], "The member is signed out").await;
        assert!(other.known(&desk.vault).await.is_err());
        browser.back(&session, &[], 404).await;
        let none = format!("/members/{}/sessions/{NOBODY}/revoke", other.account);
        browser.back(&none, &[], 404).await;
    });
}

#[test]
fn whoever_may_not_manage_members_sees_them_and_no_more() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let tenant = Tenant::make(&desk.vault, "Members who look").await;
        let owner = Somebody::owner(&desk.vault, tenant.id).await;
        let viewer = Somebody::member(&desk.vault, tenant.id, MemberRole::Viewer).await;
        let mut browser = Browser::of(&wire, &viewer);
        let list = browser.page("/members").await;
        assert!(
            list.contains(&owner.address)
                && !list.contains("/members/invite")
                && !list.contains("invitations")
        );
        assert!(leads_to(&list, "/members") && leads_to(&list, "/settings"));
        for room in ["/break-glass", "/instance/outbox", "/audit", "/keys"] {
            assert!(!leads_to(&list, room), "{room}");
        }
        let there = format!("/members/{}", owner.account);
        let one = browser.page(&there).await;
        assert!(
            !one.contains("Change role") && !one.contains("Signed in at") && !one.contains("Serious changes")
        );
        for verb in ["suspend", "remove", "transfer", "sessions/revoke-all"] {
            browser.refused(&format!("{there}/{verb}"), 403).await;
            browser.back(&format!("{there}/{verb}"), &[], 403).await;
        }
        browser.refused("/members/invite", 403).await;
        browser.back("/members/invite", &[("email", &address()), ("role", "viewer")], 403).await;
        browser.back(&there, &[("role", "viewer")], 403).await;
        browser.back(&format!("/invitations/{NOBODY}/resend"), &[], 403).await;
        browser.refused(&format!("/invitations/{NOBODY}/withdraw"), 403).await;
        browser.back(&format!("/invitations/{NOBODY}/withdraw"), &[], 403).await;
        // What is one's own is open: leaving.
        let own = browser.page(&format!("/members/{}", viewer.account)).await;
        assert!(own.contains("/members/leave"));
        assert!(browser.page("/members/leave").await.contains("Leave Members who look?"));
        assert_eq!(browser.accepted("/members/leave", &[]).await, "/sign-in");
        assert!(viewer.known(&desk.vault).await.is_err());
        // Nor does somebody without an organization come in.
        let newcomer = Somebody::newcomer(&desk.vault).await;
        Browser::of(&wire, &newcomer).refused("/members", 403).await;
        // And whoever is nobody is asked to sign in first.
        let answer = Browser::nobodys(&wire).get("/members?q=a").await;
        assert_eq!(answer.header("location"), "/sign-in?return=%2Fmembers%3Fq%3Da");
    });
}

#[test]
fn an_owner_hands_the_organization_over_and_nobody_else_does() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let tenant = Tenant::make(&desk.vault, "Handed over").await;
        let owner = Somebody::owner(&desk.vault, tenant.id).await;
        let heir = Somebody::member(&desk.vault, tenant.id, MemberRole::Admin).await;
        let (from, to) = (format!("/members/{}", owner.account), format!("/members/{}", heir.account));
        let mut others = Browser::of(&wire, &heir);
        let page = others.page(&from).await;
        assert!(!page.contains("Hand over") && !page.contains("Change role"), "an owner is above an admin");
        assert!(others.back(&format!("{to}/transfer"), &[], 403).await.contains("Only an owner"));
        for verb in ["transfer", "suspend", "remove"] {
            others.refused(&format!("{from}/{verb}"), 403).await;
        }
        let mut browser = Browser::of(&wire, &owner);
        assert!(browser.page(&to).await.contains("Hand over…"));
        // A confirmation that is too old is asked for before the question, and leads back to it.
        owner.age(&desk.database).await;
        let asked = format!("{to}/transfer");
        let answer = browser.get(&asked).await;
        let step_up = format!("/step-up?return={}", asked.replace('/', "%2F"));
        assert_eq!(answer.header("location"), step_up);
        assert_eq!(browser.accepted(&asked, &[]).await, step_up);
        // A role that was chosen is there again afterwards.
        let kept = browser.accepted(&to, &[("role", "viewer")]).await;
        let back = format!("{to}?role=viewer");
        let escaped = back.replace('/', "%2F").replace('?', "%3F").replace('=', "%3D");
        assert_eq!(kept, format!("/step-up?return={escaped}"));
        let page = browser.page(&back).await;
        assert!(
            page.contains("The role is not changed yet.")
                && page.contains("value=\"viewer\" id=\"field-role-1\" checked")
        );
    });
}

#[test]
fn an_owner_who_has_confirmed_hands_over_at_once() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let tenant = Tenant::make(&desk.vault, "Handed over at once").await;
        let owner = Somebody::owner(&desk.vault, tenant.id).await;
        let heir = Somebody::member(&desk.vault, tenant.id, MemberRole::Admin).await;
        let to = format!("/members/{}", heir.account);
        let mut browser = Browser::of(&wire, &owner);
        assert!(browser.page(&format!("{to}/transfer")).await.contains("Hand it over"));
        let page = browser.done(&format!("{to}/transfer"), &[], "The organization is handed over").await;
        assert!(page.contains(">Owner<"));
        let mine = browser.page(&format!("/members/{}", owner.account)).await;
        assert!(mine.contains("/members/leave"), "who owns it no more may leave it");
    });
}

#[test]
fn somebody_is_invited_again_and_no_more() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let tenant = Tenant::make(&desk.vault, "Inviting").await;
        let admin = Somebody::member(&desk.vault, tenant.id, MemberRole::Admin).await;
        let mut browser = Browser::of(&wire, &admin);
        let form = browser.page("/members/invite").await;
        assert!(form.contains("value=\"admin\"") && !form.contains("value=\"provider_admin\""));
        let guest = address();
        let bad = browser.back("/members/invite", &[("email", "no address"), ("role", "viewer")], 422).await;
        assert!(error_of(&bad, "field-email").is_some(), "{bad}");
        assert!(
            bad.contains("value=\"no address\"")
                && bad.contains("value=\"viewer\" id=\"field-role-1\" checked")
        );
        let bad = browser.back("/members/invite", &[("email", &guest), ("role", "")], 422).await;
        assert_eq!(error_of(&bad, "field-role"), Some("Choose a role."));
        assert!(bad.contains(&guest), "what was typed is kept");
        let member =
            browser.back("/members/invite", &[("email", &admin.address), ("role", "viewer")], 409).await;
        assert_eq!(error_of(&member, "field-email"), Some("This person is a member already."));
        let list = browser
            .done("/members/invite", &[("email", &guest), ("role", "viewer")], "The invitation is on its way")
            .await;
        assert!(list.contains(&guest) && list.contains("Viewer, invited by Somebody"), "{list}");
        assert!(letter(&desk.vault, &guest, "invitation").await.is_some());
        let soon = browser.back("/members/invite", &[("email", &guest), ("role", "viewer")], 429).await;
        assert!(error_of(&soon, "field-email").is_some_and(|error| error.contains("a moment ago")));
        let (_, rest) = list.split_once("action=\"/invitations/").expect("a form to send it again");
        let id = rest.split('/').next().expect("an id");
        browser
            .done(&format!("/invitations/{id}/resend"), &[], "That address was invited a moment ago")
            .await;
        let asked = browser.page(&format!("/invitations/{id}/withdraw")).await;
        assert!(asked.contains("Withdraw this invitation?") && asked.contains(&guest));
        let list =
            browser.done(&format!("/invitations/{id}/withdraw"), &[], "The invitation is withdrawn").await;
        assert!(!list.contains(&guest));
        browser.refused(&format!("/invitations/{id}/withdraw"), 404).await;
        browser.back(&format!("/invitations/{id}/resend"), &[], 404).await;
    });
}

#[test]
fn forms_of_people_are_refused_without_their_token() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let tenant = Tenant::make(&desk.vault, "Forged").await;
        let owner = Somebody::owner(&desk.vault, tenant.id).await;
        let other = Somebody::member(&desk.vault, tenant.id, MemberRole::Admin).await;
        let there = format!("/members/{}", other.account);
        let verbs = ["", "/suspend", "/resume", "/remove", "/transfer", "/sessions/revoke-all"];
        let mut paths: Vec<String> = verbs.iter().map(|verb| format!("{there}{verb}")).collect();
        paths.push(format!("{there}/sessions/{}/revoke", other.session));
        for path in ["/members/invite", "/members/leave", "/settings", "/settings/second-factor"] {
            paths.push(path.to_owned());
        }
        for path in ["/settings/sessions", "/break-glass"] {
            paths.push(path.to_owned());
        }
        for verb in ["resend", "withdraw"] {
            paths.push(format!("/invitations/{NOBODY}/{verb}"));
        }
        for verb in ["", "/end"] {
            paths.push(format!("/break-glass/{NOBODY}{verb}"));
        }
        Browser::of(&wire, &owner).forged(&paths).await;
        assert!(other.known(&desk.vault).await.is_ok(), "nothing was done");
        assert!(owner.known(&desk.vault).await.is_ok());
    });
}

/// Asking somebody in can make an administrator, and removing cannot be taken back: a session that was left open does
/// neither. What was wanted is there again after the confirmation.
#[test]
fn inviting_and_removing_lead_through_the_confirmation_and_back() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let tenant = Tenant::make(&desk.vault, "Confirmed").await;
        let admin = Person::sign_up(&accounts(&desk.vault)).await;
        admin.join(&desk.vault, tenant.id, MemberRole::Admin, false).await;
        let opened = admin.enter(&accounts(&desk.vault), SessionKind::Browser).await;
        let member = Somebody::member(&desk.vault, tenant.id, MemberRole::Viewer).await;
        let mut browser = Browser::nobodys(&wire);
        let secret = opened.secret.as_ref().expect("a browser's session");
        browser.cookies.insert("portcullis_session".to_owned(), secret.expose().to_owned());
        let guest = address();
        browser.accepted("/members/invite", &[("email", &guest), ("role", "viewer")]).await;
        let list = browser.page("/members").await;
        let (_, id) = list.split_once("/invitations/").expect("an invitation");
        let resend = format!("/invitations/{}/resend", id.split('/').next().expect("an id"));
        let sql = format!("auth_time = auth_time - interval '1 hour' where id = '{}'", opened.id);
        past(&desk.database, &format!("update session set {sql}")).await;
        let step_up = |back: &str| format!("/step-up?return={}", back.replace('/', "%2F"));
        let remove = format!("/members/{}/remove", member.account);
        for page in ["/members/invite", &remove] {
            assert_eq!(browser.get(page).await.header("location"), step_up(page));
        }
        let again = [("email", "other@example.com"), ("role", "admin")];
        assert_eq!(browser.accepted("/members/invite", &again).await, step_up("/members/invite"));
        assert!(letter(&desk.vault, "other@example.com", "invitation").await.is_none(), "nothing was done");
        assert_eq!(browser.accepted(&remove, &[]).await, step_up(&remove));
        assert!(member.known(&desk.vault).await.is_ok());
        // The button to send again stands on the list, and that is where one comes back to.
        assert_eq!(browser.accepted(&resend, &[]).await, step_up("/members"));
        let asked = browser.page(&step_up(&remove)).await;
        assert!(asked.contains("change who may do what"), "{asked}");
        let confirm = [("way", "password"), ("password", PASSWORD), ("return", remove.as_str())];
        assert_eq!(browser.accepted("/step-up", &confirm).await, remove);
        assert!(browser.page(&remove).await.contains("Remove Somebody?"));
        browser.done(&remove, &[], "The member is removed").await;
        assert!(browser.page("/members/invite").await.contains("name=\"email\""));
    });
}
