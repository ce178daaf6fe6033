-- The counts of keys by required scope and day. The empty key has those of all keys of the account: an overview reads few rows, however
-- many keys there are.
CREATE TABLE keyward_desk_scopes (
    account TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    day BIGINT NOT NULL,
    scope TEXT COLLATE "C" NOT NULL,
    outcome TEXT COLLATE "C" NOT NULL,
    times BIGINT NOT NULL,
    PRIMARY KEY (account, key, day, scope, outcome)
);

-- Adds counts. Beyond the most scopes of a key or an account on a day, further ones count as other. One node adds at a time, so the
-- most is exact and nodes cannot deadlock. The lock is "scop".
CREATE FUNCTION keyward_desk_add_scopes(accounts TEXT[], keys TEXT[], days BIGINT[], scopes TEXT[], outcomes TEXT[], counts BIGINT[],
    most_of_key BIGINT, most_of_account BIGINT, other TEXT) RETURNS VOID
LANGUAGE plpgsql AS $$
DECLARE
    new RECORD;
    named TEXT;
BEGIN
    PERFORM pg_advisory_xact_lock(1935896432);
    FOR new IN
        SELECT account, target.key, day, scope, outcome, sum(times)::bigint AS times, target.most
        FROM unnest(accounts, keys, days, scopes, outcomes, counts) AS given (account, key, day, scope, outcome, times),
        LATERAL (VALUES (given.key, most_of_key), ('', most_of_account)) AS target (key, most)
        GROUP BY 1, 2, 3, 4, 5, 7 ORDER BY 1, 2, 3, 4, 5
    LOOP
        named := new.scope;
        IF NOT EXISTS (SELECT 1 FROM keyward_desk_scopes AS known WHERE known.account = new.account AND known.key = new.key
                AND known.day = new.day AND known.scope = new.scope)
            AND (SELECT count(DISTINCT known.scope) FROM keyward_desk_scopes AS known WHERE known.account = new.account
                AND known.key = new.key AND known.day = new.day) >= new.most
        THEN
            named := other;
        END IF;
        INSERT INTO keyward_desk_scopes AS known VALUES (new.account, new.key, new.day, named, new.outcome, new.times)
            ON CONFLICT (account, key, day, scope, outcome) DO UPDATE SET times = known.times + excluded.times;
    END LOOP;
END
$$;
