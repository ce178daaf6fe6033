-- The scopes that a refused key lacked.
ALTER TABLE desk_requests ADD COLUMN missing TEXT;
