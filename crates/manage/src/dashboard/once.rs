//! Forms that give a secret to be shown once: a form has one effect however often it is sent, and its answer comes once.
//!
//! The one exception is the second click of a double click. The browser drops the answer to the first, so whoever sends the same form
//! within moments, with the same session, gets the same answer.

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
use crate::service::{Answer, IdempotentRequest};

/// How far apart the two clicks can be. Longer than anybody's double click, and shorter than it takes to reload a page and to
/// confirm that the form is to be sent again.
const DOUBLE_CLICK: Duration = Duration::from_secs(2);

/// What came of a form.
pub(super) enum Shown<T> {
    /// To be shown, this once.
    Now(T),
    /// It was shown before; what is left is what it is about.
    Before(T),
}

#[derive(Serialize, Deserialize)]
struct Kept<T> {
    at: Timestamp,
    value: T,
}

/// The id of a form that is being made.
pub(super) fn new_form() -> Result<String, ManagementError> {
    new_id("form")
}

/// Does what a form asks for, once. It is done to its end even if the browser does not wait for it.
pub(super) async fn once<T, F>(member: &Member, form: &Form, operation: F) -> Result<Shown<T>, ManagementError>
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
    let answer = tokio::spawn(work).await.map_err(|_| ManagementError::Internal)??;
    let kept: Kept<T> = serde_json::from_str(&answer.body).map_err(|_| ManagementError::Internal)?;
    let is_soon = member.management().now().saturating_since(kept.at) <= DOUBLE_CLICK;
    if is_first.load(Ordering::Relaxed) || is_soon { Ok(Shown::Now(kept.value)) } else { Ok(Shown::Before(kept.value)) }
}
