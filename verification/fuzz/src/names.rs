use std::fmt::Display;
use std::str::FromStr;

use keyward::key::{Hint, KeyKind, Pepper};
use keyward::store::KeyStatus;
use keyward::{AccountId, Mode, Timestamp};

/// Checks that a parsed value, written and parsed again, is the same.
pub fn names(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    same::<AccountId>(text);
    same::<Hint>(text);
    same::<KeyKind>(text);
    same::<KeyStatus>(text);
    same::<Mode>(text);
    same::<Timestamp>(text);
    if let Ok(pepper) = text.parse::<Pepper>() {
        let (_, secret) = text.trim().split_once(':').unwrap();
        assert!(secret.len() >= 64);
        assert!(!format!("{pepper:?}").contains(secret));
    }
}

fn same<T: FromStr + Display + PartialEq>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        let written = value.to_string();
        assert!(written.parse::<T>().is_ok_and(|again| again == value), "{text:?} became {written:?}");
    }
}
