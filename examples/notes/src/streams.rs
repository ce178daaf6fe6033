use std::pin::pin;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::{Error, extract::State, response::Response};
use futures_util::{Stream, StreamExt};
use keyward::axum::{KeyWatch, Scoped};
use keyward::policy::from_guard;

use crate::{App, NotesRead, NotesWrite, store::Note, store::Notes};

pub(crate) async fn events(
    caller: Scoped<NotesRead>,
    app: State<App>,
    watch: KeyWatch,
) -> Sse<impl Stream<Item = Result<Event, Error>>> {
    let mut watch = watch.requiring(from_guard::<NotesRead>());
    let events = app.notes.follow(caller.account().clone()).map(|note| Event::default().json_data(note));
    Sse::new(events.take_until(async move { watch.refused().await })).keep_alive(KeepAlive::default())
}

/// Adds each text message as a note, and sends the account's new notes.
pub(crate) async fn live(_: Scoped<NotesWrite>, app: State<App>, watch: KeyWatch, up: WebSocketUpgrade) -> Response {
    let watch = watch.requiring(from_guard::<NotesWrite>());
    let new = app.notes.follow(watch.identity().account().clone());
    up.on_upgrade(async move |socket| converse(socket, watch, new, &app.notes).await)
}

async fn converse(mut socket: WebSocket, mut watch: KeyWatch, new: impl Stream<Item = Note>, notes: &Notes) {
    let account = watch.identity().account().clone();
    let mut new = pin!(new);
    let (code, reason) = loop {
        tokio::select! {
            rejection = watch.refused() => match rejection.status().as_u16() {
                503 => break (1001, "the server stops"), // or the store failed for a second
                _ => break (1008, rejection.code()),
            },
            Some(note) = new.next() => {
                let text = serde_json::json!(note).to_string();
                if let Err(rejection) = watch.check().await { break (1008, rejection.code()) }
                if socket.send(Message::text(text)).await.is_err() { return }
            }
            message = socket.recv() => match message {
                Some(Ok(Message::Text(text))) => {
                    if let Err(rejection) = watch.check().await { break (1008, rejection.code()) }
                    drop(notes.add(&account, text.to_string(), false));
                }
                Some(Ok(_)) => {}
                None | Some(Err(_)) => return,
            },
        }
    };
    let _ = socket.send(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await;
}
