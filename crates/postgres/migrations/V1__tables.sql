-- Ids are compared byte by byte, as everywhere else in keyward.
CREATE TABLE keyward_accounts (
    id TEXT COLLATE "C" PRIMARY KEY,
    name TEXT NOT NULL,
    plan TEXT,
    features TEXT NOT NULL,
    suspended_at BIGINT
);

CREATE TABLE keyward_keys (
    id TEXT COLLATE "C" PRIMARY KEY,
    account TEXT COLLATE "C" NOT NULL REFERENCES keyward_accounts (id),
    name TEXT NOT NULL,
    digest BYTEA NOT NULL UNIQUE CHECK (length(digest) = 32),
    hashed_with TEXT NOT NULL,
    hint TEXT NOT NULL,
    kind TEXT NOT NULL,
    mode TEXT NOT NULL,
    scopes TEXT NOT NULL,
    endpoints TEXT NOT NULL,
    networks TEXT NOT NULL,
    metadata TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    not_before BIGINT,
    expires_at BIGINT,
    disabled_at BIGINT,
    revoked_at BIGINT,
    compromised_at BIGINT,
    last_used_at BIGINT,
    rotated_from TEXT,
    rotated_to TEXT,
    version BIGINT NOT NULL
);
CREATE INDEX keyward_keys_newest_first ON keyward_keys (created_at DESC, id DESC);
CREATE INDEX keyward_keys_of_account ON keyward_keys (account, created_at DESC, id DESC);

CREATE TABLE keyward_changes (
    number BIGINT PRIMARY KEY,
    mark BIGINT NOT NULL,
    kind TEXT NOT NULL,
    key TEXT,
    digest BYTEA,
    account TEXT
);

-- One row. Whoever appends holds its lock until the commit, so that numbers follow the order of commits and have no gaps;
-- whoever grants a lease holds it too, shared, so that no entry is committed between the look and the grant.
CREATE TABLE keyward_log_head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    number BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    origin BIGINT NOT NULL
);

CREATE TABLE keyward_nodes (
    node TEXT COLLATE "C" PRIMARY KEY,
    applied BIGINT NOT NULL,
    renewals BIGINT NOT NULL,
    lease_millis BIGINT NOT NULL
);
