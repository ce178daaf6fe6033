-- The owner of the file ("keyw"), in its header.
PRAGMA application_id = 0x6b657977;

CREATE TABLE accounts (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    plan TEXT,
    features TEXT NOT NULL,
    suspended_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE keys (
    id TEXT NOT NULL UNIQUE,
    account TEXT NOT NULL REFERENCES accounts (id),
    name TEXT NOT NULL,
    digest BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
    hashed_with TEXT NOT NULL,
    hint TEXT NOT NULL,
    kind TEXT NOT NULL,
    mode TEXT NOT NULL,
    scopes TEXT NOT NULL,
    endpoints TEXT NOT NULL,
    networks TEXT NOT NULL,
    metadata TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    not_before INTEGER,
    expires_at INTEGER,
    disabled_at INTEGER,
    revoked_at INTEGER,
    compromised_at INTEGER,
    last_used_at INTEGER,
    rotated_from TEXT,
    rotated_to TEXT,
    version INTEGER NOT NULL
) STRICT;
CREATE INDEX keys_newest_first ON keys (created_at DESC, id DESC);
CREATE INDEX keys_of_account ON keys (account, created_at DESC, id DESC);

CREATE TABLE changes (
    number INTEGER PRIMARY KEY,
    mark INTEGER NOT NULL,
    kind TEXT NOT NULL,
    key TEXT,
    digest BLOB,
    account TEXT
) STRICT;

-- One row: the newest position, and the mark of the position before the first entry.
CREATE TABLE log_head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    number INTEGER NOT NULL,
    mark INTEGER NOT NULL,
    origin INTEGER NOT NULL
) STRICT;

CREATE TABLE nodes (
    node TEXT NOT NULL PRIMARY KEY,
    applied INTEGER NOT NULL,
    renewals INTEGER NOT NULL,
    lease_millis INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
