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
    PERFORM pg_advisory_xact_lock(1802989677, hashtext(of_account));
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

-- Rates. A crash of the server or a failover empties this table, and so gives every quota back; for that, spending waits for no disk.
CREATE UNLOGGED TABLE keyward_rates (
    name TEXT COLLATE "C" NOT NULL,
    whose TEXT COLLATE "C" NOT NULL,
    -- When this was written, and the time after which all that was spent has come back.
    at_micros BIGINT NOT NULL,
    ahead_nanos BIGINT NOT NULL,
    -- From this hour on the row says nothing any more. It changes once an hour, so that most writes touch no index.
    idle_from BIGINT NOT NULL,
    PRIMARY KEY (name, whose)
) WITH (fillfactor = 50);
CREATE INDEX keyward_rates_by_end ON keyward_rates (idle_from);

-- Spends of a quota, by the generic cell rate algorithm. Gives how many nanoseconds the caller is ahead then, or if that were more than
-- `most`, spends nothing and gives how long to wait, below zero. Callers of one quota follow one another by its row's lock.
CREATE FUNCTION keyward_spend(of_name TEXT, of_whom TEXT, cost BIGINT, most BIGINT) RETURNS BIGINT
LANGUAGE plpgsql AS $$
DECLARE
    last BIGINT;
    ahead BIGINT;
    now BIGINT;
    wait BIGINT;
BEGIN
    LOOP
        SELECT at_micros, ahead_nanos INTO last, ahead FROM keyward_rates WHERE name = of_name AND whose = of_whom FOR UPDATE;
        EXIT WHEN FOUND;
        INSERT INTO keyward_rates VALUES (of_name, of_whom, 0, 0, 0) ON CONFLICT DO NOTHING;
    END LOOP;
    -- Read under the lock, so that nobody who came first has a later time.
    now := extract(epoch FROM clock_timestamp()) * 1000000;
    ahead := greatest(0, ahead - 1000 * greatest(0, now - last));
    wait := ahead + cost - most;
    IF wait <= 0 THEN
        ahead := ahead + cost;
    ELSIF now >= last THEN
        RETURN -wait;
    END IF;
    -- Also if the call is refused, but the clock was set back: otherwise nothing came back until it has caught up.
    UPDATE keyward_rates
    SET at_micros = now, ahead_nanos = ahead, idle_from = (now + ahead / 1000) / 3600000000 + 1
    WHERE name = of_name AND whose = of_whom;
    -- What callers that do not come back have left, now and then and some at a time; nobody is waited for.
    IF random() < 0.02 THEN
        DELETE FROM keyward_rates WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM keyward_rates WHERE idle_from <= now / 3600000000 ORDER BY idle_from LIMIT 200 FOR UPDATE SKIP LOCKED
        ));
    END IF;
    IF wait <= 0 THEN
        RETURN ahead;
    END IF;
    RETURN -wait;
END
$$;
