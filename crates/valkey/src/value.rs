use keyward_core::Timestamp;
use keyward_core::store::{KeyRecord, KeyUse, StoreError};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) fn unavailable(error: redis::RedisError) -> StoreError {
    StoreError::unavailable(error)
}

pub(crate) fn parse<T: DeserializeOwned>(json: &str) -> Result<T, StoreError> {
    serde_json::from_str(json).map_err(StoreError::corrupt)
}

pub(crate) fn to_json(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(StoreError::corrupt)
}

/// As text: a script's numbers are not exact above 2⁵³.
pub(crate) fn parse_number(text: &str) -> Result<u64, StoreError> {
    text.parse().map_err(StoreError::corrupt)
}

/// The time, then the client's network if known.
pub(crate) fn used_value(used: &KeyUse) -> String {
    let millis = used.at.as_millis();
    used.from.map_or_else(|| millis.to_string(), |network| format!("{millis} {network}"))
}

pub(crate) fn with_use(mut key: KeyRecord, used: Option<&str>) -> Result<KeyRecord, StoreError> {
    if let Some(used) = used {
        let (millis, network) = used.split_once(' ').map_or((used, None), |(millis, network)| (millis, Some(network)));
        key.last_used_at = Some(Timestamp::from_millis(millis.parse().map_err(StoreError::corrupt)?));
        key.last_used_from = network.map(str::parse).transpose().map_err(StoreError::corrupt)?;
    }
    Ok(key)
}
