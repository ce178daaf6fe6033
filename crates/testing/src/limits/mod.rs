//! Conformance suites: [`permits`], [`rates`] and [`rules`].

mod counted;
mod held;
mod ruled;

use std::sync::Arc;
use std::time::{Duration, Instant};

use keyward_core::Rejection;
use keyward_limits::{LimitStore, NamedLimits, PermitStore, RateLimiter};

use crate::SOON;

/// Runs every case for permits. `make` returns two nodes that share a new, empty store.
/// In the memory of one process, both are the same.
///
/// # Panics
/// If the store breaks a promise.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use keyward::limits::{MemoryPermits, PermitStore};
///
/// # #[tokio::main] async fn main() {
/// keyward::testing::limits::permits(async || {
///     let store: Arc<dyn PermitStore> = Arc::new(MemoryPermits::new());
///     [Arc::clone(&store), store]
/// })
/// .await;
/// # }
/// ```
pub async fn permits(make: impl AsyncFn() -> [Arc<dyn PermitStore>; 2]) {
    let nodes = make().await;
    held::permits_are_granted_up_to_the_limit(&nodes).await;
    held::never_more_than_the_limit_are_held_at_once(&nodes).await;
    held::a_released_permit_is_freed_once(&nodes).await;
    held::a_permit_whose_holder_is_gone_is_freed_once_after_its_lease(&nodes).await;
    held::an_expired_permit_is_neither_counted_nor_renewed(&nodes).await;
    held::a_permit_that_is_renewed_outlives_its_lease(&nodes).await;
    held::an_account_and_a_key_with_its_id_count_separately(&nodes).await;
}

/// Runs every case for rates. `make` returns two nodes that count these limits together.
/// In the memory of one process, both are the same.
///
/// # Panics
/// If the limiter breaks a promise.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use keyward::limits::{RateLimiter, RateLimits};
///
/// # #[tokio::main] async fn main() {
/// keyward::testing::limits::rates(async |limits| {
///     let limiter: Arc<dyn RateLimiter> = Arc::new(RateLimits::new(&limits));
///     [Arc::clone(&limiter), limiter]
/// })
/// .await;
/// # }
/// ```
pub async fn rates(make: impl AsyncFn(NamedLimits) -> [Arc<dyn RateLimiter>; 2]) {
    let nodes = make(counted::limits().named().expect("the limits are valid")).await;
    counted::all_nodes_spend_one_quota(&nodes).await;
    counted::never_more_than_the_quota_is_spent_at_once(&nodes).await;
    counted::each_key_has_its_own_quota_and_the_keys_of_an_account_share_one(&nodes).await;
    counted::answers_state_the_rest_and_refusals_cost_nothing(&nodes).await;
    counted::a_call_passes_after_its_retry_after_and_not_earlier(&nodes).await;
    counted::a_window_admits_the_quota_and_its_refill(&nodes).await;
    counted::a_quota_of_any_size_is_counted_exactly(&nodes).await;
    counted::a_plan_has_its_own_quota(&nodes).await;
    counted::a_change_of_plan_keeps_the_spent_share(&nodes).await;
    counted::a_limit_that_is_not_defined_refuses_everything(&nodes).await;
    counted::a_strict_window_admits_only_the_quota(&nodes).await;
    counted::a_strict_quota_is_shared_and_keeps_what_was_spent(&nodes).await;
}

/// Runs every case for limits as data, in about ten seconds. `make` returns three nodes that share a new, empty store.
/// In the memory of one process, all are the same.
///
/// # Panics
/// If the store breaks a promise.
///
/// # Examples
/// ```no_run
/// use std::sync::Arc;
/// use keyward::limits::{LimitStore, MemoryLimits};
///
/// # #[tokio::main] async fn main() {
/// keyward::testing::limits::rules(async || {
///     let store: Arc<dyn LimitStore> = Arc::new(MemoryLimits::new());
///     [Arc::clone(&store), Arc::clone(&store), store]
/// })
/// .await;
/// # }
/// ```
pub async fn rules(make: impl AsyncFn() -> [Arc<dyn LimitStore>; 3]) {
    let nodes = make().await;
    ruled::rules_are_replaced_only_at_their_version(&nodes).await;
    ruled::a_change_takes_effect_on_every_node_by_itself(&nodes).await;
    ruled::a_lowered_budget_holds_on_every_node(&nodes).await;
    ruled::another_kind_of_rule_grants_nothing_again(&nodes).await;
    ruled::a_thousand_calls_at_the_end_spend_exactly_what_is_left(&nodes).await;
    ruled::a_node_that_ends_returns_its_credits_and_a_killed_one_loses_few(&nodes).await;
    ruled::idle_credits_return(&nodes).await;
    ruled::a_refused_call_spends_nothing(&nodes).await;
    ruled::successors_share_the_rules_and_what_is_spent(&nodes).await;
    ruled::rules_of_ended_keys_are_forgotten(&nodes).await;
    ruled::strict_windows_admit_the_quota_and_even_rates_twice_that(&nodes).await;
    ruled::nine_of_ten_calls_need_no_store(&nodes).await;
    ruled::new_keys_that_come_at_once_share_their_reads(&nodes).await;
}

/// Repeats a call that a busy machine answers too late. A call that is refused so spends nothing.
async fn in_time<T, F: Future<Output = Result<T, Rejection>>>(spend: impl Fn() -> F) -> F::Output {
    let begun = Instant::now();
    loop {
        match spend().await {
            Err(Rejection::StoreUnavailable) if begun.elapsed() < SOON => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            answer => return answer,
        }
    }
}

/// An accepted call. The store decided between the two times.
struct Call {
    sent: Duration,
    answered: Duration,
}

/// Returns the most calls that were surely decided within one second, however late the machine is.
fn busiest_second(calls: &[Call]) -> usize {
    // The store's clock may differ a little from this one.
    const SECOND: Duration = Duration::from_millis(990);
    let within =
        |begin: Duration| calls.iter().filter(|call| call.sent >= begin && call.answered < begin + SECOND).count();
    calls.iter().map(|call| within(call.sent)).max().unwrap_or(0)
}

async fn eventually(what: &str, condition: impl AsyncFn() -> bool) {
    let begun = Instant::now();
    while !condition().await {
        assert!(begun.elapsed() < SOON, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
