-- 1: pages in its middle stayed empty though later ones held records, as of its last short read
ALTER TABLE gaps ADD COLUMN has_hole INTEGER NOT NULL DEFAULT 0;
