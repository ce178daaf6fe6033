#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use keyward_core::Timestamp;
use keyward_core::id::UserId;
use totp_rs::{Builder, Totp};
use zeroize::Zeroizing;

use crate::error::ManagementError;
use crate::records::digest_of;

/// RFC 4226, section 4.
pub(super) const SECRET_BYTES: usize = 20;
pub(super) const RECOVERY_CODES: usize = 10;
const RECOVERY_BYTES: usize = 10;
const MAX_TYPED: usize = 64;

/// A text of the field that takes both kinds of codes.
pub(super) enum Typed {
    Code(String),
    Recovery(String),
}

impl Typed {
    /// Apps and papers show groups.
    pub(super) fn read(text: &str) -> Option<Self> {
        if text.len() > MAX_TYPED {
            return None;
        }
        let plain: String = text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
        match plain.len() {
            6 if plain.bytes().all(|byte| byte.is_ascii_digit()) => Some(Self::Code(plain)),
            length if length == RECOVERY_BYTES.saturating_mul(2) => Some(Self::Recovery(plain.to_ascii_lowercase())),
            _ => None,
        }
    }
}

/// With a step of 30 seconds, and one step of skew (RFC 6238, section 5.2).
pub(super) fn totp(secret: &[u8]) -> Result<Totp, ManagementError> {
    Builder::new().with_secret(secret.to_vec()).build().map_err(|_| ManagementError::Internal)
}

/// Returns the time step of the code.
pub(super) fn step_of(secret: &[u8], code: &str, now: Timestamp) -> Result<Option<u64>, ManagementError> {
    let seconds = u64::try_from(now.as_millis()).unwrap_or(0) / 1_000;
    Ok(totp(secret)?.check(code, seconds))
}

/// 80 random bits, so a copy of the digest does not reveal the code.
pub(super) fn new_recovery_code() -> Result<Zeroizing<String>, ManagementError> {
    let mut random = Zeroizing::new([0_u8; RECOVERY_BYTES]);
    getrandom::fill(&mut *random).map_err(|_| ManagementError::Internal)?;
    let digits = Zeroizing::new(hex::encode(*random));
    let mut code = Zeroizing::new(String::with_capacity(23));
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && place.is_multiple_of(5) {
            code.push('-');
        }
        code.push(digit);
    }
    Ok(code)
}

/// The code has no separators.
pub(super) fn recovery_digest(user: &UserId, code: &str) -> String {
    digest_of(&Zeroizing::new(format!("keyward recovery code {user} {code}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B, for SHA-1. Its codes have 8 digits, and the last 6 are those of 6 digits.
    #[test]
    fn codes_are_those_of_rfc_6238() {
        for (seconds, code) in [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] {
            let now = Timestamp::from_millis(seconds * 1_000);
            let step = step_of(b"12345678901234567890", &code[2..], now).unwrap();
            assert_eq!(step, Some(u64::try_from(seconds / 30).unwrap()), "{seconds}");
        }
    }

    #[test]
    fn a_code_counts_one_step_early_or_late() {
        let secret = b"12345678901234567890";
        for (now, step) in [(29, None), (30, Some(2)), (60, Some(2)), (119, Some(2)), (120, None)] {
            let code = totp(secret).unwrap().generate(60).to_string();
            assert_eq!(step_of(secret, &code, Timestamp::from_millis(now * 1_000)).unwrap(), step, "{now}");
        }
    }

    #[test]
    fn both_kinds_of_codes_are_read_from_one_field() {
        for (text, kind) in [
            ("123456", "code 123456"),
            (" 123 456 ", "code 123456"),
            ("00AFf-00000-00000-00000", "recovery 00aff000000000000000"),
            ("12345", "none"),
            ("12345x", "none"),
            ("", "none"),
            ("１２３４５６", "none"),
        ] {
            let read = match Typed::read(text) {
                Some(Typed::Code(code)) => format!("code {code}"),
                Some(Typed::Recovery(code)) => format!("recovery {code}"),
                None => "none".to_owned(),
            };
            assert_eq!(read, kind, "{text}");
        }
        let code = new_recovery_code().unwrap();
        assert_eq!(code.len(), 23);
        assert!(matches!(Typed::read(&code), Some(Typed::Recovery(_))));
    }
}
