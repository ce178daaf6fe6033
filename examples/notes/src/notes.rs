use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use keyward::axum::{AuthRejection, OwnAccount, Scoped};
use serde::Deserialize;

use crate::errors::{JsonBody, no_such, note_locked};
use crate::store::Note;
use crate::{App, NotesRead, NotesWrite};

type Answer<T> = Result<Json<T>, AuthRejection>;

#[derive(Deserialize)]
pub(crate) struct NewNote {
    text: String,
    #[serde(default)]
    locked: bool,
}

/// Routes below `{account}`. The layer refuses the callers of other accounts.
pub(crate) fn of_account() -> Router<App> {
    Router::new().route("/notes", get(list).post(create)).layer(OwnAccount::layer())
}

async fn list(caller: Scoped<NotesRead>, app: State<App>) -> Json<Vec<Note>> {
    Json(app.notes.of(caller.account()))
}

async fn create(
    caller: Scoped<NotesWrite>,
    app: State<App>,
    JsonBody(new): JsonBody<NewNote>,
) -> (StatusCode, Json<Note>) {
    (StatusCode::CREATED, Json(app.notes.add(caller.account(), new.text, new.locked)))
}

pub(crate) async fn show(caller: Scoped<NotesRead>, app: State<App>, Path(id): Path<String>) -> Answer<Note> {
    let note = app.notes.with(caller.account(), &id, |note| note.clone());
    Ok(Json(note.ok_or_else(|| no_such("note"))?))
}

pub(crate) async fn replace(
    caller: Scoped<NotesWrite>,
    app: State<App>,
    Path(id): Path<String>,
    JsonBody(new): JsonBody<NewNote>,
) -> Answer<Note> {
    let replaced = app.notes.with(caller.account(), &id, |note| {
        (!note.locked).then(|| {
            (note.text, note.locked) = (new.text, new.locked);
            Json(note.clone())
        })
    });
    Ok(replaced.ok_or_else(|| no_such("note"))?.ok_or_else(note_locked)?)
}
