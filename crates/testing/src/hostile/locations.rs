//! Keys in other places than `Authorization: Bearer`.

use std::net::SocketAddr;

use keyward_core::Authenticator;
use keyward_core::adapter::{AuthenticatorBuilder, Location};

use super::{Case, Expected, cases, check, http1, http2, invalid_key, invalid_request, missing, report};

const X: &str = "X-API-Key";
const PROTOCOL: &str = "Sec-WebSocket-Protocol";
const VERSION: &str = "Sec-WebSocket-Version";

/// Accepts the places of [`location_cases`].
pub fn accept_locations(builder: AuthenticatorBuilder) -> AuthenticatorBuilder {
    builder
        .accept(Location::header(X))
        .accept(Location::header("apikey"))
        .accept(Location::Basic)
        .accept(Location::WebSocketSubprotocol)
}

/// Returns the table for an authenticator with [`accept_locations`]. It includes the cases of [`cases`] that do not concern
/// these places.
///
/// # Panics
/// If the key has another format.
#[must_use]
pub fn location_cases(valid_key: &str) -> Vec<Case> {
    let concerns = |case: &Case| {
        let is_basic =
            |field: &Vec<u8>| field.trim_ascii_start().get(..5).is_some_and(|s| s.eq_ignore_ascii_case(b"basic"));
        case.fields.iter().any(is_basic) || case.others.iter().any(|(name, _)| *name == X)
    };
    let usual = cases(valid_key).into_iter().filter(|case| !concerns(case));
    usual.chain(own_cases(valid_key)).collect()
}

/// Checks [`location_cases`] with `authenticator`.
///
/// # Panics
/// If a result differs.
pub async fn locations_over_authenticator(authenticator: &Authenticator, valid_key: &str) {
    let mut mismatches = Vec::new();
    for case in location_cases(valid_key) {
        mismatches.extend(check(authenticator, &case).await.err());
    }
    report(&mismatches);
}

/// Sends [`location_cases`] over HTTP/1.1 to the [service under test](super#the-service-under-test).
///
/// # Panics
/// If a result differs.
pub async fn locations_over_socket(address: SocketAddr, valid_key: &str) {
    report(&http1::run_cases(address, valid_key, &location_cases(valid_key)).await);
}

/// Sends [`location_cases`] over HTTP/2 without TLS.
///
/// # Panics
/// If a result differs.
pub async fn locations_over_http2(address: SocketAddr, valid_key: &str) {
    report(&http2::run_cases(address, valid_key, &location_cases(valid_key), &[]).await);
}

fn own_cases(key: &str) -> Vec<Case> {
    let bearer = format!("Bearer {key}");
    let basic = |pair: &str| format!("Basic {}", base64(pair.as_bytes()));
    let good_basic = basic(&format!("{key}:"));
    let protocol = format!("chat, keyward.{key}");
    let (several, empty) = (invalid_request("several_locations"), missing("empty_credential"));
    let fields = invalid_request("several_credentials");
    let wrong_basic = invalid_request("basic_credential");
    let row = |name: &str, authorization: &[&str], others: &[(&'static str, &str)], expected| Case {
        others: others.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
        ..Case::with_fields(name, authorization.iter().map(|field| field.as_bytes().to_vec()).collect(), expected)
    };
    let handshake = (VERSION, "13");
    vec![
        row("a header", &[], &[(X, key)], Expected::Accepted),
        row("the other header", &[], &[("apikey", key)], Expected::Accepted),
        row("Bearer in a header", &[], &[(X, &bearer)], Expected::Accepted),
        row("spaces around the key in a header", &[], &[(X, &format!("  {key}\t"))], Expected::Accepted),
        row("Basic with an empty password", &[&good_basic], &[], Expected::Accepted),
        row("basic in lower case", &[&good_basic.replace("Basic", "basic ")], &[], Expected::Accepted),
        row("a subprotocol", &[], &[handshake, (PROTOCOL, &protocol)], Expected::Accepted),
        row(
            "a subprotocol in a second field",
            &[],
            &[handshake, (PROTOCOL, "chat"), (PROTOCOL, &protocol)],
            Expected::Accepted,
        ),
        row("an empty header beside Bearer", &[&bearer], &[(X, "")], Expected::Accepted),
        row("an empty Bearer beside a header", &["Bearer "], &[(X, key)], Expected::Accepted),
        row("an empty Basic beside a header", &[&basic(":")], &[(X, key)], Expected::Accepted),
        row("an empty header beside the same with a key", &[], &[(X, ""), (X, key)], Expected::Accepted),
        row(
            "an empty subprotocol beside a header",
            &[],
            &[(X, key), handshake, (PROTOCOL, "keyward.")],
            Expected::Accepted,
        ),
        row(
            "a subprotocol without a handshake, beside a header",
            &[],
            &[(X, key), (PROTOCOL, &protocol)],
            Expected::Accepted,
        ),
        row("a subprotocol without a handshake", &[], &[(PROTOCOL, &protocol)], missing("missing_credential")),
        row(
            "a subprotocol in upper case",
            &[],
            &[handshake, (PROTOCOL, &protocol.replace("keyward", "KEYWARD"))],
            missing("missing_credential"),
        ),
        row("an empty header", &[], &[(X, "")], empty),
        row("only Bearer in a header", &[], &[(X, "Bearer")], empty),
        row("only empty places", &["Bearer"], &[(X, " "), ("apikey", ""), handshake, (PROTOCOL, "keyward.")], empty),
        row("an empty Basic", &["Basic"], &[], empty),
        row("the same key in Bearer and a header", &[&bearer], &[(X, key)], several),
        row("another key in a header beside Bearer", &[&bearer], &[(X, "nonsense")], several),
        row("the same key in Basic and a header", &[&good_basic], &[(X, key)], several),
        row("the same key in two headers", &[], &[(X, key), ("apikey", key)], several),
        row("the same key in a header and a subprotocol", &[], &[(X, key), handshake, (PROTOCOL, &protocol)], several),
        row("another scheme beside a header", &["Digest a"], &[(X, key)], several),
        row("a header twice with the same key", &[], &[(X, key), (X, key)], fields),
        row("Bearer and Basic", &[&bearer, &good_basic], &[], fields),
        row("two subprotocols with keys", &[], &[handshake, (PROTOCOL, &format!("{protocol}, keyward.{key}"))], fields),
        row("a list in a header", &[], &[(X, &format!("{key}, {key}"))], invalid_request("credential_list")),
        row(
            "another scheme in a header",
            &[],
            &[(X, &format!("Token {key}"))],
            invalid_request("white_space_in_credential"),
        ),
        row("quotes in a header", &[], &[(X, &format!("\"{key}\""))], invalid_request("quoted_credential")),
        row("nonsense in a header", &[], &[(X, "nonsense")], invalid_key("malformed_key")),
        row("a long header", &[], &[(X, &"a".repeat(513))], invalid_key("too_long")),
        row(
            "nonsense in a subprotocol",
            &[],
            &[handshake, (PROTOCOL, "keyward.nonsense")],
            invalid_key("malformed_key"),
        ),
        row("nonsense as user of Basic", &[&basic("nonsense:")], &[], invalid_key("malformed_key")),
        row("a control character in Basic", &[&basic(&format!("{key}\n:"))], &[], invalid_key("control_character")),
        row("a password in Basic", &[&basic(&format!("{key}:x"))], &[], wrong_basic),
        row("the key as password of Basic", &[&basic(&format!(":{key}"))], &[], wrong_basic),
        row("Basic without a colon", &[&basic(key)], &[], wrong_basic),
        row("Basic without base64", &[&format!("Basic {key}")], &[], wrong_basic),
        row(
            "Basic without padding",
            &[good_basic.trim_end_matches('=')],
            &[],
            if good_basic.ends_with('=') { wrong_basic } else { Expected::Accepted },
        ),
        row("Basic twice", &[&good_basic, &good_basic], &[], fields),
        row("a long Basic", &[&format!("Basic {}", "A".repeat(2_000))], &[], invalid_key("too_long")),
        row(
            "a space before the key in Basic",
            &[&basic(&format!(" {key}:"))],
            &[],
            invalid_request("white_space_in_credential"),
        ),
    ]
}

/// RFC 4648 section 4.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().chain(&[0, 0]).take(3).fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte));
        for place in 0..4 {
            let sextet = char::from(ALPHABET[bits >> (18 - 6 * place) & 63]);
            text.push(if place <= chunk.len() { sextet } else { '=' });
        }
    }
    text
}
