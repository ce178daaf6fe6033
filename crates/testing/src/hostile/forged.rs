use keyward_core::Mode;
use keyward_core::key::{KeyFormat, KeyKind};

use super::{Case, Expected, invalid_key};

pub(super) fn cases(key: &str) -> Vec<Case> {
    [changed_characters(key), forms(key), checksums(key), unknown()].concat()
}

fn bearer(name: impl Into<String>, token: impl AsRef<str>, expected: Expected) -> Case {
    Case::with_field(name, format!("Bearer {}", token.as_ref()), expected)
}

/// After `<prefix>_<mode>_`.
fn body_start(key: &str) -> usize {
    key.rfind('_').map_or(0, |position| position + 1)
}

/// Breaks the format, or within the random part the checksum.
fn changed_characters(key: &str) -> Vec<Case> {
    let start = body_start(key);
    (0..key.len())
        .map(|position| {
            let mut changed = key.as_bytes().to_vec();
            changed[position] = if changed[position] == b'x' { b'y' } else { b'x' };
            let reason = if position < start { "malformed_key" } else { "checksum_mismatch" };
            let field = [b"Bearer ".as_slice(), &changed].concat();
            Case::with_field(format!("character {} changed", position + 1), field, invalid_key(reason))
        })
        .collect()
}

fn forms(key: &str) -> Vec<Case> {
    let malformed = invalid_key("malformed_key");
    let (lead, body) = key.split_at(body_start(key));
    let rows = [
        ("the last character missing", key[..key.len() - 1].to_owned()),
        ("the first character missing", key[1..].to_owned()),
        ("the checksum missing", key[..key.len() - 6].to_owned()),
        ("only the first 8 characters", key[..8].to_owned()),
        ("only the prefix and the mode", lead.to_owned()),
        ("only the random part", body.to_owned()),
        ("a hint with dots", format!("{}...{}", &key[..8], &key[key.len() - 4..])),
        ("a character more at the end", format!("{key}0")),
        ("a character more at the beginning", format!("x{key}")),
        ("a character twice", format!("{lead}{}{body}", &body[..1])),
        ("the key twice, run together", format!("{key}{key}")),
        ("the key backwards", key.chars().rev().collect()),
        ("in upper case", key.to_uppercase()),
        ("the prefix and the mode in upper case", format!("{}{body}", lead.to_uppercase())),
        ("hyphens for underscores", key.replace('_', "-")),
        ("dots for underscores", key.replace('_', ".")),
        ("without underscores", key.replace('_', "")),
        ("base64 padding", format!("{key}=")),
        ("base64 padding, twice", format!("{key}==")),
        ("base64 padding in its place", format!("{}==", &key[..key.len() - 2])),
        ("only base64 padding", "==".to_owned()),
        ("a hyphen in the random part", format!("{lead}-{}", &body[1..])),
        ("an underscore in the random part", format!("{lead}_{}", &body[1..])),
        ("a plus in the random part", format!("{lead}+{}", &body[1..])),
        ("another mode's name", format!("kw_prod_{body}")),
        ("no mode", format!("kw_{body}")),
        ("both modes", format!("kw_live_test_{body}")),
        ("another provider's prefix", format!("sk_live_{body}")),
        ("a prefix with a letter more", format!("kww_live_{body}")),
        ("a GitHub token", format!("ghp_{}", "a".repeat(36))),
        ("a JSON web token", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.".to_owned()),
        ("a UUID", "123e4567-e89b-12d3-a456-426614174000".to_owned()),
        ("the documentation's placeholder", "YOUR_API_KEY".to_owned()),
        ("undefined", "undefined".to_owned()),
        ("null", "null".to_owned()),
        ("None", "None".to_owned()),
        ("true", "true".to_owned()),
        ("a path", "../../etc/passwd".to_owned()),
        ("one character", "k".to_owned()),
    ];
    rows.into_iter().map(|(name, token)| bearer(name, token, malformed)).collect()
}

fn checksums(key: &str) -> Vec<Case> {
    let (lead, body) = key.split_at(body_start(key));
    let others =
        ["kw", "kwr", "kwp"].into_iter().flat_map(|prefix| ["live", "test"].map(|mode| format!("{prefix}_{mode}_")));
    let mut cases: Vec<Case> = others
        .filter(|other| other != lead)
        .map(|other| {
            bearer(
                format!("the random part of another key behind {other}"),
                format!("{other}{body}"),
                invalid_key("checksum_mismatch"),
            )
        })
        .collect();
    let mut swapped = body.as_bytes().to_vec();
    if let Some(position) = swapped.windows(2).position(|pair| pair[0] != pair[1]) {
        swapped.swap(position, position + 1);
    }
    let rows = [
        ("two neighbours swapped", String::from_utf8_lossy(&swapped).into_owned()),
        ("the random part in upper case", body.to_uppercase()),
        ("the random part in lower case", body.to_lowercase()),
        ("a checksum of zeros", format!("{}000000", &body[..26])),
        ("a random part of zeros", "0".repeat(32)),
        ("a made-up random part", "aBcDeFgHiJkLmNoPqRsTuVwXyZ123456".to_owned()),
    ];
    cases.extend(
        rows.into_iter().map(|(name, body)| bearer(name, format!("{lead}{body}"), invalid_key("checksum_mismatch"))),
    );
    cases
}

/// Only these reach the store.
fn unknown() -> Vec<Case> {
    let format = KeyFormat::default();
    KeyKind::ALL
        .into_iter()
        .flat_map(|kind| Mode::ALL.map(|mode| (kind, mode)))
        .filter_map(|(kind, mode)| Some((kind, mode, format.generate(kind, mode).ok()?)))
        .map(|(kind, mode, key)| {
            bearer(format!("an unknown {kind} key in {mode} mode"), &*key.expose_once(), invalid_key("unknown_key"))
        })
        .collect()
}
