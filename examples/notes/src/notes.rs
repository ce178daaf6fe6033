use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header::CONTENT_TYPE};
use axum::response::IntoResponse;
use futures_util::{Stream, stream};
use keyward::axum::{Guarded, OwnAccount, Scoped};
use keyward::policy::{Plans, Policy};
use keyward::{AccountId, Guard, Identity, Rejection};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::{Sender, channel, error::RecvError};

use crate::errors::{ApiError, JsonBody};
use crate::{App, ExportsCreate, NotesRead, NotesWrite};

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Note {
    id: String,
    account: AccountId,
    text: String,
    locked: bool,
}

#[derive(Deserialize)]
pub(crate) struct NewNote {
    text: String,
}

/// The notes of all accounts, in memory, and a channel of new ones. `None` in the channel ends the streams.
#[derive(Clone, Debug)]
pub(crate) struct Notes(Arc<Mutex<Vec<Note>>>, Sender<Option<Note>>);

impl Default for Notes {
    fn default() -> Self {
        Self(Arc::default(), channel(64).0)
    }
}

impl Notes {
    pub(crate) fn add(&self, account: &AccountId, text: String) -> Note {
        let mut notes = self.lock();
        let note = Note { id: format!("note_{}", notes.len() + 1), account: account.clone(), text, locked: false };
        notes.push(note.clone());
        let _ = self.1.send(Some(note.clone())); // fails if no stream is open
        note
    }

    pub(crate) fn follow(&self, account: AccountId) -> impl Stream<Item = Note> + Send + use<> {
        stream::unfold((self.1.subscribe(), account), async |(mut new, account)| {
            loop {
                match new.recv().await {
                    Ok(Some(note)) if note.account == account => return Some((note, (new, account))),
                    Ok(Some(_)) | Err(RecvError::Lagged(_)) => {}
                    Ok(None) | Err(RecvError::Closed) => return None,
                }
            }
        })
    }

    pub(crate) fn end_streams(&self) {
        let _ = self.1.send(None); // fails if no stream is open
    }

    fn of(&self, account: &AccountId) -> Vec<Note> {
        self.lock().iter().filter(|note| note.account == *account).cloned().collect()
    }

    fn change<T>(&self, caller: &Identity, id: &str, change: impl FnOnce(&mut Note) -> T) -> Result<T, ApiError> {
        let mut notes = self.lock();
        let note = notes.iter_mut().find(|note| note.id == id && note.account == *caller.account());
        note.map(change).ok_or(ApiError::NoSuchNote)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Note>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) async fn list(caller: OwnAccount, _: Scoped<NotesRead>, State(app): State<App>) -> Json<Vec<Note>> {
    Json(app.notes.of(caller.account()))
}

pub(crate) async fn create(
    caller: OwnAccount,
    _: Scoped<NotesWrite>,
    State(app): State<App>,
    JsonBody(new): JsonBody<NewNote>,
) -> (StatusCode, Json<Note>) {
    (StatusCode::CREATED, Json(app.notes.add(caller.account(), new.text)))
}

pub(crate) async fn show(
    caller: Scoped<NotesRead>,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Note>, ApiError> {
    app.notes.change(&caller, &id, |note| Json(note.clone()))
}

pub(crate) async fn replace(
    caller: Scoped<NotesWrite>,
    State(app): State<App>,
    Path(id): Path<String>,
    JsonBody(new): JsonBody<NewNote>,
) -> Result<Json<Note>, ApiError> {
    app.notes.change(&caller, &id, |note| {
        if note.locked {
            return Err(ApiError::NoteLocked);
        }
        note.text = new.text;
        Ok(Json(note.clone()))
    })?
}

pub(crate) async fn lock(
    caller: Scoped<NotesWrite>,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    app.notes.change(&caller, &id, |note| note.locked = true)?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) struct Pro;

impl Guard for Pro {
    fn check(caller: &Identity) -> Result<(), Rejection> {
        Plans::one_of(["Pro"]).check(caller)
    }
}

/// Streams the account's notes. The response holds a permit until the client has read it.
pub(crate) async fn export(
    caller: Guarded<(Pro, ExportsCreate)>,
    State(app): State<App>,
) -> Result<impl IntoResponse, ApiError> {
    let permit = app.permits.acquire(&caller).await?;
    let notes = app.notes.of(caller.account()).into_iter();
    let lines = notes.map(move |note| {
        let _held = &permit;
        Ok::<_, Infallible>(format!("{}\n", serde_json::json!(note)))
    });
    Ok(([(CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(stream::iter(lines))))
}
