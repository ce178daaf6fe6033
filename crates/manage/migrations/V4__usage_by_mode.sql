-- The counts of accounts by mode, of the last hours and by day: an overview reads few rows, however many keys there are.
CREATE TABLE keyward_desk_modes (
    account TEXT COLLATE "C" NOT NULL,
    unit TEXT COLLATE "C" NOT NULL,
    start BIGINT NOT NULL,
    mode TEXT COLLATE "C" NOT NULL,
    outcome TEXT COLLATE "C" NOT NULL,
    times BIGINT NOT NULL,
    PRIMARY KEY (account, unit, start, mode, outcome)
);
CREATE INDEX keyward_desk_modes_hours ON keyward_desk_modes (start) WHERE unit = 'hour';
CREATE INDEX keyward_desk_counts_refused ON keyward_desk_counts (account, day) WHERE outcome <> 'accepted';
INSERT INTO keyward_desk_modes SELECT c.account, 'day', c.day, coalesce(k.mode, 'live'), c.outcome, sum(c.times)
    FROM keyward_desk_counts AS c LEFT JOIN keyward_keys AS k ON k.id = c.key GROUP BY 1, 3, 4, 5;
INSERT INTO keyward_desk_modes SELECT k.account, 'hour', h.hour, k.mode, h.outcome, sum(h.times)
    FROM keyward_desk_hours AS h JOIN keyward_keys AS k ON k.id = h.key GROUP BY 1, 3, 4, 5;
