-- What a time-stamping authority (RFC 3161) answered about a pack's manifest, as it came, and when by its clock; or, in a word,
-- why there is no answer. Neither where no authority was asked.
alter table evidence_pack
    add column timestamp_token   bytea check (octet_length(timestamp_token) between 1 and 65536),
    add column timestamped_at    timestamptz,
    add column timestamp_failure text check (length(timestamp_failure) between 1 and 32),
    add constraint evidence_pack_timestamp check (
        (timestamp_token is null) = (timestamped_at is null) and (timestamp_token is null or timestamp_failure is null)
    );
