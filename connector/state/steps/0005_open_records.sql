-- records followed by id; passes that read them have no span: their start and end are ''
CREATE TABLE open_records (
    stream TEXT NOT NULL,
    id TEXT NOT NULL,                  -- the record's own
    started TEXT NOT NULL,
    ended TEXT,                        -- NULL: open when it was read last
    due TEXT NOT NULL,                 -- when it is to be read by id again
    asked_by INTEGER,                  -- the pass that asked for it last
    is_final INTEGER NOT NULL DEFAULT 0, -- 1: read late enough after its end; leaves when that pass is closed
    unanswered_since TEXT,             -- since when the service gives nothing for it
    PRIMARY KEY (stream, id)
) WITHOUT ROWID;
CREATE INDEX open_records_due ON open_records (stream, due);
CREATE INDEX open_records_asked ON open_records (asked_by) WHERE asked_by IS NOT NULL;
