-- Counts of how late rows change; what is known of earlier reads cannot be counted any more.
CREATE TABLE lateness (
    stream TEXT NOT NULL,
    way TEXT NOT NULL,                 -- first; read again by: lookback recheck other; followed: changed, met by id
    after INTEGER NOT NULL,            -- age in hours when it was read before
    until INTEGER NOT NULL,            -- age in hours when it was read again
    rows INTEGER NOT NULL,             -- looked at
    changed INTEGER NOT NULL,          -- with other values than before
    came INTEGER NOT NULL,             -- not given by the read before
    since TEXT NOT NULL,
    latest TEXT NOT NULL,
    PRIMARY KEY (stream, way, after, until)
) WITHOUT ROWID;
CREATE INDEX vanished_by_row ON vanished (stream, object, at, external_id);
