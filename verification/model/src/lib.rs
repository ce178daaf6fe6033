//! A model of the lease protocol, for [stateright](https://docs.rs/stateright). No request that begins after a
//! revocation has returned may be accepted. Each [`Mutation`] removes one rule, and the checker must find a violation.
//! A paused node takes no step while time passes, so pauses are in every run.

use stateright::{Model, Property, Representative};

/// In ticks.
const LEASE: u8 = 2;
/// Ticks that a clock may lose in a lease. A node ends its lease earlier by this, and the waiter waits longer.
const MARGIN: u8 = 1;

/// A removed rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mutation {
    /// A fill ignores an entry that was applied during its read.
    NoEpoch,
    /// Answers need no lease.
    NoLease,
    /// A lease counts from the arrival of its grant.
    LeaseCountedFromReply,
    /// A node behind the log gets a lease.
    GrantToNodeBehind,
    /// An entry may come between the check of the log and the grant.
    GrantRacesAppend,
    /// `revoke` returns after its commit.
    RevokeDoesNotWait,
    /// The waiter leaves out the margin.
    WaitWithoutMargin,
    /// The waiter uses the wall clock, which may be set.
    WaiterTrustsWallClock,
    /// A node skips the entries before the newest position.
    PositionSkipped,
    /// A fill from a replica behind the node is cached.
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

/// The protocol, with bounds on a run.
#[derive(Clone, Debug)]
pub struct Protocol {
    /// Caching nodes.
    pub nodes: usize,
    /// Keys. Each may be revoked once.
    pub keys: usize,
    /// Messages that may be lost.
    pub losses: u8,
    /// Crashes in a run. A node restarts with an empty cache.
    pub crashes: u8,
    /// Reads may go to a replica without the last entry.
    pub lagging_replica: bool,
    /// The removed rule, if any.
    pub mutation: Option<Mutation>,
}

/// Keeps elapsed times, so that a run may last forever.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    log: Vec<u8>,
    nodes: Vec<Node>,
    revocations: Vec<Revocation>,
    losses: u8,
    crashes: u8,
    wall_set: bool,
    /// A request was accepted that began after a revocation had returned.
    violated: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Node {
    /// Ticks that this node's clock may still lose.
    drift: u8,
    /// `None` after a crash, until it has asked for the newest position.
    applied: Option<u8>,
    lease: u8,
    cached: u8,
    fill: Option<Fill>,
    message: Message,
    registered: Option<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Fill {
    key: u8,
    active: bool,
    behind: bool,
    /// An entry about the key was applied since.
    overtaken: bool,
    /// The request began after the revocation had returned.
    late: bool,
}

/// Ages are in ticks of the node's clock.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Message {
    None,
    Renewal {
        applied: u8,
        age: u8,
    },
    /// Only [`Mutation::GrantRacesAppend`] has this.
    Approved {
        applied: u8,
        age: u8,
    },
    Granted {
        age: u8,
    },
    Behind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Revocation {
    NotYet,
    /// Real time and wall-clock time since the commit of this entry.
    Waiting {
        entry: u8,
        waited: u8,
        wall_waited: u8,
    },
    Returned,
}

impl Representative for State {
    /// The order of nodes does not matter.
    fn representative(&self) -> Self {
        let mut state = self.clone();
        state.nodes.sort();
        state
    }
}

/// A step of the system.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// A tick passes. The clocks of the nodes in the bit set lose it.
    Tick(u8),
    /// The wall clock is set ahead.
    SetWallClock,
    /// A crashed node restarts.
    Start(usize),
    /// A node sends a renewal.
    Renew(usize),
    /// The store checks a renewal.
    Process(usize),
    /// The store grants an approved lease.
    Grant(usize),
    /// A renewal's answer arrives.
    Receive(usize),
    /// A message is lost.
    Lose(usize),
    /// A node applies the log.
    Follow(usize),
    /// A cache miss reads the store, or a lagging replica.
    Read(usize, u8, bool),
    /// A read's answer is cached.
    Finish(usize),
    /// The cache answers.
    Hit(usize, u8),
    /// A node crashes.
    Crash(usize),
    /// A revocation is committed.
    Commit(u8),
    /// A revocation returns.
    Return(u8),
}

impl Protocol {
    fn has(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }

    fn may_answer(&self, node: &Node) -> bool {
        self.has(Mutation::NoLease) || node.lease > 0
    }

    fn may_return(&self, state: &State, revocation: Revocation) -> bool {
        let Revocation::Waiting { entry, waited, wall_waited } = revocation else { return false };
        if self.has(Mutation::RevokeDoesNotWait) {
            return true;
        }
        // The waiter's clock may have gained as much as a node's clock may have lost.
        let waited = if self.has(Mutation::WaiterTrustsWallClock) { wall_waited } else { waited } + MARGIN;
        let enough = if self.has(Mutation::WaitWithoutMargin) { LEASE } else { LEASE + MARGIN };
        waited >= enough || state.nodes.iter().all(|node| node.registered.is_none_or(|applied| applied >= entry))
    }
}

impl Node {
    fn apply(&mut self, entries: &[u8], no_epoch: bool) {
        for &key in entries {
            self.cached &= !(1 << key);
            if let Some(fill) = &mut self.fill {
                fill.overtaken |= fill.key == key && !no_epoch;
            }
        }
    }

    fn tick(&mut self) {
        self.lease = self.lease.saturating_sub(1);
        if let Message::Renewal { age, .. } | Message::Approved { age, .. } | Message::Granted { age } =
            &mut self.message
        {
            *age = (*age + 1).min(LEASE);
        }
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        let node = Node {
            drift: MARGIN,
            applied: Some(0),
            lease: 0,
            cached: 0,
            fill: None,
            message: Message::None,
            registered: None,
        };
        vec![State {
            log: Vec::new(),
            nodes: vec![node; self.nodes],
            revocations: vec![Revocation::NotYet; self.keys],
            losses: self.losses,
            crashes: self.crashes,
            wall_set: false,
            violated: false,
        }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        steps.push(Step::Tick(0));
        for (index, node) in state.nodes.iter().enumerate() {
            if node.drift > 0 {
                steps.push(Step::Tick(1 << index));
            }
        }
        if self.has(Mutation::WaiterTrustsWallClock) && !state.wall_set {
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
            if node.fill.is_some() {
                steps.push(Step::Finish(index));
            } else if node.applied.is_some() {
                for key in (0..self.keys as u8).filter(|key| node.cached & (1 << key) == 0) {
                    steps.push(Step::Read(index, key, false));
                    // A node without a lease reads only the primary.
                    if self.lagging_replica && self.may_answer(node) && !state.log.is_empty() {
                        steps.push(Step::Read(index, key, true));
                    }
                }
            }
            if self.may_answer(node) {
                // Other hits change nothing, so only hits that would break the promise are steps.
                for key in (0..self.keys as u8).filter(|key| node.cached & (1 << key) != 0) {
                    if state.revocations[usize::from(key)] == Revocation::Returned {
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
        if last.violated {
            return None;
        }
        let mut state = last.clone();
        let newest = state.log.len() as u8;
        match step {
            Step::Tick(losing) => {
                for (index, node) in state.nodes.iter_mut().enumerate() {
                    if losing & (1 << index) == 0 { node.tick() } else { node.drift -= 1 }
                }
                for revocation in &mut state.revocations {
                    if let Revocation::Waiting { waited, wall_waited, .. } = revocation {
                        *waited = (*waited + 1).min(LEASE);
                        *wall_waited = (*wall_waited + 1).min(LEASE);
                    }
                }
            }
            Step::SetWallClock => {
                state.wall_set = true;
                for revocation in &mut state.revocations {
                    if let Revocation::Waiting { wall_waited, .. } = revocation {
                        *wall_waited = LEASE;
                    }
                }
            }
            Step::Start(index) => state.nodes[index].applied = Some(newest),
            Step::Renew(index) => {
                let node = &mut state.nodes[index];
                node.message = Message::Renewal { applied: node.applied?, age: 0 };
            }
            Step::Process(index) => {
                let node = &mut state.nodes[index];
                let Message::Renewal { applied, age } = node.message else { return None };
                let current = applied == newest || self.has(Mutation::GrantToNodeBehind);
                if !current {
                    // The store records its position, although it grants no lease.
                    node.registered = node.registered.map(|known| known.max(applied));
                    node.message = Message::Behind;
                } else if self.has(Mutation::GrantRacesAppend) {
                    node.message = Message::Approved { applied, age };
                } else {
                    node.registered = Some(applied);
                    node.message = Message::Granted { age };
                }
            }
            Step::Grant(index) => {
                let node = &mut state.nodes[index];
                let Message::Approved { applied, age } = node.message else { return None };
                node.registered = Some(applied);
                node.message = Message::Granted { age };
            }
            Step::Receive(index) => {
                let node = &mut state.nodes[index];
                if let Message::Granted { age } = node.message {
                    let age = if self.has(Mutation::LeaseCountedFromReply) { 0 } else { age };
                    node.lease = node.lease.max((LEASE - MARGIN).saturating_sub(age));
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
                    from = last.log.len();
                }
                node.apply(&last.log[from..], self.has(Mutation::NoEpoch));
                node.applied = Some(newest);
            }
            Step::Read(index, key, lagging) => {
                let seen = if lagging { newest - 1 } else { newest };
                let node = &mut state.nodes[index];
                node.fill = Some(Fill {
                    key,
                    active: !last.log[..usize::from(seen)].contains(&key),
                    behind: seen < node.applied?,
                    overtaken: false,
                    late: last.revocations[usize::from(key)] == Revocation::Returned,
                });
            }
            Step::Finish(index) => {
                let node = &mut state.nodes[index];
                let fill = node.fill.take()?;
                let behind = fill.behind && !self.has(Mutation::ReplicaBehindIsCached);
                if fill.active && !behind {
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
                *node = Node {
                    applied: None,
                    lease: 0,
                    cached: 0,
                    fill: None,
                    message: Message::None,
                    drift: node.drift,
                    registered: node.registered,
                };
            }
            Step::Commit(key) => {
                state.log.push(key);
                state.revocations[usize::from(key)] =
                    Revocation::Waiting { entry: newest + 1, waited: 0, wall_waited: 0 };
            }
            Step::Return(key) => {
                if let Revocation::Waiting { entry, .. } = state.revocations[usize::from(key)] {
                    // Removes silent nodes from the register. No revocation waits for them until they have caught up.
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
                state.revocations.contains(&Revocation::Returned)
                    && state.nodes.iter().all(|node| node.registered == Some(1) && node.lease > 0)
            }),
            Property::sometimes("a key is answered from the cache under a lease", |model: &Self, state: &State| {
                state.nodes.iter().any(|node| node.cached != 0 && model.may_answer(node))
            }),
        ]
    }
}
