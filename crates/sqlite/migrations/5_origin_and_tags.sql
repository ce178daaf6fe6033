-- Who created a key, the user that it belongs to, and why it was revoked. Older keys have no values: unknown.
ALTER TABLE keys ADD COLUMN user TEXT;
ALTER TABLE keys ADD COLUMN created_by TEXT;
ALTER TABLE keys ADD COLUMN revocation_reason TEXT;
ALTER TABLE keys ADD COLUMN revocation_note TEXT;
ALTER TABLE keys ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
CREATE INDEX keys_of_user ON keys (user, created_at DESC, id DESC) WHERE user IS NOT NULL;

-- The index of tags. Triggers keep it equal to the column `tags`.
CREATE TABLE key_tags (
    tag TEXT NOT NULL,
    key TEXT NOT NULL,
    PRIMARY KEY (tag, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX key_tags_of_key ON key_tags (key);

CREATE TRIGGER keys_insert_tags AFTER INSERT ON keys WHEN NEW.tags <> '[]'
BEGIN
    INSERT INTO key_tags (tag, key) SELECT value, NEW.id FROM json_each(NEW.tags);
END;

CREATE TRIGGER keys_update_tags AFTER UPDATE OF tags ON keys WHEN NEW.tags <> OLD.tags
BEGIN
    DELETE FROM key_tags WHERE key = NEW.id;
    INSERT INTO key_tags (tag, key) SELECT value, NEW.id FROM json_each(NEW.tags);
END;

CREATE TRIGGER keys_delete_tags AFTER DELETE ON keys
BEGIN
    DELETE FROM key_tags WHERE key = OLD.id;
END;
