-- The scopes that a refused key lacked.
ALTER TABLE keyward_desk_requests ADD COLUMN missing TEXT;
