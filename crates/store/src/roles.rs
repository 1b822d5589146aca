//! Templates of roles, and who was given what beside their role.

use gates::{Template, Tx, WriteTx};
use kernel::Timestamp;
use time::OffsetDateTime;

use crate::StoreError;

/// A template as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTemplate {
    /// Its name.
    pub name: String,
    /// The relation by which it is held: `person` or `key`.
    pub holders: String,
    /// Whether it is the product's own, which nobody changes.
    pub built_in: bool,
    /// Its name as people read it.
    pub title: String,
    /// What it is for.
    pub says: String,
    /// The names of its permissions.
    pub permissions: Vec<String>,
    /// All of that as it was hashed.
    pub document: String,
    /// The hash it was written with.
    pub sha256: Vec<u8>,
    /// When it was last changed.
    pub changed_at: Timestamp,
    /// The policy pack it came with last, by name.
    pub from_pack: Option<String>,
    /// How many hold it.
    pub held_by: i64,
}

/// Every template of the organization: the product's, then its own, by name.
pub async fn templates(tx: &mut Tx) -> Result<Vec<StoredTemplate>, StoreError> {
    let tenant = tx.tenant().uuid();
    let rows = sqlx::query!(
        r#"select t.name, t.holders, t.built_in, t.title, t.says, t.permissions, t.document, t.sha256, t.changed_at, t.from_pack,
                  gate.holders(t.name, t.holders) as "held_by!"
           from role_template t where t.tenant_id = $1 order by not t.built_in, t.name"#,
        tenant
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| StoredTemplate {
            name: row.name,
            holders: row.holders,
            built_in: row.built_in,
            title: row.title,
            says: row.says,
            permissions: row.permissions,
            document: row.document,
            sha256: row.sha256,
            changed_at: row.changed_at.into(),
            from_pack: row.from_pack,
            held_by: row.held_by,
        })
        .collect())
}

/// Tuples that are not what the tables of record say: those that are missing, and those that nothing explains.
pub async fn drift(tx: &mut Tx) -> Result<(i64, i64), StoreError> {
    let row = sqlx::query!(r#"select missing as "missing!", extra as "extra!" from gate.drift()"#)
        .fetch_one(tx.connection())
        .await?;
    Ok((row.missing, row.extra))
}

/// Makes a template, which came with a pack or with none. One of the same name is [`StoreError::Taken`].
pub async fn create(
    tx: &mut WriteTx,
    template: &Template,
    from_pack: Option<&str>,
    at: Timestamp,
) -> Result<(), StoreError> {
    let tenant = tx.tenant().uuid();
    let permissions: Vec<String> =
        template.permissions.iter().map(|permission| permission.name().to_owned()).collect();
    sqlx::query!(
        "insert into role_template (tenant_id, name, holders, built_in, title, says, permissions, document, sha256, \
         changed_at, from_pack) values ($1, $2, $3, false, $4, $5, $6, $7, $8, $9, $10)",
        tenant,
        template.name,
        template.holders.relation(),
        template.title,
        template.says,
        &permissions,
        template.document,
        template.sha256.as_slice(),
        OffsetDateTime::from(at),
        from_pack
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Changes one of the organization's own templates, which is then of this pack or of none; `false` when there is none of that
/// name.
pub async fn change(
    tx: &mut WriteTx,
    template: &Template,
    from_pack: Option<&str>,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let tenant = tx.tenant().uuid();
    let permissions: Vec<String> =
        template.permissions.iter().map(|permission| permission.name().to_owned()).collect();
    let done = sqlx::query!(
        "update role_template set title = $3, says = $4, permissions = $5, document = $6, sha256 = $7, changed_at = $8, \
         from_pack = $9 \
         where tenant_id = $1 and name = $2 and not built_in",
        tenant,
        template.name,
        template.title,
        template.says,
        &permissions,
        template.document,
        template.sha256.as_slice(),
        OffsetDateTime::from(at),
        from_pack
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Removes one of the organization's own templates, and takes it from everybody who holds it; says from how many. `None`
/// when there is none of that name.
pub async fn delete(tx: &mut WriteTx, name: &str) -> Result<Option<u64>, StoreError> {
    let tenant = tx.tenant().uuid();
    let gone = sqlx::query!(
        "delete from role_template where tenant_id = $1 and name = $2 and not built_in",
        tenant,
        name
    )
    .execute(tx.connection())
    .await?;
    if gone.rows_affected() == 0 {
        return Ok(None);
    }
    let taken = sqlx::query!("delete from role_grant where tenant_id = $1 and grants = $2", tenant, name)
        .execute(tx.connection())
        .await?;
    Ok(Some(taken.rows_affected()))
}

/// What somebody was given beside their role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// To whom: `user:<account>`, `api_key:<key>` or `agent:<agent>`.
    pub subject: String,
    /// The name of a template, or of what is given by name alone.
    pub grants: String,
    /// When.
    pub given_at: Timestamp,
}

/// What was given, by whom it was given to, after `after`; to `subject` alone when there is one.
pub async fn grants(
    tx: &mut Tx,
    subject: Option<&str>,
    after: Option<(&str, &str)>,
    rows: i64,
) -> Result<Vec<Grant>, StoreError> {
    let tenant = tx.tenant().uuid();
    let (after_subject, after_grants) = after.unzip();
    let rows = sqlx::query!(
        "select subject, grants, given_at from role_grant where tenant_id = $1 and ($2::text is null or subject = $2) \
         and ($3::text is null or (subject, grants) > ($3, $4)) order by subject, grants limit $5",
        tenant,
        subject,
        after_subject,
        after_grants,
        rows
    )
    .fetch_all(tx.connection())
    .await?;
    let grant =
        |subject, grants, given_at: OffsetDateTime| Grant { subject, grants, given_at: given_at.into() };
    Ok(rows.into_iter().map(|row| grant(row.subject, row.grants, row.given_at)).collect())
}

/// What was given to each of some, in no order.
pub async fn grants_of(tx: &mut Tx, subjects: &[String]) -> Result<Vec<Grant>, StoreError> {
    let tenant = tx.tenant().uuid();
    let rows = sqlx::query!(
        "select subject, grants, given_at from role_grant where tenant_id = $1 and subject = any($2)",
        tenant,
        subjects
    )
    .fetch_all(tx.connection())
    .await?;
    let grant =
        |subject, grants, given_at: OffsetDateTime| Grant { subject, grants, given_at: given_at.into() };
    Ok(rows.into_iter().map(|row| grant(row.subject, row.grants, row.given_at)).collect())
}

/// Whether there is somebody to give something to: a member, a key, an agent that is not suspended, revoked or gone.
pub async fn is_there(tx: &mut Tx, kind: &str, id: uuid::Uuid) -> Result<bool, StoreError> {
    let tenant = tx.tenant().uuid();
    let found = sqlx::query_scalar!(
        r#"select case $2::text
               when 'user' then exists (select from member m where m.tenant_id = $1 and m.account_id = $3
                                        and m.ended_at is null and m.suspended_at is null)
               when 'api_key' then exists (select from api_key k where k.tenant_id = $1 and k.id = $3
                                           and k.revoked_at is null)
               when 'agent' then exists (select from agent a where a.tenant_id = $1 and a.id = $3
                                         and a.suspended_at is null)
               else false end as "found!""#,
        tenant,
        kind,
        id
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(found)
}

/// Gives something; `false` when it was given before.
pub async fn give(tx: &mut WriteTx, subject: &str, grants: &str, at: Timestamp) -> Result<bool, StoreError> {
    let tenant = tx.tenant().uuid();
    let done = sqlx::query!(
        "insert into role_grant (tenant_id, subject, grants, given_at) values ($1, $2, $3, $4) on conflict do nothing",
        tenant,
        subject,
        grants,
        OffsetDateTime::from(at)
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Takes something back; `false` when it was not there.
pub async fn take(tx: &mut WriteTx, subject: &str, grants: &str) -> Result<bool, StoreError> {
    let tenant = tx.tenant().uuid();
    let done = sqlx::query!(
        "delete from role_grant where tenant_id = $1 and subject = $2 and grants = $3",
        tenant,
        subject,
        grants
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() > 0)
}
