//! Tasks, which run after the answer. Live and test tasks are separate.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path as UrlPath, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use keyward::axum::Authenticated;
use keyward::limits::{Permit, TaskPermits};
use keyward::policy::{InMode, Modal, ModeType};
use keyward::{AccountId, Identity};
use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Service;
use crate::account::TASK_CREDITS;
use crate::refused::Asked;
use crate::webhook;

const MAX_PROMPT: usize = 2_000;

#[derive(Clone)]
pub(crate) struct Tasks {
    connection: Arc<Mutex<Connection>>,
    table: &'static str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTask {
    prompt: Option<String>,
    webhook_url: Option<String>,
    test_scenario: Option<Scenario>,
}

#[derive(Clone, Copy, Default, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Scenario {
    #[default]
    Success,
    Failure,
    Slow,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Queued,
    Processing,
    Completed,
    Failed,
}

impl Status {
    fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Processing => "processing",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }
}

impl Tasks {
    pub(crate) fn open(file: &Path, table: &'static str) -> rusqlite::Result<Self> {
        let connection = Connection::open(file)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.execute_batch(&format!(
            "CREATE TABLE IF NOT EXISTS {table} \
             (id TEXT PRIMARY KEY, account TEXT NOT NULL, prompt TEXT NOT NULL, status TEXT NOT NULL, result TEXT) STRICT"
        ))?;
        // Tasks that ran when the service last stopped have ended with it.
        connection
            .execute(&format!("UPDATE {table} SET status = 'failed' WHERE status IN ('queued', 'processing')"), [])?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)), table })
    }

    fn add(&self, id: &str, account: &AccountId, prompt: &str) -> rusqlite::Result<()> {
        let sql = format!("INSERT INTO {} (id, account, prompt, status) VALUES (?1, ?2, ?3, 'queued')", self.table);
        self.with(|connection| connection.execute(&sql, (id, account.as_str(), prompt)))?;
        Ok(())
    }

    fn set(&self, id: &str, status: Status, result: Option<&Value>) -> rusqlite::Result<()> {
        let sql = format!("UPDATE {} SET status = ?2, result = ?3 WHERE id = ?1", self.table);
        self.with(|connection| connection.execute(&sql, (id, status.as_str(), result.map(Value::to_string))))?;
        Ok(())
    }

    fn get(&self, id: &str, account: &AccountId) -> rusqlite::Result<Option<(String, Option<String>)>> {
        let sql = format!("SELECT status, result FROM {} WHERE id = ?1 AND account = ?2", self.table);
        self.with(|connection| {
            connection.query_row(&sql, (id, account.as_str()), |row| Ok((row.get(0)?, row.get(1)?))).optional()
        })
    }

    fn with<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        work(&self.connection.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

pub(crate) async fn create(
    caller: Authenticated,
    State(service): State<Service>,
    asked: Asked,
    body: Result<Json<NewTask>, JsonRejection>,
) -> Response {
    let new = match body {
        Ok(Json(new)) => new,
        Err(error) => return asked.invalid(error.body_text()),
    };
    // The tables and permits of each mode have separate types, so a test task cannot reach live data.
    match (service.tasks.of(&caller), service.permits.of(&caller)) {
        (Modal::Live(tasks), Modal::Live(permits)) => begin(&service, &caller, &asked, new, tasks, permits).await,
        (Modal::Test(tasks), Modal::Test(permits)) => begin(&service, &caller, &asked, new, tasks, permits).await,
        (Modal::Live(_), Modal::Test(_)) | (Modal::Test(_), Modal::Live(_)) => {
            asked.refused(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR", "The modes of tasks and permits differ.")
        }
    }
}

async fn begin<M: ModeType>(
    service: &Service,
    caller: &Identity,
    asked: &Asked,
    new: NewTask,
    tasks: InMode<M, &Tasks>,
    permits: InMode<M, &TaskPermits>,
) -> Response {
    let livemode = tasks.livemode();
    let prompt = match new.prompt.as_deref().map(str::trim) {
        Some(prompt) if (1..=MAX_PROMPT).contains(&prompt.chars().count()) => prompt.to_owned(),
        // The provider's page does not describe the body, so the prompt is optional.
        None => "a video".to_owned(),
        Some(_) => return asked.invalid("Invalid field `prompt`: expected 1 to 2,000 characters."),
    };
    if livemode && new.test_scenario.is_some() {
        return asked.invalid("Invalid field `test_scenario`: use it only with a test key.");
    }
    let webhook_url = match new.webhook_url.as_deref().map(webhook::target).transpose() {
        Ok(url) => url,
        Err(message) => return asked.invalid(message),
    };
    let permit = match permits.acquire(caller).await {
        Ok(permit) => permit,
        Err(rejection) => return asked.rejected(rejection),
    };
    if livemode {
        match service.accounts.charge(caller.account()) {
            Ok(true) => {}
            Ok(false) => {
                let message = "The account has too few credits for a live task. Buy credits, or use a test key.";
                return asked.refused(StatusCode::PAYMENT_REQUIRED, "INSUFFICIENT_CREDITS", message);
            }
            Err(error) => return asked.failed(&error),
        }
    }
    let id = format!("task_{}", &permit.id().as_str()[4..]);
    if let Err(error) = tasks.add(&id, caller.account(), &prompt) {
        return asked.failed(&error);
    }
    let answer = json!({"id": id, "status": Status::Queued, "livemode": livemode});
    let task = Task {
        id,
        account: caller.account().clone(),
        livemode,
        scenario: new.test_scenario.unwrap_or_default(),
        webhook_url,
        tasks: tasks.map(Clone::clone),
        service: service.clone(),
    };
    tokio::spawn(task.run(permit));
    (StatusCode::ACCEPTED, Json(answer)).into_response()
}

struct Task<M: ModeType> {
    id: String,
    account: AccountId,
    livemode: bool,
    scenario: Scenario,
    webhook_url: Option<Uri>,
    tasks: InMode<M, Tasks>,
    service: Service,
}

impl<M: ModeType> Task<M> {
    async fn run(self, permit: Permit) {
        let outcome = self.work().await;
        if let Err(error) = &outcome {
            tracing::error!(%error, task = self.id, "cannot write the state of a task");
        }
        // The account may start its next task before the webhook is delivered.
        drop(permit);
        if let (Some(url), Ok((status, result))) = (&self.webhook_url, outcome) {
            let secret = self.service.accounts.get(&self.account).ok().flatten().map(|(_, secret)| secret);
            let data = json!({"id": self.id, "status": status, "livemode": self.livemode, "result": result});
            webhook::deliver(url, &secret.unwrap_or_default(), status.as_str(), &data).await;
        }
    }

    async fn work(&self) -> rusqlite::Result<(Status, Option<Value>)> {
        self.tasks.set(&self.id, Status::Processing, None)?;
        // Simulates the work: a sample is quick, a live video is slow.
        let takes = match (self.livemode, self.scenario) {
            (true, _) | (false, Scenario::Slow) => Duration::from_secs(5),
            (false, _) => Duration::from_millis(200),
        };
        tokio::time::sleep(takes).await;
        let (status, result) = if self.scenario == Scenario::Failure {
            (Status::Failed, None)
        } else {
            let name = if self.livemode { self.id.as_str() } else { "sample" };
            let video = json!({"video_url": format!("/videos/{name}.mp4"), "watermarked": !self.livemode});
            (Status::Completed, Some(video))
        };
        self.tasks.set(&self.id, status, result.as_ref())?;
        Ok((status, result))
    }
}

pub(crate) async fn show(
    caller: Authenticated,
    State(service): State<Service>,
    asked: Asked,
    UrlPath(id): UrlPath<String>,
) -> Response {
    let (found, livemode) = match service.tasks.of(&caller) {
        Modal::Live(tasks) => (tasks.get(&id, caller.account()), true),
        Modal::Test(tasks) => (tasks.get(&id, caller.account()), false),
    };
    match found {
        Ok(Some((status, result))) => {
            let result: Option<Value> = result.and_then(|result| serde_json::from_str(&result).ok());
            let charged = if livemode { TASK_CREDITS } else { 0 };
            let task =
                json!({"id": id, "status": status, "livemode": livemode, "result": result, "credits_charged": charged});
            Json(task).into_response()
        }
        Ok(None) => asked.not_found("There is no such task."),
        Err(error) => asked.failed(&error),
    }
}
