//! Forms that reveal a secret once. A double click counts as one.

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
    T: Serialize + DeserializeOwned + Send,
    F: Future<Output = Result<T, ManagementError>> + Send,
{
    let management = member.management();
    let (key, request, secret) =
        (form.get("form_id"), form.fingerprint(&member.visitor.path), member.session.as_bytes());
    let once = IdempotentRequest { actor: &member.actor, key, request: &request, secret };
    let (at, mut is_first) = (management.now(), false);
    let work = async {
        is_first = true;
        let kept = Kept { at, value: operation.await? };
        let body = serde_json::to_string(&kept).map_err(|_| ManagementError::Internal)?;
        Ok(Answer { status: 200, version: None, body: Zeroizing::new(body) })
    };
    let answer = management.once(once, work).await?;
    let kept: Kept<T> = serde_json::from_str(&answer.body).map_err(|_| ManagementError::Internal)?;
    let is_soon = management.now().saturating_since(kept.at) <= DOUBLE_CLICK;
    if is_first || is_soon { Ok(RevealedSecret::Now(kept.value)) } else { Ok(RevealedSecret::Before(kept.value)) }
}
