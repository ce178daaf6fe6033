//! The resources: names in memory, separate for each account.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use keyward::AccountId;
use keyward::axum::Scoped;
use serde::{Deserialize, Serialize};

use crate::{ResourcesRead, ResourcesWrite};

/// No account may fill the memory.
const MAX_RESOURCES: usize = 1_000;

#[derive(Clone, Default)]
pub(crate) struct Resources(Arc<Mutex<HashMap<AccountId, Vec<Resource>>>>);

#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct Resource {
    name: String,
}

pub(crate) async fn list(caller: Scoped<ResourcesRead>, State(resources): State<Resources>) -> Json<Vec<Resource>> {
    let resources = resources.0.lock().unwrap_or_else(PoisonError::into_inner);
    Json(resources.get(caller.account()).cloned().unwrap_or_default())
}

pub(crate) async fn create(
    caller: Scoped<ResourcesWrite>,
    State(resources): State<Resources>,
    Json(resource): Json<Resource>,
) -> Result<(StatusCode, Json<Resource>), StatusCode> {
    let mut resources = resources.0.lock().unwrap_or_else(PoisonError::into_inner);
    let own = resources.entry(caller.account().clone()).or_default();
    if own.len() >= MAX_RESOURCES {
        return Err(StatusCode::INSUFFICIENT_STORAGE);
    }
    own.push(resource.clone());
    Ok((StatusCode::CREATED, Json(resource)))
}
