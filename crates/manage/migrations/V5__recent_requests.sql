-- The last requests of each key, if a service records them.
CREATE TABLE keyward_desk_requests (
    key TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    number BIGINT NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    method TEXT,
    route TEXT,
    network TEXT,
    outcome TEXT NOT NULL,
    PRIMARY KEY (key, at, number)
);
CREATE INDEX keyward_desk_requests_in_order ON keyward_desk_requests (at);
CREATE INDEX keyward_desk_requests_of_account ON keyward_desk_requests (account);
