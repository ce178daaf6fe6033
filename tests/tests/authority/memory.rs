use std::collections::HashMap;
use std::sync::Mutex;

use keyward::Timestamp;
use keyward::manage::{
    Count, CountUnit, Kind, List, ManagementStore, ModeCount, NewCount, NewScopeCount, Record, RequestEntry,
    RequestPage, ScopeCount, Write, Written,
};
use keyward::store::{StoreError, async_trait};

#[derive(Default)]
pub(crate) struct MemoryManagementStore(Mutex<HashMap<Kind, HashMap<String, Record>>>);

#[async_trait]
impl ManagementStore for MemoryManagementStore {
    async fn get(&self, kind: Kind, id: &str) -> Result<Option<Record>, StoreError> {
        Ok(self.0.lock().unwrap().get(&kind).and_then(|records| records.get(id)).cloned())
    }

    async fn find(&self, kind: Kind, key: &str) -> Result<Option<Record>, StoreError> {
        let records = self.0.lock().unwrap();
        let mut records = records.get(&kind).into_iter().flat_map(HashMap::values);
        Ok(records.find(|record| record.key.as_deref() == Some(key)).cloned())
    }

    async fn list(&self, list: &List) -> Result<Vec<Record>, StoreError> {
        let records = self.0.lock().unwrap();
        let is_behind = |record: &Record, (sort, id): &(i64, String)| {
            let order = (record.sort, &record.id).cmp(&(*sort, id));
            if list.newest_first { order.is_lt() } else { order.is_gt() }
        };
        let mut found: Vec<&Record> = records
            .get(&list.kind)
            .into_iter()
            .flat_map(HashMap::values)
            .filter(|record| list.owner.as_ref().is_none_or(|owner| *owner == record.owner))
            .filter(|record| list.subject.as_ref().is_none_or(|subject| *subject == record.subject))
            .filter(|record| list.after.as_ref().is_none_or(|after| is_behind(record, after)))
            .collect();
        let order = |one: &&Record, other: &&Record| {
            let order = (one.sort, &one.id).cmp(&(other.sort, &other.id));
            if list.newest_first { order.reverse() } else { order }
        };
        if (1..found.len()).contains(&list.limit) {
            // Sort only the first `limit` records.
            found.select_nth_unstable_by(list.limit - 1, order);
            found.truncate(list.limit);
        }
        found.sort_unstable_by(order);
        Ok(found.into_iter().take(list.limit).cloned().collect())
    }

    async fn write(&self, writes: &[Write]) -> Result<Written, StoreError> {
        let mut records = self.0.lock().unwrap();
        let mut done: Vec<(Kind, String, Option<Record>)> = Vec::new();
        for (place, write) in writes.iter().enumerate() {
            let (kind, id) = match write {
                Write::Insert(record) | Write::Replace(record) => (record.kind, &record.id),
                Write::Remove { kind, id, .. } | Write::Expect { kind, id, .. } => (*kind, id),
            };
            let of_kind = records.entry(kind).or_default();
            let known = of_kind.get(id).cloned();
            let is_at = |version: u64| known.as_ref().is_some_and(|known| known.version == version);
            let is_taken = |record: &Record| {
                record.key.is_some() && of_kind.values().any(|other| other.id != record.id && other.key == record.key)
            };
            let fits = match write {
                Write::Insert(record) => known.is_none() && !is_taken(record),
                Write::Replace(record) => is_at(record.version) && !is_taken(record),
                Write::Remove { version, .. } | Write::Expect { version, .. } => is_at(*version),
            };
            if !fits {
                // Undo the batch.
                for (kind, id, before) in done.into_iter().rev() {
                    let of_kind = records.entry(kind).or_default();
                    match before {
                        Some(before) => of_kind.insert(id, before),
                        None => of_kind.remove(&id),
                    };
                }
                return Ok(Written::Conflict(place));
            }
            match write {
                Write::Insert(record) => of_kind.insert(id.clone(), Record { version: 1, ..record.clone() }),
                Write::Replace(record) => {
                    of_kind.insert(id.clone(), Record { version: record.version + 1, ..record.clone() })
                }
                Write::Remove { .. } => of_kind.remove(id),
                Write::Expect { .. } => None,
            };
            done.push((kind, id.clone(), known));
        }
        Ok(Written::Done)
    }

    async fn sweep(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut removed = 0;
        for records in self.0.lock().unwrap().values_mut() {
            let held = records.len();
            records.retain(|_, record| record.expires_at.is_none_or(|end| end >= before));
            removed += held - records.len();
        }
        Ok(removed as u64)
    }

    async fn add(&self, _: &[NewCount]) -> Result<(), StoreError> {
        Ok(())
    }

    async fn remove_counts(&self, _: i64) -> Result<(), StoreError> {
        Ok(())
    }

    async fn times_since(&self, _: &str, _: &str, _: i64) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn counts(&self, _: &str, _: Option<&str>, _: i64, _: i64) -> Result<Vec<Count>, StoreError> {
        Ok(Vec::new())
    }

    async fn totals(&self, _: &str, _: i64, _: i64) -> Result<Vec<Count>, StoreError> {
        Ok(Vec::new())
    }

    async fn modes(&self, _: &str, _: CountUnit, _: i64, _: i64) -> Result<Vec<ModeCount>, StoreError> {
        Ok(Vec::new())
    }

    async fn key_totals(&self, _: &str, _: i64, _: i64) -> Result<Vec<Count>, StoreError> {
        Ok(Vec::new())
    }

    async fn add_scopes(&self, _: &[NewScopeCount]) -> Result<(), StoreError> {
        Ok(())
    }

    async fn scopes_of_keys(&self, _: &str, _: &[String], _: i64, _: i64) -> Result<Vec<ScopeCount>, StoreError> {
        Ok(Vec::new())
    }

    async fn add_requests(&self, _: &[RequestEntry]) -> Result<(), StoreError> {
        Ok(())
    }

    async fn requests(&self, _: &str, _: &RequestPage) -> Result<Vec<RequestEntry>, StoreError> {
        Ok(Vec::new())
    }

    async fn remove_scopes(&self, _: &str) -> Result<(), StoreError> {
        Ok(())
    }

    async fn remove_requests(&self, _: &str) -> Result<(), StoreError> {
        Ok(())
    }
}
