-- The counts of keys in spans of 1, 4 and 16 days. A range of days is a few spans, and a span has a row for each key and outcome.
CREATE TABLE keyward_desk_spans (
    account TEXT COLLATE "C" NOT NULL,
    days BIGINT NOT NULL,
    start BIGINT NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    outcome TEXT COLLATE "C" NOT NULL,
    times BIGINT NOT NULL,
    PRIMARY KEY (account, days, start, key, outcome)
);
INSERT INTO keyward_desk_spans SELECT account, length, day - day % length, key, outcome, sum(times)
    FROM keyward_desk_counts, unnest(ARRAY[1, 4, 16]::bigint[]) AS length GROUP BY 1, 2, 3, 4, 5;
DROP INDEX keyward_desk_counts_refused;
