DROP FUNCTION keyward_desk_add_scopes;

-- Adds counts, except those of deleted accounts. Beyond the most scopes of a key or an account on a day, further ones count as other. Half
-- of the names are only for listed scopes. One node adds at a time, so the most is exact and nodes cannot deadlock. The lock is "scop".
CREATE FUNCTION keyward_desk_add_scopes(accounts TEXT[], keys TEXT[], days BIGINT[], scopes TEXT[], outcomes TEXT[], counts BIGINT[],
    listed BOOLEAN[], most_of_key BIGINT, most_of_account BIGINT, other TEXT) RETURNS VOID
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(1935896432);
    WITH new AS MATERIALIZED (
        SELECT account, target.key, day, scope, outcome, sum(times) AS times, bool_or(is_listed) AS is_listed
        FROM unnest(accounts, keys, days, scopes, outcomes, counts, listed)
            AS given (account, key, day, scope, outcome, times, is_listed),
        LATERAL (SELECT given.key UNION SELECT '') AS target (key)
        WHERE NOT EXISTS (SELECT 1 FROM keyward_desk_records AS known WHERE known.kind = 'deleted_account' AND known.id = given.account)
        GROUP BY 1, 2, 3, 4, 5
    ),
    -- The names are counted once for each key, not for each row.
    places AS MATERIALIZED (
        SELECT account, key, day, (SELECT count(DISTINCT known.scope) FROM keyward_desk_scopes AS known
            WHERE known.account = place.account AND known.key = place.key AND known.day = place.day AND known.scope <> other) AS names
        FROM (SELECT DISTINCT account, key, day FROM new) AS place
    ),
    unknown AS MATERIALIZED (
        SELECT account, key, day, scope, bool_or(is_listed) AS is_listed,
            row_number() OVER (PARTITION BY account, key, day ORDER BY bool_or(is_listed) DESC, scope) AS place
        FROM new WHERE scope <> other AND NOT EXISTS (SELECT 1 FROM keyward_desk_scopes AS known WHERE known.account = new.account
            AND known.key = new.key AND known.day = new.day AND known.scope = new.scope)
        GROUP BY 1, 2, 3, 4
    ),
    others AS MATERIALIZED (
        SELECT account, key, day, scope FROM unknown JOIN places USING (account, key, day)
        WHERE names + place > CASE WHEN key = '' THEN most_of_account ELSE most_of_key END / CASE WHEN is_listed THEN 1 ELSE 2 END
    )
    INSERT INTO keyward_desk_scopes AS known
        SELECT account, key, day, CASE WHEN others.scope IS NULL THEN new.scope ELSE other END, outcome, sum(times)
        FROM new LEFT JOIN others USING (account, key, day, scope) GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
        ON CONFLICT (account, key, day, scope, outcome) DO UPDATE SET times = known.times + excluded.times;
END
$$;
