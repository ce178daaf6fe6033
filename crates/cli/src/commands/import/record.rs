//! From a line of a file to the record of a key. No message repeats a value: it may be a key that should not be there.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use keyward_core::key::{Digest, Hasher, Hint, KeyKind};
use keyward_core::scope::Grant;
use keyward_core::store::KeyRecord;
use keyward_core::{CredentialId, Mode, ScopeSet, Timestamp};
use serde_json::{Map, Value};

use crate::arguments::HashFormat;

/// Milliseconds since 1970 have more digits than this number, seconds have not.
const LEAST_MILLIS: i64 = 100_000_000_000;

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

impl HashFormat {
    /// What the service has to hash presented keys with, to find those of this format.
    fn hasher(self) -> Hasher {
        match self {
            Self::PrefixedApiKey => Hasher::sha256_behind_last_underscore(),
            Self::Sha256Hex | Self::Sha256Base64 | Self::BetterAuth | Self::Unkey => Hasher::sha256(),
        }
    }

    fn read(self, hash: &str) -> Result<Digest, String> {
        let decode = |alphabet, what: &str| {
            GeneralPurpose::new(alphabet, LENIENT)
                .decode(hash)
                .map_err(|_| format!("the hash is not SHA-256 in {what}"))
        };
        let (bytes, what) = match self {
            Self::Sha256Hex | Self::PrefixedApiKey => {
                let what = "64 hexadecimal digits";
                (hex::decode(hash).map_err(|_| format!("the hash is not SHA-256 in {what}"))?, what)
            }
            Self::BetterAuth => (decode(&URL_SAFE, "base64url")?, "base64url"),
            Self::Unkey => (decode(&STANDARD, "base64")?, "base64"),
            Self::Sha256Base64 if hash.contains(['-', '_']) => (decode(&URL_SAFE, "base64")?, "base64"),
            Self::Sha256Base64 => (decode(&STANDARD, "base64")?, "base64"),
        };
        let bytes = bytes.try_into().map_err(|_| format!("the hash is not SHA-256 in {what}"))?;
        Ok(Digest::from_bytes(bytes))
    }
}

/// The record that a line asks for.
pub(super) fn record(fields: &Map<String, Value>, format: HashFormat, now: Timestamp) -> Result<KeyRecord, String> {
    let hash = text(fields, "hash")?.ok_or("it has no hash")?;
    let account = text(fields, "account")?.ok_or("it has no account")?;
    let scopes = scopes(fields)?;
    let kind = match text(fields, "kind")? {
        Some(kind) => kind.parse().map_err(|_| "the kind is secret, publishable or restricted")?,
        None if scopes.is_some() => KeyKind::Restricted,
        None => KeyKind::Secret,
    };
    let created_at = time(fields, "created_at")?.unwrap_or(now);
    let revoked_at = match fields.get("revoked") {
        None => None,
        Some(value) => match flag(value) {
            Some(true) => Some(now),
            Some(false) => None,
            None => Some(read_time(value).ok_or("revoked is true, false or a time")?),
        },
    };
    let disabled_at = match fields.get("enabled") {
        None => None,
        Some(value) => (!flag(value).ok_or("enabled is true or false")?).then_some(now),
    };
    Ok(KeyRecord {
        id: match text(fields, "id")? {
            Some(id) => id.parse().map_err(|error| format!("{error}"))?,
            None => CredentialId::generate(),
        },
        account: account.parse().map_err(|error| format!("the account: {error}"))?,
        name: text(fields, "name")?.map_or_else(|| "imported key".to_owned(), |name| name.trim().to_owned()),
        digest: format.read(hash.trim())?,
        hashed_with: format.hasher().name().into(),
        hint: hint(fields)?,
        kind,
        mode: match text(fields, "mode")? {
            Some(mode) => mode.parse().map_err(|_| "the mode is live or test")?,
            None => Mode::Live,
        },
        scopes: match (scopes, kind) {
            (Some(scopes), _) => scopes,
            (None, KeyKind::Restricted) => ScopeSet::default(),
            (None, KeyKind::Secret | KeyKind::Publishable) => ScopeSet::all(),
        },
        endpoints: Vec::new(),
        networks: Vec::new(),
        metadata: metadata(fields)?,
        created_at,
        not_before: time(fields, "not_before")?,
        expires_at: time(fields, "expires_at")?,
        disabled_at,
        revoked_at,
        compromised_at: None,
        last_used_at: time(fields, "last_used_at")?,
        last_used_from: None,
        rotated_from: None,
        rotated_to: None,
        version: 1,
    })
}

fn text(fields: &Map<String, Value>, name: &str) -> Result<Option<String>, String> {
    match fields.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(_) => Err(format!("{name} is not a text")),
    }
}

fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::Number(number) => {
            number.as_i64().and_then(|number| [false, true].get(usize::try_from(number).ok()?).copied())
        }
        Value::String(text) => match &*text.to_ascii_lowercase() {
            "true" | "t" | "yes" | "1" => Some(true),
            "false" | "f" | "no" | "0" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn time(fields: &Map<String, Value>, name: &str) -> Result<Option<Timestamp>, String> {
    let read = |value| {
        read_time(value).ok_or_else(|| {
            format!("{name} is neither a time such as 2027-01-01T00:00:00Z nor a number of milliseconds since 1970")
        })
    };
    fields.get(name).map(read).transpose()
}

fn read_time(value: &Value) -> Option<Timestamp> {
    let millis = match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => match text.parse() {
            Ok(at) => return Some(at),
            Err(_) => text.parse().ok(),
        },
        _ => None,
    };
    let millis = millis.filter(|millis| *millis >= LEAST_MILLIS)?;
    // Held within what a time can be; what had to be changed for that was none.
    Some(Timestamp::from_millis(millis)).filter(|at| at.as_millis() == millis)
}

/// As a list, or as text with spaces or commas between.
fn scopes(fields: &Map<String, Value>) -> Result<Option<ScopeSet>, String> {
    let Some(value) = fields.get("scopes") else { return Ok(None) };
    let unfit = || "a scope is written like resources:read".to_owned();
    let names: Vec<&str> = match value {
        Value::Array(names) => names.iter().map(Value::as_str).collect::<Option<_>>().ok_or_else(unfit)?,
        Value::String(names) => names.split([' ', ',']).filter(|name| !name.is_empty()).collect(),
        _ => return Err(unfit()),
    };
    let grants = names.into_iter().map(str::parse::<Grant>).collect::<Result<Vec<_>, _>>().map_err(|_| unfit())?;
    ScopeSet::new(grants).map(Some).map_err(|_| "there are too many scopes".to_owned())
}

/// An object, or one as text, as databases keep it.
fn metadata(fields: &Map<String, Value>) -> Result<Map<String, Value>, String> {
    let unfit = || "metadata is not a JSON object".to_owned();
    match fields.get("metadata") {
        None => Ok(Map::new()),
        Some(Value::Object(object)) => Ok(object.clone()),
        Some(Value::String(text)) => {
            serde_json::from_str::<Option<_>>(text).map(Option::unwrap_or_default).map_err(|_| unfit())
        }
        Some(_) => Err(unfit()),
    }
}

/// What may be shown of the key, as keyward writes it, or the key's beginning, of which 8 characters are kept.
fn hint(fields: &Map<String, Value>) -> Result<Hint, String> {
    let text = text(fields, "hint")?.unwrap_or_default();
    let hint = if text.contains('…') { text } else { text.chars().take(8).chain(['…']).collect() };
    hint.parse().map_err(|error| format!("{error}"))
}
