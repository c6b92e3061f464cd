-- passes.vanish: due: what vanished is to be looked for; held: too much did, a person must accept it
ALTER TABLE passes ADD COLUMN vanish TEXT NOT NULL DEFAULT '';
ALTER TABLE passes ADD COLUMN known_rows INTEGER NOT NULL DEFAULT 0;
ALTER TABLE passes ADD COLUMN vanishing INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN action TEXT NOT NULL DEFAULT 'upsert';
ALTER TABLE owed ADD COLUMN accepts_vanished INTEGER NOT NULL DEFAULT 0;
CREATE INDEX outbox_deletes ON outbox (stream, object) WHERE batch IS NULL AND action = 'delete';
CREATE TABLE vanished (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    stream TEXT NOT NULL,
    object TEXT NOT NULL,
    external_id TEXT NOT NULL,
    at TEXT NOT NULL,
    pass INTEGER NOT NULL,             -- the pass that did not give it any more
    since TEXT NOT NULL,
    cause TEXT NOT NULL,               -- source; mapping: its time was read otherwise before
    state TEXT NOT NULL,               -- left; waiting: to be cleared or deleted; cleared; deleted
    closed TEXT,
    closed_by TEXT
);
CREATE UNIQUE INDEX vanished_open ON vanished (stream, object, at, external_id) WHERE closed IS NULL;
CREATE VIEW v_vanished AS
    SELECT stream, object, external_id, at, since, cause, state FROM vanished WHERE closed IS NULL;
-- what is seen of a row now tells its record: passes in the middle of their pages are read from page 1 again
DELETE FROM seen;
UPDATE passes SET reading = reading + 1, checkpoint = NULL, distinct_keys = 0 WHERE state = 'pulling';
