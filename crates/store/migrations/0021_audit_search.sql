-- One request is looked up in a log of any length. Everything else that the log is searched for reads a range of time and
-- is bounded by a limit of time: an index on actor or kind would cost every entry more than it saves (docs/performance.md).
--
-- The ids of requests are made of their time, so new ones stand together at the end, as their entries do. The same
-- statement makes the index on a table and on a partitioned one.
create index audit_entry_request on audit_entry (tenant_id, request_id);
