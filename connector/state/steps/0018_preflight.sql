CREATE TABLE descriptions (
    stream TEXT NOT NULL,
    org TEXT NOT NULL,
    object TEXT NOT NULL,
    modified TEXT NOT NULL,            -- Last-Modified of Salesforce's answer
    asked TEXT NOT NULL,               -- when a run last found it so
    description BLOB NOT NULL,         -- JSON: what is used of the answer
    PRIMARY KEY (stream, org, object)
) WITHOUT ROWID;
-- rows set aside before the batch was sent, not counted in rows
ALTER TABLE batches ADD COLUMN refused INTEGER NOT NULL DEFAULT 0;
