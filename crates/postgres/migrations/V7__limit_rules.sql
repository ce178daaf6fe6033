-- The limits of plans, accounts and keys. Empty rules stay, so that every node learns of a removal.
CREATE TABLE keyward_limit_rules (
    kind TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    rules TEXT NOT NULL,
    version BIGINT NOT NULL UNIQUE,
    PRIMARY KEY (kind, id)
);
CREATE TABLE keyward_limit_head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    version BIGINT NOT NULL
);
INSERT INTO keyward_limit_head VALUES (1, 0);

-- Replaces the rules if they have the known version, or always if that is NULL. Returns the new version, or NULL. The lock on the
-- head's row orders versions as they commit, so a node that has seen one has seen all before it.
CREATE FUNCTION keyward_put_limits(of_kind TEXT, of_id TEXT, new_rules TEXT, known BIGINT) RETURNS BIGINT
LANGUAGE plpgsql AS $$
DECLARE
    changed BIGINT;
BEGIN
    SELECT version + 1 INTO STRICT changed FROM keyward_limit_head FOR UPDATE;
    IF known <> coalesce((SELECT version FROM keyward_limit_rules WHERE kind = of_kind AND id = of_id), 0) THEN
        RETURN NULL;
    END IF;
    UPDATE keyward_limit_head SET version = changed;
    INSERT INTO keyward_limit_rules VALUES (of_kind, of_id, new_rules, changed)
    ON CONFLICT (kind, id) DO UPDATE SET rules = new_rules, version = changed;
    RETURN changed;
END
$$;

-- What was taken of budgets.
CREATE TABLE keyward_limit_budgets (
    counter TEXT COLLATE "C" PRIMARY KEY,
    state TEXT NOT NULL
) WITH (fillfactor = 50);

-- What was taken of rates. A crash of the server or a failover empties this table, and so gives every quota back.
CREATE UNLOGGED TABLE keyward_limit_rates (
    counter TEXT COLLATE "C" PRIMARY KEY,
    state TEXT NOT NULL,
    ends_at TIMESTAMPTZ NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX keyward_limit_rates_by_end ON keyward_limit_rates (ends_at);
