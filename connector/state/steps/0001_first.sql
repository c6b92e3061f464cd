CREATE TABLE streams (
    name TEXT PRIMARY KEY,
    salesforce_org TEXT NOT NULL,
    genesys_org TEXT NOT NULL,
    targets TEXT NOT NULL,             -- JSON: object and external id field of each target
    fields_print TEXT NOT NULL,        -- fingerprints of the mapping the state was made with
    source_print TEXT NOT NULL,
    keys_print TEXT NOT NULL,
    proven TEXT NOT NULL DEFAULT ''    -- fingerprint and organisation under which a row was accepted last
);
CREATE TABLE runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    stream TEXT NOT NULL,
    command TEXT NOT NULL,
    who TEXT NOT NULL,
    started TEXT NOT NULL,
    finished TEXT,
    doing TEXT NOT NULL DEFAULT '',    -- the span being read, for a second run that asks
    exit_code INTEGER,
    message TEXT NOT NULL DEFAULT '',
    counts TEXT NOT NULL DEFAULT '{}'  -- JSON: what this run changed in the books, and its calls
);
CREATE INDEX runs_by_stream ON runs (stream, id);
CREATE TABLE passes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    stream TEXT NOT NULL,
    kind TEXT NOT NULL,                -- new lookback recheck gap resync
    start TEXT NOT NULL,
    end TEXT NOT NULL,
    state TEXT NOT NULL,               -- pulling pulled settled short split failed
    forced INTEGER NOT NULL,           -- 1: unchanged rows are sent too
    path TEXT NOT NULL,                -- how it is read: query
    fields_print TEXT NOT NULL,
    source_print TEXT NOT NULL,
    parent INTEGER REFERENCES passes,  -- the pass this one is half of
    run_begun INTEGER NOT NULL REFERENCES runs,
    run_ended INTEGER REFERENCES runs,
    reading INTEGER NOT NULL DEFAULT 1,-- counts the times it was begun at page 1
    began TEXT NOT NULL,               -- when this reading began
    ended TEXT,
    checkpoint TEXT,                   -- JSON: last stored page and what the judge has seen
    distinct_keys INTEGER NOT NULL DEFAULT 0,
    pages INTEGER NOT NULL DEFAULT 0,
    reason TEXT NOT NULL DEFAULT '',   -- why it is short, split or failed; or which witness was wrong
    expected INTEGER,
    to_the_end INTEGER NOT NULL DEFAULT 0, -- 1: split after its list was read to the end: halves compare with it
    pulled INTEGER NOT NULL DEFAULT 0,
    duplicate INTEGER NOT NULL DEFAULT 0,
    outside INTEGER NOT NULL DEFAULT 0,
    filtered INTEGER NOT NULL DEFAULT 0,
    unmappable INTEGER NOT NULL DEFAULT 0,
    mapped INTEGER NOT NULL DEFAULT 0,
    made INTEGER NOT NULL DEFAULT 0,
    requeued INTEGER NOT NULL DEFAULT 0,
    vanished INTEGER NOT NULL DEFAULT 0,
    row_duplicate INTEGER NOT NULL DEFAULT 0,
    unchanged INTEGER NOT NULL DEFAULT 0,
    created INTEGER NOT NULL DEFAULT 0,
    updated INTEGER NOT NULL DEFAULT 0,
    deleted INTEGER NOT NULL DEFAULT 0,
    rejected INTEGER NOT NULL DEFAULT 0,
    superseded INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX passes_open ON passes (stream, start) WHERE state IN ('pulling', 'pulled');
CREATE INDEX passes_by_run ON passes (run_begun);
CREATE INDEX passes_by_parent ON passes (parent) WHERE parent IS NOT NULL;
CREATE TABLE coverage (
    stream TEXT NOT NULL,
    start TEXT NOT NULL,
    end TEXT NOT NULL,
    began TEXT NOT NULL,               -- when its last agreed read began
    path TEXT NOT NULL,
    mapping_print TEXT NOT NULL,       -- fingerprints of fields and source
    PRIMARY KEY (stream, start)
) WITHOUT ROWID;
CREATE TABLE owed (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    stream TEXT NOT NULL,
    start TEXT NOT NULL,
    end TEXT NOT NULL,
    cause TEXT NOT NULL,
    forced INTEGER NOT NULL,
    after_pass INTEGER NOT NULL        -- only passes begun later take it off
);
CREATE INDEX owed_by_stream ON owed (stream);
CREATE TABLE seen (
    pass INTEGER NOT NULL,
    kind TEXT NOT NULL,                -- record, row
    digest BLOB NOT NULL,              -- of a record's key, or of a row's target and external id
    content BLOB NOT NULL,             -- of the record; or of the row's owner and values
    at TEXT NOT NULL,
    reading INTEGER NOT NULL,
    PRIMARY KEY (pass, kind, digest)
) WITHOUT ROWID;
CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    stream TEXT NOT NULL,
    object TEXT NOT NULL,
    external_id TEXT NOT NULL,
    at TEXT NOT NULL,
    pass INTEGER NOT NULL REFERENCES passes,
    hash BLOB NOT NULL,
    payload BLOB NOT NULL,             -- JSON: the row's fields
    forced INTEGER NOT NULL,
    only_collections INTEGER NOT NULL, -- holds a value no CSV can say
    batch INTEGER,                     -- NULL: waiting
    attempts INTEGER NOT NULL DEFAULT 0,
    not_before TEXT NOT NULL DEFAULT '',
    skip_run INTEGER NOT NULL DEFAULT 0,
    held INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX outbox_waiting ON outbox (stream, object, external_id) WHERE batch IS NULL;
CREATE UNIQUE INDEX outbox_in_flight ON outbox (stream, object, external_id) WHERE batch IS NOT NULL;
CREATE INDEX outbox_by_batch ON outbox (batch, external_id) WHERE batch IS NOT NULL;
CREATE INDEX outbox_by_pass ON outbox (pass);
CREATE INDEX outbox_by_time ON outbox (stream, at);
CREATE TABLE batches (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    stream TEXT NOT NULL,
    org TEXT NOT NULL,
    object TEXT NOT NULL,
    external_id TEXT NOT NULL,         -- name of the field
    path TEXT NOT NULL,                -- collections, bulk
    state TEXT NOT NULL,
    columns TEXT NOT NULL,             -- JSON: fields in the order of the file
    fields_print TEXT NOT NULL,
    run INTEGER NOT NULL REFERENCES runs,
    job TEXT,
    rows INTEGER NOT NULL DEFAULT 0,
    begun TEXT NOT NULL,
    ended TEXT,
    is_held INTEGER NOT NULL DEFAULT 0,
    held_for TEXT NOT NULL DEFAULT '',
    message TEXT NOT NULL DEFAULT ''
);
CREATE INDEX batches_open ON batches (org, object) WHERE ended IS NULL;
CREATE TABLE row_hashes (
    stream TEXT NOT NULL,
    object TEXT NOT NULL,
    at TEXT NOT NULL,
    external_id TEXT NOT NULL,
    hash BLOB NOT NULL,                -- of what Salesforce accepted last
    in_doubt INTEGER NOT NULL,         -- 1: sent since, answer unknown; equals nothing
    PRIMARY KEY (stream, object, at, external_id)
) WITHOUT ROWID;
CREATE TABLE rejects (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    stream TEXT NOT NULL,
    object TEXT NOT NULL,
    external_id TEXT NOT NULL,
    at TEXT NOT NULL,
    seq INTEGER NOT NULL,              -- only an outcome of a later version closes it
    hash BLOB NOT NULL,
    payload BLOB,
    code TEXT NOT NULL,
    message TEXT NOT NULL,
    fields TEXT NOT NULL,
    fields_print TEXT NOT NULL,
    pass INTEGER NOT NULL,
    first_seen TEXT NOT NULL,
    last_seen TEXT NOT NULL,
    tries INTEGER NOT NULL DEFAULT 1,
    closed TEXT,
    closed_by TEXT
);
CREATE UNIQUE INDEX rejects_open ON rejects (stream, object, external_id) WHERE closed IS NULL;
CREATE TABLE gaps (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    stream TEXT NOT NULL,
    start TEXT NOT NULL,
    end TEXT NOT NULL,
    reason TEXT NOT NULL,
    expected INTEGER,
    received INTEGER NOT NULL,
    digest BLOB NOT NULL,              -- of the record keys of its last read, free of order
    digest_since TEXT NOT NULL,        -- when a read with that digest was first made
    first_seen TEXT NOT NULL,
    last_tried TEXT NOT NULL,
    tries INTEGER NOT NULL DEFAULT 1,
    closed TEXT,
    closed_by TEXT
);
CREATE UNIQUE INDEX gaps_open ON gaps (stream, start, end) WHERE closed IS NULL;
CREATE VIEW v_gaps AS
    SELECT stream, start, end, expected, received, reason, tries, first_seen, last_tried
    FROM gaps WHERE closed IS NULL;
CREATE VIEW v_rejects AS
    SELECT stream, object, external_id, code, message, fields, tries, first_seen, last_seen
    FROM rejects WHERE closed IS NULL;
CREATE VIEW v_status AS
    SELECT s.name AS stream,
        (SELECT max(c.end) FROM coverage c WHERE c.stream = s.name) AS read_to,
        (SELECT count(*) FROM outbox o WHERE o.stream = s.name) AS waiting_rows,
        (SELECT count(*) FROM rejects r WHERE r.stream = s.name AND r.closed IS NULL) AS rejects,
        (SELECT count(*) FROM gaps g WHERE g.stream = s.name AND g.closed IS NULL) AS gaps,
        (SELECT max(started) FROM runs u WHERE u.stream = s.name) AS last_run
    FROM streams s;
