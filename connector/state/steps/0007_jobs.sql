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
ALTER TABLE streams ADD COLUMN available_asked TEXT;
