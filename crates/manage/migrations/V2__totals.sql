-- The counts of all keys of an account together: an overview reads a row a day, however many keys there are.
CREATE TABLE keyward_desk_totals (
    account TEXT COLLATE "C" NOT NULL,
    day BIGINT NOT NULL,
    outcome TEXT COLLATE "C" NOT NULL,
    times BIGINT NOT NULL,
    PRIMARY KEY (account, day, outcome)
);
INSERT INTO keyward_desk_totals SELECT account, day, outcome, sum(times) FROM keyward_desk_counts GROUP BY account, day, outcome;

-- The counts of the last hours.
CREATE TABLE keyward_desk_hours (
    key TEXT COLLATE "C" NOT NULL,
    outcome TEXT COLLATE "C" NOT NULL,
    hour BIGINT NOT NULL,
    times BIGINT NOT NULL,
    PRIMARY KEY (key, outcome, hour)
);
CREATE INDEX keyward_desk_hours_in_order ON keyward_desk_hours (hour);
