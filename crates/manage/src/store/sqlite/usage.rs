//! The counts of requests.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use keyward_core::Mode;
use keyward_sqlite::tables::rusqlite::{self, Connection};

use super::signed;
use crate::store::spans;
use crate::store::usage::{
    Count, CountUnit, MOST_SCOPES, MOST_SCOPES_OF_ACCOUNT, ModeCount, NewCount, NewScopeCount, OTHER_SCOPES, ScopeCount,
};

/// The counts that are removed at a time.
const BATCH: usize = 1_000;

/// The keys that are looked at in a transaction.
const KEYS_AT_ONCE: usize = 500;

pub(super) fn add(connection: &Connection, counts: &[NewCount]) -> rusqlite::Result<()> {
    let mut add = connection.prepare_cached(
        "INSERT INTO desk_counts (account, key, day, outcome, times) VALUES (?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT DO UPDATE SET times = times + excluded.times",
    )?;
    let mut add_total = connection.prepare_cached(
        "INSERT INTO desk_totals (account, day, outcome, times) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT DO UPDATE SET times = times + excluded.times",
    )?;
    let mut add_hour = connection.prepare_cached(
        "INSERT INTO desk_hours (key, outcome, hour, times) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT DO UPDATE SET times = times + excluded.times",
    )?;
    let mut add_mode = connection.prepare_cached(
        "INSERT INTO desk_modes (account, unit, start, mode, outcome, times) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
         ON CONFLICT DO UPDATE SET times = times + excluded.times",
    )?;
    let mut add_span = connection.prepare_cached(
        "INSERT INTO desk_spans (account, days, start, key, outcome, times) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
         ON CONFLICT DO UPDATE SET times = times + excluded.times",
    )?;
    for count in counts {
        let (day, times) = (count.day(), signed(count.times));
        add.execute((&count.account, &count.key, day, &count.outcome, times))?;
        for span in spans::of_day(day) {
            add_span.execute((&count.account, span.days, span.start, &count.key, &count.outcome, times))?;
        }
        add_total.execute((&count.account, day, &count.outcome, times))?;
        add_hour.execute((&count.key, &count.outcome, count.hour, times))?;
        for (unit, start) in [(CountUnit::Hour, count.hour), (CountUnit::Day, day)] {
            add_mode.execute((&count.account, unit.as_str(), start, count.mode.as_str(), &count.outcome, times))?;
        }
    }
    Ok(())
}

/// Returns the accounts with daily counts before `day`.
pub(super) fn accounts_before(connection: &Connection, day: i64) -> rusqlite::Result<Vec<String>> {
    connection
        .prepare_cached("SELECT DISTINCT account FROM desk_totals WHERE day < ?1")?
        .query_map([day], |row| row.get(0))?
        .collect()
}

/// Removes a batch of an account's counts, so that no other writer waits for long. Returns `true` if it was the last one.
pub(super) fn remove_before(connection: &Connection, account: &str, day: i64) -> rusqlite::Result<bool> {
    let batch = signed(BATCH as u64);
    // The spans of one day are sorted by day, and the counts by key.
    connection.execute(
        "DELETE FROM desk_counts WHERE (account, key, day, outcome) IN ( \
           SELECT account, key, start, outcome FROM desk_spans WHERE account = ?1 AND days = 1 AND start < ?2 \
           ORDER BY start, key, outcome LIMIT ?3)",
        (account, day, batch),
    )?;
    for days in spans::LENGTHS {
        if remove_spans_before(connection, account, days, day)? == BATCH {
            return Ok(false);
        }
    }
    let scopes = connection.execute(
        "DELETE FROM desk_scopes WHERE (account, key, day, scope, outcome) IN ( \
           SELECT account, key, day, scope, outcome FROM desk_scopes WHERE account = ?1 AND day < ?2 LIMIT ?3)",
        (account, day, batch),
    )?;
    Ok(scopes < BATCH)
}

/// Removes a batch of spans of this length that ended before `day`, and returns their number.
fn remove_spans_before(connection: &Connection, account: &str, days: i64, day: i64) -> rusqlite::Result<usize> {
    let spans = "DELETE FROM desk_spans WHERE (account, days, start, key, outcome) IN ( \
                   SELECT account, days, start, key, outcome FROM desk_spans \
                   WHERE account = ?1 AND days = ?2 AND start <= ?3 - ?2 ORDER BY start, key, outcome LIMIT ?4)";
    connection.execute(spans, (account, days, day, signed(BATCH as u64)))
}

/// Removes the sums of an account. They come last, because the next call finds the account by them.
pub(super) fn remove_sums_before(connection: &Connection, account: &str, day: i64) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM desk_modes WHERE account = ?1 AND unit = 'day' AND start < ?2", (account, day))?;
    connection.execute("DELETE FROM desk_totals WHERE account = ?1 AND day < ?2", (account, day))?;
    Ok(())
}

/// Removes the counts of a batch of keys after `after`, and returns the last of these keys. They are counts without spans, which a
/// node of an older version has written.
pub(super) fn remove_without_spans(
    connection: &Connection,
    account: &str,
    day: i64,
    after: &str,
) -> rusqlite::Result<Option<String>> {
    let mut next = connection.prepare_cached("SELECT min(key) FROM desk_counts WHERE account = ?1 AND key > ?2")?;
    let mut remove =
        connection.prepare_cached("DELETE FROM desk_counts WHERE account = ?1 AND key = ?2 AND day < ?3")?;
    let mut last = None;
    for _ in 0..KEYS_AT_ONCE {
        let after = last.as_deref().unwrap_or(after);
        let Some(key) = next.query_row((account, after), |row| row.get::<_, Option<String>>(0))? else {
            return Ok(None);
        };
        remove.execute((account, &key, day))?;
        last = Some(key);
    }
    Ok(last)
}

pub(super) fn add_scopes(connection: &Connection, counts: &[NewScopeCount]) -> rusqlite::Result<()> {
    let mut is_deleted = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM desk_records WHERE kind = 'deleted_account' AND id = ?1)")?;
    let mut names = connection.prepare_cached(
        "SELECT DISTINCT scope FROM desk_scopes WHERE account = ?1 AND key = ?2 AND day = ?3 AND scope <> ?4",
    )?;
    let mut add = connection.prepare_cached(
        "INSERT INTO desk_scopes (account, key, day, scope, outcome, times) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
         ON CONFLICT DO UPDATE SET times = times + excluded.times",
    )?;
    let mut accounts: BTreeMap<&str, BTreeMap<(&str, i64), Vec<&NewScopeCount>>> = BTreeMap::new();
    for count in counts {
        let of_account = accounts.entry(&count.account).or_default();
        of_account.entry(("", count.day)).or_default().push(count);
        if !count.key.is_empty() {
            of_account.entry((&count.key, count.day)).or_default().push(count);
        }
    }
    for (account, keys) in accounts {
        if is_deleted.query_row([account], |row| row.get(0))? {
            continue;
        }
        for ((key, day), mut counts) in keys {
            let most = if key.is_empty() { MOST_SCOPES_OF_ACCOUNT } else { MOST_SCOPES };
            let mut known: HashSet<String> =
                names.query_map((account, key, day, OTHER_SCOPES), |row| row.get(0))?.collect::<Result<_, _>>()?;
            counts.sort_by_key(|count| !count.is_listed);
            for count in counts {
                let most = if count.is_listed { most } else { most / 2 };
                let mut scope = count.scope.as_str();
                if !known.contains(scope) {
                    if known.len() < most && scope != OTHER_SCOPES {
                        known.insert(scope.to_owned());
                    } else {
                        scope = OTHER_SCOPES;
                    }
                }
                add.execute((account, key, day, scope, &count.outcome, signed(count.times)))?;
            }
        }
    }
    Ok(())
}

/// The totals of all keys, or of some. Rows of several spans are added here, because the database would sort them first.
pub(super) fn key_totals(
    connection: &Connection,
    account: &str,
    keys: Option<&BTreeSet<String>>,
    from: i64,
    to: i64,
) -> rusqlite::Result<Vec<Count>> {
    // Two queries of one end each, because one of both would read every row.
    let known: (Option<i64>, Option<i64>) = connection
        .prepare_cached(
            "SELECT (SELECT min(start) FROM desk_spans WHERE account = ?1 AND days = 1), \
             (SELECT max(start) FROM desk_spans WHERE account = ?1 AND days = 1)",
        )?
        .query_row([account], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (Some(first), Some(last)) = known else { return Ok(Vec::new()) };
    let of_key = if keys.is_some() { " AND key = ?4" } else { "" };
    let mut read = connection.prepare_cached(&format!(
        "SELECT key, outcome, times FROM desk_spans WHERE account = ?1 AND days = ?2 AND start = ?3{of_key}"
    ))?;
    let mut totals: HashMap<String, Vec<(String, u64)>> = HashMap::new();
    for span in spans::cover(from.max(first), to, last) {
        match keys {
            Some(keys) => {
                for key in keys {
                    add_up(&mut totals, read.query((account, span.days, span.start, key))?)?;
                }
            }
            None => add_up(&mut totals, read.query((account, span.days, span.start))?)?,
        }
    }
    let mut totals: Vec<(String, Vec<(String, u64)>)> = totals.into_iter().collect();
    totals.sort_unstable_by(|(first, _), (second, _)| first.cmp(second));
    let mut counts = Vec::with_capacity(totals.len());
    for (key, mut outcomes) in totals {
        outcomes.sort_unstable();
        counts.extend(outcomes.into_iter().map(|(outcome, times)| {
            let (account, key) = (account.to_owned(), key.clone());
            Count { account, key, day: from, outcome, times }
        }));
    }
    Ok(counts)
}

fn add_up(totals: &mut HashMap<String, Vec<(String, u64)>>, mut rows: rusqlite::Rows<'_>) -> rusqlite::Result<()> {
    while let Some(row) = rows.next()? {
        let (key, outcome) = (row.get_ref(0)?.as_str()?, row.get_ref(1)?.as_str()?);
        let times = u64::try_from(row.get::<_, i64>(2)?).unwrap_or(0);
        // Only a key that is new here needs a new text.
        let outcomes = match totals.get_mut(key) {
            Some(outcomes) => outcomes,
            None => totals.entry(key.to_owned()).or_default(),
        };
        match outcomes.iter_mut().find(|(known, _)| known == outcome) {
            Some((_, sum)) => *sum = sum.saturating_add(times),
            None => outcomes.push((outcome.to_owned(), times)),
        }
    }
    Ok(())
}

pub(super) fn scope_count(row: &rusqlite::Row<'_>) -> rusqlite::Result<ScopeCount> {
    Ok(ScopeCount {
        account: row.get(0)?,
        key: row.get(1)?,
        day: row.get(2)?,
        scope: row.get(3)?,
        outcome: row.get(4)?,
        times: u64::try_from(row.get::<_, i64>(5)?).unwrap_or(0),
    })
}

pub(super) fn mode_count(row: &rusqlite::Row<'_>) -> rusqlite::Result<ModeCount> {
    Ok(ModeCount {
        start: row.get(0)?,
        // Only modes are written.
        mode: row.get::<_, String>(1)?.parse().unwrap_or(Mode::Live),
        outcome: row.get(2)?,
        times: u64::try_from(row.get::<_, i64>(3)?).unwrap_or(0),
    })
}

pub(super) fn count(row: &rusqlite::Row<'_>) -> rusqlite::Result<Count> {
    Ok(Count {
        account: row.get(0)?,
        key: row.get(1)?,
        day: row.get(2)?,
        outcome: row.get(3)?,
        times: u64::try_from(row.get::<_, i64>(4)?).unwrap_or(0),
    })
}
