-- Who put a version of the PII policy into force, and the SHA-256 of its canonical document, as the entry names it. Versions
-- from before have neither.
alter table pii_policy add column made_by_account uuid, add column made_by_key uuid,
    add column hash bytea check (octet_length(hash) = 32);
