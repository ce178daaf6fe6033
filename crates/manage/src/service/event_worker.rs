//! The task behind the hook, the webhooks and the mails.

use std::time::Duration;

use crate::error::ManagementError;
use crate::service::Management;
#[cfg(any(feature = "webhooks", feature = "mail"))]
use crate::service::attempts::Failures;
#[cfg(feature = "mail")]
use crate::service::mail::Slots;
#[cfg(feature = "webhooks")]
use crate::service::webhooks::Deliveries;

const POLL: Duration = Duration::from_secs(1);

impl Management {
    /// Calls the hook for events, sends webhooks and mails, until it is dropped. Spawn it once per process.
    ///
    /// It looks for new events once a second. Several nodes share the work.
    pub fn run_events(&self) -> impl Future<Output = ()> + Send + 'static {
        let management = self.clone();
        #[cfg(all(feature = "metrics", feature = "webhooks"))]
        crate::service::webhooks::describe_metrics();
        #[cfg(all(feature = "metrics", feature = "mail"))]
        crate::service::mail::describe_metrics();
        async move {
            // A mail server that hangs delays no webhook. The task ends with this future.
            #[cfg(feature = "mail")]
            let mut mails = tokio::task::JoinSet::new();
            #[cfg(feature = "mail")]
            mails.spawn(management.clone().run_mails());
            #[cfg(feature = "webhooks")]
            let mut deliveries = Deliveries::default();
            loop {
                let begun = warn(management.call_hook().await);
                #[cfg(feature = "webhooks")]
                let begun = begun + warn(management.start_deliveries(&mut deliveries).await);
                #[cfg(feature = "webhooks")]
                {
                    let (at_most, pause) = pause_after(begun);
                    if !goes_on(deliveries.settled(at_most).await, &deliveries.take_failures()).await {
                        pause.await;
                    }
                }
                #[cfg(not(feature = "webhooks"))]
                pause_after(begun).1.await;
            }
        }
    }

    #[cfg(feature = "mail")]
    async fn run_mails(self) {
        let mut slots = Slots::default();
        while self.sends_mail() {
            let begun = warn(self.start_mails(&mut slots).await);
            let (at_most, pause) = pause_after(begun);
            if !goes_on(slots.settled(at_most).await, &slots.take_failures()).await {
                pause.await;
            }
        }
    }

    /// Calls the hook and attempts every delivery and mail that is due, once. For programs without a long-running task.
    ///
    /// # Errors
    /// [`ManagementError::Store`].
    pub async fn deliver_events(&self) -> Result<(), ManagementError> {
        while self.call_hook().await? > 0 {}
        #[cfg(feature = "webhooks")]
        {
            let mut deliveries = Deliveries::default();
            while self.start_deliveries(&mut deliveries).await? > 0 {
                let mut ended = 0;
                while let count @ 1.. = deliveries.settled(Duration::MAX).await {
                    ended += count;
                }
                unless_all_failed(ended, deliveries.take_failures())?;
            }
        }
        #[cfg(feature = "mail")]
        {
            let mut slots = Slots::default();
            while self.start_mails(&mut slots).await? > 0 {
                let mut ended = 0;
                while let count @ 1.. = slots.settled(Duration::MAX).await {
                    ended += count;
                }
                unless_all_failed(ended, slots.take_failures())?;
            }
        }
        Ok(())
    }
}

/// The longest wait for an attempt that is running, and a pause of that length that begins now.
///
/// While there is more to begin, there is none, so that attempts that hang delay no others.
fn pause_after(begun: usize) -> (Duration, tokio::time::Sleep) {
    let length = if begun == 0 { POLL } else { Duration::ZERO };
    (length, tokio::time::sleep(length))
}

/// Returns `true` if attempts have ended. After failures it waits: a store that reads but does not write offers the same work again.
#[cfg(any(feature = "webhooks", feature = "mail"))]
async fn goes_on(ended: usize, failures: &Failures) -> bool {
    if failures.number > 0 {
        tokio::time::sleep(POLL).await;
    }
    ended > 0
}

/// Beginning again would have no end.
#[cfg(any(feature = "webhooks", feature = "mail"))]
fn unless_all_failed(ended: usize, failures: Failures) -> Result<(), ManagementError> {
    match failures.last {
        Some(error) if failures.number == ended => Err(error),
        _ => Ok(()),
    }
}

fn warn(done: Result<usize, ManagementError>) -> usize {
    done.unwrap_or_else(|error| {
        keyward_core::log_limited!(warn, %error, "events wait for the store");
        0
    })
}
