#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use http::{HeaderName, HeaderValue};
use keyward_core::{CredentialKind, Identity};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// Gateways that remove headers by pattern rely on it.
#[cfg(feature = "envoy")]
pub(crate) const PREFIX: &str = "keyward-";

const KEY_ID: HeaderName = HeaderName::from_static("keyward-key-id");
const ACCOUNT: HeaderName = HeaderName::from_static("keyward-account");
const MODE: HeaderName = HeaderName::from_static("keyward-mode");
const KIND: HeaderName = HeaderName::from_static("keyward-kind");
const SCOPES: HeaderName = HeaderName::from_static("keyward-scopes");
const PLAN: HeaderName = HeaderName::from_static("keyward-plan");

/// The headers that give a backend the caller's identity. A gateway removes each from its clients' requests.
///
/// | header | value |
/// | --- | --- |
/// | `Keyward-Key-Id` | the id of the key or the access token |
/// | `Keyward-Account` | the account's id |
/// | `Keyward-Mode` | `live` or `test` |
/// | `Keyward-Kind` | `secret`, `publishable`, `restricted` or `access_token` |
/// | `Keyward-Scopes` | the granted scopes, separated by spaces |
/// | `Keyward-Plan` | the account's plan; characters other than visible ASCII and spaces are percent-encoded |
///
/// keyward sends all of them. An empty one overwrites a client's header.
///
/// # Examples
/// ```
/// assert!(keyward::gateway::IDENTITY_HEADERS.contains(&http::HeaderName::from_static("keyward-account")));
/// ```
pub const IDENTITY_HEADERS: [HeaderName; 6] = [KEY_ID, ACCOUNT, MODE, KIND, SCOPES, PLAN];

/// Includes `%`, so that decoding is unambiguous.
const NOT_IN_A_FIELD: &AsciiSet = &CONTROLS.add(b'%');

pub(crate) fn kind_name(kind: CredentialKind) -> &'static str {
    kind.key_kind().map_or("access_token", |kind| kind.as_str())
}

pub(crate) fn identity_headers(identity: Option<&Identity>) -> [(HeaderName, HeaderValue); 6] {
    let value = |text: &dyn Fn(&Identity) -> String| {
        let text = identity.map(text).unwrap_or_default();
        let text = utf8_percent_encode(&text, NOT_IN_A_FIELD).to_string();
        HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
    };
    [
        (KEY_ID, value(&|identity| identity.id().to_string())),
        (ACCOUNT, value(&|identity| identity.account().to_string())),
        (MODE, value(&|identity| identity.mode().to_string())),
        (KIND, value(&|identity| kind_name(identity.kind()).to_owned())),
        (SCOPES, value(&|identity| identity.scopes().to_string())),
        (PLAN, value(&|identity| identity.plan().unwrap_or_default().to_owned())),
    ]
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // An unwrap is an assertion here.
mod tests {
    use super::*;

    #[test]
    fn any_plan_name_is_encoded_into_its_header() {
        for (plan, written) in [
            ("Pro", "Pro"),
            ("Pro plus", "Pro plus"),
            ("a\r\nKeyward-Scopes: *", "a%0D%0AKeyward-Scopes: *"),
            ("größer", "gr%C3%B6%C3%9Fer"),
            ("100%", "100%25"),
        ] {
            let identity = Identity::api_key("key_1".parse().unwrap(), "acct_1".parse().unwrap()).with_plan(plan);
            assert_eq!(identity_headers(Some(&identity))[5], (PLAN, HeaderValue::from_static(written)));
        }
    }

    #[test]
    fn every_header_is_sent_in_order_even_without_a_value() {
        for (name, (header, value)) in IDENTITY_HEADERS.iter().zip(identity_headers(None)) {
            assert_eq!((name, value.as_bytes()), (&header, &b""[..]));
        }
    }
}
