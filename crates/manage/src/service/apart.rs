//! Work that takes milliseconds of a processor, such as a search in many audit entries.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::available_parallelism;

use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::Management;
use crate::actor::{Actor, ActorName};
use crate::error::ManagementError;

/// Turns for half of the processors, so that the other half serves requests.
#[derive(Clone, Debug)]
pub(super) struct Turns {
    turns: Arc<Semaphore>,
    /// One part of each actor waits for a turn. Its other parts wait behind it, so that they delay no others.
    lines: Arc<Mutex<Lines>>,
}

type Line = tokio::sync::Mutex<()>;

/// By the kind and id of the actor.
type Lines = HashMap<(String, String), Weak<Line>>;

impl Default for Turns {
    fn default() -> Self {
        let processors = available_parallelism().map_or(1, usize::from);
        Self { turns: Arc::new(Semaphore::new((processors / 2).max(1))), lines: Arc::default() }
    }
}

impl Turns {
    fn line_of(&self, actor: &Actor) -> Arc<Line> {
        let ActorName { kind, id } = actor.name();
        let name = (kind, id);
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = lines.get(&name).and_then(Weak::upgrade) {
            return line;
        }
        lines.retain(|_, line| line.strong_count() > 0);
        let line = Arc::default();
        lines.insert(name, Arc::downgrade(&line));
        line
    }
}

impl Management {
    /// Runs a part of a long work on a thread that serves no requests. Parts of different actors take turns.
    ///
    /// A part must not contain another one: it would wait for its own turn.
    pub(crate) async fn apart<T: Send + 'static>(
        &self,
        actor: &Actor,
        part: impl Future<Output = Result<T, ManagementError>> + Send + 'static,
    ) -> Result<T, ManagementError> {
        let line = self.0.turns.line_of(actor);
        let first = line.lock().await;
        // The thread keeps the turn, so a part that nobody waits for any more counts, too. The semaphore is never closed.
        let turn = Arc::clone(&self.0.turns.turns).acquire_owned().await.ok();
        drop(first);
        let runtime = Handle::current();
        let part = move || {
            let _turn = turn;
            runtime.block_on(part)
        };
        tokio::task::spawn_blocking(part).await.unwrap_or_else(|error| {
            tracing::error!(%error, "a part of a long work ended without a result");
            Err(ManagementError::Internal)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::time::Duration;

    use keyward_sqlite::SqliteStore;

    use super::*;
    use crate::actor::{Actor, Context};
    use crate::service::AuditSearch;
    use crate::store::SqliteManagementStore;

    const LONG: Duration = Duration::from_secs(60);

    fn management() -> Management {
        let store = SqliteStore::temporary().unwrap();
        Management::builder(store.clone(), SqliteManagementStore::open(&store).unwrap()).build().unwrap()
    }

    fn system() -> Actor {
        Actor::system("test", Context::new())
    }

    /// These tests have one thread for requests.
    #[tokio::test]
    async fn a_part_leaves_the_thread_of_requests_free() {
        let (go, waits) = mpsc::channel();
        let management = management();
        let waits = async move { waits.recv_timeout(LONG).map_err(|_| ManagementError::Internal) };
        let actor = system();
        let part = management.apart(&actor, waits);
        let request = async { go.send("done").unwrap() };
        assert_eq!(tokio::join!(part, request).0.unwrap(), "done");
    }

    #[tokio::test]
    async fn parts_of_different_works_take_turns() {
        static RUNNING: AtomicUsize = AtomicUsize::new(0);
        let management = management();
        let turns = management.0.turns.turns.available_permits();
        let part = async || {
            let part = async move {
                let others = RUNNING.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(5));
                RUNNING.fetch_sub(1, Ordering::Relaxed);
                Ok(others)
            };
            management.apart(&system(), part).await.unwrap()
        };
        let others = futures_util::future::join_all((0..turns * 4).map(|_| part())).await;
        assert!(others.iter().all(|others| *others < turns), "{others:?} with {turns} turns");
    }

    #[tokio::test]
    async fn a_search_in_the_audit_log_takes_turns() {
        let management = management();
        let actor = system();
        management.create_account(&actor, "Example").await.unwrap();
        let turns = u32::try_from(management.0.turns.turns.available_permits()).unwrap();
        let all = management.0.turns.turns.acquire_many(turns).await.unwrap();
        let search = AuditSearch { limit: 10, most_read: 10, ..AuditSearch::default() };
        let search = management.search_audit_log(&actor, &search);
        tokio::pin!(search);
        // It waits for ever, so no machine is too slow for this.
        tokio::time::timeout(Duration::from_millis(300), &mut search).await.expect_err("it took no turn");
        drop(all);
        let found = search.await.unwrap().entries;
        assert!(found.iter().any(|entry| entry.action == "account.create"), "{found:?}");
    }
}
