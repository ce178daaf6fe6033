//! The ceremonies of a program without the feature `passkeys`. It can call none of them.

use keyward_core::id::UserId;

use super::ceremony::{Ceremony, MadePasskey, PasskeyUse};
use crate::error::ManagementError;
use crate::proof::RelyingParty;
use crate::records::{StoredPasskey, StoredUser};

impl RelyingParty {
    pub(super) fn ask_to_make(&self, _: &StoredUser, _: &[StoredPasskey]) -> Result<Ceremony, ManagementError> {
        match self.never {}
    }

    pub(super) fn made(&self, _: &[u8], _: &str) -> Result<MadePasskey, String> {
        match self.never {}
    }

    pub(super) fn ask_to_use(&self, _: &[StoredPasskey]) -> Result<Option<Ceremony>, ManagementError> {
        match self.never {}
    }

    pub(super) fn used(&self, _: &UserId, _: &[StoredPasskey], _: &[u8], _: &str) -> Result<PasskeyUse, String> {
        match self.never {}
    }
}
