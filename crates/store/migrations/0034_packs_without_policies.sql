-- A pack may say something in its parts alone: a floor under the rules about personal data, limits, rules about tools. The
-- constraint asked for a policy all the same.
alter table policy_pack
    drop constraint policy_pack_policies_check,
    add constraint policy_pack_policies_check check (policies >= 0);
