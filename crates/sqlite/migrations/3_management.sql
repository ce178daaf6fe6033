-- The tables of the management service. Older versions of keyward created them with a counter of their own, which this
-- migration takes over: `desk_migrations` has one row for each step that the file has been through.
CREATE TABLE IF NOT EXISTS desk_migrations (number INTEGER NOT NULL) STRICT;

-- Step 1.
CREATE TABLE IF NOT EXISTS desk_records (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    owner TEXT NOT NULL,
    subject TEXT NOT NULL,
    key TEXT,
    sort INTEGER NOT NULL,
    expires_at INTEGER,
    version INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (kind, id),
    UNIQUE (kind, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS desk_records_in_order ON desk_records (kind, sort, id);
CREATE INDEX IF NOT EXISTS desk_records_of_owner ON desk_records (kind, owner, sort, id) WHERE owner <> '';
CREATE INDEX IF NOT EXISTS desk_records_about ON desk_records (kind, subject, sort, id) WHERE subject <> '';
CREATE INDEX IF NOT EXISTS desk_records_expire ON desk_records (expires_at) WHERE expires_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS desk_counts (
    account TEXT NOT NULL,
    key TEXT NOT NULL,
    day INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    times INTEGER NOT NULL,
    PRIMARY KEY (account, key, day, outcome)
) STRICT, WITHOUT ROWID;

-- Step 2.
CREATE TABLE IF NOT EXISTS desk_totals (
    account TEXT NOT NULL,
    day INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    times INTEGER NOT NULL,
    PRIMARY KEY (account, day, outcome)
) STRICT, WITHOUT ROWID;
INSERT INTO desk_totals SELECT account, day, outcome, sum(times) FROM desk_counts
    WHERE (SELECT count(*) FROM desk_migrations) < 2 GROUP BY account, day, outcome;
CREATE TABLE IF NOT EXISTS desk_hours (
    key TEXT NOT NULL,
    outcome TEXT NOT NULL,
    hour INTEGER NOT NULL,
    times INTEGER NOT NULL,
    PRIMARY KEY (key, outcome, hour)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS desk_hours_in_order ON desk_hours (hour);

-- Step 3. Links of older versions name neither their account nor their maker, and members who never signed in have
-- accepted nothing.
DELETE FROM desk_records WHERE (SELECT count(*) FROM desk_migrations) < 3 AND kind IN ('invitation', 'password_reset');
DELETE FROM desk_records WHERE (SELECT count(*) FROM desk_migrations) < 3 AND kind = 'member' AND subject IN (
    SELECT id FROM desk_records WHERE kind = 'user'
    AND json_extract(body, '$.password') IS NULL AND json_extract(body, '$.last_sign_in_at') IS NULL);
DELETE FROM desk_records WHERE (SELECT count(*) FROM desk_migrations) < 3 AND kind = 'user'
    AND json_extract(body, '$.password') IS NULL AND json_extract(body, '$.last_sign_in_at') IS NULL;

DROP TABLE desk_migrations;
