//! Paths of the dashboard.

use keyward_core::AccountId;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

const IN_PATHS: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

pub(crate) fn in_path(text: &str) -> String {
    utf8_percent_encode(text, &IN_PATHS).to_string()
}

pub(crate) fn encoded(account: &AccountId) -> String {
    in_path(account.as_str())
}

pub(crate) fn account_path(account: &AccountId, rest: &str) -> String {
    format!("/accounts/{}{rest}", encoded(account))
}
