-- The rows a batch takes next, in the order it takes them, without looking at all that wait.
CREATE INDEX outbox_next ON outbox (stream, object, held DESC, only_collections DESC, seq) WHERE batch IS NULL;
