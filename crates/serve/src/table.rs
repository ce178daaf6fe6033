//! The open connections, by peer, and which one makes room.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::Limits;

const STALLED: Duration = Duration::from_secs(1);

pub(crate) struct Table {
    limits: Limits,
    open: Mutex<Open>,
    room: Notify,
}

#[derive(Default)]
struct Open {
    connections: usize,
    newest: u64,
    peers: HashMap<IpAddr, HashMap<u64, Arc<Entry>>>,
}

pub(crate) enum Full {
    Server,
    Peer,
}

impl Table {
    pub(crate) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { limits, open: Mutex::default(), room: Notify::new() })
    }

    pub(crate) fn admit(self: &Arc<Self>, address: SocketAddr) -> Result<Place, Full> {
        let is_exempt = self.limits.exempt_peers.trusts(address.ip());
        let peer = if is_exempt { address.ip().to_canonical() } else { peer_of(address.ip()) };
        let mut open = self.open();
        let held = open.peers.get(&peer).map_or(0, HashMap::len);
        if !is_exempt && held >= self.limits.connections_per_peer && !open.evict(|of| of == peer) {
            return Err(Full::Peer);
        }
        if open.connections >= self.limits.connections && !self.make_room(&mut open) {
            return Err(Full::Server);
        }
        open.newest = open.newest.wrapping_add(1);
        open.connections = open.connections.saturating_add(1);
        let number = open.newest;
        let entry = Arc::new(Entry { peer, evicted: Notify::new(), doing: Mutex::new(Doing::new()) });
        open.peers.entry(peer).or_default().insert(number, Arc::clone(&entry));
        Ok(Place { table: Arc::clone(self), number, entry })
    }

    pub(crate) fn evict(&self) -> bool {
        self.make_room(&mut self.open())
    }

    /// Evicts a connection of the peer with the most connections, so that an attacker does not displace others.
    fn make_room(&self, open: &mut Open) -> bool {
        let is_exempt = |peer| self.limits.exempt_peers.trusts(peer);
        let counted = open.peers.iter().filter(|(peer, _)| !is_exempt(**peer));
        let most = counted.map(|(_, entries)| entries.len()).max().unwrap_or(0);
        let holds_most: HashSet<IpAddr> = open
            .peers
            .iter()
            .filter(|(peer, entries)| entries.len() == most && !is_exempt(**peer))
            .map(|(&peer, _)| peer)
            .collect();
        open.evict(|peer| holds_most.contains(&peer)) || open.evict(|_| true)
    }

    pub(crate) async fn room(&self) {
        // A connection that stalls sends no notification.
        let _ = tokio::time::timeout(Duration::from_millis(100), self.room.notified()).await;
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn evict(&mut self, from: impl Fn(IpAddr) -> bool) -> bool {
        let now = Instant::now();
        let entries = self.peers.iter().filter(|(peer, _)| from(**peer)).flat_map(|(_, entries)| entries);
        let candidates = entries.filter_map(|(&number, entry)| {
            let doing = entry.doing();
            match (doing.idle_since(), doing.stalled_since()) {
                (Some(since), _) => Some((false, since, number, entry.peer)),
                (None, Some(since)) if now.duration_since(since) >= STALLED => Some((true, since, number, entry.peer)),
                _ => None,
            }
        });
        let Some((.., number, peer)) = candidates.min() else { return false };
        if let Some(entry) = self.remove(peer, number) {
            entry.evicted.notify_one();
        }
        true
    }

    fn remove(&mut self, peer: IpAddr, number: u64) -> Option<Arc<Entry>> {
        let entries = self.peers.get_mut(&peer)?;
        let entry = entries.remove(&number)?;
        if entries.is_empty() {
            self.peers.remove(&peer);
        }
        self.connections = self.connections.saturating_sub(1);
        Some(entry)
    }
}

/// One customer often has a whole IPv6 /64.
fn peer_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        v4 => v4,
    }
}

pub(crate) struct Place {
    table: Arc<Table>,
    number: u64,
    entry: Arc<Entry>,
}

impl Place {
    pub(crate) async fn evicted(&self) {
        self.entry.evicted.notified().await;
    }

    pub(crate) fn doing(&self) -> Doing {
        *self.entry.doing()
    }

    pub(crate) fn requests(&self) -> Requests {
        Requests { table: Arc::clone(&self.table), entry: Arc::clone(&self.entry) }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.table.open().remove(self.entry.peer, self.number);
        self.table.room.notify_one();
    }
}

struct Entry {
    peer: IpAddr,
    evicted: Notify,
    doing: Mutex<Doing>,
}

impl Entry {
    fn doing(&self) -> MutexGuard<'_, Doing> {
        self.doing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Doing {
    /// A request ends when hyper takes the last part of its answer.
    requests: usize,
    unread: usize,
    since: Instant,
}

impl Doing {
    fn new() -> Self {
        Self { requests: 0, unread: 0, since: Instant::now() }
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.requests == 0
    }

    pub(crate) fn idle_since(&self) -> Option<Instant> {
        self.is_idle().then_some(self.since)
    }

    pub(crate) fn stalled_since(&self) -> Option<Instant> {
        (self.requests > 0 && self.requests == self.unread).then_some(self.since)
    }
}

#[derive(Clone)]
pub(crate) struct Requests {
    table: Arc<Table>,
    entry: Arc<Entry>,
}

impl Requests {
    pub(crate) fn begin(&self) -> InFlight {
        let mut doing = self.entry.doing();
        doing.requests = doing.requests.saturating_add(1);
        doing.since = Instant::now();
        InFlight { requests: self.clone(), is_unread: false }
    }
}

pub(crate) struct InFlight {
    requests: Requests,
    is_unread: bool,
}

impl InFlight {
    pub(crate) fn waits_for_client(&mut self) {
        self.progress(true);
    }

    /// Like [`waits_for_client`](Self::waits_for_client), but not progress if it waited before.
    pub(crate) fn still_waits_for_client(&mut self) {
        if !self.is_unread {
            self.progress(true);
        }
    }

    pub(crate) fn waits_for_service(&mut self) {
        if self.is_unread {
            self.progress(false);
        }
    }

    fn progress(&mut self, is_unread: bool) {
        let mut doing = self.requests.entry.doing();
        match (self.is_unread, is_unread) {
            (false, true) => doing.unread = doing.unread.saturating_add(1),
            (true, false) => doing.unread = doing.unread.saturating_sub(1),
            _ => {}
        }
        doing.since = Instant::now();
        drop(doing);
        self.is_unread = is_unread;
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut doing = self.requests.entry.doing();
        doing.requests = doing.requests.saturating_sub(1);
        doing.unread = doing.unread.saturating_sub(usize::from(self.is_unread));
        doing.since = Instant::now();
        let is_idle = doing.is_idle();
        drop(doing);
        if is_idle {
            self.requests.table.room.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::peer_of;

    #[test]
    fn addresses_of_one_client_are_one_peer() {
        for (one, other, same) in [
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
        ] {
            let peer = |address: &str| peer_of(address.parse().unwrap());
            assert_eq!(peer(one) == peer(other), same, "{one} and {other}");
        }
    }
}
