-- The counts of keys by required scope and day. The empty key has those of all keys of the account: an overview reads few rows, however
-- many keys there are.
CREATE TABLE desk_scopes (
    account TEXT NOT NULL,
    key TEXT NOT NULL,
    day INTEGER NOT NULL,
    scope TEXT NOT NULL,
    outcome TEXT NOT NULL,
    times INTEGER NOT NULL,
    PRIMARY KEY (account, key, day, scope, outcome)
) STRICT, WITHOUT ROWID;
