use async_trait::async_trait;
use keyward_core::store::StoreError;
use keyward_core::{Mode, Timestamp};
use keyward_postgres::PostgresStore;
use keyward_postgres::tables::{History, QueryError, Tables};
use refinery_core::{Migration, Runner};
use serde_json::{Value, json};
use tokio_postgres::Row;
use tokio_postgres::types::{Json, ToSql, Type};

use super::management_store::ManagementStore;
use super::record::{Kind, List, Record, Write, Written};
use super::requests::{MOST_REQUESTS, RequestEntry, RequestPage, oldest_request};
use super::spans;
use super::usage::{
    Count, CountUnit, MOST_SCOPES, MOST_SCOPES_OF_ACCOUNT, ModeCount, NewCount, NewScopeCount, OTHER_SCOPES,
    SCOPES_AT_ONCE, ScopeCount, oldest_hour,
};

/// The lock is "desk".
const HISTORY: History = History { table: "keyward_desk_migrations", lock: 0x6465_736b };

/// The files of the folder `migrations`, each with its name.
const MIGRATIONS: [(&str, &str); 9] = [
    ("V1__desk", include_str!("../../migrations/V1__desk.sql")),
    ("V2__totals", include_str!("../../migrations/V2__totals.sql")),
    ("V3__accepted_members", include_str!("../../migrations/V3__accepted_members.sql")),
    ("V4__usage_by_mode", include_str!("../../migrations/V4__usage_by_mode.sql")),
    ("V5__recent_requests", include_str!("../../migrations/V5__recent_requests.sql")),
    ("V6__missing_scopes", include_str!("../../migrations/V6__missing_scopes.sql")),
    ("V7__usage_by_scope", include_str!("../../migrations/V7__usage_by_scope.sql")),
    ("V8__usage_by_span", include_str!("../../migrations/V8__usage_by_span.sql")),
    ("V9__names_of_scopes", include_str!("../../migrations/V9__names_of_scopes.sql")),
];

const CONFLICT: &str = "KW001";

/// The daily counts of keys that are removed at a time.
const COUNTS_AT_ONCE: usize = 5_000;

/// The keys that a statement looks at.
const KEYS_AT_ONCE: usize = 500;

const COLUMNS: &str = "id, owner, subject, key, sort, expires_at, version, body";

/// Management records in the database of a [`PostgresStore`].
///
/// # Examples
/// ```no_run
/// use keyward::manage::PostgresManagementStore;
/// use keyward::postgres::PostgresStore;
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let keys = PostgresStore::connect("postgres://keyward@localhost/keyward").await?;
/// let management = PostgresManagementStore::open(&keys).await?;
/// # let _ = management;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct PostgresManagementStore {
    tables: Tables,
}

impl PostgresManagementStore {
    /// Opens the records in the database of `keys`, and migrates their tables.
    ///
    /// # Errors
    /// [`StoreError`] if the database does not answer, has newer tables, or keeps them locked.
    pub async fn open(keys: &PostgresStore) -> Result<Self, StoreError> {
        let migrations = MIGRATIONS.iter().map(|(name, sql)| Migration::unapplied(name, sql));
        let migrations = migrations.collect::<Result<Vec<_>, _>>().map_err(StoreError::corrupt)?;
        let tables = Tables::open(keys, &Runner::new(&migrations), HISTORY).await?;
        Ok(Self { tables })
    }

    /// The totals of all keys, or of some.
    async fn totals_by_key(
        &self,
        account: &str,
        keys: Option<&[String]>,
        from: i64,
        to: i64,
    ) -> Result<Vec<Count>, StoreError> {
        let ends = "SELECT min(start), max(start) FROM keyward_desk_spans WHERE account = $1 AND days = 1";
        let ends = self.tables.query(ends, &[&account]).await?;
        let end = |place| ends.first().map_or(Ok(None), |row| row.try_get(place)).map_err(QueryError::from);
        let (Some(first), Some(last)) = (end(0)?, end(1)?) else { return Ok(Vec::new()) };
        let (days, starts): (Vec<i64>, Vec<i64>) =
            spans::cover(from.max(first), to, last).into_iter().map(|span| (span.days, span.start)).unzip();
        let of_keys = if keys.is_some() { "AND known.key = ANY($5)" } else { "" };
        // A sum of integers is a numeric, which is slower. Without OFFSET, the server would read the whole table where one
        // account has most of it. A plan that knows neither the account nor the spans sorts all rows, so it takes half as long again.
        let sql = format!(
            "SELECT $1::text, key, $2::bigint, outcome, sum(times::float8)::bigint \
             FROM unnest($3::bigint[], $4::bigint[]) AS span (days, start) CROSS JOIN LATERAL ( \
               SELECT key, outcome, times FROM keyward_desk_spans AS known WHERE account = $1 AND known.days = span.days \
               AND known.start = span.start {of_keys} OFFSET 0) AS counts GROUP BY key, outcome"
        );
        let mut values: Vec<(&(dyn ToSql + Sync), Type)> =
            vec![(&account, Type::TEXT), (&from, Type::INT8), (&days, Type::INT8_ARRAY), (&starts, Type::INT8_ARRAY)];
        if let Some(keys) = &keys {
            values.push((keys, Type::TEXT_ARRAY));
        }
        let rows = self.tables.query_planned(&sql, &values).await?;
        let mut counts: Vec<Count> = rows.iter().map(count).collect::<Result<_, _>>()?;
        counts.sort_unstable_by(|one, other| (&one.key, &one.outcome).cmp(&(&other.key, &other.outcome)));
        Ok(counts)
    }
}

fn record(kind: Kind, row: &Row) -> Result<Record, QueryError> {
    Ok(Record {
        kind,
        id: row.try_get(0)?,
        owner: row.try_get(1)?,
        subject: row.try_get(2)?,
        key: row.try_get(3)?,
        sort: row.try_get(4)?,
        expires_at: row.try_get::<_, Option<i64>>(5)?.map(Timestamp::from_millis),
        version: u64::try_from(row.try_get::<_, i64>(6)?).unwrap_or(0),
        body: row.try_get(7)?,
    })
}

fn write_to_json(write: &Write) -> Value {
    let put = |what: &str, new: &Record| {
        json!({
            "do": what,
            "kind": new.kind.as_str(),
            "id": new.id,
            "owner": new.owner,
            "subject": new.subject,
            "key": new.key,
            "sort": new.sort,
            "expires_at": new.expires_at.map(Timestamp::as_millis),
            "version": new.version,
            "body": new.body,
        })
    };
    match write {
        Write::Insert(new) => put("insert", new),
        Write::Replace(new) => put("replace", new),
        Write::Remove { kind, id, version } => {
            json!({"do": "remove", "kind": kind.as_str(), "id": id, "version": version})
        }
        Write::Expect { kind, id, version } => {
            json!({"do": "expect", "kind": kind.as_str(), "id": id, "version": version})
        }
    }
}

#[async_trait]
impl ManagementStore for PostgresManagementStore {
    async fn get(&self, kind: Kind, id: &str) -> Result<Option<Record>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM keyward_desk_records WHERE kind = $1 AND id = $2");
        let rows = self.tables.query(&sql, &[&kind.as_str(), &id]).await?;
        Ok(rows.first().map(|row| record(kind, row)).transpose()?)
    }

    async fn find(&self, kind: Kind, key: &str) -> Result<Option<Record>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM keyward_desk_records WHERE kind = $1 AND key = $2");
        let rows = self.tables.query(&sql, &[&kind.as_str(), &key]).await?;
        Ok(rows.first().map(|row| record(kind, row)).transpose()?)
    }

    async fn get_many(&self, kind: Kind, ids: &[String]) -> Result<Vec<Record>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM keyward_desk_records WHERE kind = $1 AND id = ANY($2)");
        let rows = self.tables.query(&sql, &[&kind.as_str(), &ids]).await?;
        Ok(rows.iter().map(|row| record(kind, row)).collect::<Result<_, _>>()?)
    }

    async fn list(&self, list: &List) -> Result<Vec<Record>, StoreError> {
        let kind = list.kind.as_str();
        let limit = i64::try_from(list.limit).unwrap_or(i64::MAX);
        let mut values: Vec<&(dyn ToSql + Sync)> = vec![&kind, &limit];
        let mut sql = format!("SELECT {COLUMNS} FROM keyward_desk_records WHERE kind = $1");
        if let Some(owner) = &list.owner {
            values.push(owner);
            sql += &format!(" AND owner <> '' AND owner = ${}", values.len());
        }
        if let Some(subject) = &list.subject {
            values.push(subject);
            sql += &format!(" AND subject <> '' AND subject = ${}", values.len());
        }
        if let Some((sort, id)) = &list.after {
            values.push(sort);
            values.push(id);
            let (than, place) = (if list.newest_first { '<' } else { '>' }, values.len());
            sql += &format!(" AND (sort, id) {than} (${}, ${place})", place - 1);
        }
        sql += if list.newest_first { " ORDER BY sort DESC, id DESC" } else { " ORDER BY sort, id" };
        sql += " LIMIT $2";
        let rows = self.tables.query(&sql, &values).await?;
        Ok(rows.iter().map(|row| record(list.kind, row)).collect::<Result<_, _>>()?)
    }

    async fn write(&self, writes: &[Write]) -> Result<Written, StoreError> {
        let writes: Value = writes.iter().map(write_to_json).collect();
        match self.tables.query("SELECT keyward_desk_write($1)", &[&Json(writes)]).await {
            Ok(_) => Ok(Written::Done),
            Err(QueryError::Database(error)) => match error.as_db_error() {
                Some(refused) if refused.code().code() == CONFLICT => {
                    Ok(Written::Conflict(refused.detail().and_then(|place| place.parse().ok()).unwrap_or(0)))
                }
                _ => Err(QueryError::Database(error).into()),
            },
            Err(other) => Err(other.into()),
        }
    }

    async fn sweep(&self, before: Timestamp) -> Result<u64, StoreError> {
        let hours = ["keyward_desk_hours WHERE hour < $1", "keyward_desk_modes WHERE unit = 'hour' AND start < $1"];
        for hours in hours {
            self.tables.execute(&format!("DELETE FROM {hours}"), &[&oldest_hour(before)]).await?;
        }
        let requests = "DELETE FROM keyward_desk_requests WHERE at < $1";
        self.tables.execute(requests, &[&oldest_request(before)]).await?;
        let records = "DELETE FROM keyward_desk_records WHERE expires_at < $1";
        Ok(self.tables.execute(records, &[&before.as_millis()]).await?)
    }

    async fn add(&self, counts: &[NewCount]) -> Result<(), StoreError> {
        // Every node adds in the same order, so two nodes cannot deadlock.
        let mut counts: Vec<&NewCount> = counts.iter().collect();
        counts.sort();
        let accounts: Vec<&str> = counts.iter().map(|count| count.account.as_str()).collect();
        let keys: Vec<&str> = counts.iter().map(|count| count.key.as_str()).collect();
        let hours: Vec<i64> = counts.iter().map(|count| count.hour).collect();
        let outcomes: Vec<&str> = counts.iter().map(|count| count.outcome.as_str()).collect();
        let modes: Vec<&str> = counts.iter().map(|count| count.mode.as_str()).collect();
        let times: Vec<i64> = counts.iter().map(|count| i64::try_from(count.times).unwrap_or(i64::MAX)).collect();
        self.tables.query(
            "WITH new AS MATERIALIZED (SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::bigint[], $6::text[]) \
               AS new (account, key, hour, outcome, times, mode)), \
             of_keys AS (INSERT INTO keyward_desk_counts AS known (account, key, day, outcome, times) \
               SELECT account, key, hour / 24, outcome, sum(times) FROM new GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4 \
               ON CONFLICT (account, key, day, outcome) DO UPDATE SET times = known.times + excluded.times), \
             of_spans AS (INSERT INTO keyward_desk_spans AS known (account, days, start, key, outcome, times) \
               SELECT account, days, hour / 24 / days * days, key, outcome, sum(times) FROM new, unnest($7::bigint[]) AS days \
               GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5 \
               ON CONFLICT (account, days, start, key, outcome) DO UPDATE SET times = known.times + excluded.times), \
             of_hours AS (INSERT INTO keyward_desk_hours AS known (key, outcome, hour, times) \
               SELECT key, outcome, hour, sum(times) FROM new GROUP BY 1, 2, 3 ORDER BY 1, 2, 3 \
               ON CONFLICT (key, outcome, hour) DO UPDATE SET times = known.times + excluded.times), \
             of_modes AS (INSERT INTO keyward_desk_modes AS known (account, unit, start, mode, outcome, times) \
               SELECT account, unit, start, mode, outcome, sum(times) FROM new, \
               LATERAL (VALUES ('hour', hour), ('day', hour / 24)) AS spans (unit, start) GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5 \
               ON CONFLICT (account, unit, start, mode, outcome) DO UPDATE SET times = known.times + excluded.times) \
             INSERT INTO keyward_desk_totals AS known (account, day, outcome, times) \
             SELECT account, hour / 24, outcome, sum(times) FROM new GROUP BY 1, 2, 3 ORDER BY 1, 2, 3 \
             ON CONFLICT (account, day, outcome) DO UPDATE SET times = known.times + excluded.times",
            &[&accounts, &keys, &hours, &outcomes, &times, &modes, &&spans::LENGTHS[..]],
        )
        .await?;
        Ok(())
    }

    async fn remove_counts(&self, day: i64) -> Result<(), StoreError> {
        let accounts = "SELECT DISTINCT account FROM keyward_desk_totals WHERE day < $1";
        for row in self.tables.query(accounts, &[&day]).await? {
            let account: String = row.try_get(0).map_err(QueryError::from)?;
            // In batches, because there may be more than the server removes before its timeout.
            let scopes = "DELETE FROM keyward_desk_scopes WHERE ctid = ANY(ARRAY( \
                          SELECT ctid FROM keyward_desk_scopes WHERE account = $1 AND day < $2 LIMIT $3))";
            while self.tables.execute(scopes, &[&account, &day, &SCOPES_AT_ONCE]).await? > 0 {}
            // The spans of one day are sorted by day, and the counts by key. With a number instead of a parameter, the server
            // knows how few the rows are.
            let counts = format!(
                "WITH old AS MATERIALIZED (SELECT ctid, key, start, outcome FROM keyward_desk_spans \
                   WHERE account = $1 AND days = 1 AND start < $2 ORDER BY start, key, outcome LIMIT {COUNTS_AT_ONCE}), \
                 of_keys AS (DELETE FROM keyward_desk_counts AS known USING old WHERE known.account = $1 \
                   AND (known.key, known.day, known.outcome) = (old.key, old.start, old.outcome)) \
                 DELETE FROM keyward_desk_spans WHERE ctid = ANY(ARRAY(SELECT ctid FROM old))"
            );
            while self.tables.execute(&counts, &[&account, &day]).await? > 0 {}
            // Counts without spans, which a node of an older version has written. With a few keys at a time, no statement takes long.
            let without_spans = format!(
                "WITH RECURSIVE keys (key, number) AS ( \
                   SELECT (SELECT min(key) FROM keyward_desk_counts WHERE account = $1 AND key > $3), 1 UNION ALL \
                   SELECT (SELECT min(key) FROM keyward_desk_counts WHERE account = $1 AND key > keys.key), number + 1 \
                   FROM keys WHERE key IS NOT NULL AND number < {KEYS_AT_ONCE}), \
                 old AS (SELECT place FROM keys CROSS JOIN LATERAL (SELECT ctid AS place FROM keyward_desk_counts AS known \
                   WHERE account = $1 AND known.key = keys.key AND day < $2 OFFSET 0) AS old), \
                 removed AS (DELETE FROM keyward_desk_counts WHERE ctid = ANY(ARRAY(SELECT place FROM old))) \
                 SELECT key FROM keys WHERE number = {KEYS_AT_ONCE}"
            );
            let mut after = Some(String::new());
            while let Some(key) = after {
                let last = self.tables.query(&without_spans, &[&account, &day, &key]).await?;
                after = last.first().map_or(Ok(None), |row| row.try_get(0)).map_err(QueryError::from)?;
            }
            // Those of one day are gone.
            for days in spans::LENGTHS.into_iter().skip(1) {
                let spans = format!(
                    "DELETE FROM keyward_desk_spans WHERE ctid = ANY(ARRAY(SELECT ctid FROM keyward_desk_spans \
                     WHERE account = $1 AND days = {days} AND start <= $2::bigint - {days} ORDER BY start, key, outcome LIMIT {COUNTS_AT_ONCE}))"
                );
                while self.tables.execute(&spans, &[&account, &day]).await? > 0 {}
            }
            // The totals come last, because the next call finds the account by them.
            for old in [
                "keyward_desk_modes WHERE account = $1 AND unit = 'day' AND start < $2",
                "keyward_desk_totals WHERE account = $1 AND day < $2",
            ] {
                self.tables.execute(&format!("DELETE FROM {old}"), &[&account, &day]).await?;
            }
        }
        Ok(())
    }

    async fn times_since(&self, key: &str, outcome: &str, hour: i64) -> Result<u64, StoreError> {
        let sql = "SELECT coalesce(sum(times), 0)::bigint FROM keyward_desk_hours WHERE key = $1 AND outcome = $2 AND hour >= $3";
        let rows = self.tables.query(sql, &[&key, &outcome, &hour]).await?;
        let times: i64 = rows.first().map(|row| row.try_get(0)).transpose().map_err(QueryError::from)?.unwrap_or(0);
        Ok(u64::try_from(times).unwrap_or(0))
    }

    async fn counts(&self, account: &str, key: Option<&str>, from: i64, to: i64) -> Result<Vec<Count>, StoreError> {
        // The server would plan one statement for both cases as if there were no key.
        let sql = match key {
            Some(_) => {
                "SELECT account, key, day, outcome, times FROM keyward_desk_counts \
                 WHERE account = $1 AND key = $2::text AND day BETWEEN $3 AND $4 ORDER BY key, day, outcome"
            }
            None => {
                "SELECT account, key, day, outcome, times FROM keyward_desk_counts \
                 WHERE account = $1 AND $2::text IS NULL AND day BETWEEN $3 AND $4 ORDER BY key, day, outcome"
            }
        };
        let rows = self.tables.query(sql, &[&account, &key, &from, &to]).await?;
        Ok(rows.iter().map(count).collect::<Result<_, _>>()?)
    }

    async fn totals(&self, account: &str, from: i64, to: i64) -> Result<Vec<Count>, StoreError> {
        let rows = self
            .tables
            .query(
                "SELECT account, '', day, outcome, times FROM keyward_desk_totals \
                 WHERE account = $1 AND day BETWEEN $2 AND $3 ORDER BY day, outcome",
                &[&account, &from, &to],
            )
            .await?;
        Ok(rows.iter().map(count).collect::<Result<_, _>>()?)
    }

    async fn modes(&self, account: &str, unit: CountUnit, from: i64, to: i64) -> Result<Vec<ModeCount>, StoreError> {
        let sql = "SELECT start, mode, outcome, times FROM keyward_desk_modes \
                   WHERE account = $1 AND unit = $2 AND start BETWEEN $3 AND $4 ORDER BY start, mode, outcome";
        let rows = self.tables.query(sql, &[&account, &unit.as_str(), &from, &to]).await?;
        Ok(rows.iter().map(mode_count).collect::<Result<_, _>>()?)
    }

    async fn key_totals(&self, account: &str, from: i64, to: i64) -> Result<Vec<Count>, StoreError> {
        self.totals_by_key(account, None, from, to).await
    }

    async fn totals_of_keys(
        &self,
        account: &str,
        keys: &[String],
        from: i64,
        to: i64,
    ) -> Result<Vec<Count>, StoreError> {
        self.totals_by_key(account, Some(keys), from, to).await
    }

    async fn add_scopes(&self, counts: &[NewScopeCount]) -> Result<(), StoreError> {
        let accounts: Vec<&str> = counts.iter().map(|count| count.account.as_str()).collect();
        let keys: Vec<&str> = counts.iter().map(|count| count.key.as_str()).collect();
        let days: Vec<i64> = counts.iter().map(|count| count.day).collect();
        let scopes: Vec<&str> = counts.iter().map(|count| count.scope.as_str()).collect();
        let outcomes: Vec<&str> = counts.iter().map(|count| count.outcome.as_str()).collect();
        let times: Vec<i64> = counts.iter().map(|count| i64::try_from(count.times).unwrap_or(i64::MAX)).collect();
        let listed: Vec<bool> = counts.iter().map(|count| count.is_listed).collect();
        let most = [MOST_SCOPES, MOST_SCOPES_OF_ACCOUNT].map(|most| i64::try_from(most).unwrap_or(i64::MAX));
        let sql = "SELECT keyward_desk_add_scopes($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
        self.tables
            .query(
                sql,
                &[&accounts, &keys, &days, &scopes, &outcomes, &times, &listed, &most[0], &most[1], &OTHER_SCOPES],
            )
            .await?;
        Ok(())
    }

    async fn remove_scopes(&self, account: &str) -> Result<(), StoreError> {
        let sql = "DELETE FROM keyward_desk_scopes WHERE ctid = ANY(ARRAY( \
                   SELECT ctid FROM keyward_desk_scopes WHERE account = $1 LIMIT $2))";
        while self.tables.execute(sql, &[&account, &SCOPES_AT_ONCE]).await? > 0 {}
        Ok(())
    }

    async fn scopes_of_keys(
        &self,
        account: &str,
        keys: &[String],
        from: i64,
        to: i64,
    ) -> Result<Vec<ScopeCount>, StoreError> {
        let sql = "SELECT account, key, day, scope, outcome, times FROM keyward_desk_scopes \
                   WHERE account = $1 AND key = ANY($2) AND day BETWEEN $3 AND $4 ORDER BY key, day, scope, outcome";
        let rows = self.tables.query(sql, &[&account, &keys, &from, &to]).await?;
        Ok(rows.iter().map(scope_count).collect::<Result<_, _>>()?)
    }

    async fn add_requests(&self, requests: &[RequestEntry]) -> Result<(), StoreError> {
        // Every node adds in the same order, so two nodes cannot deadlock.
        let mut new: Vec<&RequestEntry> = requests.iter().collect();
        new.sort();
        let keys: Vec<&str> = new.iter().map(|new| new.key.as_str()).collect();
        let times: Vec<i64> = new.iter().map(|new| new.at).collect();
        let numbers: Vec<i64> = new.iter().map(|new| new.number).collect();
        let accounts: Vec<&str> = new.iter().map(|new| new.account.as_str()).collect();
        let methods: Vec<Option<&str>> = new.iter().map(|new| new.method.as_deref()).collect();
        let routes: Vec<Option<&str>> = new.iter().map(|new| new.route.as_deref()).collect();
        let networks: Vec<Option<&str>> = new.iter().map(|new| new.network.as_deref()).collect();
        let outcomes: Vec<&str> = new.iter().map(|new| new.outcome.as_str()).collect();
        let missing: Vec<Option<&str>> = new.iter().map(|new| new.missing.as_deref()).collect();
        let add = "INSERT INTO keyward_desk_requests (key, at, number, account, method, route, network, outcome, missing) \
                   SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[]) \
                     AS new (key, at, number, account, method, route, network, outcome, missing) \
                   WHERE NOT EXISTS (SELECT 1 FROM keyward_desk_records AS known \
                     WHERE known.kind = 'deleted_account' AND known.id = new.account) \
                   ON CONFLICT DO NOTHING";
        self.tables
            .execute(add, &[&keys, &times, &numbers, &accounts, &methods, &routes, &networks, &outcomes, &missing])
            .await?;
        // Rows that another node is removing are skipped, so the nodes do not wait for each other.
        let trim = "DELETE FROM keyward_desk_requests WHERE ctid = ANY(ARRAY( \
                      SELECT old.ctid FROM ( \
                        SELECT of_key.key, last.at, last.number FROM (SELECT DISTINCT unnest($1::text[]) AS key) AS of_key, \
                        LATERAL (SELECT at, number FROM keyward_desk_requests AS known WHERE known.key = of_key.key \
                          ORDER BY at DESC, number DESC LIMIT 1 OFFSET $2) AS last) AS last \
                      JOIN keyward_desk_requests AS old \
                        ON old.key = last.key AND (old.at, old.number) < (last.at, last.number) \
                      FOR UPDATE OF old SKIP LOCKED))";
        self.tables.execute(trim, &[&keys, &i64::try_from(MOST_REQUESTS - 1).unwrap_or(i64::MAX)]).await?;
        Ok(())
    }

    async fn requests(&self, key: &str, page: &RequestPage) -> Result<Vec<RequestEntry>, StoreError> {
        let sql = "SELECT key, at, number, account, method, route, network, outcome, missing FROM keyward_desk_requests \
                   WHERE key = $1 AND at >= $2 AND (at, number) < ($3, $4) ORDER BY at DESC, number DESC LIMIT $5";
        let (at, number) = page.after.unwrap_or((i64::MAX, i64::MAX));
        let limit = i64::try_from(page.limit).unwrap_or(i64::MAX);
        let rows = self.tables.query(sql, &[&key, &page.since, &at, &number, &limit]).await?;
        Ok(rows.iter().map(request).collect::<Result<_, _>>()?)
    }

    async fn remove_requests(&self, account: &str) -> Result<(), StoreError> {
        self.tables.execute("DELETE FROM keyward_desk_requests WHERE account = $1", &[&account]).await?;
        Ok(())
    }
}

fn request(row: &Row) -> Result<RequestEntry, QueryError> {
    Ok(RequestEntry {
        key: row.try_get(0)?,
        at: row.try_get(1)?,
        number: row.try_get(2)?,
        account: row.try_get(3)?,
        method: row.try_get(4)?,
        route: row.try_get(5)?,
        network: row.try_get(6)?,
        outcome: row.try_get(7)?,
        missing: row.try_get(8)?,
    })
}

fn scope_count(row: &Row) -> Result<ScopeCount, QueryError> {
    Ok(ScopeCount {
        account: row.try_get(0)?,
        key: row.try_get(1)?,
        day: row.try_get(2)?,
        scope: row.try_get(3)?,
        outcome: row.try_get(4)?,
        times: u64::try_from(row.try_get::<_, i64>(5)?).unwrap_or(0),
    })
}

fn mode_count(row: &Row) -> Result<ModeCount, QueryError> {
    Ok(ModeCount {
        start: row.try_get(0)?,
        // Only modes are written.
        mode: row.try_get::<_, String>(1)?.parse().unwrap_or(Mode::Live),
        outcome: row.try_get(2)?,
        times: u64::try_from(row.try_get::<_, i64>(3)?).unwrap_or(0),
    })
}

fn count(row: &Row) -> Result<Count, QueryError> {
    Ok(Count {
        account: row.try_get(0)?,
        key: row.try_get(1)?,
        day: row.try_get(2)?,
        outcome: row.try_get(3)?,
        times: u64::try_from(row.try_get::<_, i64>(4)?).unwrap_or(0),
    })
}
