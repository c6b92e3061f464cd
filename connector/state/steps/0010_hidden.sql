CREATE TABLE heard (
    stream TEXT NOT NULL,
    kind TEXT NOT NULL,                -- queue user division
    id TEXT NOT NULL,
    division TEXT NOT NULL,            -- id of the one a queue was seen in last; '': no record told
    first_day TEXT NOT NULL,           -- days of the records' own time, in the time zone of the stream
    last_day TEXT NOT NULL,
    days TEXT NOT NULL,                -- hexadecimal: the 112 days up to last_day, bit 0 is last_day itself
    given TEXT NOT NULL,               -- day of the last read that gave a record of it, of whatever day
    PRIMARY KEY (stream, kind, id)
) WITHOUT ROWID;
CREATE TABLE silences (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    stream TEXT NOT NULL,
    scope TEXT NOT NULL,               -- division share everything
    division TEXT NOT NULL,            -- its name, else its id
    since TEXT NOT NULL,               -- the last day records were given
    missed_from TEXT NOT NULL,         -- the first day they were missed
    members TEXT NOT NULL,             -- JSON: [kind, id] of what has fallen silent
    of INTEGER NOT NULL,
    found TEXT NOT NULL,
    closed TEXT,
    closed_by TEXT
);
CREATE INDEX silences_open ON silences (stream) WHERE closed IS NULL;
CREATE VIEW v_silences AS
    SELECT stream, scope, division, since, json_array_length(members) AS members, found
    FROM silences WHERE closed IS NULL;
