//! No message repeats a value, because it may be a key.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use clap::ValueEnum;
use keyward_core::key::{Digest, Hasher, Hint, KeyKind};
use keyward_core::scope::Grant;
use keyward_core::store::{Creator, KeyRecord, Revocation};
use keyward_core::tags::Tags;
use keyward_core::{CredentialId, Mode, ScopeSet, Timestamp};
use serde_json::{Map, Value};

/// Smaller numbers are seconds since 1970, not milliseconds.
const MIN_MILLIS: i64 = 100_000_000_000;

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// How another system hashes its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum HashFormat {
    /// SHA-256 of the key, as 64 hexadecimal digits.
    Sha256Hex,
    /// SHA-256 of the key in base64, in either alphabet, with or without padding.
    Sha256Base64,
    /// The api-key plugin of better-auth: SHA-256 of the key in base64url without padding.
    BetterAuth,
    /// Unkey: SHA-256 of the key in base64.
    Unkey,
    /// prefixed-api-key: SHA-256 of the long token, which follows the last underscore, in hexadecimal.
    PrefixedApiKey,
}

impl HashFormat {
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
                .map_err(|_| format!("invalid hash: expected SHA-256 in {what}"))
        };
        let (bytes, what) = match self {
            Self::Sha256Hex | Self::PrefixedApiKey => {
                let what = "64 hexadecimal digits";
                (hex::decode(hash).map_err(|_| format!("invalid hash: expected SHA-256 in {what}"))?, what)
            }
            Self::BetterAuth => (decode(&URL_SAFE, "base64url")?, "base64url"),
            Self::Unkey => (decode(&STANDARD, "base64")?, "base64"),
            Self::Sha256Base64 if hash.contains(['-', '_']) => (decode(&URL_SAFE, "base64")?, "base64"),
            Self::Sha256Base64 => (decode(&STANDARD, "base64")?, "base64"),
        };
        let bytes = bytes.try_into().map_err(|_| format!("invalid hash: expected SHA-256 in {what}"))?;
        Ok(Digest::from_bytes(bytes))
    }
}

pub(super) fn record(fields: &Map<String, Value>, format: HashFormat, now: Timestamp) -> Result<KeyRecord, String> {
    let hash = text(fields, "hash")?.ok_or("the hash is missing")?;
    let account = text(fields, "account")?.ok_or("the account is missing")?;
    let scopes = scopes(fields)?;
    let kind = match text(fields, "kind")? {
        Some(kind) => kind.parse().map_err(|_| "invalid kind: expected secret, publishable or restricted")?,
        None if scopes.is_some() => KeyKind::Restricted,
        None => KeyKind::Secret,
    };
    let created_at = time(fields, "created_at")?.unwrap_or(now);
    let revoked_at = match fields.get("revoked") {
        None => None,
        Some(value) => match flag(value) {
            Some(true) => Some(now),
            Some(false) => None,
            None => Some(read_time(value).ok_or("invalid revoked: expected true, false or a time")?),
        },
    };
    let disabled_at = match fields.get("enabled") {
        None => None,
        Some(value) => (!flag(value).ok_or("invalid enabled: expected true or false")?).then_some(now),
    };
    Ok(KeyRecord {
        id: match text(fields, "id")? {
            Some(id) => id.parse().map_err(|error| format!("{error}"))?,
            None => CredentialId::generate(),
        },
        account: account.parse().map_err(|error| format!("invalid account: {error}"))?,
        name: text(fields, "name")?.map_or_else(|| "imported key".to_owned(), |name| name.trim().to_owned()),
        digest: format.read(hash.trim())?,
        hashed_with: format.hasher().name().into(),
        hint: hint(fields)?,
        kind,
        mode: match text(fields, "mode")? {
            Some(mode) => mode.parse().map_err(|_| "invalid mode: expected live or test")?,
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
        user: match text(fields, "user")? {
            Some(user) => Some(user.parse().map_err(|error| format!("invalid user: {error}"))?),
            None => None,
        },
        created_by: Some(Creator::Import("command line".into())),
        revocation: revoked_at.map(|_| Revocation::default()),
        tags: Tags::default(),
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
        Some(_) => Err(format!("invalid {name}: expected text")),
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
            format!("invalid {name}: expected a time such as 2027-01-01T00:00:00Z, or milliseconds since 1970")
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
    let millis = millis.filter(|millis| *millis >= MIN_MILLIS)?;
    // from_millis clamps a number that is no time.
    Some(Timestamp::from_millis(millis)).filter(|at| at.as_millis() == millis)
}

/// A list, or text with spaces or commas.
fn scopes(fields: &Map<String, Value>) -> Result<Option<ScopeSet>, String> {
    let Some(value) = fields.get("scopes") else { return Ok(None) };
    let invalid = || "invalid scopes: expected scopes such as resources:read".to_owned();
    let names: Vec<&str> = match value {
        Value::Array(names) => names.iter().map(Value::as_str).collect::<Option<_>>().ok_or_else(invalid)?,
        Value::String(names) => names.split([' ', ',']).filter(|name| !name.is_empty()).collect(),
        _ => return Err(invalid()),
    };
    let grants = names.into_iter().map(str::parse::<Grant>).collect::<Result<Vec<_>, _>>().map_err(|_| invalid())?;
    ScopeSet::new(grants).map(Some).map_err(|_| "invalid scopes: too many".to_owned())
}

/// An object, or JSON text.
fn metadata(fields: &Map<String, Value>) -> Result<Map<String, Value>, String> {
    let invalid = || "invalid metadata: expected a JSON object".to_owned();
    match fields.get("metadata") {
        None => Ok(Map::new()),
        Some(Value::Object(object)) => Ok(object.clone()),
        Some(Value::String(text)) => {
            serde_json::from_str::<Option<_>>(text).map(Option::unwrap_or_default).map_err(|_| invalid())
        }
        Some(_) => Err(invalid()),
    }
}

/// A hint of keyward, or the first 8 characters of the key.
fn hint(fields: &Map<String, Value>) -> Result<Hint, String> {
    let text = text(fields, "hint")?.unwrap_or_default();
    let hint = if text.contains('…') { text } else { text.chars().take(8).chain(['…']).collect() };
    hint.parse().map_err(|error| format!("{error}"))
}
