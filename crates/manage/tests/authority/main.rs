//! What attackers can make of their authority by any sequence of management calls: nothing more than they had or were given.

#![allow(clippy::unwrap_used, reason = "an unwrap is an assertion here")]

mod ability;
mod memory;
mod model;

use std::sync::Arc;

use keyward::MemoryStore;
use keyward_manage::{Desk, SqliteDesk};
use keyward_sqlite::SqliteStore;

use memory::MemoryDesk;
use model::{Parts, Plan, run};

fn runtime(is_paused: bool) -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(is_paused).build().unwrap()
}

#[test]
fn no_sequence_of_calls_gives_attackers_more_in_memory() {
    Plan::of_environment(96_000).check(|beginning, commands| {
        // What waits for a moment only, as signing up does, takes no time.
        runtime(true).block_on(async {
            let records = Arc::new(MemoryDesk::default());
            let builder = Desk::builder(MemoryStore::new(), Arc::clone(&records));
            run(Parts { builder, records, is_paused: true }, beginning, commands).await
        })
    });
}

#[test]
fn no_sequence_of_calls_gives_attackers_more_on_sqlite() {
    Plan::of_environment(6_000).check(|beginning, commands| {
        let mut folder = tempfile::Builder::new();
        folder.prefix("keyward-authority-");
        // In memory, where there is such a place.
        let folder = folder.tempdir_in("/dev/shm").or_else(|_| folder.tempdir()).unwrap();
        runtime(false).block_on(async {
            let store = SqliteStore::open(folder.path().join("keys.db")).unwrap();
            let records = SqliteDesk::open(&store).unwrap();
            let builder = Desk::builder(store, records.clone());
            run(Parts { builder, records: Arc::new(records), is_paused: false }, beginning, commands).await
        })
    });
}
