//! A visit: what a browser sent along, and who it belongs to.

use std::sync::Arc;

use app::accounts::own::{Own, ReadAccount};
use app::accounts::{Site, Visitor};
use authn::secrets::{OpaqueToken, TokenKind};
use axum::extract::FromRequestParts;
use gates::{Action, Caller as _, Docket, Human, Pass, Principal};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Uri, header};
use kernel::{Face, Permission, Problem, ProblemKind, RequestContext};
use zeroize::Zeroizing;

use super::State;
use super::answer::{Answer, said};
use super::cookies::Cookie;
use super::record;
use crate::layout::{Banner, Frame, Membership, Nav, Person, Room, Shell, Theme};
use crate::parts::{Secret, Tone, When};

/// What a browser sent, before anybody has asked who it is.
pub(super) struct Visit {
    pub(super) state: State,
    pub(super) context: RequestContext,
    pub(super) uri: Uri,
    pub(super) theme: Theme,
    pub(super) headers: HeaderMap,
    device: String,
    known_device: Option<Zeroizing<String>>,
    session: Option<Zeroizing<String>>,
    docket: Docket,
    mark: Zeroizing<String>,
    /// The mark is new and must be set.
    new_mark: bool,
}

impl FromRequestParts<State> for Visit {
    type Rejection = Answer;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Answer> {
        let site = state.accounts.site();
        if let Some(there) = by_name(parts, site) {
            return Err(Answer::redirect(&there));
        }
        let vault = state.vault();
        let context = parts.extensions.get::<RequestContext>().cloned();
        let context =
            context.unwrap_or_else(|| RequestContext::internal(Face::Console, vault.clock(), vault.rng()));
        let context = RequestContext { face: Face::Console, ..context };
        let uri = parts.uri.clone();
        let kept = Cookie::Visit.read(&parts.headers, site);
        let kept = kept.filter(|text| OpaqueToken::parse(TokenKind::Ceremony, text).is_ok());
        let new_mark = kept.is_none();
        let mark = kept.unwrap_or_else(|| {
            Zeroizing::new(OpaqueToken::generate(TokenKind::Ceremony, vault.rng()).expose().to_owned())
        });
        let agent = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        Ok(Self {
            context,
            uri,
            theme: theme(&parts.headers),
            device: app::accounts::device_name(agent),
            known_device: Cookie::Device.read(&parts.headers, site),
            session: Cookie::Session.read(&parts.headers, site),
            headers: parts.headers.clone(),
            docket: parts.extensions.get::<Docket>().cloned().unwrap_or_default(),
            state: state.clone(),
            mark,
            new_mark,
        })
    }
}

/// Where a browser that came by a bare loopback number should come instead: passkeys and cookies know places by name.
fn by_name(parts: &Parts, site: &Site) -> Option<String> {
    let host = parts.headers.get(header::HOST)?.to_str().ok()?;
    let numeric = host.starts_with("127.") || host.starts_with("[::1]");
    let name = site.origin().strip_prefix("http://localhost")?;
    (numeric && parts.method == http::Method::GET).then(|| {
        format!("http://localhost{name}{}", parts.uri.path_and_query().map_or("/", |path| path.as_str()))
    })
}

fn theme(headers: &HeaderMap) -> Theme {
    let line = headers.get(header::COOKIE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut pairs = line.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == Theme::COOKIE).map_or(Theme::Auto, |(_, value)| Theme::named(value))
}

impl Visit {
    /// The visitor, as the house wants it.
    pub(super) fn visitor(&self) -> Visitor<'_> {
        Visitor {
            request: &self.context,
            device: &self.device,
            known_device: self.known_device.as_deref().map(String::as_str),
        }
    }

    pub(super) fn site(&self) -> &Site {
        self.state.accounts.site()
    }

    /// The token of every form: it belongs to the session, or before sign-in to the visit, and cannot be made by others.
    pub(super) fn csrf(&self) -> String {
        let owner = self.session.as_deref().unwrap_or(&self.mark);
        crypto::hex(&self.state.vault().blind("csrf", owner.as_bytes()))
    }

    /// Whether this is that token; one that was given out just before `ENCRYPTION_KEY` was changed is, too.
    pub(super) fn is_csrf(&self, token: &str) -> bool {
        let owner = self.session.as_deref().unwrap_or(&self.mark);
        let mac = crypto::unhex(token).unwrap_or_default();
        self.state.vault().is_blind("csrf", owner.as_bytes(), &mac)
    }

    pub(super) fn frame(&self) -> Frame {
        Frame {
            csrf: Secret::new(self.csrf()),
            theme: self.theme,
            flash: said(&self.headers, self.site()),
            person: None,
        }
    }

    /// Sets the mark of a new visit, and takes back a flash that was shown.
    pub(super) fn settle(&self, mut answer: Answer) -> Answer {
        let site = self.site().clone();
        let headers = answer.headers_mut();
        if self.new_mark {
            Cookie::Visit.keep(headers, &site, &self.mark);
        }
        if Cookie::Flash.read(&self.headers, &site).is_some()
            && !headers.get_all(header::SET_COOKIE).iter().any(is_flash)
        {
            Cookie::Flash.clear(headers, &site);
        }
        answer
    }

    pub(super) fn ticket(&self) -> Option<Zeroizing<String>> {
        Cookie::Ticket.read(&self.headers, self.site())
    }

    /// A parameter of the query.
    pub(super) fn query(&self, name: &str) -> Option<Zeroizing<String>> {
        let query = self.uri.query()?;
        let mut pairs = form_urlencoded::parse(query.as_bytes()).filter(|(known, _)| known == name);
        match (pairs.next(), pairs.next()) {
            (Some((_, value)), None) => Some(Zeroizing::new(value.into_owned())),
            _ => None,
        }
    }

    /// All values of a parameter of the query.
    pub(super) fn queries(&self, name: &str) -> Vec<String> {
        let pairs = form_urlencoded::parse(self.uri.query().unwrap_or_default().as_bytes());
        pairs.filter(|(known, _)| known == name).map(|(_, value)| value.into_owned()).collect()
    }

    /// The way to confirm that it is really them, and from there to `path`.
    pub(super) fn to_step_up(path: &str) -> Answer {
        Answer::redirect(&format!("/step-up?return={}", escaped(path)))
    }

    /// The person, when somebody is signed in.
    pub(super) async fn human(&self) -> Result<Option<Human>, Problem> {
        let Some(secret) = &self.session else { return Ok(None) };
        let known = self.state.vault().authenticate_session(secret, &self.context).await;
        match known {
            Ok(principal) => {
                record::note(&self.docket, &principal);
                Ok(Human::admit(principal).ok())
            }
            Err(problem) if problem.kind == ProblemKind::Unauthenticated => Ok(None),
            Err(problem) => Err(problem),
        }
    }

    /// The person, or the way to sign in.
    pub(super) async fn signed_in(&self) -> Result<Human, Answer> {
        match self.human().await {
            Ok(Some(human)) => Ok(human),
            Ok(None) => Err(self.to_sign_in()),
            Err(problem) => Err(self.refused(&problem)),
        }
    }

    fn to_sign_in(&self) -> Answer {
        let here = self.here();
        let mut answer = Answer::redirect(&format!("/sign-in?return={}", escaped(&here)));
        let site = self.site().clone();
        Cookie::Session.clear(answer.headers_mut(), &site);
        answer
    }

    /// The page this request is about, to come back to: for a form, the page it stands on.
    pub(super) fn here(&self) -> String {
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        safe_path(path).unwrap_or_else(|| "/".to_owned())
    }

    /// The pass for `A`, or the page that says what is missing: signing in, a second factor, a confirmation.
    pub(super) async fn enter<A: Action>(&self, human: Human) -> Result<Pass<A>, Answer> {
        let entered = self.state.vault().enter::<A>(human.principal(), self.context.clone()).await;
        entered.map_err(|problem| self.refused(&problem))
    }

    /// What to show when the house refuses.
    pub(super) fn refused(&self, problem: &Problem) -> Answer {
        match problem.kind {
            ProblemKind::StepUp => Self::to_step_up(&self.here()),
            ProblemKind::MustEnrol => Answer::redirect("/enrol"),
            ProblemKind::Unauthenticated
                if self.session.is_some() && problem.gate == Some(kernel::Gate::Token) =>
            {
                self.to_sign_in()
            }
            _ => self.settle(Answer::problem(self.frame(), problem, &self.context)),
        }
    }

    /// What a person sees of their own account.
    pub(super) async fn account(&self, human: &Human) -> Result<Own, Answer> {
        let pass = self.state.vault().enter::<ReadAccount>(human.principal(), self.context.clone()).await;
        let pass = pass.map_err(|problem| self.refused(&problem))?;
        let (own, _) = app::accounts::own::read(pass).await.map_err(|problem| self.refused(&problem))?;
        Ok(own)
    }

    /// What surrounds the pages of somebody who is signed in. `at` is the room the page belongs to. Made of what the gates
    /// know of the session: a page is one look, and the entry is that of what it shows.
    pub(super) fn shell(&self, human: &Human, at: Option<Room>) -> Shell {
        let principal = human.principal();
        let role = role_title(principal.capabilities().rank().name());
        let memberships = human.memberships().iter().map(|home| Membership {
            id: home.tenant.to_string(),
            name: home.name.clone(),
            role: home.role.title().to_owned(),
            current: home.tenant == principal.tenant(),
        });
        Shell {
            csrf: Secret::new(self.csrf()),
            theme: self.theme,
            here: self.here(),
            person: Person { name: principal.name().to_owned(), email: human.address().to_owned(), role },
            organization: human.organization_name().unwrap_or("No organization").to_owned(),
            memberships: memberships.collect(),
            nav: Nav::new(at, |room| may_enter(human, &principal, room)),
            flash: said(&self.headers, self.site()),
            banner: self.banner(human),
        }
    }

    fn banner(&self, human: &Human) -> Option<Banner> {
        let now = self.state.vault().clock().now();
        let (_, until) = human.break_glass().filter(|(_, until)| *until > now)?;
        Some(Banner {
            tone: Tone::Bad,
            text: "Break-glass is open: you may do more than your role allows, and every step is in a log of its own.".into(),
            until: Some(When::seen(until, now)),
            link: Some(("Look at it".into(), "/break-glass".into())),
        })
    }

    /// A frame that offers the way out.
    pub(super) fn frame_of(&self, human: &Human) -> Frame {
        let principal = human.principal();
        let person = Person {
            name: principal.name().to_owned(),
            email: human.address().to_owned(),
            role: role_title(principal.capabilities().rank().name()),
        };
        Frame { person: Some(person), ..self.frame() }
    }
}

fn is_flash(value: &HeaderValue) -> bool {
    value.to_str().is_ok_and(|line| line.contains("portcullis_flash="))
}

/// The pass for `A`, as [`Visit::enter`] gives it, for a person who goes on to more.
pub(super) async fn pass<A: Action>(visit: &Visit, human: &Human) -> Result<Pass<A>, Answer> {
    let entered = visit.state.vault().enter::<A>(human.principal(), visit.context.clone()).await;
    entered.map_err(|problem| visit.refused(&problem))
}

/// The pass, or that the person has to confirm who they are: what they wrote is never lost to that, nor does it stand in an
/// address, so the form comes back with it.
pub(super) async fn entered<A: Action>(
    visit: &Visit,
    human: &Human,
) -> Result<Result<Pass<A>, Problem>, Answer> {
    match visit.state.vault().enter::<A>(human.principal(), visit.context.clone()).await {
        Ok(pass) => Ok(Ok(pass)),
        Err(problem) if problem.kind == ProblemKind::StepUp => Ok(Err(problem)),
        Err(problem) => Err(visit.refused(&problem)),
    }
}

/// Whether the person may do `A`, asked before a form or a confirm page is shown for it: nobody fills in what will be
/// refused. Nothing is done and nothing written, but a refusal is.
pub(super) async fn admits<A: Action>(visit: &Visit, human: &Human) -> Result<(), Answer> {
    pass::<A>(visit, human).await.map(drop)
}

/// Whether the person's role has a permission, for buttons.
pub(super) fn may(human: &Human, permission: Permission) -> bool {
    human.principal().capabilities().has(permission)
}

/// Whether a row is among those looked for.
pub(super) fn matches(q: &str, words: &[&str]) -> bool {
    let q = q.to_lowercase();
    q.is_empty() || words.iter().any(|word| word.to_lowercase().contains(&q))
}

/// A role as people read it.
pub(super) fn role_title(name: &str) -> String {
    name.parse::<kernel::MemberRole>().map_or_else(|_| "None yet".to_owned(), |role| role.title().to_owned())
}

fn may_enter(human: &Human, principal: &Principal, room: Room) -> bool {
    let has = |permission| principal.capabilities().has(permission);
    match room {
        Room::Home | Room::Security | Room::Sessions => true,
        Room::Roles | Room::Organization => has(Permission::OrganizationRead),
        Room::Members => has(Permission::MembersRead),
        Room::Agents => has(Permission::AgentsRead),
        Room::Keys => has(Permission::KeysRead),
        Room::Audit | Room::Evidence | Room::BreakGlass => has(Permission::AuditRead),
        Room::Relations | Room::Privacy | Room::Packs => has(Permission::PoliciesRead),
        Room::Webhooks => has(Permission::WebhooksManage),
        Room::Outbox => human.is_super_admin(),
    }
}

/// A path of this server that may be gone to: it begins with one slash, and holds nothing a browser could read as a host.
pub(super) fn safe_path(path: &str) -> Option<String> {
    let own = path.starts_with('/') && !path.starts_with("//") && path.len() <= 2_000;
    let plain = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    (own && plain).then(|| path.to_owned())
}

/// A path as the value of a parameter.
pub(super) fn escaped(path: &str) -> String {
    form_urlencoded::byte_serialize(path.as_bytes()).collect()
}

/// The vault's clock, for pages that show times.
pub(super) fn now(state: &State) -> kernel::Timestamp {
    Arc::clone(state.vault()).clock().now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_this_server_are_gone_to() {
        assert_eq!(safe_path("/members?q=a").as_deref(), Some("/members?q=a"));
        for bad in [
            "",
            "//evil.example.com",
            "https://evil.example.com",
            "/\\evil.example.com",
            "/a b",
            "/a\n",
            "javascript:alert(1)",
        ] {
            assert_eq!(safe_path(bad), None, "{bad:?}");
        }
    }
}
