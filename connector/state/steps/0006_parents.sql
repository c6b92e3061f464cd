-- the version this one has replaced before it was accepted; NULL: none
ALTER TABLE outbox ADD COLUMN since INTEGER;
-- JSON: relationships the row is sent without, for Salesforce does not know the parent
ALTER TABLE outbox ADD COLUMN left_out TEXT NOT NULL DEFAULT '[]';
-- how many of the rows created and updated were sent so
ALTER TABLE passes ADD COLUMN without_parent INTEGER NOT NULL DEFAULT 0;
