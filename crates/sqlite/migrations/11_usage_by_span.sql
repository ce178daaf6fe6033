-- The counts of keys in spans of 1, 4 and 16 days. A range of days is a few spans, and a span has a row for each key and outcome.
CREATE TABLE desk_spans (
    account TEXT NOT NULL,
    days INTEGER NOT NULL,
    start INTEGER NOT NULL,
    key TEXT NOT NULL,
    outcome TEXT NOT NULL,
    times INTEGER NOT NULL,
    PRIMARY KEY (account, days, start, key, outcome)
) STRICT, WITHOUT ROWID;
INSERT INTO desk_spans SELECT account, length, day - day % length, key, outcome, sum(times)
    FROM desk_counts, (SELECT 1 AS length UNION ALL SELECT 4 UNION ALL SELECT 16) GROUP BY 1, 2, 3, 4, 5;
DROP INDEX desk_counts_refused;
