-- A write asks which of its tuples are there. Both indexes of present tuples seemed as good for that; the one by subject did not
-- hold the object's id, so that for a subject with many tuples every one of them was read for each of a write's tuples.
drop index relation_tuple_subject;
create index relation_tuple_subject on relation_tuple (tenant_id, store_id, subject, object_type, relation, object_id)
    where until is null;
