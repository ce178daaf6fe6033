use std::pin::pin;
use std::sync::atomic::Ordering;
use std::time::Duration;

use keyward_core::store::StoreError;

use super::DAY;
use super::read::Days;
use crate::error::ManagementError;
use crate::service::Management;

const FLUSH_EVERY: Duration = Duration::from_secs(60);

impl Management {
    /// Removes the counts of days that ended before the retention. Each process does so once a day.
    pub(crate) async fn remove_old_usage(&self) -> Result<(), ManagementError> {
        let day = self.first_kept_day();
        let kept_from = &self.0.counters.kept_from;
        if kept_from.load(Ordering::Relaxed) < day {
            self.flushing_beside(self.0.store.remove_counts(day)).await?;
            kept_from.store(day, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Removing many counts takes minutes. Meanwhile, new ones are written, because a process that ends would lose them.
    async fn flushing_beside(
        &self,
        removal: impl Future<Output = Result<(), StoreError>>,
    ) -> Result<(), ManagementError> {
        let (mut removal, mut flushed) = (pin!(removal), Ok(()));
        loop {
            match tokio::time::timeout(FLUSH_EVERY, removal.as_mut()).await {
                Ok(removed) => return removed.map_err(ManagementError::from).and(flushed),
                Err(_) => flushed = flushed.and(self.flush_usage().await).and(self.flush_requests().await),
            }
        }
    }

    /// Returns the first day of the retention. A late count of an earlier day is not written, and none is read: the sums of a span
    /// still have the removed days beside it.
    pub(super) fn first_kept_day(&self) -> i64 {
        let retention = i64::try_from(self.0.settings.usage_retention.as_millis()).unwrap_or(i64::MAX);
        self.now().as_millis().saturating_sub(retention).div_euclid(DAY)
    }

    pub(super) fn kept(&self, days: Days) -> Days {
        Days { from: days.from.max(self.first_kept_day()), ..days }
    }
}
