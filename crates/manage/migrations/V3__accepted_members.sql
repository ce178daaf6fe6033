-- Links of older versions name neither their account nor their maker, and members who never signed in have accepted nothing.
DELETE FROM keyward_desk_records WHERE kind IN ('invitation', 'password_reset');
DELETE FROM keyward_desk_records WHERE kind = 'member' AND subject IN (SELECT id FROM keyward_desk_records WHERE kind = 'user'
    AND body::jsonb->>'password' IS NULL AND body::jsonb->>'last_sign_in_at' IS NULL);
DELETE FROM keyward_desk_records WHERE kind = 'user'
    AND body::jsonb->>'password' IS NULL AND body::jsonb->>'last_sign_in_at' IS NULL;

-- As before, and with records that are expected to be at a version. All rows are locked first and in one order, so two batches that
-- expect what the other writes do not wait for each other in a circle.
CREATE OR REPLACE FUNCTION keyward_desk_write(writes JSONB) RETURNS BIGINT
LANGUAGE plpgsql AS $$
DECLARE
    item JSONB;
    place BIGINT := 0;
    changed BIGINT;
BEGIN
    PERFORM 1 FROM keyward_desk_records AS known
        JOIN (SELECT DISTINCT value->>'kind' AS kind, value->>'id' AS id FROM jsonb_array_elements(writes)) AS named USING (kind, id)
        ORDER BY known.kind, known.id FOR UPDATE OF known;
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
            ELSIF item->>'do' = 'expect' THEN
                PERFORM 1 FROM keyward_desk_records
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
