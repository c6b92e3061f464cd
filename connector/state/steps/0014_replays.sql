-- Replays of rejects: passes of kind resync whose `start` and `end` are ''
-- The id by which the record of a row can be read again, where there is a call for that
ALTER TABLE outbox ADD COLUMN record TEXT;
ALTER TABLE rejects ADD COLUMN record TEXT;
-- What was refused: upsert, clear, delete
ALTER TABLE rejects ADD COLUMN action TEXT NOT NULL DEFAULT 'upsert';
-- 1: it may be about what only jobs give, so only what a job says closes it
ALTER TABLE rejects ADD COLUMN of_job INTEGER NOT NULL DEFAULT 0;
-- When a page last gave just this row, after it was refused
ALTER TABLE rejects ADD COLUMN given TEXT;
-- The replay that wants its record read again, by its id or with its span: until then a row equal to the reject is sent
ALTER TABLE rejects ADD COLUMN asked INTEGER;
ALTER TABLE rejects ADD COLUMN asked_how TEXT;
UPDATE rejects SET of_job = 1 WHERE rest IS NOT NULL;
CREATE INDEX rejects_by_version ON rejects (stream, seq, id) WHERE closed IS NULL;
CREATE INDEX rejects_asked ON rejects (asked, record) WHERE asked IS NOT NULL;
CREATE TABLE replays (
    pass INTEGER PRIMARY KEY REFERENCES passes,
    code TEXT,                         -- only rejects of this code; NULL: all
    until INTEGER NOT NULL,            -- the last version there was when it was asked for
    seq INTEGER NOT NULL DEFAULT -1,   -- rejects up to this version and id are taken up
    id INTEGER NOT NULL DEFAULT 0,
    record TEXT NOT NULL DEFAULT '',   -- records up to this one were read again by id
    put_back INTEGER NOT NULL DEFAULT 0,
    by_id INTEGER NOT NULL DEFAULT 0,  -- rejects whose record is read again by id; of these records:
    records INTEGER NOT NULL DEFAULT 0,
    unanswered INTEGER NOT NULL DEFAULT 0,
    by_span INTEGER NOT NULL DEFAULT 0,
    underway INTEGER NOT NULL DEFAULT 0, -- a newer version is on its way
    vanished INTEGER NOT NULL DEFAULT 0,
    lost INTEGER NOT NULL DEFAULT 0    -- neither row nor time nor id, or of another object than is written now
);
