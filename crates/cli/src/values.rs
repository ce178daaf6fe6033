//! Parsers of values on the command line. Each error names the allowed values and an example.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use keyward_core::key::KeyKind;
use keyward_core::scope::Grant;
use keyward_core::store::{KeyStatus, RevocationReason};
use keyward_core::{CredentialId, Mode, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value};

const DURATION: &str = "expected a duration such as 90d, 24h or 1h30m";

/// Parses a duration such as `90d`, `24h` or `1h30m`. A day has 24 hours.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let span: jiff::Span = text.parse().map_err(|_| DURATION)?;
    if span.is_negative() {
        return Err(format!("the duration is negative: {DURATION}"));
    }
    if span.get_months() != 0 || span.get_years() != 0 {
        return Err(format!("months and years have no fixed length: {DURATION}"));
    }
    let too_long = |_: jiff::Error| format!("the duration is too long: {DURATION}");
    let duration = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).map_err(too_long)?;
    duration.try_into().map_err(too_long)
}

/// Parses a time, or a day such as `2027-12-01`, which stands for its start in UTC.
pub(crate) fn time(text: &str) -> Result<Timestamp, String> {
    let day = text.len() == "2027-12-01".len() && text.parse::<jiff::civil::Date>().is_ok();
    if day {
        return format!("{text}T00:00:00Z")
            .parse()
            .map_err(|_| format!("invalid day {text:?}: expected one from 1970"));
    }
    text.parse().map_err(|error| format!("{error}, or a day such as 2026-03-01"))
}

/// Parses the id of a key.
pub(crate) fn key_id(text: &str) -> Result<CredentialId, String> {
    text.parse()
        .map_err(|_| "expected the id of a key, which has no spaces: keyward keys list shows the ids".to_owned())
}

/// Parses the number of keys that an account may have.
pub(crate) fn keys(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("expected a whole number of keys from 0 to {}, such as 100", u32::MAX))
}

/// From a minute to 100 years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Lifetime(u32);

impl Lifetime {
    pub(crate) fn seconds(self) -> u32 {
        self.0
    }

    pub(crate) fn length(self) -> Duration {
        Duration::from_secs(self.0.into())
    }
}

impl TryFrom<String> for Lifetime {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        lifetime(&text)
    }
}

/// Parses a lifetime of keys, such as `90d`.
pub(crate) fn lifetime(text: &str) -> Result<Lifetime, String> {
    let seconds = duration(text)?.as_secs();
    let seconds = u32::try_from(seconds).ok().filter(|seconds| (60..=3_153_600_000).contains(seconds));
    seconds
        .map(Lifetime)
        .ok_or_else(|| format!("invalid lifetime `{text}`: expected a minute to 36500 days, such as 90d"))
}

/// Parses a name and a text, such as `team=search`, or a JSON object.
pub(crate) fn metadata(text: &str) -> Result<Map<String, Value>, String> {
    let expected = r#"expected a name and a text, such as team=search, or a JSON object, such as '{"team":"search"}'"#;
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(text).map_err(|_| expected.to_owned());
    }
    let (name, text) = pair(text).map_err(|_| expected)?;
    Ok(Map::from_iter([(name, text.into())]))
}

/// Parses a name and a text, such as `team=search`.
pub(crate) fn pair(text: &str) -> Result<(String, String), String> {
    let (name, text) = text.split_once('=').ok_or("expected a name and a text, such as team=search")?;
    Ok((name.to_owned(), text.to_owned()))
}

pub(crate) fn grant(text: &str) -> Result<Grant, String> {
    text.parse().map_err(|error| format!("{error}. For several scopes, repeat --scope"))
}

pub(crate) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "expected an IP address and a port, such as 127.0.0.1:8080 or [::1]:8080".to_owned())
}

pub(crate) fn positive(text: &str) -> Result<NonZeroU32, String> {
    text.parse().map_err(|_| "expected a whole number of at least 1, such as 100".to_owned())
}

pub(crate) fn limit(text: &str) -> Result<usize, String> {
    Ok(positive(text)?.get() as usize)
}

/// Checks an e-mail address roughly, before the program opens a database. The management service checks the rest.
pub(crate) fn email(text: &str) -> Result<String, String> {
    match text.trim().rsplit_once('@') {
        Some((local, domain)) if !local.is_empty() && !domain.is_empty() => Ok(text.to_owned()),
        _ => Err("expected an e-mail address such as ada@example.com".to_owned()),
    }
}

pub(crate) fn kind() -> impl TypedValueParser<Value = KeyKind> {
    one_of(KeyKind::ALL.map(KeyKind::as_str))
}

pub(crate) fn mode() -> impl TypedValueParser<Value = Mode> {
    one_of(Mode::ALL.map(Mode::as_str))
}

pub(crate) fn status() -> impl TypedValueParser<Value = KeyStatus> {
    one_of(KeyStatus::ALL.map(KeyStatus::as_str))
}

pub(crate) fn reason() -> impl TypedValueParser<Value = RevocationReason> {
    one_of(RevocationReason::ALL.map(RevocationReason::as_str))
}

/// Parses one of these names. The help and errors list them.
fn one_of<T, const N: usize>(names: [&'static str; N]) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static> + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(names).try_map(|name| name.parse::<T>())
}
