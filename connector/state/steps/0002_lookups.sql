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
) WITHOUT ROWID;
