//! A model of the lease protocol: nodes that cache, a store with a change log, and somebody who revokes.
//!
//! [`Protocol`] is checked by [stateright](https://docs.rs/stateright): in every order in which its steps can come, with
//! messages lost and late, nodes that stop, crash and start again, replicas that lag and clocks that drift, no request
//! that began after a revocation returned is accepted. [`Mutation`] takes one rule out at a time, to show that the checker
//! notices, and so that each rule is needed.
//!
//! A node that is paused is one whose steps do not come while time goes on, so pauses are in every run.

use stateright::{Model, Property};

/// Ticks that a lease lasts.
const LEASE: u8 = 2;
/// Ticks that a clock may lose over one lease: the node ends its lease so much earlier, the waiter waits so much longer.
const MARGIN: u8 = 1;

/// A rule that is taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mutation {
    /// A fill that was under way when an entry was applied is cached all the same.
    NoEpoch,
    /// A node answers from its cache without a lease.
    NoLease,
    /// A lease is counted from when its grant arrived.
    LeaseCountedFromReply,
    /// A node that is behind the log is granted a lease.
    GrantToNodeBehind,
    /// The look at the log and the grant are two steps, and an entry may come in between.
    GrantRacesAppend,
    /// `revoke` returns when it has committed.
    RevokeDoesNotWait,
    /// The waiter waits one lease, without the margin.
    WaitWithoutMargin,
    /// The waiter goes by the database's wall clock, which may be set.
    WaiterTrustsWallClock,
    /// A node takes the log's newest position for applied without having read what came before it.
    PositionSkipped,
    /// A fill is cached although the replica that it read was behind what the node had applied.
    ReplicaBehindIsCached,
}

impl Mutation {
    /// Every mutation.
    pub const ALL: [Self; 10] = [
        Self::NoEpoch,
        Self::NoLease,
        Self::LeaseCountedFromReply,
        Self::GrantToNodeBehind,
        Self::GrantRacesAppend,
        Self::RevokeDoesNotWait,
        Self::WaitWithoutMargin,
        Self::WaiterTrustsWallClock,
        Self::PositionSkipped,
        Self::ReplicaBehindIsCached,
    ];
}

/// The protocol, with so many nodes and keys and so much going wrong.
#[derive(Clone, Debug)]
pub struct Protocol {
    /// Nodes that cache.
    pub nodes: usize,
    /// Keys, each of which may be revoked once.
    pub keys: usize,
    /// Ticks after which a run ends.
    pub ticks: u8,
    /// Messages that may be lost in a run.
    pub losses: u8,
    /// Nodes that may crash in a run, and start again with nothing.
    pub crashes: u8,
    /// Whether reads may go to a replica that has not seen the last entry.
    pub lagging_replica: bool,
    /// What is taken out, if anything is.
    pub mutation: Option<Mutation>,
}

/// A state of everything.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    now: u8,
    /// What the database's wall clock is ahead by.
    wall_ahead: u8,
    /// The key that each entry of the log is about.
    log: Vec<u8>,
    nodes: Vec<Node>,
    revocations: Vec<Revocation>,
    losses: u8,
    crashes: u8,
    /// Whether a request was accepted that began after its key's revocation had returned.
    violated: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Node {
    /// What this node's clock has lost against time.
    lost: u8,
    /// Entries that it has applied; `None` after a crash, until it has asked where the log stands.
    applied: Option<u8>,
    /// Until when it may answer from its cache, by its own clock.
    lease_until: u8,
    /// The keys that it has cached.
    cached: u8,
    fill: Option<Fill>,
    message: Message,
    /// What the store knows of it: the position that it said it had applied.
    registered: Option<u8>,
}

/// A read of the store that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Fill {
    key: u8,
    /// What had been applied when it began.
    applied: u8,
    /// Whether an entry about the key was applied since.
    overtaken: bool,
    /// Whether the request began after the key's revocation had returned.
    late: bool,
    /// Whether the node held a lease when it began. Without one, only the primary is asked.
    leased: bool,
    /// What was read: whether the key is active, and at which position.
    read: Option<(bool, u8)>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
enum Message {
    #[default]
    None,
    /// On its way to the store: what was applied, and the node's time when it was sent.
    Renewal {
        applied: u8,
        sent: u8,
    },
    /// Looked at by a store that grants in a step of its own: only by [`Mutation::GrantRacesAppend`].
    Approved {
        applied: u8,
        sent: u8,
    },
    /// On its way back.
    Granted {
        sent: u8,
    },
    Behind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Revocation {
    NotYet,
    /// Committed as the entry with this number, at this time by time itself and by the database's wall clock.
    Waiting {
        entry: u8,
        since: u8,
        wall_since: u8,
    },
    Returned,
}

/// One step of somebody.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Time goes on; the clocks of the nodes in the bit set lose this tick.
    Tick(u8),
    /// The database's wall clock is set ahead.
    SetWallClock,
    /// A node that crashed asks where the log stands, with an empty cache.
    Start(usize),
    /// A node sends a renewal.
    Renew(usize),
    /// The store looks at a renewal.
    Process(usize),
    /// The store makes the grant that it has approved.
    Grant(usize),
    /// A node receives the answer to its renewal.
    Receive(usize),
    /// A message of a node is lost.
    Lose(usize),
    /// A node reads the log and applies it.
    Follow(usize),
    /// A request for a key that is not cached begins to read the store.
    Begin(usize, u8),
    /// The store is read, or a replica that lags.
    Read(usize, bool),
    /// What was read is answered, and cached.
    Finish(usize),
    /// A request is answered from the cache.
    Hit(usize, u8),
    /// A node dies.
    Crash(usize),
    /// A key's revocation is committed.
    Commit(u8),
    /// A revocation returns.
    Return(u8),
}

impl Protocol {
    fn has(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }

    fn may_answer(&self, node: &Node, now: u8) -> bool {
        self.has(Mutation::NoLease) || now - node.lost < node.lease_until
    }

    fn may_return(&self, state: &State, revocation: Revocation) -> bool {
        let Revocation::Waiting { entry, since, wall_since } = revocation else { return false };
        if self.has(Mutation::RevokeDoesNotWait) {
            return true;
        }
        let waited = if self.has(Mutation::WaiterTrustsWallClock) {
            state.now + state.wall_ahead - wall_since
        } else {
            // The waiter's clock may have gained what a node's may have lost.
            state.now - since + MARGIN
        };
        let enough = if self.has(Mutation::WaitWithoutMargin) { LEASE } else { LEASE + MARGIN };
        waited >= enough || state.nodes.iter().all(|node| node.registered.is_none_or(|applied| applied >= entry))
    }
}

impl Node {
    fn apply(&mut self, entries: &[u8], mutated: bool) {
        for &key in entries {
            self.cached &= !(1 << key);
            if let Some(fill) = &mut self.fill
                && fill.key == key
                && !mutated
            {
                fill.overtaken = true;
            }
        }
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            now: 0,
            wall_ahead: 0,
            log: Vec::new(),
            nodes: vec![Node { applied: Some(0), ..Node::default() }; self.nodes],
            revocations: vec![Revocation::NotYet; self.keys],
            losses: self.losses,
            crashes: self.crashes,
            violated: false,
        }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        if state.now < self.ticks {
            steps.push(Step::Tick(0));
            for (index, node) in state.nodes.iter().enumerate() {
                if node.lost < MARGIN {
                    steps.push(Step::Tick(1 << index));
                }
            }
        }
        if self.has(Mutation::WaiterTrustsWallClock) && state.wall_ahead == 0 {
            steps.push(Step::SetWallClock);
        }
        for (index, node) in state.nodes.iter().enumerate() {
            match (node.applied, &node.message) {
                (None, _) => steps.push(Step::Start(index)),
                (Some(applied), Message::None) => {
                    steps.push(Step::Renew(index));
                    if usize::from(applied) < state.log.len() {
                        steps.push(Step::Follow(index));
                    }
                }
                (Some(_), Message::Renewal { .. }) => steps.push(Step::Process(index)),
                (Some(_), Message::Approved { .. }) => steps.push(Step::Grant(index)),
                (Some(_), Message::Granted { .. } | Message::Behind) => steps.push(Step::Receive(index)),
            }
            if node.message != Message::None && state.losses > 0 {
                steps.push(Step::Lose(index));
            }
            match &node.fill {
                None if node.applied.is_some() => {
                    for key in 0..self.keys as u8 {
                        if node.cached & (1 << key) == 0 {
                            steps.push(Step::Begin(index, key));
                        }
                    }
                }
                None => {}
                Some(fill) if fill.read.is_none() => {
                    steps.push(Step::Read(index, false));
                    if self.lagging_replica && fill.leased && !state.log.is_empty() {
                        steps.push(Step::Read(index, true));
                    }
                }
                Some(_) => steps.push(Step::Finish(index)),
            }
            if self.may_answer(node, state.now) {
                // Only what would break the promise is worth a step: an accepted request changes nothing.
                for key in 0..self.keys as u8 {
                    let returned = state.revocations[usize::from(key)] == Revocation::Returned;
                    if returned && node.cached & (1 << key) != 0 {
                        steps.push(Step::Hit(index, key));
                    }
                }
            }
            if state.crashes > 0 && node.applied.is_some() {
                steps.push(Step::Crash(index));
            }
        }
        for (key, revocation) in state.revocations.iter().enumerate() {
            match revocation {
                Revocation::NotYet => steps.push(Step::Commit(key as u8)),
                Revocation::Waiting { .. } if self.may_return(state, *revocation) => {
                    steps.push(Step::Return(key as u8));
                }
                Revocation::Waiting { .. } | Revocation::Returned => {}
            }
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut state = last.clone();
        let newest = state.log.len() as u8;
        match step {
            Step::Tick(losing) => {
                state.now += 1;
                for (index, node) in state.nodes.iter_mut().enumerate() {
                    node.lost += u8::from(losing & (1 << index) != 0);
                }
            }
            Step::SetWallClock => state.wall_ahead = LEASE + MARGIN,
            Step::Start(index) => state.nodes[index].applied = Some(newest),
            Step::Renew(index) => {
                let node = &mut state.nodes[index];
                let applied = node.applied?;
                node.message = Message::Renewal { applied, sent: state.now - node.lost };
            }
            Step::Process(index) => {
                let node = &mut state.nodes[index];
                let Message::Renewal { applied, sent } = node.message else { return None };
                let current = applied == newest || self.has(Mutation::GrantToNodeBehind);
                if !current {
                    node.message = Message::Behind;
                } else if self.has(Mutation::GrantRacesAppend) {
                    node.message = Message::Approved { applied, sent };
                } else {
                    node.registered = Some(applied);
                    node.message = Message::Granted { sent };
                }
            }
            Step::Grant(index) => {
                let node = &mut state.nodes[index];
                let Message::Approved { applied, sent } = node.message else { return None };
                node.registered = Some(applied);
                node.message = Message::Granted { sent };
            }
            Step::Receive(index) => {
                let node = &mut state.nodes[index];
                if let Message::Granted { sent } = node.message {
                    let from = if self.has(Mutation::LeaseCountedFromReply) { state.now - node.lost } else { sent };
                    node.lease_until = from + LEASE - MARGIN;
                }
                node.message = Message::None;
            }
            Step::Lose(index) => {
                state.losses -= 1;
                state.nodes[index].message = Message::None;
            }
            Step::Follow(index) => {
                let node = &mut state.nodes[index];
                let mut from = usize::from(node.applied?);
                if self.has(Mutation::PositionSkipped) {
                    from = state.log.len();
                }
                node.apply(&last.log[from..], self.has(Mutation::NoEpoch));
                node.applied = Some(newest);
            }
            Step::Begin(index, key) => {
                let late = state.revocations[usize::from(key)] == Revocation::Returned;
                let node = &mut state.nodes[index];
                let leased = self.may_answer(node, last.now);
                node.fill = Some(Fill { key, applied: node.applied?, overtaken: false, late, leased, read: None });
            }
            Step::Read(index, lagging) => {
                let seen = if lagging { newest - 1 } else { newest };
                let fill = state.nodes[index].fill.as_mut()?;
                let active = !last.log[..usize::from(seen)].contains(&fill.key);
                fill.read = Some((active, seen));
            }
            Step::Finish(index) => {
                let node = &mut state.nodes[index];
                let fill = node.fill.take()?;
                let (active, seen) = fill.read?;
                let behind = seen < fill.applied && !self.has(Mutation::ReplicaBehindIsCached);
                if active && !behind {
                    state.violated |= fill.late;
                    if !fill.overtaken {
                        node.cached |= 1 << fill.key;
                    }
                }
            }
            Step::Hit(_, _) => state.violated = true,
            Step::Crash(index) => {
                state.crashes -= 1;
                let node = &mut state.nodes[index];
                *node = Node { lost: node.lost, registered: node.registered, ..Node::default() };
            }
            Step::Commit(key) => {
                state.log.push(key);
                state.revocations[usize::from(key)] = Revocation::Waiting {
                    entry: newest + 1,
                    since: state.now,
                    wall_since: state.now + state.wall_ahead,
                };
            }
            Step::Return(key) => {
                if let Revocation::Waiting { entry, .. } = state.revocations[usize::from(key)] {
                    // Whoever did not answer is struck off: nobody waits for it again until it has caught up.
                    for node in &mut state.nodes {
                        if node.registered.is_some_and(|applied| applied < entry) {
                            node.registered = None;
                        }
                    }
                }
                state.revocations[usize::from(key)] = Revocation::Returned;
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("no request is accepted after its key's revocation has returned", |_, state: &State| {
                !state.violated
            }),
            Property::sometimes("a revocation returns because every node has applied it", |_, state: &State| {
                state.now <= LEASE && state.revocations.contains(&Revocation::Returned)
            }),
            Property::sometimes("a key is answered from the cache under a lease", |model: &Self, state: &State| {
                state.nodes.iter().any(|node| node.cached != 0 && model.may_answer(node, state.now))
            }),
        ]
    }
}
