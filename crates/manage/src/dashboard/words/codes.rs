//! The words for the codes of records.

use std::fmt::Display;

const STATUSES: [(&str, &str); 5] = [
    ("active", "active"),
    ("disabled", "disabled"),
    ("expired", "expired"),
    ("revoked", "revoked"),
    ("compromised", "compromised"),
];
const MODES: [(&str, &str); 2] = [("live", "live"), ("test", "test")];
const KINDS: [(&str, &str); 3] = [("secret", "secret"), ("publishable", "publishable"), ("restricted", "restricted")];
const ROLES: [(&str, &str); 4] =
    [("viewer", "viewer"), ("developer", "developer"), ("admin", "admin"), ("owner", "owner")];
const OUTCOMES: [(&str, &str); 3] = [("done", "done"), ("refused", "refused"), ("unknown", "unknown")];
#[cfg(feature = "webhooks")]
const WEBHOOKS: [(&str, &str); 5] = [
    ("active", "active"),
    ("failing", "failing"),
    ("disabled", "disabled"),
    ("key_inactive", "key inactive"),
    ("account_suspended", "suspended"),
];
#[cfg(feature = "webhooks")]
const DELIVERIES: [(&str, &str); 4] =
    [("pending", "pending"), ("delivered", "delivered"), ("failed", "failed"), ("not_sent", "not sent")];

pub(in crate::dashboard) fn status(code: impl Display) -> String {
    word(&STATUSES, code)
}

pub(in crate::dashboard) fn mode(code: impl Display) -> String {
    word(&MODES, code)
}

pub(in crate::dashboard) fn kind(code: impl Display) -> String {
    word(&KINDS, code)
}

pub(in crate::dashboard) fn role(code: impl Display) -> String {
    word(&ROLES, code)
}

/// How an action ended.
pub(in crate::dashboard) fn outcome(code: impl Display) -> String {
    word(&OUTCOMES, code)
}

#[cfg(feature = "webhooks")]
pub(in crate::dashboard) fn webhook(code: impl Display) -> String {
    word(&WEBHOOKS, code)
}

#[cfg(feature = "webhooks")]
pub(in crate::dashboard) fn delivery(code: impl Display) -> String {
    word(&DELIVERIES, code)
}

/// A newer version may have written another code, which then stands for itself.
fn word(words: &[(&str, &str)], code: impl Display) -> String {
    let code = code.to_string();
    words.iter().find(|(known, _)| *known == code).map_or(code, |(_, word)| (*word).to_owned())
}

#[cfg(test)]
mod tests {
    use keyward_core::key::{KeyKind, Mode};
    use keyward_core::store::KeyStatus;

    use super::*;
    use crate::role::Role;

    #[test]
    fn each_code_has_a_word() {
        let codes = [
            (&STATUSES[..], KeyStatus::ALL.map(KeyStatus::as_str).to_vec()),
            (&MODES, Mode::ALL.map(Mode::as_str).to_vec()),
            (&KINDS, KeyKind::ALL.map(KeyKind::as_str).to_vec()),
            (&ROLES, Role::ALL.map(Role::as_str).to_vec()),
        ];
        for (words, codes) in codes {
            let known: Vec<&str> = words.iter().map(|(code, _)| *code).collect();
            assert_eq!(known, codes);
        }
        assert_eq!(status("newer"), "newer");
    }
}
