//! Forms that reveal a secret once. A double click counts as one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use keyward_core::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::form::Form;
use super::member::Member;
use crate::error::ManagementError;
use crate::records::new_id;
use crate::service::{Answer, IdempotentRequest, Management};

/// Too short to reload a page and confirm.
const DOUBLE_CLICK: Duration = Duration::from_secs(2);

pub(super) enum RevealedSecret<T> {
    Now(T),
    Before(T),
}

#[derive(Serialize, Deserialize)]
struct Kept<T> {
    at: Timestamp,
    value: T,
}

pub(super) fn new_form() -> Result<String, ManagementError> {
    new_id("form")
}

pub(super) async fn once<T, F>(member: &Member, form: &Form, operation: F) -> Result<RevealedSecret<T>, ManagementError>
where
    T: Serialize + DeserializeOwned + Send + 'static,
    F: Future<Output = Result<T, ManagementError>> + Send + 'static,
{
    let management = member.management().clone();
    let (actor, session) = (member.actor.clone(), member.session.clone());
    let (key, request) = (form.get("form_id").to_owned(), form.fingerprint(&member.visitor.path));
    let is_first = Arc::new(AtomicBool::new(false));
    let mark = Arc::clone(&is_first);
    let work = async move {
        let once = IdempotentRequest { actor: &actor, key: &key, request: &request, secret: session.as_bytes() };
        let at = management.now();
        management
            .once(once, async {
                mark.store(true, Ordering::Relaxed);
                let kept = Kept { at, value: operation.await? };
                let body = serde_json::to_string(&kept).map_err(|_| ManagementError::Internal)?;
                Ok(Answer { status: 200, version: None, body: Zeroizing::new(body) })
            })
            .await
    };
    let answer = Management::run_to_completion(work).await?;
    let kept: Kept<T> = serde_json::from_str(&answer.body).map_err(|_| ManagementError::Internal)?;
    let is_soon = member.management().now().saturating_since(kept.at) <= DOUBLE_CLICK;
    if is_first.load(Ordering::Relaxed) || is_soon {
        Ok(RevealedSecret::Now(kept.value))
    } else {
        Ok(RevealedSecret::Before(kept.value))
    }
}
