-- The last requests of each key, if a service records them.
CREATE TABLE desk_requests (
    key TEXT NOT NULL,
    at INTEGER NOT NULL,
    number INTEGER NOT NULL,
    account TEXT NOT NULL,
    method TEXT,
    route TEXT,
    network TEXT,
    outcome TEXT NOT NULL,
    PRIMARY KEY (key, at, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX desk_requests_in_order ON desk_requests (at);
CREATE INDEX desk_requests_of_account ON desk_requests (account);
