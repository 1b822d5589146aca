-- What the rooms of an organization's people need beyond 0004.

-- Who made an agent: a person or a service; neither, for the first agent of an organization and for static keys.
alter table agent
    add column created_by_account uuid,
    add column created_by_key uuid,
    add foreign key (tenant_id, created_by_account) references member (tenant_id, account_id),
    add foreign key (tenant_id, created_by_key) references api_key (tenant_id, id) on delete set null (created_by_key),
    add check (num_nonnulls(created_by_account, created_by_key) <= 1);

-- One invitation of an address at a time; a new one takes the place of the one before.
create unique index invitation_waiting on invitation (tenant_id, address_key)
    where accepted_at is null and revoked_at is null;

-- What a review came to, and when the owners were told that it is overdue.
alter table break_glass
    add column in_order boolean,
    add column reminded_at timestamptz,
    add check ((reviewed_at is null) = (in_order is null));
create index break_glass_waiting on break_glass (review_due_at) where reviewed_at is null;

-- Closed early, an override is due for review earlier. Whoever leaves closes theirs as the system role.
grant update (in_order, review_due_at) on break_glass to portcullis_app;
grant update (closed_at, review_due_at, reminded_at) on break_glass to portcullis_system;
-- Shorter sessions are shorter from the moment an organization says so.
grant update (expires_at) on session to portcullis_app;
