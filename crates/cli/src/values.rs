use std::time::Duration;

use serde_json::{Map, Value};

/// Such as `90d`, `24h` or `1h30m`. A day has 24 hours.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let invalid = |error: jiff::Error| format!("{error}; write it like 90d, 24h or 1h30m");
    let span: jiff::Span = text.parse().map_err(invalid)?;
    let duration = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).map_err(invalid)?;
    duration.try_into().map_err(invalid)
}

pub(crate) fn json_object(text: &str) -> Result<Map<String, Value>, serde_json::Error> {
    serde_json::from_str(text)
}
