//! The organization's settings.

use app::input::Name;
use app::settings::{ChangeSettings, ReadSettings, Rules, change, read};
use kernel::{MemberRole, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::State;
use crate::answer::{Answer, Answered};
use crate::describe::of;
use crate::extract::{Gate, Submitted};

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(of::<ReadSettings, _>(routes!(get_settings)))
        .routes(of::<ChangeSettings, _>(routes!(put_settings)))
}

/// What the organization is called and asks of its members.
#[derive(Serialize, ToSchema)]
struct Settings {
    /// Its name.
    name: String,
    /// Whether everybody needs a second factor.
    second_factor_for_all: bool,
    /// The roles that need one in any case.
    #[schema(value_type = Vec<String>, example = json!(["admin"]))]
    second_factor_roles: Vec<MemberRole>,
    /// How long a session of a browser lasts, in hours.
    session_hours: i32,
    /// When the rules were last changed; null while the defaults are in force.
    #[schema(value_type = Option<String>, format = DateTime)]
    changed_at: Option<Timestamp>,
}

impl From<app::settings::Settings> for Settings {
    fn from(settings: app::settings::Settings) -> Self {
        Self {
            name: settings.name,
            second_factor_for_all: settings.rules.second_factor_for_all,
            second_factor_roles: settings.rules.second_factor_roles,
            session_hours: settings.rules.session_hours,
            changed_at: settings.changed_at,
        }
    }
}

/// Read the settings.
///
/// Answers the organization's name and what it asks of its members.
#[utoipa::path(get, path = "/organization/settings", tag = "organization",
    responses((status = 200, description = "The settings in force", body = Settings)))]
async fn get_settings(Gate(pass): Gate<ReadSettings>) -> Answered<Settings> {
    let (settings, receipt) = read(pass).await?;
    Ok(Answer::ok(settings.into(), &receipt))
}

/// Settings to be put into force.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewSettings {
    /// The organization's name: 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100, example = "Example")]
    name: String,
    /// Whether everybody needs a second factor. Members without one reach only its enrolment.
    second_factor_for_all: bool,
    /// The roles that need one in any case: viewer, member, admin, provider_admin.
    #[schema(value_type = Vec<String>, example = json!(["admin"]))]
    second_factor_roles: Vec<MemberRole>,
    /// How long a session of a browser lasts, in hours.
    #[schema(minimum = 1, maximum = 720, example = 12)]
    session_hours: i32,
}

/// Change the settings.
///
/// They are in force on every replica within a second. Whoever asks others for a second factor has one; sessions of
/// browsers that would last longer than the settings say end earlier.
#[utoipa::path(put, path = "/organization/settings", tag = "organization",
    request_body(content = NewSettings, example = json!({
        "name": "Example", "second_factor_for_all": false, "second_factor_roles": ["provider_admin"],
        "session_hours": 12,
    })),
    responses((status = 200, description = "The settings now in force", body = Settings)))]
async fn put_settings(
    Submitted { pass, body }: Submitted<ChangeSettings, NewSettings>,
) -> Answered<Settings> {
    let name = Name::parse(body.name, "/name")?;
    let rules = Rules {
        second_factor_for_all: body.second_factor_for_all,
        second_factor_roles: body.second_factor_roles,
        session_hours: body.session_hours,
    };
    let (settings, receipt) = change(pass, name, rules).await?;
    Ok(Answer::ok(settings.into(), &receipt))
}
