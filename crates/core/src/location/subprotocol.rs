//! `Sec-WebSocket-Protocol: keyward.KEY, chat` (RFC 6455 section 11.3.4).

use super::without_prefix;
use crate::credential::trim;

const PREFIX: &[u8] = b"keyward.";

pub(super) fn entries(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(trim).filter(|entry| !entry.is_empty())
}

/// In any case of letters: a handler must not select a misspelled key, either.
pub(super) fn may_have_key(entry: &[u8]) -> bool {
    without_prefix(entry, PREFIX).is_some()
}

/// Names of subprotocols are case-sensitive.
pub(super) fn key_of(entry: &[u8]) -> Option<&[u8]> {
    entry.strip_prefix(PREFIX)
}

/// The application's own subprotocols.
#[derive(Default)]
pub(super) struct Others {
    rest: Vec<u8>,
    has_key: bool,
}

impl Others {
    pub(super) fn read(&mut self, value: &[u8]) {
        for entry in entries(value) {
            if may_have_key(entry) {
                self.has_key = true;
                continue;
            }
            if !self.rest.is_empty() {
                self.rest.extend_from_slice(b", ");
            }
            self.rest.extend_from_slice(entry);
        }
    }

    pub(super) fn without_keys(self) -> Option<Vec<u8>> {
        self.has_key.then_some(self.rest)
    }
}
