use std::time::Duration;

use futures_util::StreamExt;
use redis::Client;
use tokio::sync::watch;

use crate::script::CHANNEL;
use crate::task::Task;

const PAUSE: Duration = Duration::from_secs(1);

/// Ends the task when dropped.
pub(crate) struct Listening {
    changed: watch::Sender<()>,
    _task: Task,
}

impl Listening {
    pub(crate) fn start(mut primary: watch::Receiver<Client>) -> Self {
        let changed = watch::channel(()).0;
        let sender = changed.clone();
        let task = Task::spawn(async move {
            loop {
                let client = primary.borrow_and_update().clone();
                tokio::select! {
                    listened = listen(&client, &sender) => if let Err(error) = listened {
                        tracing::warn!(%error, "cannot listen for changes: reading the log at intervals instead");
                    },
                    () = moved_on(&mut primary) => continue,
                }
                tokio::time::sleep(PAUSE).await;
            }
        });
        Self { changed, _task: task }
    }

    pub(crate) fn watch(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    pub(crate) fn notify(&self) {
        self.changed.send_replace(());
    }
}

/// A fixed primary never moves.
async fn moved_on(primary: &mut watch::Receiver<Client>) {
    if primary.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

async fn listen(client: &Client, changed: &watch::Sender<()>) -> redis::RedisResult<()> {
    let mut subscription = client.get_async_pubsub().await?;
    subscription.subscribe(CHANNEL).await?;
    // Covers writes from before the subscription.
    changed.send_replace(());
    let mut messages = subscription.on_message();
    while messages.next().await.is_some() {
        changed.send_replace(());
    }
    Ok(())
}
