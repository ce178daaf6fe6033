use std::sync::Arc;
use std::time::Duration;

use keyward_core::adapter::{Event, Observation, ObservedRequest, RecordRequest};

use crate::error::ManagementError;
use crate::service::Management;

const PAUSE: Duration = Duration::from_secs(5);

/// A write keeps the store's lock for this many requests.
const BATCH: usize = 500;

struct Recorder(Management);

impl RecordRequest for Recorder {
    fn record(&self, request: ObservedRequest) {
        let management = &self.0.0;
        management.requests.push(request, management.clock.now());
    }
}

impl Management {
    /// Returns a hook that counts key use, as [`usage_hook`](Self::usage_hook) does, and records recent requests.
    ///
    /// It needs a layer that states the requests, such as [`RecentRequestsLayer`](keyward_core::RecentRequestsLayer), and
    /// [`run_recent_requests`](Self::run_recent_requests). [`verifier`](Self::verifier) has it with
    /// [`ManagementBuilder::recent_requests`](crate::ManagementBuilder::recent_requests).
    ///
    /// # Examples
    /// ```
    /// # use keyward::manage::{Management, SqliteManagementStore};
    /// # use keyward::sqlite::SqliteStore;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let store = SqliteStore::temporary()?;
    /// # let management = Management::builder(store.clone(), SqliteManagementStore::open(&store)?).build()?;
    /// let authenticator = keyward::Authenticator::builder(store).on_event(management.recent_requests_hook()).build()?;
    /// let layer = keyward::RecentRequestsLayer::new(&authenticator); // around the AuthLayer
    /// # let _ = layer;
    /// # Ok(()) }
    /// ```
    pub fn recent_requests_hook(&self) -> impl Fn(&Event<'_>) + Send + Sync + 'static {
        let management = self.clone();
        let recorder: Arc<dyn RecordRequest> = Arc::new(Recorder(self.clone()));
        move |event| {
            management.count(event);
            Observation::note(event, &recorder);
        }
    }

    /// Returns `true` after [`ManagementBuilder::recent_requests`](crate::ManagementBuilder::recent_requests).
    #[must_use]
    pub fn records_requests(&self) -> bool {
        self.0.settings.recent_requests
    }

    /// Writes recent requests every 5 seconds, until it is dropped. Spawn it once per process.
    pub async fn run_recent_requests(&self) {
        #[cfg(feature = "metrics")]
        describe_metrics();
        loop {
            tokio::time::sleep(PAUSE).await;
            if let Err(error) = self.flush_requests().await {
                keyward_core::log_limited!(warn, %error, "recent requests were not written");
            }
        }
    }

    /// Writes recent requests. Unwritten ones stay for the next call, up to the size of the buffer. A caller that stops waiting
    /// does not stop the write.
    ///
    /// # Errors
    /// [`ManagementError::Store`].
    pub async fn flush_requests(&self) -> Result<(), ManagementError> {
        let management = self.clone();
        Self::run_to_completion(async move { management.write_requests().await }).await
    }

    async fn write_requests(&self) -> Result<(), ManagementError> {
        let buffer = &self.0.requests;
        let _turn = buffer.flushing.lock().await;
        let dropped = buffer.take_dropped();
        if dropped > 0 {
            keyward_core::log_limited!(warn, dropped, "recent requests were dropped, because too many came at once");
            #[cfg(feature = "metrics")]
            metrics::counter!("keyward_recent_requests_dropped_total").increment(dropped);
        }
        for place in 0..buffer.parts() {
            let mut taken = buffer.take(place).into_iter().peekable();
            while taken.peek().is_some() {
                let batch: Vec<_> = taken.by_ref().take(BATCH).collect();
                // A batch that was written although this fails is not written twice.
                if let Err(error) = self.0.store.add_requests(&batch).await {
                    let unwritten: Vec<_> = batch.into_iter().chain(taken).collect();
                    buffer.put_back(place, &unwritten);
                    return Err(error.into());
                }
            }
        }
        Ok(())
    }
}

#[cfg(feature = "metrics")]
fn describe_metrics() {
    metrics::describe_counter!(
        "keyward_recent_requests_dropped_total",
        "Requests that are missing in the lists of recent requests, because too many came at once"
    );
    metrics::counter!("keyward_recent_requests_dropped_total").absolute(0);
}
