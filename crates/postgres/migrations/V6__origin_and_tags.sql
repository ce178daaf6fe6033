-- Who created a key, the user that it belongs to, and why it was revoked. Older keys have no values: unknown.
ALTER TABLE keyward_keys ADD COLUMN user_id TEXT COLLATE "C";
ALTER TABLE keyward_keys ADD COLUMN created_by TEXT;
ALTER TABLE keyward_keys ADD COLUMN revocation_reason TEXT;
ALTER TABLE keyward_keys ADD COLUMN revocation_note TEXT;
ALTER TABLE keyward_keys ADD COLUMN tags TEXT[] NOT NULL DEFAULT '{}';
CREATE INDEX keyward_keys_of_user ON keyward_keys (user_id, created_at DESC, id DESC) WHERE user_id IS NOT NULL;
CREATE INDEX keyward_keys_by_tag ON keyward_keys USING gin (tags) WHERE tags <> '{}';
