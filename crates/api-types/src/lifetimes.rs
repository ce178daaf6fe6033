use std::time::Duration;

use keyward_core::Timestamp;
use keyward_core::lifecycle::length_text;
use serde::{Deserialize, Serialize};

use crate::strict::whole_or_null;

const UNITS: [(char, u32); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// Reads a length of time such as `90d`, `12h`, `30m` or `60s`, in seconds.
///
/// # Examples
/// ```
/// use keyward_api_types::{parse_seconds, write_seconds};
///
/// assert_eq!(parse_seconds("12h"), Some(43_200));
/// assert_eq!(write_seconds(43_200), "12h");
/// assert_eq!(parse_seconds("1y"), None);
/// ```
#[must_use]
pub fn parse_seconds(text: &str) -> Option<u32> {
    UNITS.iter().find_map(|(unit, seconds)| {
        let number: u32 = text.strip_suffix(*unit)?.parse().ok()?;
        number.checked_mul(*seconds)
    })
}

/// Writes what [`parse_seconds`] reads, in the largest whole unit.
#[must_use]
pub fn write_seconds(seconds: u32) -> String {
    let unit = UNITS.into_iter().find(|(_, unit)| seconds.is_multiple_of(*unit));
    let (unit, length) = unit.unwrap_or(('s', 1));
    format!("{}{unit}", seconds / length)
}

/// The lifetimes of new keys that a plan or an account sets. They replace those that were set. An empty object removes them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PutLifetimes {
    /// Lifetime of a key without a requested expiry.
    #[cfg_attr(feature = "utoipa", schema(minimum = 60, maximum = 3_153_600_000_i64))]
    #[serde(default, deserialize_with = "whole_or_null")]
    pub default_seconds: Option<u32>,
    /// The longest lifetime of a key.
    #[cfg_attr(feature = "utoipa", schema(minimum = 60, maximum = 3_153_600_000_i64))]
    #[serde(default, deserialize_with = "whole_or_null")]
    pub maximum_seconds: Option<u32>,
}

/// The lifetimes that hold for new keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct EffectiveLifetimes {
    /// Lifetime of a key without a requested expiry. Null if such a key never expires.
    pub default_seconds: Option<u64>,
    /// The longest lifetime of a key. Null without a maximum.
    pub maximum_seconds: Option<u64>,
}

/// The lifetimes that a plan or an account sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Lifetimes {
    /// Lifetime of a key without a requested expiry, if set here.
    pub default_seconds: Option<u32>,
    /// The longest lifetime of a key, if set here.
    pub maximum_seconds: Option<u32>,
    /// The lifetimes that hold, together with the settings of the account's plan and of the server.
    pub effective: EffectiveLifetimes,
    /// Version, for updates. 0 if nothing was set. Each change increments it.
    pub version: u64,
}

impl Lifetimes {
    /// Returns a label and a text for what is set here and for what holds.
    ///
    /// # Examples
    /// ```
    /// # use keyward_api_types::{EffectiveLifetimes, Lifetimes};
    /// let effective = EffectiveLifetimes { default_seconds: Some(7_776_000), maximum_seconds: Some(31_536_000) };
    /// let lifetimes = Lifetimes { default_seconds: Some(7_776_000), maximum_seconds: None, effective, version: 1 };
    /// assert_eq!(lifetimes.lines(), [
    ///     ("Own settings", "default 90 days".to_owned()),
    ///     ("Default", "90 days".to_owned()),
    ///     ("Maximum", "365 days".to_owned()),
    /// ]);
    /// ```
    #[must_use]
    pub fn lines(&self) -> Vec<(&'static str, String)> {
        let text = |seconds: u64| length_text(Duration::from_secs(seconds));
        let own = [("default", self.default_seconds), ("maximum", self.maximum_seconds)];
        let own: Vec<String> =
            own.iter().filter_map(|(name, seconds)| Some(format!("{name} {}", text((*seconds)?.into())))).collect();
        let own = if own.is_empty() { "none".to_owned() } else { own.join(", ") };
        let EffectiveLifetimes { default_seconds, maximum_seconds } = self.effective;
        vec![
            ("Own settings", own),
            ("Default", default_seconds.map_or_else(|| "no expiry".to_owned(), text)),
            ("Maximum", maximum_seconds.map_or_else(|| "none".to_owned(), text)),
        ]
    }
}

impl From<Lifetimes> for PutLifetimes {
    fn from(lifetimes: Lifetimes) -> Self {
        Self { default_seconds: lifetimes.default_seconds, maximum_seconds: lifetimes.maximum_seconds }
    }
}

/// The effect that a rotation of a key would have now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct RotationPreview {
    /// Expiry of the successor, unless the rotation chooses another. Null means never.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, format = DateTime))]
    pub expires_at: Option<Timestamp>,
    /// The latest expiry that a rotation by this caller can choose. Null means that it can choose never.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, format = DateTime))]
    pub latest_expires_at: Option<Timestamp>,
}
