//! A PostgreSQL server. Until their commit is durable, renewals share the log's advisory lock, and appends hold it
//! alone. One flush serves all waiting commits.

use std::collections::VecDeque;

use crate::chance::Chance;
use crate::settings::{Costs, Time};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum From {
    Member { member: usize, turn: u32 },
    Revoker,
    Nobody,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Statement {
    /// At this position.
    Renew { applied: u64 },
    /// Of the log.
    Read,
    /// Work, but not a statement.
    Notify { member: usize },
    /// Of the key to revoke.
    Find,
    /// Of a revocation and its entry.
    Append,
    /// By the revoking caller.
    Register { look: u32 },
    /// From the register.
    Strike { member: usize },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Job {
    pub(crate) statement: Statement,
    pub(crate) from: From,
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Worked(Job),
    Flushed,
}

pub(crate) struct Server {
    costs: Costs,
    queue: VecDeque<Job>,
    busy: usize,
    sharers: usize,
    held_alone: bool,
    turns: VecDeque<Job>,
    unflushed: Vec<Job>,
    in_flush: Vec<Job>,
    pub(crate) rows: usize,
    /// Without notifications.
    pub(crate) statements: u64,
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

    pub(crate) fn cancel_append(&mut self) -> bool {
        let found = self.turns.iter().position(|job| job.statement == Statement::Append);
        let cancelled = found.and_then(|place| self.turns.remove(place)).is_some();
        self.give_turns();
        cancelled
    }

    fn give_turns(&mut self) {
        while let Some(job) = self.turns.front().copied() {
            if !self.lock(job.statement) {
                return;
            }
            self.turns.pop_front();
            self.queue.push_back(Job { locked: true, ..job });
        }
    }

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

    /// `before` is the total at the start of the span.
    pub(crate) fn utilisation(&self, before: Time, span: Time) -> f64 {
        (self.worked - before) as f64 / (span as f64 * self.costs.workers as f64)
    }
}
