use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use keyward_core::adapter::ObservedRequest;
use keyward_core::network::ipnet::IpNet;
use keyward_core::{CredentialId, Requirement, Scope, Timestamp};

use crate::store::{MOST_REQUESTS, RequestEntry};

/// About 4 MiB for all parts.
const MOST_IN_PART: usize = 1_024;

/// Requests that wait to be written. It has parts, so that threads seldom contend.
pub(crate) struct RequestBuffer {
    parts: [Mutex<Part>; 16],
    spread: RandomState,
    dropped: AtomicU64,
    /// So that readers wait for a write that has begun.
    pub(super) flushing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Part {
    keys: HashMap<CredentialId, VecDeque<RequestEntry>>,
    /// How many requests each account has.
    accounts: HashMap<String, usize>,
    length: usize,
    /// Tells requests of a key at the same time apart, also those of other nodes.
    next_number: i64,
}

fn lock(part: &Mutex<Part>) -> MutexGuard<'_, Part> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Default for RequestBuffer {
    fn default() -> Self {
        let spread = RandomState::new();
        let part = |place: usize| {
            // Below the largest number by far, so that counting does not reach it.
            let next_number = i64::try_from(spread.hash_one(place) >> 2).unwrap_or(0);
            Mutex::new(Part { next_number, ..Part::default() })
        };
        Self {
            parts: std::array::from_fn(part),
            spread,
            dropped: AtomicU64::new(0),
            flushing: tokio::sync::Mutex::default(),
        }
    }
}

impl RequestBuffer {
    /// Adds a request. A key's newest request replaces its oldest. A full part drops a request of the account that has the most.
    pub(super) fn push(&self, request: ObservedRequest, at: Timestamp) {
        let place = self.spread.hash_one(&request.key) as usize % self.parts.len();
        let Some(part) = self.parts.get(place) else { return };
        let mut entry = RequestEntry {
            account: request.account.to_string(),
            key: request.key.to_string(),
            at: at.as_millis(),
            number: 0,
            method: request.method.map(str::to_owned),
            route: request.route.map(String::from),
            network: request.client.and_then(network),
            outcome: request.outcome.to_owned(),
            missing: request.missing.as_ref().and_then(text_of),
        };
        let mut part = lock(part);
        entry.number = part.next_number;
        part.next_number = entry.number.wrapping_add(1) & i64::MAX;
        if !part.add(request.key, entry) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn parts(&self) -> usize {
        self.parts.len()
    }

    /// Takes the requests of a part out, oldest first for each key.
    pub(super) fn take(&self, place: usize) -> Vec<RequestEntry> {
        let Some(part) = self.parts.get(place) else { return Vec::new() };
        let keys = {
            let mut part = lock(part);
            part.length = 0;
            part.accounts.clear();
            std::mem::take(&mut part.keys)
        };
        keys.into_values().flatten().collect()
    }

    /// Puts requests back that could not be written, before newer ones of their keys.
    pub(super) fn put_back(&self, place: usize, entries: &[RequestEntry]) {
        let Some(part) = self.parts.get(place) else { return };
        let mut part = lock(part);
        let dropped = entries.iter().rev().filter(|entry| !part.put_back((*entry).clone())).count();
        self.dropped.fetch_add(dropped as u64, Ordering::Relaxed);
    }

    /// How many requests were dropped since the last call.
    pub(super) fn take_dropped(&self) -> u64 {
        self.dropped.swap(0, Ordering::Relaxed)
    }
}

impl Part {
    /// Returns `false` if this request or another one was dropped.
    fn add(&mut self, key: CredentialId, entry: RequestEntry) -> bool {
        if let Some(known) = self.keys.get_mut(&key)
            && known.len() >= MOST_REQUESTS
        {
            known.pop_front();
            known.push_back(entry);
            return true;
        }
        let is_full = self.length >= MOST_IN_PART;
        if is_full && (self.has_its_share(&entry.account) || !self.make_room()) {
            return false;
        }
        self.count(&entry.account);
        self.keys.entry(key).or_default().push_back(entry);
        !is_full
    }

    fn count(&mut self, account: &str) {
        *self.accounts.entry(account.to_owned()).or_default() += 1;
        self.length += 1;
    }

    /// A flood of one account must not cost others theirs.
    fn has_its_share(&self, account: &str) -> bool {
        let own = self.accounts.get(account).copied().unwrap_or(0);
        let accounts = self.accounts.len() + usize::from(own == 0);
        own >= MOST_IN_PART / accounts
    }

    /// Drops the oldest request of the busiest key of the account that has the most.
    fn make_room(&mut self) -> bool {
        let Some((account, _)) = self.accounts.iter().max_by_key(|(_, length)| **length) else { return false };
        let account = account.clone();
        let of_account =
            |entries: &VecDeque<RequestEntry>| entries.front().is_some_and(|entry| entry.account == account);
        let busiest =
            self.keys.iter().filter(|(_, entries)| of_account(entries)).max_by_key(|(_, entries)| entries.len());
        let Some(key) = busiest.map(|(key, _)| key.clone()) else { return false };
        if let Some(entries) = self.keys.get_mut(&key) {
            entries.pop_front();
            if entries.is_empty() {
                self.keys.remove(&key);
            }
        }
        if let Some(length) = self.accounts.get_mut(&account) {
            *length -= 1;
            if *length == 0 {
                self.accounts.remove(&account);
            }
        }
        self.length -= 1;
        true
    }

    fn put_back(&mut self, entry: RequestEntry) -> bool {
        let Ok(key) = entry.key.parse::<CredentialId>() else { return false };
        if self.keys.get(&key).is_some_and(|known| known.len() >= MOST_REQUESTS) {
            // Newer ones have replaced it.
            return true;
        }
        if self.length >= MOST_IN_PART {
            return false;
        }
        self.count(&entry.account);
        self.keys.entry(key).or_default().push_front(entry);
        true
    }
}

/// The scopes with a space between, or with `|` if one is enough.
fn text_of(missing: &Requirement) -> Option<String> {
    let scopes: Vec<&str> = missing.scopes().iter().map(Scope::as_str).collect();
    (!scopes.is_empty()).then(|| scopes.join(if missing.is_any() { "|" } else { " " }))
}

/// Coarse, because an address may be that of a person.
fn network(client: IpAddr) -> Option<String> {
    let client = client.to_canonical();
    let prefix = if client.is_ipv4() { 24 } else { 48 };
    Some(IpNet::new(client, prefix).ok()?.trunc().to_string())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use keyward_core::Identity;
    use keyward_core::adapter::{Event, Observation, RecordRequest};

    use super::*;

    /// Pushes requests as a hook and a layer do.
    fn push(buffer: &Arc<RequestBuffer>, key: &str, at: i64) {
        push_of(buffer, "acct_1", key, at);
    }

    fn push_of(buffer: &Arc<RequestBuffer>, account: &str, key: &str, at: i64) {
        let identity = Identity::api_key(key.parse().unwrap(), account.parse().unwrap());
        let pushed = Arc::clone(buffer);
        let record = move |request| pushed.push(request, Timestamp::from_millis(at));
        let recorder: Arc<dyn RecordRequest> = Arc::new(record);
        let mut observation = Observation::new(Some("GET"), None, None);
        let entered = observation.enter();
        Observation::note(&Event::Accepted { identity: &identity }, &recorder);
        drop(entered);
    }

    fn take_all(buffer: &RequestBuffer) -> Vec<RequestEntry> {
        (0..buffer.parts()).flat_map(|place| buffer.take(place)).collect()
    }

    #[test]
    fn the_newest_requests_of_a_key_replace_its_oldest() {
        let buffer = Arc::new(RequestBuffer::default());
        (0..250).for_each(|at| push(&buffer, "key_1", at));
        let taken = take_all(&buffer);
        assert_eq!(taken.iter().map(|entry| entry.at).collect::<Vec<_>>(), (50..250).collect::<Vec<_>>());
        assert!(taken.windows(2).all(|pair| pair[0].number < pair[1].number));
        assert_eq!((buffer.take_dropped(), take_all(&buffer).len()), (0, 0));
    }

    #[test]
    fn a_full_buffer_drops_and_counts() {
        let buffer = Arc::new(RequestBuffer::default());
        let most = 16 * MOST_IN_PART;
        (0..2 * most).for_each(|number| push(&buffer, &format!("key_{number}"), 0));
        let taken = take_all(&buffer).len();
        assert!(taken <= most && taken > most / 2, "{taken}");
        assert_eq!(buffer.take_dropped(), (2 * most - taken) as u64);
        assert_eq!(buffer.take_dropped(), 0);
    }

    #[test]
    fn a_flood_of_one_account_costs_others_nothing() {
        let buffer = Arc::new(RequestBuffer::default());
        let most = 16 * MOST_IN_PART;
        let flood = |first: usize| {
            (first..first + 2 * most).for_each(|n| push_of(&buffer, "acct_flood", &format!("key_{n}"), 0))
        };
        flood(0);
        (0..100).for_each(|at| push_of(&buffer, "acct_other", &format!("key_other_{}", at % 10), at));
        flood(2 * most);
        let taken = take_all(&buffer);
        assert_eq!(taken.iter().filter(|entry| entry.account == "acct_other").count(), 100);
        assert!(taken.len() <= most, "{}", taken.len());
        assert_eq!(buffer.take_dropped(), (4 * most + 100 - taken.len()) as u64);
    }

    #[test]
    fn unwritten_requests_stay_before_newer_ones() {
        let buffer = Arc::new(RequestBuffer::default());
        (0..150).for_each(|at| push(&buffer, "key_1", at));
        let place = (0..buffer.parts()).find(|place| !lock(&buffer.parts[*place]).keys.is_empty()).unwrap();
        let unwritten = buffer.take(place);
        (150..230).for_each(|at| push(&buffer, "key_1", at));
        buffer.put_back(place, &unwritten);
        let times: Vec<i64> = buffer.take(place).iter().map(|entry| entry.at).collect();
        assert_eq!(times, (30..230).collect::<Vec<_>>());
        assert_eq!(buffer.take_dropped(), 0);
    }

    #[test]
    fn networks_are_coarse() {
        for (client, expected) in [
            ("192.0.2.77", "192.0.2.0/24"),
            ("::ffff:192.0.2.77", "192.0.2.0/24"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
            ("::1", "::/48"),
        ] {
            assert_eq!(network(client.parse().unwrap()).as_deref(), Some(expected));
        }
    }
}
