//! The task behind the hook and the webhooks.

use std::time::Duration;

use crate::error::ManagementError;
use crate::service::Management;
#[cfg(feature = "webhooks")]
use crate::service::webhooks::Attempts;

const POLL: Duration = Duration::from_secs(1);

impl Management {
    /// Calls the hook for events and sends webhooks, until it is dropped. Spawn it once per process.
    ///
    /// It looks for new events once a second. Several nodes share the work.
    pub fn run_events(&self) -> impl Future<Output = ()> + Send + 'static {
        let management = self.clone();
        #[cfg(all(feature = "metrics", feature = "webhooks"))]
        crate::service::webhooks::describe_metrics();
        async move {
            #[cfg(feature = "webhooks")]
            let mut attempts = Attempts::default();
            loop {
                let begun = warn(management.call_hook().await);
                #[cfg(feature = "webhooks")]
                let begun = begun + warn(management.start_deliveries(&mut attempts).await);
                #[cfg(feature = "webhooks")]
                let begun = begun + attempts.settled(POLL).await;
                if begun == 0 {
                    tokio::time::sleep(POLL).await;
                }
            }
        }
    }

    /// Calls the hook and attempts every delivery that is due, once. For programs without a long-running task.
    ///
    /// # Errors
    /// [`ManagementError::Store`].
    pub async fn deliver_events(&self) -> Result<(), ManagementError> {
        while self.call_hook().await? > 0 {}
        #[cfg(feature = "webhooks")]
        {
            let mut attempts = Attempts::default();
            while self.start_deliveries(&mut attempts).await? > 0 {
                while attempts.next().await.is_some() {}
            }
        }
        Ok(())
    }
}

fn warn(done: Result<usize, ManagementError>) -> usize {
    done.unwrap_or_else(|error| {
        keyward_core::log_limited!(warn, %error, "events wait for the store");
        0
    })
}
