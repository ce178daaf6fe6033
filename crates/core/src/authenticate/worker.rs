//! The background thread, with a runtime that the service's load cannot delay.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::cache::Cache;
use crate::clock::Clock;
use crate::id::NodeId;
use crate::lease::{Follower, Lease};
use crate::store::ChangeLog;
use crate::telemetry::Metrics;

const FLUSH_INTERVAL: Duration = Duration::from_secs(1);
const CLOCK_STEP_MILLIS: u64 = 500;
const FAREWELL: Duration = Duration::from_secs(2);

pub(super) struct Worker {
    stop: watch::Sender<bool>,
    end_streams: watch::Sender<bool>,
    stopped: watch::Receiver<()>,
    node: Option<NodeId>,
}

impl Worker {
    pub(super) fn start(
        cache: Arc<Cache>,
        follow: Option<(Arc<dyn ChangeLog>, NodeId, Lease)>,
        clock: Arc<dyn Clock>,
        metrics: Metrics,
    ) -> std::io::Result<Self> {
        let (stop, stopping) = watch::channel(false);
        let (stopped_sender, stopped) = watch::channel(());
        let node = follow.as_ref().map(|(_, node, _)| node.clone());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("keyward".into()).spawn(move || {
            let follower = follow.map(|(log, node, lease)| Follower {
                log,
                node,
                lease,
                cache: Arc::clone(&cache),
                clock: Arc::clone(&clock),
                metrics: metrics.clone(),
                applied: None,
            });
            runtime.block_on(work(&cache, follower, stopping, &*clock, &metrics));
            drop(stopped_sender);
        })?;
        Ok(Self { stop, end_streams: watch::Sender::new(false), stopped, node })
    }

    pub(super) fn end_streams(&self) {
        self.end_streams.send_replace(true);
    }

    /// Waits for [`end_streams`](Self::end_streams).
    pub(super) async fn streams_end(&self) {
        let mut ending = self.end_streams.subscribe();
        // The sender is in `self`.
        let _ = ending.wait_for(|ends| *ends).await;
    }

    pub(super) async fn stop(&self) {
        let _ = self.stop.send(true);
        let mut stopped = self.stopped.clone();
        while stopped.changed().await.is_ok() {}
    }

    pub(super) fn node(&self) -> Option<&NodeId> {
        self.node.as_ref()
    }
}

async fn work(
    cache: &Cache,
    mut follower: Option<Follower>,
    stopping: watch::Receiver<bool>,
    clock: &dyn Clock,
    metrics: &Metrics,
) {
    let follow = async {
        if let Some(follower) = &mut follower {
            follower.run(stopping.clone()).await;
        }
    };
    let steps = async { tokio::join!(follow, keep_up(cache, stopping.clone())) };
    let overdue = async {
        // Stopped, or every authenticator was dropped.
        let _ = stopping.clone().changed().await;
        tokio::time::sleep(FAREWELL).await;
    };
    // Dropping a renewal does not take it back: the store could apply it after the node has left.
    tokio::select! {
        _ = steps => {}
        () = watch_clock(clock, metrics) => {}
        () = overdue => {}
    }
    metrics.report_hits();
    if !matches!(tokio::time::timeout(FAREWELL, cache.flush_uses()).await, Ok(Ok(()))) {
        tracing::warn!("recording the last uses of keys failed: their last-used times may be out of date");
    }
    if let Some(follower) = &follower
        && !matches!(tokio::time::timeout(FAREWELL, follower.leave()).await, Ok(Ok(())))
    {
        tracing::warn!(node = %follower.node, "leaving the register failed: the next revocation waits for this node's lease");
    }
}

async fn watch_clock(clock: &dyn Clock, metrics: &Metrics) {
    let offset = || clock.now().as_millis() - i64::try_from(clock.boottime().as_millis()).unwrap_or(i64::MAX);
    let mut last = offset();
    loop {
        tokio::time::sleep(FLUSH_INTERVAL).await;
        let now = offset();
        if now.abs_diff(last) > CLOCK_STEP_MILLIS {
            tracing::warn!(by_millis = now - last, "the wall clock was set: keys expire by the new time");
            metrics.clock_step();
        }
        last = now;
    }
}

/// Returns when `stopping` says so, after the step that has begun.
async fn keep_up(cache: &Cache, mut stopping: watch::Receiver<bool>) {
    let mut pause = Duration::ZERO;
    loop {
        let due = async {
            tokio::time::sleep(pause).await;
            tokio::time::timeout(FLUSH_INTERVAL, cache.sweep_due.notified()).await.is_ok()
        };
        tokio::select! {
            is_sweep_due = due => if is_sweep_due { cache.sweep() },
            _ = stopping.changed() => return,
        }
        cache.report();
        pause = match cache.flush_uses().await {
            Ok(()) => Duration::ZERO,
            Err(error) => {
                tracing::warn!(cause = ?std::error::Error::source(&error), "recording uses of keys failed, retrying: {error}");
                FLUSH_INTERVAL
            }
        };
    }
}
