//! An identity as headers, for a backend behind a gateway.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use http::{HeaderName, HeaderValue};
use keyward_core::{CredentialKind, Identity};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// The prefix of every identity header, for gateways that remove headers by pattern.
#[cfg(feature = "envoy")]
pub(crate) const PREFIX: &str = "keyward-";

const KEY_ID: HeaderName = HeaderName::from_static("keyward-key-id");
const ACCOUNT: HeaderName = HeaderName::from_static("keyward-account");
const MODE: HeaderName = HeaderName::from_static("keyward-mode");
const KIND: HeaderName = HeaderName::from_static("keyward-kind");
const SCOPES: HeaderName = HeaderName::from_static("keyward-scopes");
const PLAN: HeaderName = HeaderName::from_static("keyward-plan");

/// The headers that tell a backend the caller's identity. A gateway removes them from its clients' requests.
///
/// | header | value |
/// | --- | --- |
/// | `Keyward-Key-Id` | the id of the key or the access token |
/// | `Keyward-Account` | the account's id |
/// | `Keyward-Mode` | `live` or `test` |
/// | `Keyward-Kind` | `secret`, `publishable`, `restricted` or `access_token` |
/// | `Keyward-Scopes` | what was granted, separated by spaces |
/// | `Keyward-Plan` | the account's plan, percent-encoded where it is not visible ASCII or a space |
///
/// keyward answers a gateway with all of them, empty ones too, so that each overwrites a client's header.
///
/// # Examples
/// ```
/// assert!(keyward::gateway::IDENTITY_HEADERS.contains(&http::HeaderName::from_static("keyward-account")));
/// ```
pub const IDENTITY_HEADERS: [HeaderName; 6] = [KEY_ID, ACCOUNT, MODE, KIND, SCOPES, PLAN];

/// Includes `%`, so that encoded text differs from other text.
const NOT_IN_A_FIELD: &AsciiSet = &CONTROLS.add(b'%');

pub(crate) fn kind_name(kind: CredentialKind) -> &'static str {
    kind.key_kind().map_or("access_token", |kind| kind.as_str())
}

/// Returns every header once. Headers without a value are empty.
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
    fn whatever_a_plan_is_called_fits_into_a_header_and_ends_in_it() {
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
    fn every_header_is_there_in_their_order_even_if_there_is_nothing_to_say() {
        for (name, (header, value)) in IDENTITY_HEADERS.iter().zip(identity_headers(None)) {
            assert_eq!((name, value.as_bytes()), (&header, &b""[..]));
        }
    }
}
