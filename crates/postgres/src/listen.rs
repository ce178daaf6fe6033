//! Listening for notifications, which only make things fast.

use std::pin::pin;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio_postgres::{AsyncMessage, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

/// The channel of notifications, which `keyward_append` notifies.
const CHANNEL: &str = "keyward_log";

/// How long to wait before a lost connection is made anew.
const PAUSE: Duration = Duration::from_secs(1);

/// A connection that listens, until this is dropped.
pub(crate) struct Listening {
    moved: watch::Sender<()>,
    task: AbortHandle,
}

impl Listening {
    pub(crate) fn start(config: Config, tls: MakeRustlsConnect) -> Self {
        let moved = watch::channel(()).0;
        let teller = moved.clone();
        let task = tokio::spawn(async move {
            loop {
                if let Err(error) = listen(&config, &tls, &teller).await {
                    tracing::warn!(%error, "not told of changes at once: asking at intervals instead");
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

/// Listens until the connection is lost.
async fn listen(
    config: &Config,
    tls: &MakeRustlsConnect,
    moved: &watch::Sender<()>,
) -> Result<(), tokio_postgres::Error> {
    let (client, mut connection) = config.connect(tls.clone()).await?;
    let mut messages = pin!(stream::poll_fn(move |cx| connection.poll_message(cx)));
    let begin = async {
        client.batch_execute(&format!("LISTEN {CHANNEL}")).await?;
        // What was written while nobody listened.
        moved.send_replace(());
        // The connection ends when its client is dropped.
        std::future::pending::<Result<(), tokio_postgres::Error>>().await
    };
    let receive = async {
        while let Some(message) = messages.next().await {
            if let AsyncMessage::Notification(_) = message? {
                moved.send_replace(());
            }
        }
        Ok(())
    };
    tokio::select! {
        ended = begin => ended,
        ended = receive => ended,
    }
}
