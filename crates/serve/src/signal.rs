//! When a program is asked to end.

use std::future::Future;
use std::io;

/// Ready when the process is asked to end, by SIGTERM or SIGINT. It listens from the call on, not only once it is awaited.
///
/// # Errors
/// If the operating system does not let the process listen.
#[cfg(unix)]
pub fn shutdown_signal() -> io::Result<impl Future<Output = ()> + Send> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Ready when the process is asked to end, by Ctrl+C.
///
/// # Errors
/// If the operating system does not let the process listen.
#[cfg(not(unix))]
pub fn shutdown_signal() -> io::Result<impl Future<Output = ()> + Send> {
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
