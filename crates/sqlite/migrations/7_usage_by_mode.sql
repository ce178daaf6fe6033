-- The counts of accounts by mode, of the last hours and by day: an overview reads few rows, however many keys there are.
CREATE TABLE desk_modes (
    account TEXT NOT NULL,
    unit TEXT NOT NULL,
    start INTEGER NOT NULL,
    mode TEXT NOT NULL,
    outcome TEXT NOT NULL,
    times INTEGER NOT NULL,
    PRIMARY KEY (account, unit, start, mode, outcome)
) STRICT, WITHOUT ROWID;
CREATE INDEX desk_modes_hours ON desk_modes (start) WHERE unit = 'hour';
CREATE INDEX desk_counts_refused ON desk_counts (account, day) WHERE outcome <> 'accepted';
INSERT INTO desk_modes SELECT c.account, 'day', c.day, coalesce(k.mode, 'live'), c.outcome, sum(c.times)
    FROM desk_counts AS c LEFT JOIN keys AS k ON k.id = c.key GROUP BY 1, 3, 4, 5;
INSERT INTO desk_modes SELECT k.account, 'hour', h.hour, k.mode, h.outcome, sum(h.times)
    FROM desk_hours AS h JOIN keys AS k ON k.id = h.key GROUP BY 1, 3, 4, 5;
