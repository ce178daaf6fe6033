//! The videos, in the same file as the keys. Each account sees only its own.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::extract::{Path as UrlPath, State};
use axum::http::StatusCode;
use keyward::AccountId;
use keyward::axum::Authenticated;
use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};

use crate::Refused;

const PAGE: usize = 100;

#[derive(Clone)]
pub(crate) struct Videos(Arc<Mutex<Connection>>);

#[derive(Serialize)]
pub(crate) struct Video {
    id: String,
    title: String,
}

#[derive(Deserialize)]
pub(crate) struct NewVideo {
    title: String,
}

impl Videos {
    pub(crate) fn open(file: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open(file)?;
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        connection.execute_batch(
            "CREATE TABLE IF NOT EXISTS videos (number INTEGER PRIMARY KEY, account TEXT NOT NULL, title TEXT NOT NULL) STRICT",
        )?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    pub(crate) fn add(&self, account: &AccountId, title: &str) -> Result<Video, Refused> {
        self.with(|connection| {
            connection.execute("INSERT INTO videos (account, title) VALUES (?1, ?2)", (account.as_str(), title))?;
            Ok(Video { id: format!("vid_{}", connection.last_insert_rowid()), title: title.to_owned() })
        })
    }

    pub(crate) fn count(&self, account: &AccountId) -> Result<i64, Refused> {
        self.with(|connection| {
            connection.query_row("SELECT COUNT(*) FROM videos WHERE account = ?1", [account.as_str()], |row| row.get(0))
        })
    }

    fn list(&self, account: &AccountId) -> Result<Vec<Video>, Refused> {
        self.with(|connection| {
            connection
                .prepare_cached("SELECT number, title FROM videos WHERE account = ?1 ORDER BY number DESC LIMIT ?2")?
                .query_map((account.as_str(), PAGE as i64), video)?
                .collect()
        })
    }

    fn get(&self, account: &AccountId, number: i64) -> Result<Option<Video>, Refused> {
        self.with(|connection| {
            connection
                .prepare_cached("SELECT number, title FROM videos WHERE account = ?1 AND number = ?2")?
                .query_row((account.as_str(), number), video)
                .optional()
        })
    }

    fn with<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Refused> {
        work(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).map_err(|error| {
            tracing::error!(%error, "the database failed");
            Refused(StatusCode::INTERNAL_SERVER_ERROR, "The request failed. Try again later.")
        })
    }
}

fn video(row: &rusqlite::Row<'_>) -> rusqlite::Result<Video> {
    Ok(Video { id: format!("vid_{}", row.get::<_, i64>(0)?), title: row.get(1)? })
}

pub(crate) async fn list(caller: Authenticated, videos: State<Videos>) -> Result<Json<Vec<Video>>, Refused> {
    videos.list(caller.account()).map(Json)
}

pub(crate) async fn show(
    caller: Authenticated,
    videos: State<Videos>,
    UrlPath(id): UrlPath<String>,
) -> Result<Json<Video>, Refused> {
    let number = id.strip_prefix("vid_").and_then(|number| number.parse().ok());
    let video = number.map_or(Ok(None), |number| videos.get(caller.account(), number))?;
    video.map(Json).ok_or(Refused(StatusCode::NOT_FOUND, "There is no such video."))
}

pub(crate) async fn create(
    caller: Authenticated,
    videos: State<Videos>,
    body: Result<Json<NewVideo>, axum::extract::rejection::JsonRejection>,
) -> Result<(StatusCode, Json<Video>), Refused> {
    let title = body.ok().map(|body| body.0.title).filter(|title| (1..=200).contains(&title.trim().chars().count()));
    let title =
        title.ok_or(Refused(StatusCode::BAD_REQUEST, "Invalid field `title`: expected 1 to 200 characters."))?;
    Ok((StatusCode::CREATED, Json(videos.add(caller.account(), &title)?)))
}
