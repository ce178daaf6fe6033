//! Listening for what is published, which only makes things fast.

use std::time::Duration;

use futures_util::StreamExt;
use redis::Client;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::script::CHANNEL;

/// How long to wait before a lost connection is made anew.
const PAUSE: Duration = Duration::from_secs(1);

/// A connection that listens, until this is dropped.
pub(crate) struct Listening {
    moved: watch::Sender<()>,
    task: AbortHandle,
}

impl Listening {
    /// Listens to the primary that is the newest here.
    pub(crate) fn start(mut primary: watch::Receiver<Client>) -> Self {
        let moved = watch::channel(()).0;
        let teller = moved.clone();
        let task = tokio::spawn(async move {
            loop {
                let client = primary.borrow_and_update().clone();
                tokio::select! {
                    listened = listen(&client, &teller) => if let Err(error) = listened {
                        tracing::warn!(%error, "not told of changes at once: asking at intervals instead");
                    },
                    () = moved_on(&mut primary) => continue,
                }
                tokio::time::sleep(PAUSE).await;
            }
        });
        Self { moved, task: task.abort_handle() }
    }

    pub(crate) fn watch(&self) -> watch::Receiver<()> {
        self.moved.subscribe()
    }

    /// This process has written.
    pub(crate) fn tell(&self) {
        self.moved.send_replace(());
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Waits until the primary is another; for ever, if it is always the same.
async fn moved_on(primary: &mut watch::Receiver<Client>) {
    if primary.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Listens until the connection is lost.
async fn listen(client: &Client, moved: &watch::Sender<()>) -> redis::RedisResult<()> {
    let mut subscription = client.get_async_pubsub().await?;
    subscription.subscribe(CHANNEL).await?;
    // What was written while nobody listened.
    moved.send_replace(());
    let mut messages = subscription.on_message();
    while messages.next().await.is_some() {
        moved.send_replace(());
    }
    Ok(())
}
