-- what is above the number a run has told of is still to be told: a gap gets the next one when it is opened and when it
-- lacks more than ever before
ALTER TABLE gaps ADD COLUMN news INTEGER NOT NULL DEFAULT 0;
ALTER TABLE gaps ADD COLUMN least_received INTEGER NOT NULL DEFAULT 0;
-- NULL: no number was promised
ALTER TABLE gaps ADD COLUMN most_missing INTEGER;
ALTER TABLE gaps ADD COLUMN closed_run INTEGER;
ALTER TABLE gaps ADD COLUMN closed_pass INTEGER;
-- a run told of gaps by their ids before
UPDATE gaps SET news = id, least_received = received, most_missing = expected - received;
