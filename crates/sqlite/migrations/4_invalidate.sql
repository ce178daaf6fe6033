-- For applications with their own table of keys: an insert into this view, in the application's transaction, appends to the log.
CREATE VIEW keyward_invalidate (key, digest, account) AS SELECT NULL, NULL, NULL WHERE FALSE;

CREATE TRIGGER keyward_invalidate_appends INSTEAD OF INSERT ON keyward_invalidate
BEGIN
    SELECT RAISE(ABORT, 'give an account, or a key with its digest: a BLOB of 32 bytes')
    WHERE NOT CASE
        WHEN NEW.account IS NULL THEN typeof(NEW.key) = 'text' AND typeof(NEW.digest) = 'blob' AND length(NEW.digest) = 32
        ELSE typeof(NEW.account) = 'text' AND NEW.key IS NULL AND NEW.digest IS NULL
    END;
    UPDATE log_head SET number = number + 1, mark = random() & 0x7fffffffffffffff;
    INSERT INTO changes (number, mark, kind, key, digest, account)
    SELECT number, mark, iif(NEW.account IS NULL, 'key', 'account'), NEW.key, NEW.digest, NEW.account FROM log_head;
    -- Keeps as many entries as the program does.
    DELETE FROM changes WHERE number <= (SELECT number FROM log_head WHERE number % 1000 = 0) - 10000;
END;

-- The newest position of the log, for an answer of the application's own table.
CREATE VIEW keyward_position (number, mark) AS SELECT number, mark FROM log_head;
