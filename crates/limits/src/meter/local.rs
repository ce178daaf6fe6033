//! The units of a counter that a node has, and spends without the store.

use std::time::Duration;

use keyward_core::Rejection;
use keyward_core::rejection::{Budget, RateLimit};

use super::{Left, Local, Return, Verdict};
use crate::counter::{Rule, Taken, Wish};
use crate::rules::{RateRule, Refill};

/// With what is still there when the next units are taken, a node holds at most 1 % and at most 100.
const MOST_CREDITS: u64 = 80;
const CREDIT_SHARES: u64 = 125;
const RATE_SHARES: u64 = 10;
/// Smaller holdings are taken again when they are used up, and not before.
const EARLY: u64 = 8;
const NOT_LATER: Duration = Duration::from_millis(50);

impl Local {
    pub(super) fn return_credits(&mut self, taken: Option<Taken>, credits: u64) {
        if let Some(taken) = taken.filter(|_| credits > 0) {
            self.returns.push(Return { taken, credits });
        }
    }

    pub(super) fn end_units(&mut self, now: Duration) {
        if self.until.is_none_or(|until| now < until) {
            return;
        }
        if self.units > 0 {
            // The holder used less than the node took.
            self.wish = self.spent.max(1);
        }
        (self.units, self.until, self.refused_until) = (0, None, Duration::ZERO);
        (self.replaced_at, self.earlier) = (now, self.taken);
    }

    /// Returns what is left, unless only the store knows it.
    pub(super) fn known_rest(&mut self, now: Duration) -> Option<Left> {
        self.end_units(now);
        let never_ends = matches!(&self.rule, Rule::Budget(budget) if budget.refill == Refill::Never);
        (self.last.is_some() && (never_ends || self.until.is_some())).then(|| self.left(now))
    }

    pub(super) fn spend(&mut self, now: Duration, cost: u64) -> Verdict {
        self.end_units(now);
        if self.units >= cost {
            self.units -= cost;
            self.spent += cost;
            self.spent_at = now;
            return Verdict::Spent(self.left(now));
        }
        if let Rule::Rate(rate) = &self.rule
            && cost > u64::from(rate.quota)
        {
            tracing::error!(limit = %rate.name, cost, quota = rate.quota, "a call costs more than the quota of its rate limit, so it can never pass: raise the quota");
            return Verdict::Refused(self.refusal(now));
        }
        let rest = self.last.as_ref().map_or(0, |last| last.left);
        if now < self.refused_until && cost > self.units + rest {
            return Verdict::Refused(self.refusal(now));
        }
        if self.is_overdue || now < self.failed_until {
            return Verdict::Refused(Rejection::StoreUnavailable);
        }
        Verdict::Ask
    }

    /// Returns a wish if few units are left.
    pub(super) fn early_wish(&mut self, now: Duration) -> Option<Wish> {
        if self.wish < EARLY || self.units * 4 > self.wish || now < self.patient_until || self.is_overdue {
            return None;
        }
        self.patient_until = now + NOT_LATER;
        Some(Wish { least: 0, most: self.grow() })
    }

    pub(super) fn next_wish(&mut self, cost: u64) -> Wish {
        let least = cost - self.units.min(cost);
        Wish { least, most: self.grow().max(least) }
    }

    /// Returns the wish, and doubles the next one.
    fn grow(&mut self) -> u64 {
        let most = match &self.rule {
            Rule::Rate(rate) => u64::from(rate.quota) / RATE_SHARES,
            Rule::Budget(budget) => (budget.credits / CREDIT_SHARES).min(MOST_CREDITS),
        };
        let wish = self.wish.min(most.max(1));
        self.wish = (wish * 2).min(most.max(1));
        wish
    }

    pub(super) fn left(&self, now: Duration) -> Left {
        let rest = self.units + self.last.as_ref().map_or(0, |last| last.left);
        match &self.rule {
            Rule::Rate(rate) => {
                let remaining = u32::try_from(rest).unwrap_or(u32::MAX).min(rate.quota);
                let window = rate.window();
                let reset = if rate.strict { window } else { window * (rate.quota - remaining) / rate.quota };
                Left::Rate(state_of(rate, remaining, reset))
            }
            Rule::Budget(_) => Left::Budget(self.budget(rest, now)),
        }
    }

    fn refusal(&self, now: Duration) -> Rejection {
        let wait =
            self.last.as_ref().and_then(|last| last.wait).map(|wait| (self.answered_at + wait).saturating_sub(now));
        match &self.rule {
            Rule::Rate(rate) => {
                Rejection::RateLimitExceeded(Box::new(state_of(rate, 0, wait.unwrap_or_else(|| rate.window()))))
            }
            Rule::Budget(_) => {
                let rest = self.units + self.last.as_ref().map_or(0, |last| last.left);
                Rejection::BudgetExhausted(Box::new(self.budget(rest, now)))
            }
        }
    }

    fn budget(&self, remaining: u64, now: Duration) -> Budget {
        let (total, length) = self.last.as_ref().map_or((remaining, None), |last| (last.total, last.length));
        Budget {
            credits: total,
            remaining,
            period: length,
            resets_in: self.until.map(|until| until.saturating_sub(now)),
        }
    }
}

fn state_of(rate: &RateRule, remaining: u32, retry_after: Duration) -> RateLimit {
    RateLimit { name: rate.name.clone(), quota: rate.quota, window: rate.window(), remaining, retry_after }
}
