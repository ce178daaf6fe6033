use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::{fmt, mem};

use keyward_core::Timestamp;
use serde_json::{Value, json};

use super::draft::Draft;
use super::{Outcome, Target};
use crate::error::ManagementError;
use crate::service::Management;

/// For each action. So refusals of one action do not hide those of another.
const MAX_ROWS: usize = 256;

const MINUTE: i64 = 60_000;

#[derive(Clone, PartialEq, Eq, Hash)]
struct Row {
    what: String,
    network: Option<String>,
    minute: i64,
}

struct Counted {
    draft: Draft,
    first_at: Timestamp,
    times: u64,
}

type Rows = HashMap<Row, Counted>;

#[derive(Default)]
pub(crate) struct Refused {
    /// By action, of which there are few.
    rows: Mutex<HashMap<String, Rows>>,
    flushing: tokio::sync::Mutex<()>,
}

impl fmt::Debug for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refused").finish_non_exhaustive()
    }
}

impl Counted {
    fn draft(&self, row: &Row) -> Draft {
        let mut after = match &self.draft.after {
            Some(Value::Object(fields)) => fields.clone(),
            _ => serde_json::Map::new(),
        };
        after.insert("times".to_owned(), json!(self.times));
        after.insert("first_at".to_owned(), json!(self.first_at));
        if let Some(network) = &row.network {
            after.insert("network".to_owned(), json!(network));
        }
        Draft { after: Some(Value::Object(after)), ..self.draft.clone() }
    }
}

fn network(address: &str) -> Option<String> {
    let (address, bits) = match address.parse::<IpAddr>().ok()?.to_canonical() {
        v4 @ IpAddr::V4(_) => (v4, 24),
        v6 @ IpAddr::V6(_) => (v6, 48),
    };
    Some(keyward_core::network::ipnet::IpNet::new(address, bits).ok()?.trunc().to_string())
}

impl Refused {
    fn note(&self, draft: Draft, at: Timestamp) {
        let minute = at.as_millis().div_euclid(MINUTE);
        let what =
            json!([draft.action, draft.outcome, draft.actor, draft.target, draft.account, draft.after]).to_string();
        let network = draft.address.as_deref().and_then(network);
        let row = Row { what, network, minute };
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = rows.entry(draft.action.clone()).or_default();
        let (row, draft) = place(rows, row, draft);
        let counted = rows.entry(row).or_insert(Counted { draft, first_at: at, times: 0 });
        counted.times = counted.times.saturating_add(1);
    }

    fn take(&self) -> Vec<(Row, Counted)> {
        let taken = mem::take(&mut *self.rows.lock().unwrap_or_else(PoisonError::into_inner));
        let mut rows: Vec<_> = taken.into_values().flatten().collect();
        rows.sort_by_key(|(_, row)| row.first_at);
        rows
    }

    fn put_back(&self, rows: impl Iterator<Item = (Row, Counted)>) {
        let mut held = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        for (row, counted) in rows {
            let held = held.entry(counted.draft.action.clone()).or_default();
            let (row, draft) = place(held, row, counted.draft);
            let merged = held.entry(row).or_insert(Counted { draft, first_at: counted.first_at, times: 0 });
            merged.times = merged.times.saturating_add(counted.times);
            merged.first_at = merged.first_at.min(counted.first_at);
        }
    }
}

/// Where a refusal counts.
fn place(rows: &Rows, row: Row, draft: Draft) -> (Row, Draft) {
    if rows.len() < MAX_ROWS || rows.contains_key(&row) {
        return (row, draft);
    }
    // Strangers from many networks do not hide what concerns a user.
    let of_all_networks = Row { network: None, ..row };
    let has_room = rows.len() < 2 * MAX_ROWS || rows.contains_key(&of_all_networks);
    if has_room && !draft.target.id.is_empty() {
        return (of_all_networks, Draft { address: None, user_agent: None, ..draft });
    }
    draft.overflow()
}

impl Draft {
    fn overflow(&self) -> (Row, Self) {
        let context = crate::actor::Context::new();
        let target = Target::new(&self.target.kind, "");
        let draft = Self::anonymous(&context, &self.action, target).outcome(self.outcome);
        let row = Row { what: json!([self.action, self.outcome]).to_string(), network: None, minute: 0 };
        (row, draft.after(json!({"together": true})))
    }
}

impl Management {
    pub(crate) fn note_refused(&self, draft: Draft) {
        self.note_frequent(draft.outcome(Outcome::Refused));
    }

    /// Anyone can cause any number.
    pub(crate) fn note_frequent(&self, draft: Draft) {
        self.0.refused.note(draft, self.now());
    }

    /// Writes counted refusals and mailed reset links into the audit log: one entry per minute, network and reason,
    /// with the number in `after.times`. Also call it before the process ends.
    /// Unwritten counts stay for the next call. A caller that stops waiting does not stop the write.
    ///
    /// # Errors
    /// [`ManagementError::Store`].
    ///
    /// # Examples
    /// ```
    /// # use keyward::manage::{Actor, AuditQuery, Context, Management, SqliteManagementStore};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let store = keyward::sqlite::SqliteStore::temporary()?;
    /// # let management = Management::builder(store.clone(), SqliteManagementStore::open(&store)?).build()?;
    /// for _ in 0..2 {
    ///     assert!(management.sign_in(&Context::new(), "ada@example.com", "a guess").await.is_err());
    /// }
    /// management.flush_refused().await?;
    /// let log = management.audit_log(&Actor::system("example", Context::new()), &AuditQuery::default()).await?;
    /// // One entry, or two if a new minute began between the attempts.
    /// let times = log.items.iter().filter_map(|entry| entry.after.as_ref()?["times"].as_u64());
    /// assert_eq!(times.sum::<u64>(), 2);
    /// # Ok(()) }
    /// ```
    pub async fn flush_refused(&self) -> Result<(), ManagementError> {
        let management = self.clone();
        Self::run_to_completion(async move { management.write_refused().await }).await
    }

    async fn write_refused(&self) -> Result<(), ManagementError> {
        let _turn = self.0.refused.flushing.lock().await;
        let mut rows = self.0.refused.take().into_iter();
        while let Some((row, counted)) = rows.next() {
            if let Err(error) = self.commit_or_stale(Vec::new(), counted.draft(&row)).await {
                self.0.refused.put_back(std::iter::once((row, counted)).chain(rows));
                return Err(error);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::Context;

    fn refusal(user: &str, address: IpAddr, reason: &str) -> Draft {
        let context = Context { address: Some(address), ..Context::new() };
        let draft = Draft::anonymous(&context, "session.begin", Target::new("user", user));
        draft.outcome(Outcome::Refused).after(json!({"reason": reason}))
    }

    #[test]
    fn refusals_from_many_networks_do_not_hide_the_wrong_codes_of_a_user() {
        let (refused, now) = (Refused::default(), Timestamp::from_millis(0));
        for number in 0..600_u32 {
            let address = IpAddr::from((0x0b00_0000 + number * 256).to_be_bytes());
            refused.note(refusal("usr_ada", address, "password"), now);
        }
        let stranger: IpAddr = "203.0.113.7".parse().unwrap();
        for _ in 0..3 {
            refused.note(refusal("usr_ada", stranger, "code"), now);
        }
        let codes = |rows: &[(Row, Counted)]| -> u64 {
            let codes = rows.iter().filter(|(_, row)| {
                row.draft.target.id == "usr_ada" && row.draft.after == Some(json!({"reason": "code"}))
            });
            codes.map(|(_, row)| row.times).sum()
        };
        let rows = refused.take();
        assert_eq!(codes(&rows), 3);
        assert!(rows.len() <= MAX_ROWS + 2, "{} rows", rows.len());
        assert_eq!(rows.iter().map(|(_, row)| row.times).sum::<u64>(), 603);
        // Nor do refusals of another action, of many users.
        refused.put_back(rows.into_iter());
        for number in 0..3 * MAX_ROWS {
            let user = format!("usr_{number}");
            refused
                .note(Draft { action: "user.change_password".to_owned(), ..refusal(&user, stranger, "password") }, now);
        }
        refused.note(Draft { action: "user.check_code".to_owned(), ..refusal("usr_ada", stranger, "code") }, now);
        let rows = refused.take();
        assert_eq!(codes(&rows), 4);
        // A write that failed hides them as little.
        for number in 0..MAX_ROWS as u32 {
            let address = IpAddr::from((0x0c00_0000 + number * 256).to_be_bytes());
            refused.note(refusal("usr_eve", address, "password"), now);
        }
        refused.put_back(rows.into_iter());
        assert_eq!(codes(&refused.take()), 4);
    }
}
