//! Protection against forged forms.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use hkdf::Hkdf;
use http::header::ORIGIN;
use http::{HeaderMap, HeaderName};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::words;
use crate::error::ManagementError;

pub(super) const EXPIRED_FORM: &str = words::errors::THIS_PAGE_HAS_EXPIRED;

const LENGTH: usize = 32;

/// Only the holder of the cookie's secret can make it.
///
/// Each page has another mask, because pages are compressed: otherwise their length could reveal the token, character by character
/// (the attack BREACH).
pub(super) fn token_of(secret: &str) -> Result<String, ManagementError> {
    let mut mask = [0_u8; LENGTH];
    getrandom::fill(&mut mask).map_err(|_| ManagementError::Internal)?;
    Ok(hex::encode([mask, masked(plain_token(secret)?, mask)].concat()))
}

pub(super) fn is_token(sent: &str, secret: &str) -> bool {
    let (mut sent_bytes, mut mask) = ([0_u8; 2 * LENGTH], [0_u8; LENGTH]);
    if secret.is_empty() || hex::decode_to_slice(sent, &mut sent_bytes).is_err() {
        return false;
    }
    let (first, second) = sent_bytes.split_at(LENGTH);
    mask.copy_from_slice(first);
    plain_token(secret).is_ok_and(|token| masked(token, mask).ct_eq(second).into())
}

fn plain_token(secret: &str) -> Result<[u8; LENGTH], ManagementError> {
    let mut token = [0_u8; LENGTH];
    Hkdf::<Sha256>::new(None, secret.as_bytes())
        .expand(b"keyward form token", &mut token)
        .map_err(|_| ManagementError::Internal)?;
    Ok(token)
}

fn masked(mut token: [u8; LENGTH], mask: [u8; LENGTH]) -> [u8; LENGTH] {
    for (byte, mask) in token.iter_mut().zip(mask) {
        *byte ^= mask;
    }
    token
}

/// By `Sec-Fetch-Site`, or else by `Origin`.
pub(super) fn is_same_origin(headers: &HeaderMap, own: &str) -> bool {
    let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    match (text(&HeaderName::from_static("sec-fetch-site")), text(&ORIGIN)) {
        (Some("same-origin" | "none"), None) => true,
        // An exact comparison: `headers::Origin` would accept a port that is not a number.
        (Some("same-origin") | None, Some(origin)) => {
            let host = origin.split_once("://").map(|(_, host)| host);
            host == Some(own)
        }
        // Every browser since 2020 sends one of them with a form. Other programs hold no cookies of a victim.
        (None, None) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn forms_of_other_sites_are_refused() {
        for (site, origin, own) in [
            (Some("same-origin"), Some("https://a.example"), true),
            (Some("same-origin"), None, true),
            (Some("none"), None, true),
            (None, Some("https://a.example"), true),
            (None, None, true),
            (None, Some("null"), false),
            (None, Some("https://b.example"), false),
            (Some("same-origin"), Some("https://b.example"), false),
            (Some("same-site"), Some("https://a.example"), false),
            (Some("cross-site"), None, false),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(site) = site {
                headers.insert("sec-fetch-site", HeaderValue::from_static(site));
            }
            if let Some(origin) = origin {
                headers.insert(ORIGIN, HeaderValue::from_static(origin));
            }
            assert_eq!(is_same_origin(&headers, "a.example"), own, "{site:?} {origin:?}");
        }
    }

    #[test]
    fn tokens_fit_their_session_only() {
        let token = token_of("kws_1").unwrap();
        assert!(is_token(&token, "kws_1"));
        assert!(!is_token(&token, "kws_2"));
        assert!(!is_token("", ""));
        assert!(!is_token(&token_of("").unwrap(), ""));
        let other = token_of("kws_1").unwrap();
        assert!(other != token && is_token(&other, "kws_1"), "each page has another mask");
        let common = token.bytes().zip(other.bytes()).take_while(|(first, second)| first == second).count();
        assert!(common < 16, "no long part of two tokens is the same");
        for wrong in ["x", &token[..64], &format!("{token}00"), &"0".repeat(128), &token.replace(|_| true, "z")] {
            assert!(!is_token(wrong, "kws_1"), "{wrong}");
        }
    }
}
