-- Appends an entry to the log and gives its number. Called by the statement that makes the change, as the last thing that it does:
-- from here to that statement's end nobody else appends, and nobody is granted a lease. No client comes between, so one that is
-- stopped or cut off half-way holds nothing.
CREATE FUNCTION keyward_append(entry_mark BIGINT, kind TEXT, key TEXT, digest BYTEA, account TEXT) RETURNS BIGINT
LANGUAGE plpgsql AS $$
DECLARE
    entry BIGINT;
BEGIN
    -- Whoever renews shares this lock, and they take turns with us: the row's own lock lets those who share it overtake.
    PERFORM pg_advisory_xact_lock(1802988648, 0);
    UPDATE keyward_log_head SET number = number + 1, mark = entry_mark RETURNING number INTO STRICT entry;
    INSERT INTO keyward_changes VALUES (entry, entry_mark, kind, key, digest, account);
    -- A node that is further behind than what is kept drops its whole cache.
    IF entry % 1000 = 0 THEN
        DELETE FROM keyward_changes WHERE number <= entry - 10000;
    END IF;
    PERFORM pg_notify('keyward_log', '');
    RETURN entry;
END
$$;
