//! The one who revokes, as `wait_until_applied` does in keyward's `lease.rs`.

use crate::run::{Event, Run};
use crate::server::{From, Job, Statement};
use crate::settings::{Time, nanos};

/// Between the first two looks at the register; it doubles from look to look.
const FIRST_PAUSE: f64 = 1.0;
const LONGEST_PAUSE: f64 = 25.0;

#[derive(Debug, Default)]
pub(crate) struct Waiter {
    begun: Time,
    committed: Option<Time>,
    pause: Time,
    /// The entry that is waited for.
    pub(crate) position: u64,
    to_strike: Vec<usize>,
    /// What `Propagation::took` says, of each revocation.
    pub(crate) took: Vec<Time>,
    /// From asking to the commit.
    pub(crate) appends: Vec<Time>,
    /// From asking to the end.
    pub(crate) revokes: Vec<Time>,
    pub(crate) waited_out: usize,
    pub(crate) failed: usize,
}

impl Waiter {
    /// How many have ended, one way or the other.
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
            (Statement::Register, Some(committed)) => self.looked(value, self.now - committed),
            (Statement::Strike { .. }, _) => self.strike(),
            _ => {}
        }
    }

    fn looked(&mut self, pending: u64, took: Time) {
        let longest = self.settings.lease() + self.settings.margin();
        if pending > 0 && took < longest {
            self.after(self.waiter.pause.min(longest - took), Event::Poll);
            self.waiter.pause = (self.waiter.pause * 2).min(nanos(LONGEST_PAUSE));
            return;
        }
        self.waiter.took.push(took);
        if pending > 0 {
            let (position, register) = (self.waiter.position, &self.register);
            let dead = |member: &usize| register[*member].is_some_and(|applied| applied < position);
            self.waiter.to_strike = (0..register.len()).filter(dead).collect();
            self.waiter.waited_out += self.waiter.to_strike.len();
        }
        self.strike();
    }

    /// Strikes off one after the other, and ends.
    fn strike(&mut self) {
        if let Some(member) = self.waiter.to_strike.pop() {
            self.ask(Job::new(Statement::Strike { member }, From::Revoker));
        } else {
            self.waiter.revokes.push(self.now - self.waiter.begun);
            self.pause_between();
        }
    }
}
