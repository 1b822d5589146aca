//! Coming in: the first administrator, invitations, founding an organization, and moving between them.

use app::accounts::SessionKind;
use app::accounts::first::First;
use app::accounts::join::{AcceptInvitation, Entered, FoundOrganization, Newcomer};
use app::accounts::own::{self, SwitchOrganization};
use app::input::Name;
use kernel::{Problem, ProblemKind, TenantId};

use super::answer::{Answer, Said};
use super::cookies::Cookie;
use super::posted::Posted;
use super::sign_in::{enter, refused_by};
use super::sign_up::{password_min, spent, who};
use super::visit::{Visit, escaped, role_title, safe_path};
use crate::layout::Membership;
use crate::pages::{self, Invited, LinkKind};
use crate::parts::{Form, Secret};

fn welcome_form(visit: &Visit, form: Form, token: &str) -> pages::Welcome {
    pages::Welcome {
        frame: visit.frame(),
        form,
        token: Secret::new(token),
        password_characters_min: password_min(),
    }
}

/// `GET /welcome?t=`.
pub(super) async fn welcome_page(visit: Visit) -> Answer {
    let token = visit.query("t").unwrap_or_default();
    if let Err(problem) = visit.state.accounts.welcome_link_works(&token).await {
        return spent(&visit, &problem, LinkKind::Welcome);
    }
    visit.settle(Answer::page(&welcome_form(&visit, Form::blank(), &token)))
}

/// `POST /welcome`.
pub(super) async fn welcome(posted: Posted) -> Answer {
    let (visit, token) = (&posted.visit, posted.get("t"));
    let made = match who(&posted) {
        Err(problem) => Err(problem),
        Ok((address, name)) => {
            let new = First { address, name, password: Some(posted.get("password").to_owned()) };
            visit.state.accounts.welcome(visit.visitor(), token, new, SessionKind::Browser).await
        }
    };
    match made {
        // A passkey is offered now rather than in the middle of something.
        Ok(opened) => enter(visit, &opened, Some("/security/passkeys/new")),
        Err(problem) if problem.kind == ProblemKind::NotFound => spent(visit, &problem, LinkKind::Welcome),
        Err(problem) => {
            let form = refused_by(posted.form(&["name", "email"]), &problem);
            visit.settle(Answer::form(&problem, &welcome_form(visit, form, token)))
        }
    }
}

async fn invitation_form(visit: &Visit, form: Form, code: &str) -> Result<pages::InvitationPage, Answer> {
    let accounts = &visit.state.accounts;
    let offer = accounts.offer(code).await.map_err(|problem| spent(visit, &problem, LinkKind::Invitation))?;
    let human = visit.human().await.map_err(|problem| visit.refused(&problem))?;
    let known = accounts.is_known(&offer).await.map_err(|problem| visit.refused(&problem))?;
    let own = |address: &str| mail::Address::parse(address).is_ok_and(|own| own.key() == offer.address_key);
    let invited = match &human {
        Some(human) if own(human.address()) => Invited::SignedIn,
        Some(_) => Invited::SomebodyElse,
        None if known => Invited::HasAccount,
        None => Invited::New,
    };
    Ok(pages::InvitationPage {
        frame: visit.frame(),
        form,
        token: Secret::new(code),
        organization: offer.organization,
        role: role_title(&offer.role),
        by: offer.invited_by.unwrap_or_else(|| "An administrator".to_owned()),
        email: offer.address,
        invited,
        password_characters_min: password_min(),
    })
}

/// `GET /invitation?t=`.
pub(super) async fn invitation_page(visit: Visit) -> Result<Answer, Answer> {
    let code = visit.query("t").unwrap_or_default();
    let page = invitation_form(&visit, Form::blank(), &code).await?;
    Ok(visit.settle(Answer::page(&page)))
}

/// `POST /invitation`: accepts, as whoever is signed in, or as somebody new.
pub(super) async fn invitation(posted: Posted) -> Result<Answer, Answer> {
    let (visit, code) = (&posted.visit, posted.get("t").to_owned());
    let accounts = &visit.state.accounts;
    if let Some(human) = visit.human().await.map_err(|problem| visit.refused(&problem))? {
        let pass = visit.enter::<AcceptInvitation>(human).await?;
        let entered = accounts.accept(pass, &code).await.map_err(|problem| visit.refused(&problem))?;
        return Ok(arrived(visit, &entered, Said::Joined));
    }
    let offer =
        accounts.offer(&code).await.map_err(|problem| spent(visit, &problem, LinkKind::Invitation))?;
    if accounts.is_known(&offer).await.map_err(|problem| visit.refused(&problem))? {
        let back = format!("/invitation?t={}", escaped(&code));
        return Ok(Answer::redirect(&format!("/sign-in?return={}", escaped(&back))));
    }
    let made = match Name::parse(posted.get("name").to_owned(), "/name") {
        Err(problem) => Err(problem),
        Ok(name) => {
            let new = Newcomer { name, password: posted.get("password").to_owned() };
            accounts.accept_new(visit.visitor(), &code, new).await
        }
    };
    match made {
        Ok(opened) => Ok(enter(visit, &opened, Some("/")).saying(&visit.site().clone(), Said::Joined)),
        Err(problem) => {
            let form = refused_by(posted.form(&["name"]), &problem);
            let page = invitation_form(visit, form, &code).await?;
            Ok(visit.settle(Answer::form(&problem, &page)))
        }
    }
}

/// The session is in another organization now, under a new secret.
fn arrived(visit: &Visit, entered: &Entered, said: Said) -> Answer {
    let site = visit.site().clone();
    let mut answer = Answer::redirect("/").saying(&site, said);
    Cookie::Session.keep(answer.headers_mut(), &site, entered.secret.expose());
    answer
}

async fn onboarding(visit: &Visit, create: Form, join: Form) -> Result<pages::Onboarding, Answer> {
    let human = visit.signed_in().await?;
    let may_turn_back = human.organization_name().is_some();
    Ok(pages::Onboarding { frame: visit.frame_of(&human), create, join, may_create: true, may_turn_back })
}

/// `GET /onboarding`.
pub(super) async fn onboarding_page(visit: Visit) -> Result<Answer, Answer> {
    let page = onboarding(&visit, Form::named("create"), Form::named("join")).await?;
    Ok(visit.settle(Answer::page(&page)))
}

/// `POST /onboarding/create`.
pub(super) async fn create(posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let founded = match Name::parse(posted.get("name").to_owned(), "/name") {
        Err(problem) => Err(problem),
        Ok(name) => {
            let human = visit.signed_in().await?;
            let pass = visit.enter::<FoundOrganization>(human).await?;
            app::accounts::join::found(pass, name).await
        }
    };
    match founded {
        Ok(entered) => Ok(arrived(visit, &entered, Said::Founded)),
        Err(problem) => {
            let form = Form::named("create").with("name", posted.get("name")).refused_by(&problem);
            let page = onboarding(visit, form, Form::named("join")).await?;
            Ok(visit.settle(Answer::form(&problem, &page)))
        }
    }
}

/// `POST /onboarding/join`: a code, or the whole link, as it stands in the mail.
pub(super) async fn join(posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let typed = posted.get("code").trim();
    let code = typed.rsplit_once("?t=").map_or(typed, |(_, code)| code);
    let pass = visit.enter::<AcceptInvitation>(human).await?;
    match visit.state.accounts.accept(pass, code).await {
        Ok(entered) => Ok(arrived(visit, &entered, Said::Joined)),
        Err(problem) => {
            let form = Form::named("join").refuse("code", problem.detail.clone());
            let page = onboarding(visit, Form::named("create"), form).await?;
            Ok(visit.settle(Answer::form(&problem, &page)))
        }
    }
}

/// `GET /switch`.
pub(super) async fn switch_page(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let (own, tenant) = (visit.account(&human).await?, gates::Caller::principal(&human).tenant());
    let memberships = own.homes.iter().map(|home| Membership {
        id: home.tenant.to_string(),
        name: home.name.clone(),
        role: role_title(&home.role),
        current: home.tenant == tenant,
    });
    let page = pages::Switch {
        frame: visit.frame_of(&human),
        memberships: memberships.collect(),
        return_to: visit.query("return").and_then(|path| safe_path(&path)),
    };
    Ok(visit.settle(Answer::page(&page)))
}

/// `POST /switch`.
pub(super) async fn switch(posted: Posted) -> Result<Answer, Answer> {
    let visit = &posted.visit;
    let human = visit.signed_in().await?;
    let tenant: TenantId =
        posted.get("organization").parse().map_err(|_| visit.refused(&Problem::not_found()))?;
    let pass = visit.enter::<SwitchOrganization>(human).await?;
    let (secret, _) = own::switch(pass, tenant).await.map_err(|problem| visit.refused(&problem))?;
    let mut answer = Answer::redirect(posted.return_to().as_deref().unwrap_or("/"));
    let site = visit.site().clone();
    Cookie::Session.keep(answer.headers_mut(), &site, secret.expose());
    Ok(answer)
}
