CREATE TABLE keyward_desk_records (
    kind TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    owner TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C",
    sort BIGINT NOT NULL,
    expires_at BIGINT,
    version BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (kind, id),
    UNIQUE (kind, key)
);
CREATE INDEX keyward_desk_records_in_order ON keyward_desk_records (kind, sort, id);
CREATE INDEX keyward_desk_records_of_owner ON keyward_desk_records (kind, owner, sort, id) WHERE owner <> '';
CREATE INDEX keyward_desk_records_about ON keyward_desk_records (kind, subject, sort, id) WHERE subject <> '';
CREATE INDEX keyward_desk_records_expire ON keyward_desk_records (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE keyward_desk_counts (
    account TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    day BIGINT NOT NULL,
    outcome TEXT COLLATE "C" NOT NULL,
    times BIGINT NOT NULL,
    PRIMARY KEY (account, key, day, outcome)
);

-- Does a batch of writes, all or nothing, and gives the place of the first that does not fit, or nothing. It is one statement for the
-- client, so one that is stopped or cut off half-way holds no lock.
CREATE FUNCTION keyward_desk_write(writes JSONB) RETURNS BIGINT
LANGUAGE plpgsql AS $$
DECLARE
    item JSONB;
    place BIGINT := 0;
    changed BIGINT;
BEGIN
    FOR item IN SELECT value FROM jsonb_array_elements(writes) WITH ORDINALITY ORDER BY ordinality LOOP
        BEGIN
            IF item->>'do' = 'insert' THEN
                INSERT INTO keyward_desk_records VALUES (item->>'kind', item->>'id', item->>'owner', item->>'subject', item->>'key',
                    (item->>'sort')::bigint, (item->>'expires_at')::bigint, 1, item->>'body') ON CONFLICT DO NOTHING;
            ELSIF item->>'do' = 'replace' THEN
                UPDATE keyward_desk_records SET owner = item->>'owner', subject = item->>'subject', key = item->>'key',
                    sort = (item->>'sort')::bigint, expires_at = (item->>'expires_at')::bigint, body = item->>'body',
                    version = version + 1
                    WHERE kind = item->>'kind' AND id = item->>'id' AND version = (item->>'version')::bigint;
            ELSE
                DELETE FROM keyward_desk_records
                    WHERE kind = item->>'kind' AND id = item->>'id' AND version = (item->>'version')::bigint;
            END IF;
            GET DIAGNOSTICS changed = ROW_COUNT;
        EXCEPTION WHEN unique_violation THEN
            changed := 0;
        END;
        IF changed <> 1 THEN
            RAISE EXCEPTION 'write % does not fit', place USING ERRCODE = 'KW001', DETAIL = place::text;
        END IF;
        place := place + 1;
    END LOOP;
    RETURN place;
END
$$;
