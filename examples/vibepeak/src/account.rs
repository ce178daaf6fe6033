use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use keyward::axum::Authenticated;
use keyward::lifecycle::KeysError;
use keyward::policy::Modal;
use keyward::store::WriteRefused;
use keyward::{AccountId, PeerAddress};
use rusqlite::{Connection, OptionalExtension};
use serde::Deserialize;
use serde_json::json;

use crate::Service;
use crate::refused::Asked;

pub(crate) const TASK_CREDITS: i64 = 10;

#[derive(Clone)]
pub(crate) struct Accounts(Arc<Mutex<Connection>>);

impl Accounts {
    pub(crate) fn open(file: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open(file)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.execute_batch(
            "CREATE TABLE IF NOT EXISTS credits \
             (account TEXT PRIMARY KEY, credits INTEGER NOT NULL CHECK (credits >= 0), webhook_secret TEXT NOT NULL) STRICT",
        )?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    pub(crate) fn put(&self, account: &AccountId, credits: i64, webhook_secret: &str) -> rusqlite::Result<()> {
        self.with(|connection| {
            connection.execute(
                "INSERT INTO credits VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
                (account.as_str(), credits, webhook_secret),
            )
        })?;
        Ok(())
    }

    pub(crate) fn get(&self, account: &AccountId) -> rusqlite::Result<Option<(i64, String)>> {
        self.with(|connection| {
            connection
                .prepare_cached("SELECT credits, webhook_secret FROM credits WHERE account = ?1")?
                .query_row([account.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()
        })
    }

    /// Returns `true` if the account had enough credits.
    pub(crate) fn charge(&self, account: &AccountId) -> rusqlite::Result<bool> {
        self.with(|connection| {
            connection.execute(
                "UPDATE credits SET credits = credits - ?2 WHERE account = ?1 AND credits >= ?2",
                (account.as_str(), TASK_CREDITS),
            )
        })
        .map(|charged| charged == 1)
    }

    fn with<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        work(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

pub(crate) async fn show(caller: Authenticated, State(service): State<Service>, asked: Asked) -> Response {
    let (permits, livemode) = match service.permits.of(&caller) {
        Modal::Live(permits) => (permits.into_inner(), true),
        Modal::Test(permits) => (permits.into_inner(), false),
    };
    let in_flight = match permits.in_flight(caller.account()).await {
        Ok(in_flight) => in_flight,
        Err(rejection) => return asked.rejected(rejection),
    };
    match service.accounts.get(caller.account()) {
        Ok(found) => {
            let (credits, webhook_secret) = found.unwrap_or_default();
            Json(json!({
                "account": caller.account(),
                "plan": caller.plan(),
                "credits": credits,
                "tasks_in_flight": in_flight,
                "concurrent_tasks": permits.limit(caller.plan()),
                "webhook_secret": webhook_secret,
                "livemode": livemode,
            }))
            .into_response()
        }
        Err(error) => asked.failed(&error),
    }
}

#[derive(Deserialize)]
pub(crate) struct PlanChange {
    account: String,
    plan: String,
}

/// For demonstrations: needs no key, so it exists only with demo data, and only for this machine.
pub(crate) async fn change_plan(
    State(service): State<Service>,
    asked: Asked,
    peer: Option<axum::Extension<PeerAddress>>,
    Json(change): Json<PlanChange>,
) -> Response {
    if !peer.is_some_and(|peer| peer.0.0.ip().to_canonical().is_loopback()) {
        return asked.not_found("There is no such endpoint.");
    }
    // The id, or the name of the account's demo key.
    let ids = [change.account.clone(), format!("acct_{}", change.account)];
    for id in ids.iter().filter_map(|id| id.parse::<AccountId>().ok()) {
        match service.keys.set_plan(&id, Some(&change.plan)).await {
            Ok(_) => return Json(json!({"account": id, "plan": change.plan})).into_response(),
            Err(KeysError::Denied(WriteRefused::NoSuchAccount)) => {}
            Err(_) => return asked.rejected(keyward::Rejection::StoreUnavailable),
        }
    }
    asked.not_found("There is no such account.")
}
