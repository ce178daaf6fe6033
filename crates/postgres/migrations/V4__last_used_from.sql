-- The network of the last use, coarse.
ALTER TABLE keyward_keys ADD COLUMN last_used_from TEXT;
