//! The log of a test.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, Once};

use tracing::Level;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::filter::DynFilterFn;
use tracing_subscriber::layer::SubscriberExt as _;

/// What the code of a thread logs. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Captures the lines of this thread, up to `level`, until the guard is dropped.
    pub fn of_this_thread(level: Level) -> (Self, DefaultGuard) {
        static ONCE: Once = Once::new();
        // It logs nothing. Without a second subscriber, tracing asks only that of the thread that comes to a line first. In a thread
        // without one, it would switch the line off for all.
        ONCE.call_once(|| {
            let subscriber = tracing_subscriber::registry().with(DynFilterFn::new(|_, _| false));
            let _ = tracing::subscriber::set_global_default(subscriber);
        });
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_max_level(level);
        let guard = tracing::subscriber::set_default(subscriber.with_writer(move || writer.clone()).finish());
        (log, guard)
    }

    /// The lines so far.
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
