-- Permits for tasks that are held, or whose holder is gone. Time is this server's: no node's clock takes part.
CREATE TABLE keyward_permits (
    account TEXT COLLATE "C" NOT NULL,
    permit TEXT COLLATE "C" NOT NULL,
    ends_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (account, permit)
);
CREATE INDEX keyward_permits_by_end ON keyward_permits (ends_at);

-- Takes a permit. Gives how many are held if that is all of them, and NULL if this one is granted. One call does it all, so that no
-- client that stops half-way holds the lock.
CREATE FUNCTION keyward_acquire_permit(of_account TEXT, new_permit TEXT, most BIGINT, lease_seconds DOUBLE PRECISION) RETURNS BIGINT
LANGUAGE plpgsql AS $$
DECLARE
    now TIMESTAMPTZ;
    held BIGINT;
BEGIN
    -- What is read under the lock has to be the newest, and not what stood there when a longer transaction began.
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'permits are granted in transactions that read what is committed';
    END IF;
    -- One at a time for each account ("kwpm"). Accounts that share a hash only wait for each other.
    PERFORM pg_advisory_xact_lock(1803055213, hashtext(of_account));
    now := clock_timestamp();
    DELETE FROM keyward_permits WHERE account = of_account AND ends_at <= now;
    SELECT count(*) INTO held FROM keyward_permits WHERE account = of_account;
    IF held >= most THEN
        RETURN held;
    END IF;
    INSERT INTO keyward_permits VALUES (of_account, new_permit, now + make_interval(secs => lease_seconds));
    -- What holders of accounts that do not come back have left, a few at a time; nobody is waited for.
    DELETE FROM keyward_permits WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM keyward_permits WHERE ends_at <= now ORDER BY ends_at LIMIT 10 FOR UPDATE SKIP LOCKED
    ));
    RETURN NULL;
END
$$;
