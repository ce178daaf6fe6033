//! The notes of all accounts, in memory.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::{Stream, stream};
use keyward::AccountId;
use serde::Serialize;
use tokio::sync::broadcast::{Sender, channel, error::RecvError};

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Note {
    pub(crate) id: String,
    account: AccountId,
    pub(crate) text: String,
    pub(crate) locked: bool,
}

/// The notes, and a channel of new ones.
#[derive(Clone, Debug)]
pub(crate) struct Notes(Arc<Mutex<Vec<Note>>>, Sender<Note>);

impl Default for Notes {
    fn default() -> Self {
        Self(Arc::default(), channel(64).0)
    }
}

impl Notes {
    pub(crate) fn add(&self, account: &AccountId, text: String, locked: bool) -> Note {
        let mut notes = self.lock();
        let note = Note { id: format!("note_{}", notes.len() + 1), account: account.clone(), text, locked };
        notes.push(note.clone());
        let _ = self.1.send(note.clone()); // fails if no stream is open
        note
    }

    pub(crate) fn of(&self, account: &AccountId) -> Vec<Note> {
        self.lock().iter().filter(|note| note.account == *account).cloned().collect()
    }

    pub(crate) fn with<T>(&self, account: &AccountId, id: &str, work: impl FnOnce(&mut Note) -> T) -> Option<T> {
        self.lock().iter_mut().find(|note| note.id == id && note.account == *account).map(work)
    }

    /// Returns the account's new notes.
    pub(crate) fn follow(&self, account: AccountId) -> impl Stream<Item = Note> + Send + use<> {
        stream::unfold((self.1.subscribe(), account), async |(mut new, account)| {
            loop {
                match new.recv().await {
                    Ok(note) if note.account == account => return Some((note, (new, account))),
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return None,
                }
            }
        })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Note>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
