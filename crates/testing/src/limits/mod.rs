//! What every store of permits and every rate limiter promises. A new one proves itself by one call of [`permits`] or [`rates`].
//!
//! Time is that of whoever counts, so these cases wait: for a condition, or as long as the limiter itself has said.

mod held;

use std::sync::Arc;
use std::time::{Duration, Instant};

use keyward_limits::PermitStore;

/// How long any condition may take.
const SOON: Duration = Duration::from_secs(10);

/// Runs every case for permits. `make` gives two nodes that share what nobody has used before; for permits in one process's memory they are one.
///
/// # Panics
/// If the store breaks a promise; the message says which.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use keyward_limits::{MemoryPermits, PermitStore};
///
/// # #[tokio::main] async fn main() {
/// keyward_testing::limits::permits(async || {
///     let store: Arc<dyn PermitStore> = Arc::new(MemoryPermits::new());
///     [Arc::clone(&store), store]
/// })
/// .await;
/// # }
/// ```
pub async fn permits(make: impl AsyncFn() -> [Arc<dyn PermitStore>; 2]) {
    let nodes = make().await;
    held::as_many_are_held_as_the_limit_says_and_not_one_more(&nodes).await;
    held::never_more_than_the_limit_are_held_at_once(&nodes).await;
    held::what_is_released_is_free_and_releasing_it_again_frees_nothing(&nodes).await;
    held::a_permit_whose_holder_is_gone_is_freed_once_after_its_lease(&nodes).await;
    held::what_has_run_out_is_not_counted_and_not_renewed(&nodes).await;
    held::a_permit_that_is_renewed_outlives_its_lease(&nodes).await;
}

/// Waits until a condition holds.
async fn eventually(what: &str, condition: impl AsyncFn() -> bool) {
    let begun = Instant::now();
    while !condition().await {
        assert!(begun.elapsed() < SOON, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
