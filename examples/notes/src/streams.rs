use std::pin::pin;

use axum::Error;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, StreamExt};
use keyward::axum::{KeyWatch, Scoped};
use keyward::policy::from_guard;
use serde_json::json;

use crate::notes::Notes;
use crate::{App, NotesRead, NotesWrite};

pub(crate) async fn events(
    caller: Scoped<NotesRead>,
    State(app): State<App>,
    watch: KeyWatch,
) -> Sse<impl Stream<Item = Result<Event, Error>>> {
    let mut watch = watch.into_inner().requiring(from_guard::<NotesRead>());
    let events = app.notes.follow(caller.account().clone()).map(|note| Event::default().json_data(note));
    Sse::new(events.take_until(async move { watch.refused().await })).keep_alive(KeepAlive::default())
}

/// Adds each text message as a note, and sends the account's new notes.
pub(crate) async fn live(
    _: Scoped<NotesWrite>,
    State(app): State<App>,
    watch: KeyWatch,
    upgrade: WebSocketUpgrade,
) -> Response {
    upgrade
        .on_upgrade(move |socket| converse(socket, watch.into_inner().requiring(from_guard::<NotesWrite>()), app.notes))
}

async fn converse(mut socket: WebSocket, mut watch: keyward::KeyWatch, notes: Notes) {
    let account = watch.identity().account().clone();
    let mut new = pin!(notes.follow(account.clone()));
    let (code, reason) = loop {
        tokio::select! {
            rejection = watch.refused() => break (1008, rejection.code()),
            note = new.next() => match note {
                Some(note) if watch.holds() => {
                    if socket.send(Message::text(json!(note).to_string())).await.is_err() {
                        return;
                    }
                }
                Some(_) => {}
                None => break (1001, "the server stops"),
            },
            message = socket.recv() => match message {
                Some(Ok(Message::Text(text))) if watch.holds() => drop(notes.add(&account, text.to_string())),
                Some(Ok(_)) => {}
                None | Some(Err(_)) => return,
            },
        }
    };
    let _ = socket.send(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await;
}
