//! What an organization asks of its members.

use gates::{Tx, WriteTx};
use kernel::limits::SESSION_HOURS_DEFAULT;
use kernel::{MemberRole, Timestamp};
use time::OffsetDateTime;

use crate::{StoreError, decode};

/// The rules of an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Whether everybody needs a second factor.
    pub second_factor_for_all: bool,
    /// The roles that need one in any case.
    pub second_factor_roles: Vec<MemberRole>,
    /// How long a session of a browser lasts, in hours.
    pub session_hours: i32,
}

/// The defaults of the product, in force until an organization says otherwise.
impl Default for Rules {
    fn default() -> Self {
        Self {
            second_factor_for_all: false,
            second_factor_roles: Vec::new(),
            session_hours: SESSION_HOURS_DEFAULT,
        }
    }
}

/// The rules, and when they were last changed.
pub async fn read(tx: &mut Tx) -> Result<(Rules, Option<Timestamp>), StoreError> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        "select second_factor_for_all, second_factor_roles, session_hours, changed_at from organization_settings \
         where tenant_id = $1",
        tenant
    )
    .fetch_optional(tx.connection())
    .await?;
    let Some(row) = row else { return Ok((Rules::default(), None)) };
    let roles: Result<Vec<MemberRole>, _> =
        row.second_factor_roles.iter().map(|role| role.parse().map_err(decode)).collect();
    let rules = Rules {
        second_factor_for_all: row.second_factor_for_all,
        second_factor_roles: roles?,
        session_hours: row.session_hours,
    };
    Ok((rules, Some(row.changed_at.into())))
}

/// Puts rules into force.
pub async fn put(tx: &mut WriteTx, rules: &Rules, at: Timestamp) -> Result<(), StoreError> {
    let tenant = tx.tenant().uuid();
    let roles: Vec<String> = rules.second_factor_roles.iter().map(ToString::to_string).collect();
    sqlx::query!(
        "insert into organization_settings (tenant_id, second_factor_for_all, second_factor_roles, session_hours, \
         changed_at) values ($1, $2, $3, $4, $5) \
         on conflict (tenant_id) do update set second_factor_for_all = excluded.second_factor_for_all, \
             second_factor_roles = excluded.second_factor_roles, session_hours = excluded.session_hours, \
             changed_at = excluded.changed_at",
        tenant,
        rules.second_factor_for_all,
        &roles,
        rules.session_hours,
        OffsetDateTime::from(at)
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}
