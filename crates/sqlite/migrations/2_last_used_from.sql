ALTER TABLE keys ADD COLUMN last_used_from TEXT;
