//! A node's share of a counter: it spends units that it took from the store, and takes the next ones in time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keyward_core::Rejection;
use keyward_core::clock::Clock;
use keyward_core::rejection::{Budget, RateLimit};
use keyward_core::store::StoreError;
use tokio::sync::OwnedMutexGuard;

use crate::counter::{Grant, Rule, State, Wish, give_back, is_ahead, take};
use crate::failure::refused;
use crate::rules::RateRule;
use crate::store::{Counter, LimitStore};

/// With what is still there when the next units are taken, a node holds at most 1 % and at most 100.
const MOST_CREDITS: u64 = 80;
const CREDIT_SHARES: u64 = 125;
const RATE_SHARES: u64 = 10;
/// Smaller holdings are taken again when they are used up, and not before.
const EARLY: u64 = 8;
/// Units that return elsewhere are noticed after this time.
const REFUSAL: Duration = Duration::from_millis(250);
const OUTAGE: Duration = Duration::from_millis(100);
const ATTEMPTS: usize = 64;
const NOT_LATER: Duration = Duration::from_millis(50);

pub(crate) struct Meter {
    counter: Counter,
    local: Mutex<Local>,
    /// The right to ask the store.
    turn: Arc<tokio::sync::Mutex<()>>,
}

struct Local {
    rule: Rule,
    units: u64,
    /// Void from this time on, if it is some.
    until: Option<Duration>,
    /// The next wish. It doubles while units are used up in time.
    wish: u64,
    /// The last answer of the store.
    last: Option<Grant>,
    answered_at: Duration,
    spent: u64,
    spent_at: Duration,
    /// Until then, the store has no more than it said.
    refused_until: Duration,
    failed_until: Duration,
    /// No units are taken early until then.
    patient_until: Duration,
}

/// The rest after a call.
pub(crate) enum Left {
    Rate(RateLimit),
    Budget(Budget),
}

enum Verdict {
    Spent(Left),
    Refused(Rejection),
    Ask,
}

impl Meter {
    pub(crate) fn new(counter: Counter, rule: Rule) -> Self {
        let zero = Duration::ZERO;
        let local = Local {
            rule,
            units: 0,
            until: None,
            wish: 1,
            last: None,
            answered_at: zero,
            spent: 0,
            spent_at: zero,
            refused_until: zero,
            failed_until: zero,
            patient_until: zero,
        };
        Self { counter, local: Mutex::new(local), turn: Arc::default() }
    }

    /// Applies the current rule.
    pub(crate) fn use_rule(&self, rule: &Rule) {
        let mut local = self.local();
        if local.rule == *rule {
            return;
        }
        if let Rule::Rate(_) = rule {
            local.units = 0;
        }
        local.rule = rule.clone();
        (local.wish, local.last) = (1, None);
        (local.refused_until, local.failed_until, local.patient_until) = Default::default();
    }

    /// Spends `cost` at the time `now`, which it reads again after it has asked the store.
    pub(crate) async fn spend(
        self: &Arc<Self>,
        store: &Arc<dyn LimitStore>,
        clock: &Arc<dyn Clock>,
        now: &mut Duration,
        cost: u64,
    ) -> Result<Left, Rejection> {
        loop {
            let (verdict, early) = {
                let mut local = self.local();
                let verdict = local.spend(*now, cost);
                let spent = matches!(verdict, Verdict::Spent(_)) && self.counter.is_durable();
                (verdict, if spent { local.early_wish(*now) } else { None })
            };
            match verdict {
                Verdict::Spent(left) => {
                    if let Some(wish) = early {
                        self.take_early(store, clock, wish);
                    }
                    return Ok(left);
                }
                Verdict::Refused(rejection) => return Err(rejection),
                Verdict::Ask => {}
            }
            let turn = Arc::clone(&self.turn).lock_owned().await;
            // Another call may have asked in the meantime.
            *now = clock.boottime();
            let wish = {
                let mut local = self.local();
                match local.spend(*now, cost) {
                    Verdict::Spent(left) => return Ok(left),
                    Verdict::Refused(rejection) => return Err(rejection),
                    Verdict::Ask => local.next_wish(cost),
                }
            };
            // A separate task: if the caller leaves, the node still notes what the store granted.
            let asking = tokio::spawn(Arc::clone(self).ask(turn, Arc::clone(store), Arc::clone(clock), wish));
            asking.await.unwrap_or_else(|ended| Err(StoreError::unavailable(ended))).map_err(unanswered)?;
            *now = clock.boottime();
        }
    }

    /// Gives back what a refused call has spent.
    pub(crate) fn refund(&self, cost: u64) {
        let mut local = self.local();
        local.units += cost;
        local.spent = local.spent.saturating_sub(cost);
    }

    /// Returns unspent credits to the store if none was spent for `idle`.
    pub(crate) async fn return_idle(&self, store: &dyn LimitStore, clock: &dyn Clock, idle: Duration) {
        let (units, period) = {
            let mut local = self.local();
            let is_idle = clock.boottime().saturating_sub(local.spent_at) >= idle;
            if local.units == 0 || !is_idle || !self.counter.is_durable() {
                return;
            }
            local.wish = 1;
            (std::mem::take(&mut local.units), local.last.as_ref().map_or(0, |last| last.period))
        };
        if let Err(error) = self.give_back(store, period, units).await {
            tracing::warn!(counter = self.counter.id(), units, %error, "cannot return credits; keeping them");
            self.local().units += units;
        }
    }

    pub(crate) fn was_used_within(&self, time: Duration, now: Duration) -> bool {
        now.saturating_sub(self.local().spent_at) < time
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.local().units == 0
    }

    fn local(&self) -> MutexGuard<'_, Local> {
        self.local.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// So that no call waits for the store.
    fn take_early(self: &Arc<Self>, store: &Arc<dyn LimitStore>, clock: &Arc<dyn Clock>, wish: Wish) {
        if let Ok(turn) = Arc::clone(&self.turn).try_lock_owned() {
            let asking = Arc::clone(self).ask(turn, Arc::clone(store), Arc::clone(clock), wish);
            tokio::spawn(async move {
                // The next call that needs units reports a failure.
                let _ = asking.await;
            });
        }
    }

    async fn ask(
        self: Arc<Self>,
        turn: OwnedMutexGuard<()>,
        store: Arc<dyn LimitStore>,
        clock: Arc<dyn Clock>,
        wish: Wish,
    ) -> Result<(), StoreError> {
        let rule = self.local().rule.clone();
        // The units are valid from before the store's clock was read.
        let asked_at = clock.boottime();
        let answer = self.take(&*store, &rule, wish).await;
        let now = clock.boottime();
        let mut local = self.local();
        let grant = match answer {
            Ok(grant) => grant,
            Err(error) => {
                local.failed_until = now + OUTAGE;
                return Err(error);
            }
        };
        if local.rule != rule && !self.counter.is_durable() {
            return Ok(());
        }
        let is_new_period = local.last.as_ref().is_some_and(|last| last.period != grant.period);
        let until = grant.valid.map(|valid| asked_at + valid);
        if is_new_period || local.units == 0 {
            (local.units, local.until) = (0, until);
        } else if !self.counter.is_durable() {
            local.until = local.until.or(until);
        }
        local.units += grant.units;
        if grant.units < wish.least {
            local.refused_until = now + REFUSAL.min(grant.wait.unwrap_or(REFUSAL));
        }
        (local.spent, local.answered_at) = (0, now);
        local.last = Some(grant);
        drop(turn);
        Ok(())
    }

    async fn take(&self, store: &dyn LimitStore, rule: &Rule, wish: Wish) -> Result<Grant, StoreError> {
        let keep = match rule {
            Rule::Rate(rate) => Some(rate.window() * 2),
            Rule::Budget(_) => None,
        };
        for _ in 0..ATTEMPTS {
            let read = store.read(&self.counter).await?;
            let state = read.text.as_deref().map(parse).transpose()?;
            let (next, grant) = take(state.as_ref(), rule, read.now, wish);
            // Also writes if the clock was set back: otherwise the quota would not recover until the clock catches up.
            if grant.units == 0 && !state.is_some_and(|state| is_ahead(&state, read.now)) {
                return Ok(grant);
            }
            if store.swap(&self.counter, read.text.as_deref(), &written(&next)?, keep).await? {
                return Ok(grant);
            }
        }
        Err(StoreError::unavailable("too many nodes change the same counter"))
    }

    async fn give_back(&self, store: &dyn LimitStore, period: i64, credits: u64) -> Result<(), StoreError> {
        for _ in 0..ATTEMPTS {
            let read = store.read(&self.counter).await?;
            let Some(state) = read.text.as_deref().map(parse).transpose()? else { return Ok(()) };
            let Some(next) = give_back(&state, period, credits) else { return Ok(()) };
            if store.swap(&self.counter, read.text.as_deref(), &written(&next)?, None).await? {
                return Ok(());
            }
        }
        Err(StoreError::unavailable("too many nodes change the same counter"))
    }
}

impl Local {
    fn spend(&mut self, now: Duration, cost: u64) -> Verdict {
        if self.until.is_some_and(|until| now >= until) {
            if self.units > 0 {
                // The holder used less than the node took.
                self.wish = self.spent.max(1);
            }
            (self.units, self.until, self.refused_until) = (0, None, Duration::ZERO);
        }
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
        if now < self.failed_until {
            return Verdict::Refused(Rejection::StoreUnavailable);
        }
        Verdict::Ask
    }

    /// Returns a wish if few units are left.
    fn early_wish(&mut self, now: Duration) -> Option<Wish> {
        if self.wish < EARLY || self.units * 4 > self.wish || now < self.patient_until {
            return None;
        }
        self.patient_until = now + NOT_LATER;
        Some(Wish { least: 0, most: self.grow() })
    }

    fn next_wish(&mut self, cost: u64) -> Wish {
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

    fn left(&self, now: Duration) -> Left {
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

fn parse(text: &str) -> Result<State, StoreError> {
    serde_json::from_str(text).map_err(StoreError::corrupt)
}

fn written(state: &State) -> Result<String, StoreError> {
    serde_json::to_string(state).map_err(StoreError::corrupt)
}

fn unanswered(error: StoreError) -> Rejection {
    refused(&error, "take units of a limit")
}
