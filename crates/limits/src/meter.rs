//! A node's share of a counter: it spends units that it took from the store, and takes the next ones in time.

mod local;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keyward_core::Rejection;
use keyward_core::clock::Clock;
use keyward_core::rejection::{Budget, RateLimit};
use keyward_core::store::StoreError;
use tokio::sync::{OwnedMutexGuard, oneshot};

use crate::counter::{Grant, Rule, State, Taken, Wish, give_back, is_ahead, take};
use crate::failure::refused;
use crate::store::{Counter, LimitStore};

/// Units that return elsewhere are noticed after this time.
const REFUSAL: Duration = Duration::from_millis(250);
const OUTAGE: Duration = Duration::from_millis(100);
/// How long calls wait for an answer of the store.
pub(crate) const PATIENCE: Duration = Duration::from_millis(250);
const ATTEMPTS: usize = 64;

pub(crate) struct Meter {
    counter: Counter,
    local: Mutex<Local>,
    /// The right to ask the store.
    turn: Arc<tokio::sync::Mutex<()>>,
    patience: Duration,
    /// Incremented with each change of the rule.
    stamp: AtomicU64,
}

struct Local {
    rule: Rule,
    /// The version of all rules with which the rule came.
    version: u64,
    /// Credits of earlier rules, which return to the store with the next question.
    returns: Vec<Return>,
    /// When the units under the rule before this one were taken.
    before: Option<Taken>,
    units: u64,
    /// When the oldest of the units were taken.
    taken: Option<Taken>,
    /// Void from this time on, if it is some.
    until: Option<Duration>,
    /// When the units of a rate, or the period of a budget, were replaced. Earlier spending belongs to earlier ones.
    replaced_at: Duration,
    /// When the credits of the period before were taken.
    earlier: Option<Taken>,
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
    /// The store owes an answer for so long that calls no longer wait for it.
    is_overdue: bool,
    /// No units are taken early until then.
    patient_until: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Return {
    taken: Taken,
    credits: u64,
}

#[derive(Debug, thiserror::Error)]
#[error("the store did not answer within {0:?}")]
struct Overdue(Duration);

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
    pub(crate) fn new(counter: Counter, rule: Rule, patience: Duration) -> Self {
        let zero = Duration::ZERO;
        let local = Local {
            rule,
            version: 0,
            returns: Vec::new(),
            before: None,
            units: 0,
            taken: None,
            until: None,
            replaced_at: zero,
            earlier: None,
            wish: 1,
            last: None,
            answered_at: zero,
            spent: 0,
            spent_at: zero,
            refused_until: zero,
            failed_until: zero,
            is_overdue: false,
            patient_until: zero,
        };
        Self { counter, local: Mutex::new(local), turn: Arc::default(), patience, stamp: AtomicU64::new(0) }
    }

    /// Returns the number of changes of the rule.
    pub(crate) fn stamp(&self) -> u64 {
        self.stamp.load(Ordering::Acquire)
    }

    /// Applies the rule of this version. Units of another rule are no longer spent. Returns the stamp.
    pub(crate) fn use_rule(&self, rule: &Rule, version: u64) -> u64 {
        let mut local = self.local();
        if local.rule == *rule {
            return self.stamp();
        }
        if self.counter.is_durable() {
            let units = std::mem::take(&mut local.units);
            let taken = local.taken.take();
            local.before = taken;
            local.return_credits(taken, units);
        }
        (local.units, local.until) = (0, None);
        (local.rule, local.version) = (rule.clone(), version);
        (local.wish, local.last) = (1, None);
        (local.refused_until, local.failed_until, local.patient_until) = Default::default();
        self.stamp.fetch_add(1, Ordering::AcqRel) + 1
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
            self.ask(turn, store, clock, wish)
                .await
                .unwrap_or_else(|ended| Err(StoreError::unavailable(ended)))
                .map_err(unanswered)?;
            *now = clock.boottime();
        }
    }

    /// Returns what is left. Asks the store if no answer of it is known.
    pub(crate) async fn rest(
        self: &Arc<Self>,
        store: &Arc<dyn LimitStore>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Left, Rejection> {
        if let Some(left) = self.local().known_rest(clock.boottime()) {
            return Ok(left);
        }
        let turn = Arc::clone(&self.turn).lock_owned().await;
        if let Some(left) = self.local().known_rest(clock.boottime()) {
            return Ok(left);
        }
        let nothing = Wish { least: 0, most: 0 };
        self.ask(turn, store, clock, nothing)
            .await
            .unwrap_or_else(|ended| Err(StoreError::unavailable(ended)))
            .map_err(unanswered)?;
        Ok(self.local().left(clock.boottime()))
    }

    /// Gives back what a refused call has spent at this time, under the rules of this version.
    pub(crate) fn refund(&self, cost: u64, version: u64, spent_at: Duration, now: Duration) {
        let mut local = self.local();
        if local.version > version {
            let taken = local.before;
            local.return_credits(taken, cost);
            return;
        }
        local.end_units(now);
        if local.replaced_at > spent_at {
            // Units of a rate are void by now, and credits belong to the period before.
            if self.counter.is_durable() {
                let taken = local.earlier;
                local.return_credits(taken, cost);
            }
            return;
        }
        local.units += cost;
        local.spent = local.spent.saturating_sub(cost);
    }

    /// Returns unspent credits to the store if none was spent for `idle`, and those of earlier rules.
    pub(crate) async fn return_idle(&self, store: &dyn LimitStore, clock: &dyn Clock, idle: Duration) {
        if !self.counter.is_durable() {
            return;
        }
        let (mut returns, held, version) = {
            let mut local = self.local();
            let mut returns = std::mem::take(&mut local.returns);
            let is_idle = clock.boottime().saturating_sub(local.spent_at) >= idle;
            let held = local.taken.filter(|_| is_idle && local.units > 0);
            if let Some(taken) = held {
                local.wish = 1;
                returns.push(Return { taken, credits: std::mem::take(&mut local.units) });
            }
            (returns, held, local.version)
        };
        if returns.is_empty() {
            return;
        }
        if let Err(error) = self.give_back(store, &mut returns).await {
            let credits: u64 = returns.iter().map(|back| back.credits).sum();
            tracing::warn!(counter = self.counter.id(), credits, %error, "cannot return credits; keeping them");
            let mut local = self.local();
            // Without the store, a node spends what it has.
            if held.is_some()
                && version == local.version
                && (local.units == 0 || local.taken == held)
                && let Some(back) = returns.pop()
            {
                local.units += back.credits;
                local.taken = held;
            }
            local.returns.append(&mut returns);
        }
    }

    pub(crate) fn was_used_within(&self, time: Duration, now: Duration) -> bool {
        now.saturating_sub(self.local().spent_at) < time
    }

    pub(crate) fn is_empty(&self) -> bool {
        let local = self.local();
        local.units == 0 && local.returns.is_empty()
    }

    fn local(&self) -> MutexGuard<'_, Local> {
        self.local.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// So that no call waits for the store.
    fn take_early(self: &Arc<Self>, store: &Arc<dyn LimitStore>, clock: &Arc<dyn Clock>, wish: Wish) {
        if let Ok(turn) = Arc::clone(&self.turn).try_lock_owned() {
            // The next call that needs units reports a failure.
            drop(self.ask(turn, store, clock, wish));
        }
    }

    /// Asks the store in a separate task: if the caller leaves, the node still notes what the store granted.
    fn ask(
        self: &Arc<Self>,
        turn: OwnedMutexGuard<()>,
        store: &Arc<dyn LimitStore>,
        clock: &Arc<dyn Clock>,
        wish: Wish,
    ) -> oneshot::Receiver<Result<(), StoreError>> {
        let (tell, told) = oneshot::channel();
        let (meter, store, clock) = (Arc::clone(self), Arc::clone(store), Arc::clone(clock));
        tokio::spawn(async move {
            let (rule, returns) = {
                let mut local = meter.local();
                (local.rule.clone(), std::mem::take(&mut local.returns))
            };
            // The units are valid from before the store's clock was read.
            let asked_at = clock.boottime();
            let mut taking = std::pin::pin!(meter.take(&*store, &rule, wish, returns));
            let answer = tokio::time::timeout(meter.patience, &mut taking).await;
            let answer = match answer {
                Ok(answer) => answer,
                Err(_) => {
                    meter.local().is_overdue = true;
                    // Waiting calls are refused now. A later grant of the store is noted.
                    let _ = tell.send(Err(StoreError::unavailable(Overdue(meter.patience))));
                    drop(turn);
                    let answer = taking.await;
                    meter.local().is_overdue = false;
                    let _ = meter.note(answer, &rule, wish, asked_at, clock.boottime());
                    return;
                }
            };
            let noted = meter.note(answer, &rule, wish, asked_at, clock.boottime());
            drop(turn);
            let _ = tell.send(noted);
        });
        told
    }

    fn note(
        &self,
        answer: Result<Grant, (StoreError, Vec<Return>)>,
        rule: &Rule,
        wish: Wish,
        asked_at: Duration,
        now: Duration,
    ) -> Result<(), StoreError> {
        let mut local = self.local();
        let grant = match answer {
            Ok(grant) => grant,
            Err((error, mut returns)) => {
                local.failed_until = now + OUTAGE;
                local.returns.append(&mut returns);
                return Err(error);
            }
        };
        if local.rule != *rule {
            if self.counter.is_durable() {
                local.return_credits(Some(grant.taken), grant.units);
            }
            return Ok(());
        }
        let is_new_period = local.last.as_ref().is_some_and(|last| last.taken.period != grant.taken.period);
        let until = grant.valid.map(|valid| asked_at + valid);
        if is_new_period || local.units == 0 {
            let is_same = self.counter.is_durable() && local.last.is_some() && !is_new_period;
            if !is_same {
                (local.replaced_at, local.earlier) = (now, local.taken);
            }
            (local.units, local.until, local.taken) = (0, until, Some(grant.taken));
        } else if !self.counter.is_durable() {
            local.until = local.until.or(until);
        }
        local.units += grant.units;
        if grant.units < wish.least {
            local.refused_until = now + REFUSAL.min(grant.wait.unwrap_or(REFUSAL));
        }
        (local.spent, local.answered_at) = (0, now);
        local.last = Some(grant);
        Ok(())
    }

    /// Takes units, after it has returned credits. An error has those that were not returned.
    async fn take(
        &self,
        store: &dyn LimitStore,
        rule: &Rule,
        wish: Wish,
        mut returns: Vec<Return>,
    ) -> Result<Grant, (StoreError, Vec<Return>)> {
        let keep = match rule {
            Rule::Rate(rate) => Some(rate.window() * 2),
            Rule::Budget(_) => None,
        };
        for _ in 0..ATTEMPTS {
            let read = match store.read(&self.counter).await {
                Ok(read) => read,
                Err(error) => return Err((error, returns)),
            };
            let state = match read.text.as_deref().map(parse).transpose() {
                Ok(state) => with_returned(state, &returns),
                Err(error) => return Err((error, returns)),
            };
            let (next, grant) = take(state.as_ref(), rule, read.now, wish);
            // Also writes if the clock was set back: otherwise the quota would not recover until the clock catches up.
            let is_changed =
                grant.units > 0 || !returns.is_empty() || state.is_some_and(|state| is_ahead(&state, read.now));
            if !is_changed {
                return Ok(grant);
            }
            let next = match written(&next) {
                Ok(next) => next,
                Err(error) => return Err((error, returns)),
            };
            match store.swap(&self.counter, read.text.as_deref(), &next, keep).await {
                Ok(true) => return Ok(grant),
                Ok(false) => {}
                // They may have returned, and must not return twice.
                Err(error) => {
                    returns.clear();
                    return Err((error, returns));
                }
            }
        }
        Err((contended(), returns))
    }

    /// Returns credits. After an error, `returns` has those that did not return.
    async fn give_back(&self, store: &dyn LimitStore, returns: &mut Vec<Return>) -> Result<(), StoreError> {
        for _ in 0..ATTEMPTS {
            let read = store.read(&self.counter).await?;
            let Some(known) = read.text.as_deref().map(parse).transpose()? else { return Ok(()) };
            let next = with_returned(Some(known.clone()), returns).filter(|next| *next != known);
            let Some(next) = next else { return Ok(()) };
            let next = written(&next)?;
            match store.swap(&self.counter, read.text.as_deref(), &next, None).await {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(error) => {
                    returns.clear();
                    return Err(error);
                }
            }
        }
        Err(contended())
    }
}

fn with_returned(state: Option<State>, returns: &[Return]) -> Option<State> {
    returns
        .iter()
        .fold(state, |state, back| state.map(|state| give_back(&state, back.taken, back.credits).unwrap_or(state)))
}

fn contended() -> StoreError {
    StoreError::unavailable("too many nodes change the same counter")
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
