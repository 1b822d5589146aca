-- Templates of roles that came with a policy pack: the pack's name. While that pack is in force and has the template, only
-- another pack changes it; afterwards it is the organization's own like any other.
alter table role_template add column from_pack text check (length(from_pack) between 1 and 64);
grant update (from_pack) on role_template to portcullis_app;
