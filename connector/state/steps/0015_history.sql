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
CREATE INDEX row_history_by_key ON row_history (external_id);
