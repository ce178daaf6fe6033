//! Warm hits, without locks. Only existing keys are here, so forged ones evict nothing.

use std::hash::{BuildHasherDefault, Hasher};
use std::net::IpAddr;

use super::epochs::{Epochs, FillEpoch, Stripe};
use super::fingerprint::Fingerprint;
use super::gate::Instant;
use super::uses::Uses;
use crate::id::AccountId;
use crate::identity::Identity;
use crate::sync::HashMap;
use crate::sync::atomic::{AtomicU32, Ordering};

pub(crate) struct HotKeys {
    map: HashMap<Fingerprint, Entry, BuildHasherDefault<Uniform>>,
    capacity: usize,
}

/// The fields that a hit compares share the fingerprint's cache line.
#[repr(C)]
struct Entry {
    until: Instant,
    fill_epoch: FillEpoch,
    credential: Stripe,
    account: Stripe,
    used: AtomicU32,
    recorded: AtomicU32,
    identity: Identity,
}

#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) identity: Identity,
    pub(crate) fill_epoch: FillEpoch,
    pub(crate) until: Instant,
}

impl Answer {
    /// An answer that no longer holds.
    pub(crate) fn stale(identity: Identity) -> Self {
        Self { identity, fill_epoch: FillEpoch::default(), until: Instant(0) }
    }

    pub(crate) fn holds(&self, epochs: &Epochs) -> bool {
        epochs.credential_holds(Stripe::of_credential(self.identity.id()), self.fill_epoch)
            && epochs.account_holds(Stripe::of_account(self.identity.account()), self.fill_epoch)
    }
}

impl HotKeys {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { map: HashMap::with_hasher(BuildHasherDefault::default()), capacity }
    }

    #[inline]
    pub(crate) fn get(
        &self,
        fingerprint: &Fingerprint,
        now: Instant,
        epochs: &Epochs,
        uses: &Uses,
        client: impl FnOnce() -> Option<IpAddr>,
    ) -> Option<Identity> {
        self.read(fingerprint, now, epochs, uses, client, |entry| entry.identity.clone())
    }

    pub(crate) fn answer(
        &self,
        fingerprint: &Fingerprint,
        now: Instant,
        epochs: &Epochs,
        uses: &Uses,
        client: Option<IpAddr>,
    ) -> Option<Answer> {
        self.read(
            fingerprint,
            now,
            epochs,
            uses,
            || client,
            |entry| Answer { identity: entry.identity.clone(), fill_epoch: entry.fill_epoch, until: entry.until },
        )
    }

    pub(crate) fn is_of(&self, fingerprint: &Fingerprint, account: &AccountId) -> bool {
        self.map.pin().get(fingerprint).is_some_and(|entry| entry.identity.account() == account)
    }

    #[inline]
    fn read<T>(
        &self,
        fingerprint: &Fingerprint,
        now: Instant,
        epochs: &Epochs,
        uses: &Uses,
        client: impl FnOnce() -> Option<IpAddr>,
        take: impl FnOnce(&Entry) -> T,
    ) -> Option<T> {
        let map = self.map.pin();
        let entry = map.get(fingerprint)?;
        let holds = now < entry.until
            && epochs.credential_holds(entry.credential, entry.fill_epoch)
            && epochs.account_holds(entry.account, entry.fill_epoch);
        if !holds {
            return None;
        }
        let second = now.seconds();
        if entry.used.load(Ordering::Relaxed) != second {
            entry.note_use(second, uses, client);
        }
        Some(take(entry))
    }

    /// Returns `true` if a sweep is due.
    pub(crate) fn insert(
        &self,
        fingerprint: Fingerprint,
        answer: &Answer,
        now: Instant,
        uses: &Uses,
        client: Option<IpAddr>,
    ) -> bool {
        let map = self.map.pin();
        let over = map.len().saturating_sub(self.capacity);
        if over > self.capacity / 16 + 1_024 {
            uses.note(answer.identity.id(), client);
            return true;
        }
        let second = now.seconds();
        let recorded = map.get(&fingerprint).map_or(uses.never(second), |entry| entry.recorded.load(Ordering::Relaxed));
        let entry = Entry {
            until: answer.until,
            fill_epoch: answer.fill_epoch,
            credential: Stripe::of_credential(answer.identity.id()),
            account: Stripe::of_account(answer.identity.account()),
            used: AtomicU32::new(second),
            recorded: AtomicU32::new(recorded),
            identity: answer.identity.clone(),
        };
        entry.note_use(second, uses, || client);
        map.insert(fingerprint, entry);
        map.len() > self.capacity
    }

    pub(crate) fn remove(&self, fingerprint: &Fingerprint) {
        self.map.pin().remove(fingerprint);
    }

    pub(crate) fn len(&self) -> usize {
        self.map.pin().len()
    }

    pub(crate) fn sweep(&self) {
        let map = self.map.pin();
        if map.len() <= self.capacity {
            return;
        }
        let target = self.capacity - self.capacity / 16;
        let mut seconds: Vec<u32> = map.values().map(|entry| entry.used.load(Ordering::Relaxed)).collect();
        let mut surplus = seconds.len().saturating_sub(target);
        if surplus == 0 {
            return;
        }
        let (_, &mut newest_to_go, _) = seconds.select_nth_unstable(surplus - 1);
        let victims: Vec<Fingerprint> = map
            .iter()
            .filter(|(_, entry)| entry.used.load(Ordering::Relaxed) <= newest_to_go)
            .map_while(|(fingerprint, _)| {
                surplus = surplus.checked_sub(1)?;
                Some(*fingerprint)
            })
            .collect();
        for fingerprint in victims {
            map.remove(&fingerprint);
        }
    }
}

impl Entry {
    #[cold]
    fn note_use(&self, second: u32, uses: &Uses, client: impl FnOnce() -> Option<IpAddr>) {
        self.used.store(second, Ordering::Relaxed);
        let recorded = self.recorded.load(Ordering::Relaxed);
        if uses.is_due(recorded, second)
            && self.recorded.compare_exchange(recorded, second, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        {
            uses.note(self.identity.id(), client());
        }
    }
}

/// Fingerprints are uniformly distributed.
#[derive(Default)]
pub(crate) struct Uniform(u64);

impl Hasher for Uniform {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
