use std::sync::atomic::Ordering;

use super::DAY;
use super::read::Days;
use crate::error::ManagementError;
use crate::service::Management;

impl Management {
    /// Removes the counts of days that ended before the retention. Each process does so once a day.
    pub(crate) async fn remove_old_usage(&self) -> Result<(), ManagementError> {
        let day = self.first_kept_day();
        let kept_from = &self.0.counters.kept_from;
        if kept_from.load(Ordering::Relaxed) < day {
            self.0.store.remove_counts(day).await?;
            kept_from.store(day, Ordering::Relaxed);
        }
        Ok(())
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
