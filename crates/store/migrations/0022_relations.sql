-- Relations: who may do what, as tuples under a model (OpenFGA's language), each organization's in stores of its own.
--
-- Every write moves the revision of its store by one, in the transaction of the write: writers of one store come one after
-- the other, revisions have no gaps, and a revision says exactly which tuples were there. Nothing is overwritten: a tuple
-- that was deleted keeps the revisions between which it was there.

create table relation_store (
    tenant_id  uuid not null references organization (tenant_id) on delete cascade,
    id         uuid not null,
    name       text not null check (length(name) between 3 and 64),
    revision   bigint not null check (revision >= 0),
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz,
    primary key (tenant_id, id)
);
create index relation_store_name on relation_store (tenant_id, name) where deleted_at is null;

-- Models never change; the newest is the one in force where a request names none.
create table relation_model (
    tenant_id  uuid not null,
    store_id   uuid not null,
    id         uuid not null,
    -- The model as JSON, as OpenFGA writes it, in canonical form (RFC 8785).
    document   text not null check (octet_length(document) between 2 and 262144),
    sha256     bytea not null check (octet_length(sha256) = 32),
    created_at timestamptz not null,
    primary key (tenant_id, store_id, id),
    foreign key (tenant_id, store_id) references relation_store (tenant_id, id) on delete cascade
);

create table relation_tuple (
    tenant_id   uuid not null,
    store_id    uuid not null,
    object_type text not null check (length(object_type) between 1 and 254),
    object_id   text not null check (length(object_id) between 1 and 256),
    relation    text not null check (length(relation) between 1 and 50),
    -- The user, as OpenFGA writes it: an object, all objects of a type, or everybody who has a relation to an object.
    subject     text not null check (length(subject) between 1 and 512),
    condition   text check (length(condition) between 1 and 256),
    context     text check (octet_length(context) between 2 and 32768),
    -- There from this revision on, until before that one.
    since       bigint not null check (since > 0),
    until       bigint check (until > since),
    written_at  timestamptz not null,
    primary key (tenant_id, store_id, object_type, object_id, relation, subject, since),
    foreign key (tenant_id, store_id) references relation_store (tenant_id, id) on delete cascade,
    check (context is null or condition is not null)
);
create unique index relation_tuple_present on relation_tuple (tenant_id, store_id, object_type, object_id, relation, subject)
    where until is null;
create index relation_tuple_subject on relation_tuple (tenant_id, store_id, subject, object_type, relation)
    where until is null;

-- What was written and deleted, in order: what a process reads that wants to know what is new, and OpenFGA's `changes`.
create table relation_change (
    tenant_id   uuid not null,
    store_id    uuid not null,
    revision    bigint not null check (revision > 0),
    ordinal     smallint not null check (ordinal >= 0),
    deleted     boolean not null,
    object_type text not null,
    object_id   text not null,
    relation    text not null,
    subject     text not null,
    condition   text,
    context     text,
    at          timestamptz not null,
    primary key (tenant_id, store_id, revision, ordinal),
    foreign key (tenant_id, store_id) references relation_store (tenant_id, id) on delete cascade
);
create index relation_change_at on relation_change (tenant_id, store_id, at, revision);

-- What a model is expected to answer: kept beside it, for those who test it.
create table relation_assertions (
    tenant_id  uuid not null,
    store_id   uuid not null,
    model_id   uuid not null,
    document   text not null check (octet_length(document) between 2 and 1048576),
    changed_at timestamptz not null,
    primary key (tenant_id, store_id, model_id),
    foreign key (tenant_id, store_id, model_id) references relation_model (tenant_id, store_id, id) on delete cascade
);

call gate.protect('relation_store', true);
call gate.protect('relation_model', true);
call gate.protect('relation_tuple', true);
call gate.protect('relation_change', true);
call gate.protect('relation_assertions', true);

grant select, insert on relation_store, relation_model, relation_tuple, relation_change, relation_assertions to portcullis_app;
grant update (revision, updated_at, deleted_at) on relation_store to portcullis_app;
grant update (until) on relation_tuple to portcullis_app;
grant update (document, changed_at) on relation_assertions to portcullis_app;
