//! The store: the parts of a PostgreSQL server that the protocol loads.
//!
//! Statements wait for one of the workers. Renewals and appends hold the advisory lock in front of the log's head row until their
//! commit is durable: renewals in shared mode, appends in exclusive mode. The lock's queue is fair. Commits wait for a flush. One
//! flush runs at a time, and serves all commits that wait for it.

use std::collections::VecDeque;

use crate::chance::Chance;
use crate::settings::{Costs, Time};

/// The sender of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum From {
    /// A member of the register, in this turn.
    Member { member: usize, turn: u32 },
    /// The revoking caller.
    Revoker,
    /// The job needs no answer.
    Nobody,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Statement {
    /// A renewal with this position.
    Renew { applied: u64 },
    /// A read of the log.
    Read,
    /// A notification of a listener. It is work, but not a statement.
    Notify { member: usize },
    /// A read of the key to revoke.
    Find,
    /// A revocation: the write and its entry.
    Append,
    /// A read of the register by the revoking caller.
    Register { look: u32 },
    /// A removal of a member from the register.
    Strike { member: usize },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Job {
    pub(crate) statement: Statement,
    pub(crate) from: From,
    /// `true` if it has the lock that it needs.
    locked: bool,
}

impl Job {
    pub(crate) fn new(statement: Statement, from: From) -> Self {
        Self { statement, from, locked: false }
    }

    fn writes(&self) -> bool {
        matches!(self.statement, Statement::Renew { .. } | Statement::Append | Statement::Strike { .. })
    }
}

/// The next event of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// A worker has finished this job.
    Worked(Job),
    /// A flush has finished.
    Flushed,
}

pub(crate) struct Server {
    costs: Costs,
    queue: VecDeque<Job>,
    busy: usize,
    sharers: usize,
    held_alone: bool,
    /// The queue of the lock.
    turns: VecDeque<Job>,
    unflushed: Vec<Job>,
    in_flush: Vec<Job>,
    /// The number of rows in the register.
    pub(crate) rows: usize,
    /// The number of statements so far, without notifications.
    pub(crate) statements: u64,
    /// The total time that workers have worked.
    pub(crate) worked: Time,
}

impl Server {
    pub(crate) fn new(costs: Costs, rows: usize) -> Self {
        Self {
            costs,
            queue: VecDeque::new(),
            busy: 0,
            sharers: 0,
            held_alone: false,
            turns: VecDeque::new(),
            unflushed: Vec::new(),
            in_flush: Vec::new(),
            rows,
            statements: 0,
            worked: 0,
        }
    }

    pub(crate) fn arrive(&mut self, job: Job, chance: &mut Chance, next: &mut Vec<(Time, Next)>) {
        self.statements += u64::from(!matches!(job.statement, Statement::Notify { .. }));
        self.queue.push_back(job);
        self.employ(chance, next);
    }

    /// Ends a worker's job, and returns the job if it is complete.
    pub(crate) fn worked(&mut self, job: Job, chance: &mut Chance, next: &mut Vec<(Time, Next)>) -> Option<Job> {
        self.busy -= 1;
        let complete = if job.writes() {
            self.unflushed.push(job);
            self.flush(chance, next);
            None
        } else {
            Some(job)
        };
        self.employ(chance, next);
        complete
    }

    /// Ends a flush, releases locks, and returns the committed jobs.
    pub(crate) fn flushed(&mut self, chance: &mut Chance, next: &mut Vec<(Time, Next)>) -> Vec<Job> {
        let committed = std::mem::take(&mut self.in_flush);
        for job in &committed {
            match job.statement {
                Statement::Renew { .. } => self.sharers -= 1,
                Statement::Append => self.held_alone = false,
                _ => {}
            }
        }
        self.give_turns();
        self.flush(chance, next);
        self.employ(chance, next);
        committed
    }

    /// Cancels an append that waits for the lock. Returns `true` if there was one.
    pub(crate) fn cancel_append(&mut self) -> bool {
        let found = self.turns.iter().position(|job| job.statement == Statement::Append);
        let cancelled = found.and_then(|place| self.turns.remove(place)).is_some();
        self.give_turns();
        cancelled
    }

    /// Grants the lock to the first jobs in its queue that can hold it together.
    fn give_turns(&mut self) {
        while let Some(job) = self.turns.front().copied() {
            if !self.lock(job.statement) {
                return;
            }
            self.turns.pop_front();
            self.queue.push_back(Job { locked: true, ..job });
        }
    }

    /// Takes the lock for this statement. Returns `false` if another holder prevents that.
    fn lock(&mut self, statement: Statement) -> bool {
        match statement {
            Statement::Renew { .. } if !self.held_alone => self.sharers += 1,
            Statement::Append if !self.held_alone && self.sharers == 0 => self.held_alone = true,
            Statement::Renew { .. } | Statement::Append => return false,
            _ => {}
        }
        true
    }

    fn flush(&mut self, chance: &mut Chance, next: &mut Vec<(Time, Next)>) {
        if self.in_flush.is_empty() && !self.unflushed.is_empty() {
            std::mem::swap(&mut self.in_flush, &mut self.unflushed);
            next.push((chance.work(self.costs.flush), Next::Flushed));
        }
    }

    /// Assigns jobs to idle workers.
    fn employ(&mut self, chance: &mut Chance, next: &mut Vec<(Time, Next)>) {
        while self.busy < self.costs.workers {
            let Some(job) = self.queue.pop_front() else { return };
            let locks = matches!(job.statement, Statement::Renew { .. } | Statement::Append) && !job.locked;
            if locks && (!self.turns.is_empty() || !self.lock(job.statement)) {
                self.turns.push_back(job);
                continue;
            }
            self.busy += 1;
            let time = chance.work(self.cost(job.statement));
            self.worked += time;
            next.push((time, Next::Worked(job)));
        }
    }

    fn cost(&self, statement: Statement) -> f64 {
        match statement {
            Statement::Renew { .. } | Statement::Strike { .. } => self.costs.renew,
            Statement::Read | Statement::Find => self.costs.read,
            Statement::Notify { .. } => self.costs.notify,
            Statement::Append => self.costs.append,
            Statement::Register { .. } => self.costs.register + self.costs.register_row * self.rows as f64,
        }
    }

    /// Returns the share of the workers' time that was used in a span. `before` is the total at its start.
    pub(crate) fn utilisation(&self, before: Time, span: Time) -> f64 {
        (self.worked - before) as f64 / (span as f64 * self.costs.workers as f64)
    }
}
