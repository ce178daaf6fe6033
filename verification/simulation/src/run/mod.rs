mod waiter;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::chance::Chance;
use crate::member::{Doing, Member};
use crate::report::{Report, percentile};
use crate::server::{From, Job, Next, Server, Statement};
use crate::settings::{Settings, Time, millis, nanos};
use waiter::Waiter;

const AT_REST: Time = 10_000_000_000;
/// The default of `PostgresOptions`.
const STATEMENT_TIMEOUT: Time = 5_000_000_000;
/// Up to as much is added at random.
const BETWEEN: Time = 500_000_000;
const END: Time = 300_000_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Arrive(Job),
    Server(Next),
    Answer {
        member: usize,
        turn: u32,
        job: Job,
        value: u64,
    },
    Wake {
        member: usize,
        turn: u32,
    },
    TimedOut {
        member: usize,
        attempt: u32,
    },
    Told {
        member: usize,
    },
    Collected {
        member: usize,
        turn: u32,
    },
    /// The position of the caller's entry, or the number of members that have not applied it.
    Reply {
        job: Job,
        value: u64,
    },
    Revoke,
    Poll,
    GiveUp {
        revocation: usize,
    },
    LookEnds {
        look: u32,
    },
}

pub(crate) struct Run {
    pub(crate) settings: Settings,
    pub(crate) now: Time,
    order: u64,
    events: BinaryHeap<Reverse<(Time, u64, usize)>>,
    stored: Vec<Event>,
    free: Vec<usize>,
    pub(crate) chance: Chance,
    pub(crate) server: Server,
    pub(crate) members: Vec<Member>,
    pub(crate) register: Vec<Option<u64>>,
    pub(crate) log: u64,
    /// Members without the newest entry, and the time of its commit.
    behind: usize,
    committed: Time,
    pub(crate) waiter: Waiter,
    renewals: Vec<Time>,
    confirmations: Vec<Time>,
    lapses: u64,
}

impl Report {
    /// Runs with these settings.
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        Run::new(settings.clone()).report()
    }
}

impl Run {
    pub(crate) fn new(settings: Settings) -> Self {
        let costs = settings.costs.clone();
        let count = settings.members();
        let mut chance = Chance::new(settings.seed, costs.network, costs.network_sigma);
        let mut members = Vec::with_capacity(count);
        for number in 0..count {
            let nodes = settings.nodes / count + usize::from(number < settings.nodes % count);
            members.push(Member::new(nodes, settings.lease()));
        }
        let mut run = Self {
            now: 0,
            order: 0,
            events: BinaryHeap::new(),
            stored: Vec::new(),
            free: Vec::new(),
            server: Server::new(costs, count),
            members,
            register: vec![Some(0); count],
            log: 0,
            behind: 0,
            committed: 0,
            waiter: Waiter::default(),
            renewals: Vec::new(),
            confirmations: Vec::new(),
            lapses: 0,
            chance: Chance::new(settings.seed ^ 1, settings.costs.network, settings.costs.network_sigma),
            settings,
        };
        for member in 0..count {
            run.after(chance.before(run.settings.interval()), Event::Wake { member, turn: 0 });
        }
        run
    }

    pub(crate) fn report(mut self) -> Report {
        let settled = self.settings.lease();
        self.until(settled);
        let (statements, worked) = (self.server.statements, self.server.worked);
        self.renewals.clear();
        self.until(settled + AT_REST);
        let seconds = AT_REST as f64 / 1e9;
        let at_rest = (self.server.statements - statements) as f64 / seconds;
        let utilisation = self.server.utilisation(worked, AT_REST);
        // A lapse counts at the next grant. Members that get no further grant are counted here.
        let lapsed = self.members.iter().filter(|member| member.lease_until < self.now).count() as u64;
        let mut renewals = std::mem::take(&mut self.renewals);
        let renewal = millis(percentile(&mut renewals, 0.99));
        let saturated = utilisation > 0.95 || self.lapses + lapsed > 0 || renewal > millis(self.settings.interval());

        let (begun, statements) = (self.now, self.server.statements);
        let lapses = self.lapses;
        if !saturated && self.settings.revocations > 0 {
            self.stop_some();
            self.after(0, Event::Revoke);
            while self.waiter.revocations() < self.settings.revocations && self.now < END {
                self.step();
            }
        }
        let done = self.waiter.revocations().max(1) as f64;
        let spent = (self.server.statements - statements) as f64 - at_rest * (self.now - begun) as f64 / 1e9;
        Report {
            nodes: self.settings.nodes,
            members: self.settings.members(),
            stopped: self.settings.stopped,
            statements_at_rest: at_rest,
            utilisation_at_rest: utilisation,
            renewal_p99: renewal,
            statements_per_revocation: spent / done,
            lapses_at_rest: lapses + lapsed,
            lapses_while_revoking: self.lapses - lapses,
            first_took: self.waiter.took.first().copied().map(millis),
            append_p99: millis(percentile(&mut self.waiter.appends, 0.99)),
            confirmed_p50: millis(percentile(&mut self.confirmations, 0.5)),
            confirmed_p99: millis(percentile(&mut self.confirmations, 0.99)),
            took_p50: millis(percentile(&mut self.waiter.took.clone(), 0.5)),
            took_p99: millis(percentile(&mut self.waiter.took.clone(), 0.99)),
            revoke_p50: millis(percentile(&mut self.waiter.revokes, 0.5)),
            revoke_p99: millis(percentile(&mut self.waiter.revokes, 0.99)),
            waited_out: self.waiter.waited_out,
            failed: self.waiter.failed,
            saturated,
        }
    }

    fn stop_some(&mut self) {
        let (stopped, count) = (self.settings.stopped.min(self.settings.nodes), self.members.len());
        for number in 0..stopped {
            let member = &mut self.members[number * count / stopped.max(1)];
            if self.settings.per_relay.is_some() {
                member.nodes_stopped += 1;
            } else {
                member.stopped = true;
            }
        }
    }

    fn until(&mut self, end: Time) {
        while self.events.peek().is_some_and(|Reverse((time, ..))| *time <= end) {
            self.step();
        }
        self.now = end;
    }

    pub(crate) fn after(&mut self, delay: Time, event: Event) {
        let place = match self.free.pop() {
            Some(place) => {
                self.stored[place] = event;
                place
            }
            None => {
                self.stored.push(event);
                self.stored.len() - 1
            }
        };
        self.order += 1;
        self.events.push(Reverse((self.now + delay, self.order, place)));
    }

    fn step(&mut self) {
        let Some(Reverse((time, _, place))) = self.events.pop() else { return };
        self.now = time;
        self.free.push(place);
        match self.stored[place] {
            Event::Arrive(job) => self.serve(|server, chance, next| {
                server.arrive(job, chance, next);
                Vec::new()
            }),
            Event::Server(Next::Worked(job)) => {
                self.serve(|server, chance, next| server.worked(job, chance, next).into_iter().collect());
            }
            Event::Server(Next::Flushed) => self.serve(Server::flushed),
            Event::Answer { member, turn, job, value } => self.answered(member, turn, job, value),
            Event::Wake { member, turn } => {
                if self.members[member].turn == turn {
                    self.catch_up(member, false);
                }
            }
            Event::TimedOut { member, attempt } => {
                let found = self.members[member];
                if found.attempt == attempt && found.doing == Doing::Asking {
                    self.pause(member, self.settings.interval() / 4);
                }
            }
            Event::Told { member } => {
                self.members[member].told = true;
                if self.members[member].doing == Doing::Pausing {
                    self.catch_up(member, true);
                }
            }
            Event::Collected { member, turn } => {
                if self.members[member].turn == turn {
                    let found = &mut self.members[member];
                    found.applied = found.read;
                    // The leases of stopped nodes have run out, so the relay does not wait for them again.
                    found.nodes_stopped = 0;
                    self.renew(member);
                }
            }
            Event::Reply { job, value } => self.replied(job, value),
            Event::Revoke => self.revoke(),
            Event::Poll => self.look(),
            Event::LookEnds { look } => self.look_ends(look),
            Event::GiveUp { revocation } => {
                if self.waiter.is_appending(revocation) && self.server.cancel_append() {
                    self.failed();
                }
            }
        }
    }

    fn serve(&mut self, work: impl FnOnce(&mut Server, &mut Chance, &mut Vec<(Time, Next)>) -> Vec<Job>) {
        let mut next = Vec::new();
        let complete = work(&mut self.server, &mut self.chance, &mut next);
        for (delay, next) in next {
            self.after(delay, Event::Server(next));
        }
        for job in complete {
            self.complete(job);
        }
    }

    fn complete(&mut self, job: Job) {
        let value = match job.statement {
            Statement::Renew { applied } => {
                let From::Member { member, .. } = job.from else { return };
                let granted = applied == self.log;
                match self.register[member] {
                    // The member had been removed from the register.
                    None if granted => {
                        self.register[member] = Some(applied);
                        self.server.rows += 1;
                    }
                    // A refused renewal still reports the member's position.
                    Some(before) if before < applied => {
                        self.register[member] = Some(applied);
                        if granted {
                            self.one_less_behind();
                        }
                    }
                    _ => {}
                }
                u64::from(granted)
            }
            Statement::Read => self.log,
            Statement::Notify { member } => {
                let delay = self.chance.delay();
                self.after(delay, Event::Told { member });
                return;
            }
            Statement::Append => {
                self.log += 1;
                self.behind = self.register.iter().flatten().count();
                self.committed = self.now;
                for member in 0..self.members.len() {
                    self.after(0, Event::Arrive(Job::new(Statement::Notify { member }, From::Nobody)));
                }
                self.log
            }
            Statement::Register { .. } => {
                let position = self.waiter.position;
                self.register.iter().flatten().filter(|applied| **applied < position).count() as u64
            }
            Statement::Strike { member } => {
                if self.register[member].is_some_and(|applied| applied < self.log) {
                    self.register[member] = None;
                    self.server.rows -= 1;
                    self.one_less_behind();
                }
                0
            }
            Statement::Find => 0,
        };
        let delay = self.chance.delay();
        match job.from {
            From::Member { member, turn } => {
                self.after(delay, Event::Answer { member, turn, job, value });
            }
            From::Revoker => self.after(delay, Event::Reply { job, value }),
            From::Nobody => {}
        }
    }

    fn one_less_behind(&mut self) {
        if self.behind > 0 {
            self.behind -= 1;
            if self.behind == 0 {
                self.confirmations.push(self.now - self.committed);
            }
        }
    }

    pub(crate) fn ask(&mut self, job: Job) {
        let delay = self.chance.delay() + nanos(self.settings.costs.turn);
        self.after(delay, Event::Arrive(job));
    }

    // The behaviour of a member, as in `Follower::run` and `Follower::catch_up`.

    /// A notified member reads the log before it renews.
    fn catch_up(&mut self, member: usize, told: bool) {
        let found = &mut self.members[member];
        if found.stopped {
            return;
        }
        found.told = false;
        found.attempt += 1;
        let attempt = found.attempt;
        self.after(self.settings.lease() / 2, Event::TimedOut { member, attempt });
        if told {
            self.ask_as(member, Statement::Read);
        } else {
            self.renew(member);
        }
    }

    fn renew(&mut self, member: usize) {
        let found = &mut self.members[member];
        found.sent = self.now;
        let applied = found.applied;
        self.ask_as(member, Statement::Renew { applied });
    }

    fn ask_as(&mut self, member: usize, statement: Statement) {
        let found = &mut self.members[member];
        found.doing = Doing::Asking;
        found.turn += 1;
        let turn = found.turn;
        self.ask(Job::new(statement, From::Member { member, turn }));
    }

    fn pause(&mut self, member: usize, pause: Time) {
        let found = &mut self.members[member];
        found.doing = Doing::Pausing;
        found.turn += 1;
        let turn = found.turn;
        if found.told {
            self.catch_up(member, true);
        } else {
            self.after(pause, Event::Wake { member, turn });
        }
    }

    fn answered(&mut self, member: usize, turn: u32, job: Job, value: u64) {
        let found = self.members[member];
        if found.stopped || found.turn != turn {
            return;
        }
        match job.statement {
            Statement::Renew { .. } if value == 1 => {
                self.lapses += u64::from(self.now > found.lease_until);
                self.renewals.push(self.now - found.sent);
                self.members[member].lease_until = found.sent + self.settings.lease() - self.settings.margin();
                let percent = 100 - self.chance.before(20);
                self.pause(member, self.settings.interval() * percent / 100);
            }
            Statement::Renew { .. } => self.ask_as(member, Statement::Read),
            Statement::Read => {
                self.members[member].read = value;
                self.apply(member);
            }
            _ => {}
        }
    }

    fn apply(&mut self, member: usize) {
        if self.settings.per_relay.is_none() {
            self.members[member].applied = self.members[member].read;
            self.renew(member);
            return;
        }
        let delay = self.collecting(member);
        let found = &mut self.members[member];
        found.doing = Doing::Collecting;
        found.turn += 1;
        let turn = found.turn;
        self.after(delay, Event::Collected { member, turn });
    }

    /// A relay waits out the leases of stopped nodes, which end before its own.
    fn collecting(&mut self, member: usize) -> Time {
        let found = self.members[member];
        let (message, turn) = (self.settings.costs.relay, nanos(self.settings.costs.turn));
        let mut sent = 0;
        let mut heard = Vec::with_capacity(found.nodes);
        for _ in found.nodes_stopped..found.nodes {
            sent += self.chance.work(message);
            heard.push(sent + self.chance.delay() + turn + self.chance.delay());
        }
        heard.sort_unstable();
        let mut free = sent;
        for arrived in heard {
            free = free.max(arrived) + self.chance.work(message);
        }
        if found.nodes_stopped > 0 { free.max(found.lease_until.saturating_sub(self.now)) } else { free }
    }

    pub(crate) fn statement_timeout(&mut self, revocation: usize) {
        self.after(STATEMENT_TIMEOUT, Event::GiveUp { revocation });
    }

    pub(crate) fn pause_between(&mut self) {
        let pause = BETWEEN + self.chance.before(BETWEEN);
        self.after(pause, Event::Revoke);
    }
}
