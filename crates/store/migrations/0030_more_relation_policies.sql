-- The tables of policy packs ask for the relation too (0025). What is in force is looked up by the system role; these are for
-- those who look at packs and change which is in force.
call gate.open_to('policy_key', '{policies_read,policies_manage}', '{policies_manage}');
call gate.open_to('policy_pack', '{policies_read,policies_manage}', '{policies_manage}');
call gate.open_to('policy_turn', '{policies_read,policies_manage}', '{policies_manage}');

-- Values that gate four keeps belong to conversations of those who call models; whoever sees policies may count them.
call gate.open_to('pii_token', '{models_invoke,pii_reveal,policies_read}', '{models_invoke}');
