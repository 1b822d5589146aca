//! The organization's name, and what it asks of its members: in force on every replica within a second.

use gates::{Caller as _, Channel, Draft, Pass, Principal, Receipt, Staff};
use kernel::limits::SESSION_HOURS_MAX;
use kernel::{EventKind, MemberRole, Problem, Rank, Timestamp};
pub use store::settings::Rules;

use crate::input::Name;
use crate::{action, undone};

action! {
    /// Reads the organization's settings.
    ReadSettings = "organization.read_settings", OrganizationRead, Staff, Read
}

action! {
    /// Changes the organization's settings.
    ChangeSettings = "organization.change_settings", OrganizationManage, Staff, Write, Fresh
}

/// The settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The organization's name.
    pub name: String,
    /// What it asks of its members.
    pub rules: Rules,
    /// When that was last changed; never, while the defaults are in force.
    pub changed_at: Option<Timestamp>,
}

/// The settings in force.
///
/// # Errors
/// When the organization is gone.
pub async fn read(mut pass: Pass<ReadSettings>) -> Result<(Settings, Receipt), Problem> {
    let (rules, changed_at) = store::settings::read(pass.tx()).await?;
    match store::organizations::read(pass.tx()).await? {
        Some(organization) => {
            let receipt = pass.seal(Draft::done(EventKind::SettingsRead)).await?;
            Ok((Settings { name: organization.name, rules, changed_at }, receipt))
        }
        None => Err(pass.fail(Draft::failed(EventKind::SettingsRead), Problem::not_found()).await),
    }
}

/// Puts settings into force. Browsers' sessions that would last longer than they say end earlier.
///
/// # Errors
/// When a value is out of range, or the caller would be shut out by the change.
pub async fn change(
    mut pass: Pass<ChangeSettings>,
    name: Name,
    mut rules: Rules,
) -> Result<(Settings, Receipt), Problem> {
    rules.second_factor_roles.sort_unstable();
    rules.second_factor_roles.dedup();
    match put(&mut pass, name, &rules).await {
        Ok((name, at, shortened)) => {
            let mut draft = Draft::done(EventKind::SettingsChanged)
                .subject("organization", pass.tenant())
                .fact("second_factor_for_all", rules.second_factor_for_all)
                .fact("session_hours", rules.session_hours)
                .fact("sessions_shortened", shortened);
            for role in &rules.second_factor_roles {
                draft = draft.fact(fact_of(*role), true);
            }
            let receipt = pass.seal(draft).await?;
            Ok((Settings { name, rules, changed_at: Some(at) }, receipt))
        }
        Err(problem) => {
            let draft = undone(EventKind::SettingsChanged, &problem).subject("organization", pass.tenant());
            Err(pass.fail(draft, problem).await)
        }
    }
}

async fn put(
    pass: &mut Pass<ChangeSettings>,
    name: Name,
    rules: &Rules,
) -> Result<(String, Timestamp, u64), Problem> {
    if !(1..=SESSION_HOURS_MAX).contains(&rules.session_hours) {
        let detail = format!("A session lasts 1 to {SESSION_HOURS_MAX} hours.");
        return Err(Problem::invalid("/session_hours", detail));
    }
    keeps_caller(pass.who(), rules)?;
    let now = pass.vault().clock().now();
    let name = pass.privacy(Channel::Log).text(name.raw());
    store::organizations::rename(pass.tx(), &name).await?;
    store::settings::put(pass.tx(), rules, now).await?;
    let shortened = store::member_sessions::shorten(pass.tx(), rules.session_hours).await?;
    Ok((name.into_inner(), now, shortened))
}

/// Whoever asks others for a second factor has one: they would otherwise be the first to stand outside.
fn keeps_caller(caller: &Staff, rules: &Rules) -> Result<(), Problem> {
    let Staff::Human(human) = caller else { return Ok(()) };
    if human.has_second_factor() {
        return Ok(());
    }
    let detail = "This would shut you out: set up a second factor of your own first.";
    if rules.second_factor_for_all {
        return Err(Problem::invalid("/second_factor_for_all", detail));
    }
    if role_of(&human.principal()).is_some_and(|role| rules.second_factor_roles.contains(&role)) {
        return Err(Problem::invalid("/second_factor_roles", detail));
    }
    Ok(())
}

fn role_of(caller: &Principal) -> Option<MemberRole> {
    match caller.capabilities().rank() {
        Rank::Member(role) => Some(role),
        Rank::Key(_) | Rank::Newcomer => None,
    }
}

const fn fact_of(role: MemberRole) -> &'static str {
    match role {
        MemberRole::Viewer => "second_factor_viewer",
        MemberRole::Member => "second_factor_member",
        MemberRole::Admin => "second_factor_admin",
        MemberRole::ProviderAdmin => "second_factor_provider_admin",
    }
}
