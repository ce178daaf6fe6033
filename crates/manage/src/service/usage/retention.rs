use std::sync::atomic::Ordering;

use super::DAY;
use crate::error::ManagementError;
use crate::service::Management;

impl Management {
    /// Removes the counts of days that ended before the retention. Each process does so once a day.
    pub(crate) async fn remove_old_usage(&self) -> Result<(), ManagementError> {
        let retention = i64::try_from(self.0.settings.usage_retention.as_millis()).unwrap_or(i64::MAX);
        let day = self.now().as_millis().saturating_sub(retention).div_euclid(DAY);
        let kept_from = &self.0.counters.kept_from;
        if kept_from.load(Ordering::Relaxed) < day {
            self.0.store.remove_counts(day).await?;
            kept_from.store(day, Ordering::Relaxed);
        }
        Ok(())
    }
}
