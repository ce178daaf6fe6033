-- The limits of plans, accounts and keys. Empty rules stay, so that every node learns of a removal.
CREATE TABLE limit_rules (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    rules TEXT NOT NULL,
    version INTEGER NOT NULL UNIQUE,
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;

-- What was taken of rates and budgets. A row without an end is never removed.
CREATE TABLE limit_counters (
    counter TEXT NOT NULL PRIMARY KEY,
    state TEXT NOT NULL,
    ends_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX limit_counters_by_end ON limit_counters (ends_at) WHERE ends_at IS NOT NULL;
