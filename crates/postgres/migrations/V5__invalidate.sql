-- For applications with their own table of keys: called in the application's transaction, they append to the log.
-- Each keeps the search path of this migration, so it finds keyward's tables from any session.
CREATE FUNCTION keyward_random_mark() RETURNS BIGINT LANGUAGE sql VOLATILE AS $$
    SELECT ('x' || left(replace(gen_random_uuid()::text, '-', ''), 16))::bit(64)::bigint & 9223372036854775807
$$;

CREATE FUNCTION keyward_invalidate_account(account TEXT) RETURNS VOID
LANGUAGE plpgsql STRICT SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM keyward_append(keyward_random_mark(), 'account', NULL, NULL, account);
END
$$;

CREATE FUNCTION keyward_invalidate_key(key TEXT, digest BYTEA) RETURNS VOID
LANGUAGE plpgsql STRICT SET search_path FROM CURRENT AS $$
BEGIN
    IF length(digest) <> 32 THEN
        RAISE EXCEPTION 'the digest has % bytes: give the 32 bytes of the SHA-256', length(digest);
    END IF;
    PERFORM keyward_append(keyward_random_mark(), 'key', key, digest, NULL);
END
$$;

-- The newest position of the log, for an answer of the application's own table.
CREATE VIEW keyward_position AS SELECT number, mark FROM keyward_log_head;
