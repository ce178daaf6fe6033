use std::pin::pin;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio_postgres::{AsyncMessage, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Notified by `keyward_append`.
const CHANNEL: &str = "keyward_log";

const PAUSE: Duration = Duration::from_secs(1);

/// Ends the task when dropped.
pub(crate) struct Listening {
    changed: watch::Sender<()>,
    task: AbortHandle,
}

impl Listening {
    pub(crate) fn start(config: Config, tls: MakeRustlsConnect) -> Self {
        let changed = watch::channel(()).0;
        let sender = changed.clone();
        let task = tokio::spawn(async move {
            loop {
                if let Err(error) = listen(&config, &tls, &sender).await {
                    tracing::warn!(%error, "cannot listen for changes: reading the log at intervals instead");
                }
                tokio::time::sleep(PAUSE).await;
            }
        });
        Self { changed, task: task.abort_handle() }
    }

    pub(crate) fn watch(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    pub(crate) fn notify(&self) {
        self.changed.send_replace(());
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen(
    config: &Config,
    tls: &MakeRustlsConnect,
    changed: &watch::Sender<()>,
) -> Result<(), tokio_postgres::Error> {
    let (client, mut connection) = config.connect(tls.clone()).await?;
    let mut messages = pin!(stream::poll_fn(move |cx| connection.poll_message(cx)));
    let begin = async {
        client.batch_execute(&format!("LISTEN {CHANNEL}")).await?;
        // Covers writes from before the subscription.
        changed.send_replace(());
        // The connection ends when its client is dropped.
        std::future::pending::<Result<(), tokio_postgres::Error>>().await
    };
    let receive = async {
        while let Some(message) = messages.next().await {
            if let AsyncMessage::Notification(_) = message? {
                changed.send_replace(());
            }
        }
        Ok(())
    };
    tokio::select! {
        ended = begin => ended,
        ended = receive => ended,
    }
}
