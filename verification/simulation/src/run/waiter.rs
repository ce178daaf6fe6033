//! Waits like `wait_until_applied` in keyward's `lease.rs`.

use super::{Event, Run};
use crate::server::{From, Job, Statement};
use crate::settings::{Time, nanos};

/// In milliseconds. Doubles after each read.
const FIRST_PAUSE: f64 = 1.0;
const LONGEST_PAUSE: f64 = 25.0;
const REGISTER_TIMEOUT: Time = 250_000_000;
/// Applies until the register has been read.
const LONGEST_LEASE: Time = 10_000_000_000;

#[derive(Debug, Default)]
pub(crate) struct Waiter {
    begun: Time,
    committed: Option<Time>,
    pause: Time,
    /// Changes when a read starts or ends, so that late answers can be ignored.
    look: u32,
    pending: Option<u64>,
    striking: bool,
    pub(crate) position: u64,
    to_strike: Vec<usize>,
    pub(crate) took: Vec<Time>,
    pub(crate) appends: Vec<Time>,
    pub(crate) revokes: Vec<Time>,
    pub(crate) waited_out: usize,
    pub(crate) failed: usize,
}

impl Waiter {
    pub(crate) fn revocations(&self) -> usize {
        self.revokes.len() + self.failed
    }

    pub(crate) fn is_appending(&self, revocation: usize) -> bool {
        self.revocations() == revocation && self.committed.is_none()
    }
}

impl Run {
    pub(crate) fn revoke(&mut self) {
        self.waiter.begun = self.now;
        self.waiter.committed = None;
        self.waiter.pause = nanos(FIRST_PAUSE);
        self.waiter.pending = None;
        self.ask(Job::new(Statement::Find, From::Revoker));
    }

    pub(crate) fn failed(&mut self) {
        self.waiter.failed += 1;
        self.pause_between();
    }

    pub(crate) fn replied(&mut self, job: Job, value: u64) {
        match (job.statement, self.waiter.committed) {
            (Statement::Find, _) => {
                self.statement_timeout(self.waiter.revocations());
                self.ask(Job::new(Statement::Append, From::Revoker));
            }
            (Statement::Append, _) => {
                self.waiter.position = value;
                self.waiter.committed = Some(self.now);
                self.waiter.appends.push(self.now - self.waiter.begun);
                self.after(0, Event::Poll);
            }
            (Statement::Register { look }, _) if look == self.waiter.look => {
                self.waiter.pending = Some(value);
                self.looked();
            }
            (Statement::Strike { .. }, _) if self.waiter.striking => self.evict(),
            _ => {}
        }
    }

    pub(crate) fn look(&mut self) {
        let look = self.begin();
        self.ask(Job::new(Statement::Register { look }, From::Revoker));
    }

    fn begin(&mut self) -> u32 {
        self.waiter.look += 1;
        let look = self.waiter.look;
        self.after(REGISTER_TIMEOUT, Event::LookEnds { look });
        look
    }

    pub(crate) fn look_ends(&mut self, look: u32) {
        if look != self.waiter.look {
            return;
        }
        if self.waiter.striking {
            self.waiter.to_strike.clear();
            self.evict();
        } else {
            self.looked();
        }
    }

    fn looked(&mut self) {
        self.waiter.look += 1;
        let Some(committed) = self.waiter.committed else { return };
        let took = self.now - committed;
        let longest = match self.waiter.pending {
            Some(_) => self.settings.lease() + self.settings.margin(),
            None => LONGEST_LEASE + LONGEST_LEASE / 20,
        };
        let confirmed = self.waiter.pending == Some(0);
        if !confirmed && took < longest {
            self.after(self.waiter.pause.min(longest - took), Event::Poll);
            self.waiter.pause = (self.waiter.pause * 2).min(nanos(LONGEST_PAUSE));
            return;
        }
        self.waiter.took.push(took);
        if !confirmed {
            let (position, register) = (self.waiter.position, &self.register);
            let dead = |member: &usize| register[*member].is_some_and(|applied| applied < position);
            self.waiter.to_strike = (0..register.len()).filter(dead).collect();
            self.waiter.waited_out += self.waiter.to_strike.len();
        }
        self.waiter.striking = true;
        self.begin();
        self.evict();
    }

    fn evict(&mut self) {
        if let Some(member) = self.waiter.to_strike.pop() {
            self.ask(Job::new(Statement::Strike { member }, From::Revoker));
        } else {
            self.waiter.striking = false;
            self.waiter.look += 1;
            self.waiter.revokes.push(self.now - self.waiter.begun);
            self.pause_between();
        }
    }
}
