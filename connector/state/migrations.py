"""The tables of the state file, in numbered steps that are never changed once released.

All instants are text `YYYY-MM-DDThh:mm:ssZ`, so that they sort and read as they are. Customer values stand only in
`outbox.payload` and `rejects.payload`, names of agents in `lookups`.
"""

import sqlite_utils
from sqlite_utils.migrations import Migrations

MIGRATIONS = Migrations("connector")

_TABLES = """
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
    FROM streams s
"""


@MIGRATIONS(name="0001_first")
def _first(db: sqlite_utils.Database) -> None:
    for statement in _TABLES.split(";\n"):
        db.execute(statement)


_LOOKUPS = """
CREATE TABLE lookups (
    genesys_org TEXT NOT NULL,
    kind TEXT NOT NULL,                -- queues users wrap_up_codes divisions
    id TEXT NOT NULL,
    properties TEXT,                   -- JSON; NULL: the service answered that there is no such id
    answered TEXT NOT NULL,
    PRIMARY KEY (genesys_org, kind, id)
) WITHOUT ROWID;
CREATE TABLE lookup_lists (
    genesys_org TEXT NOT NULL,
    kind TEXT NOT NULL,
    begun TEXT NOT NULL,               -- when the last list that was kept whole was begun to be read
    PRIMARY KEY (genesys_org, kind)
) WITHOUT ROWID
"""


@MIGRATIONS(name="0002_lookups")
def _lookups(db: sqlite_utils.Database) -> None:
    for statement in _LOOKUPS.split(";\n"):
        db.execute(statement)


_VANISHED = """
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
DELETE FROM seen;
UPDATE passes SET reading = reading + 1, checkpoint = NULL, distinct_keys = 0 WHERE state = 'pulling'
"""
# What is seen of a row now tells its record: passes in the middle of their pages are read from page 1 again.


@MIGRATIONS(name="0004_vanished")
def _vanished(db: sqlite_utils.Database) -> None:
    for statement in _VANISHED.split(";\n"):
        db.execute(statement)


_OPEN_RECORDS = """
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
CREATE INDEX open_records_asked ON open_records (asked_by) WHERE asked_by IS NOT NULL
"""


@MIGRATIONS(name="0005_open_records")
def _open_records(db: sqlite_utils.Database) -> None:
    """Records followed by id. Passes that read them have no span: their `start` and `end` are ''."""
    for statement in _OPEN_RECORDS.split(";\n"):
        db.execute(statement)


_JOBS = """
-- of passes.path job: its job, and up to when the data lake was filled, as far as is known
ALTER TABLE passes ADD COLUMN job TEXT;
ALTER TABLE passes ADD COLUMN available TEXT;
-- `hash` is that of what every path gives, `rest` that of what only jobs give: x'' where a row read by job says nothing
-- of it, NULL where the row was read by query, or where it is not known what Salesforce has
ALTER TABLE outbox ADD COLUMN rest BLOB;
ALTER TABLE row_hashes ADD COLUMN rest BLOB;
ALTER TABLE rejects ADD COLUMN rest BLOB;
-- the availability date that a run was told last, and when
ALTER TABLE streams ADD COLUMN available TEXT;
ALTER TABLE streams ADD COLUMN available_asked TEXT
"""


@MIGRATIONS(name="0006_parents")
def _parents(db: sqlite_utils.Database) -> None:
    # The version this one has replaced before it was accepted; NULL: none.
    db.execute("ALTER TABLE outbox ADD COLUMN since INTEGER")
    # JSON: relationships the row is sent without, for Salesforce does not know the parent.
    db.execute("ALTER TABLE outbox ADD COLUMN left_out TEXT NOT NULL DEFAULT '[]'")
    # How many of the rows created and updated were sent so.
    db.execute("ALTER TABLE passes ADD COLUMN without_parent INTEGER NOT NULL DEFAULT 0")


@MIGRATIONS(name="0007_jobs")
def _jobs(db: sqlite_utils.Database) -> None:
    for statement in _JOBS.split(";\n"):
        db.execute(statement)


_GAPS = """
-- what is above the number a run has told of is still to be told: a gap gets the next one when it is opened and when it
-- lacks more than ever before
ALTER TABLE gaps ADD COLUMN news INTEGER NOT NULL DEFAULT 0;
ALTER TABLE gaps ADD COLUMN least_received INTEGER NOT NULL DEFAULT 0;
-- NULL: no number was promised
ALTER TABLE gaps ADD COLUMN most_missing INTEGER;
ALTER TABLE gaps ADD COLUMN closed_run INTEGER;
ALTER TABLE gaps ADD COLUMN closed_pass INTEGER;
UPDATE gaps SET news = id, least_received = received, most_missing = expected - received
"""
# A run told of gaps by their ids before.


@MIGRATIONS(name="0008_gaps")
def _gaps(db: sqlite_utils.Database) -> None:
    for statement in _GAPS.split(";\n"):
        db.execute(statement)


_HISTORY = """
CREATE TABLE row_shapes (
    id INTEGER PRIMARY KEY,
    names TEXT NOT NULL UNIQUE         -- JSON: names of a row's fields, in the order of their prints
);
CREATE TABLE row_history (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    stream TEXT NOT NULL,
    object TEXT NOT NULL,
    external_id TEXT NOT NULL,
    at TEXT NOT NULL,
    told TEXT NOT NULL,                -- when its answer was read
    fate TEXT NOT NULL,                -- created updated deleted rejected
    code TEXT NOT NULL,
    pass INTEGER NOT NULL,
    batch INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    shape INTEGER NOT NULL REFERENCES row_shapes,
    prints BLOB NOT NULL               -- four bytes for each field, no values
);
CREATE INDEX row_history_by_key ON row_history (external_id)
"""


@MIGRATIONS(name="0015_history")
def _history(db: sqlite_utils.Database) -> None:
    for statement in _HISTORY.split(";\n"):
        db.execute(statement)
