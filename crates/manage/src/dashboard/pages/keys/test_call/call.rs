use std::time::Instant;

use keyward_core::log_limited;

use super::Called;
use crate::dashboard::example_client::{CallError, ExampleClient, SetBy};
use crate::dashboard::words;

const SHOWN: usize = 2_000;

pub(super) async fn call(client: &ExampleClient, url: &str, key: &str, set_by: SetBy) -> Result<Called, String> {
    let begun = Instant::now();
    let (status, body) = client.call(url, key, set_by).await.map_err(|error| {
        let why = match error {
            CallError::NoPublicAddress => words::keys::THE_URL_LEADS_TO_NO_PUBLIC_ADDRESS,
            CallError::NoAnswer => words::keys::NO_ANSWER_CAME_WITHIN_6_SECONDS,
            CallError::TooLarge => words::keys::THE_ANSWER_IS_TOO_LARGE,
            CallError::NoConnection(error) => {
                log_limited!(warn, %error, "a test call with a new key failed");
                words::keys::NO_CONNECTION_IS_POSSIBLE
            }
        };
        why.to_owned()
    })?;
    let text = String::from_utf8_lossy(&body);
    // A server may repeat the request. The page never shows the key again.
    let text = text.replace(key, words::keys::KEY_LEFT_OUT);
    let body: String = text.chars().take(SHOWN).collect();
    Ok(Called {
        status: status.as_u16(),
        reason: status.canonical_reason().unwrap_or_default(),
        millis: begun.elapsed().as_millis().max(1),
        is_cut: body.len() < text.len(),
        body,
    })
}
