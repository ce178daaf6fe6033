use std::time::Instant;

use keyward_core::log_limited;

use super::Called;
use crate::dashboard::words;
use crate::outbound::{AskError, Outbound};

const SHOWN: usize = 2_000;

pub(super) async fn call(url: &str, key: &str) -> Result<Called, String> {
    let client = Outbound::new(url).map_err(|error| error.to_string())?;
    let begun = Instant::now();
    let answer = client.get_with_bearer(url, key).await.map_err(|error| match error {
        AskError::TooLarge | AskError::Status(_) => error.to_string(),
        AskError::Client(error) => {
            log_limited!(warn, %error, "a test call with a new key failed");
            let why = if error.is_timeout() {
                words::keys::NO_ANSWER_CAME_WITHIN_6_SECONDS
            } else {
                words::keys::NO_CONNECTION_IS_POSSIBLE
            };
            why.to_owned()
        }
    })?;
    let text = String::from_utf8_lossy(answer.body());
    // A server may repeat the request. The page never shows the key again.
    let text = text.replace(key, words::keys::KEY_LEFT_OUT);
    let body: String = text.chars().take(SHOWN).collect();
    Ok(Called {
        status: answer.status().as_u16(),
        reason: answer.status().canonical_reason().unwrap_or_default(),
        millis: begun.elapsed().as_millis().max(1),
        is_cut: body.len() < text.len(),
        body,
    })
}
