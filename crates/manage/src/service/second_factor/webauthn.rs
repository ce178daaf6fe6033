//! The two ceremonies of a passkey, around the crate `webauthn_rp`: an authenticator makes it, and signs with it.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use keyward_core::id::UserId;
use sha2::{Digest as _, Sha256};
use webauthn_rp::AuthenticatedCredential;
use webauthn_rp::bin::{Decode, Encode};
use webauthn_rp::request::auth::{
    AllowedCredentials, AuthenticationVerificationOptions, NonDiscoverableAuthenticationServerState,
    NonDiscoverableCredentialRequestOptions,
};
use webauthn_rp::request::register::{
    Nickname, PublicKeyCredentialCreationOptions, PublicKeyCredentialUserEntity, RegistrationServerState,
    RegistrationVerificationOptions, UserHandle, Username,
};
use webauthn_rp::request::{
    AsciiDomain, Credentials, PublicKeyCredentialDescriptor, RpId, UserVerificationRequirement,
};
use webauthn_rp::response::auth::NonDiscoverableAuthentication;
use webauthn_rp::response::register::{DynamicState, Registration, StaticState};
use webauthn_rp::response::{AuthTransports, CredentialId};

use super::ceremony::{Ceremony, MadePasskey, PasskeyUse};
use crate::error::ManagementError;
use crate::records::{StoredPasskey, StoredUser};
use crate::service::proof::RelyingParty;

/// With the certificate of an attestation, which is not asked for, an answer could be longer.
const MAX_ANSWER: usize = 16 * 1_024;
const HANDLE: usize = 32;

impl RelyingParty {
    fn id(&self) -> Result<RpId, ManagementError> {
        AsciiDomain::try_from(self.host.clone()).map(RpId::Domain).map_err(|_| ManagementError::Internal)
    }

    /// The authenticator does not make a second passkey beside a known one.
    pub(super) fn ask_to_make(&self, user: &StoredUser, known: &[StoredPasskey]) -> Result<Ceremony, ManagementError> {
        let (id, handle) = (self.id()?, handle_of(&user.id));
        // An address can have characters that the profile of user names (RFC 8265) has not.
        let name = Username::try_from(user.email.as_str()).or_else(|_| Username::try_from(user.id.as_str()));
        let entity = PublicKeyCredentialUserEntity {
            name: name.map_err(|_| ManagementError::Internal)?,
            id: &handle,
            display_name: Nickname::try_from(user.name.as_str()).ok(),
        };
        let mut options = PublicKeyCredentialCreationOptions::second_factor(&id, entity, descriptors(known).collect());
        options.authenticator_selection.user_verification = UserVerificationRequirement::Preferred;
        options.extensions.cred_props = None;
        let (state, options) = options.start_ceremony().map_err(|_| ManagementError::Internal)?;
        let state = state.encode().map_err(|_| ManagementError::Internal)?;
        Ok(Ceremony { options: serde_json::to_string(&options).map_err(|_| ManagementError::Internal)?, state })
    }

    pub(super) fn made(&self, state: &[u8], answer: &str) -> Result<MadePasskey, String> {
        let answer = bounded(answer)?;
        let answer = Registration::from_json_relaxed(answer).map_err(|error| error.to_string())?;
        let state = RegistrationServerState::<HANDLE>::decode(state).map_err(|error| error.to_string())?;
        let origins = [self.origin.as_str()];
        let options = RegistrationVerificationOptions::<&str, &str> {
            allowed_origins: &origins,
            error_on_unsolicited_extensions: false,
            ..RegistrationVerificationOptions::default()
        };
        let id = self.id().map_err(|error| error.to_string())?;
        let made = state.verify(&id, &answer, &options).map_err(|error| error.to_string())?;
        let Ok(transports) = made.transports().encode();
        let Ok(key) = made.static_state().encode();
        let Ok(state) = made.dynamic_state().encode();
        Ok(MadePasskey {
            credential: hex::encode(made.id().as_ref()),
            transports,
            key: hex::encode(key),
            state: hex::encode(state),
        })
    }

    /// Returns `None` if no passkey works here.
    pub(super) fn ask_to_use(&self, known: &[StoredPasskey]) -> Result<Option<Ceremony>, ManagementError> {
        let id = self.id()?;
        let mut allowed = AllowedCredentials::with_capacity(known.len());
        let here: Vec<StoredPasskey> = known.iter().filter(|passkey| passkey.host == self.host).cloned().collect();
        for descriptor in descriptors(&here) {
            allowed.push(descriptor.into());
        }
        let Ok(mut options) = NonDiscoverableCredentialRequestOptions::second_factor(&id, allowed) else {
            return Ok(None);
        };
        options.options().user_verification = UserVerificationRequirement::Preferred;
        let (state, options) = options.start_ceremony().map_err(|_| ManagementError::Internal)?;
        let state = state.encode().map_err(|_| ManagementError::Internal)?;
        Ok(Some(Ceremony { options: serde_json::to_string(&options).map_err(|_| ManagementError::Internal)?, state }))
    }

    /// A signature counter that does not grow is an error: another authenticator may have a copy of the passkey.
    pub(super) fn used(
        &self,
        user: &UserId,
        known: &[StoredPasskey],
        state: &[u8],
        answer: &str,
    ) -> Result<PasskeyUse, String> {
        let answer = bounded(answer)?;
        let answer =
            NonDiscoverableAuthentication::<HANDLE>::from_json_relaxed(answer).map_err(|error| error.to_string())?;
        let state = NonDiscoverableAuthenticationServerState::decode(state).map_err(|error| error.to_string())?;
        let credential = hex::encode(answer.raw_id().as_ref());
        let passkey = known.iter().find(|passkey| passkey.credential == credential && passkey.host == self.host);
        let passkey = passkey.ok_or("the user has no such passkey")?;
        let key = hex::decode(&passkey.key).map_err(|error| error.to_string())?;
        let key = StaticState::decode(key.as_slice()).map_err(|error| error.to_string())?;
        let (handle, known) = (handle_of(user), state_of(&passkey.state)?);
        let mut passkey =
            AuthenticatedCredential::new(answer.raw_id(), &handle, key, known).map_err(|error| error.to_string())?;
        let origins = [self.origin.as_str()];
        let options = AuthenticationVerificationOptions::<&str, &str> {
            allowed_origins: &origins,
            error_on_unsolicited_extensions: false,
            ..AuthenticationVerificationOptions::default()
        };
        let id = self.id().map_err(|error| error.to_string())?;
        state.verify(&id, &answer, &mut passkey, &options).map_err(|error| error.to_string())?;
        let Ok(state) = passkey.dynamic_state().encode();
        Ok(PasskeyUse { credential, state: hex::encode(state) })
    }
}

fn bounded(answer: &str) -> Result<&[u8], String> {
    if answer.len() > MAX_ANSWER { Err("the answer is too long".to_owned()) } else { Ok(answer.as_bytes()) }
}

fn descriptors(known: &[StoredPasskey]) -> impl Iterator<Item = PublicKeyCredentialDescriptor<Vec<u8>>> {
    known.iter().filter_map(|passkey| {
        let id = CredentialId::decode(hex::decode(&passkey.credential).ok()?).ok()?;
        Some(PublicKeyCredentialDescriptor { id, transports: AuthTransports::decode(passkey.transports).ok()? })
    })
}

fn state_of(text: &str) -> Result<DynamicState, String> {
    let mut state = [0; 7];
    hex::decode_to_slice(text, &mut state).map_err(|error| error.to_string())?;
    DynamicState::decode(state).map_err(|error| error.to_string())
}

/// It tells nothing about the user to those who find the authenticator.
fn handle_of(user: &UserId) -> UserHandle<HANDLE> {
    let digest = Sha256::digest(format!("keyward passkey {user}"));
    let Ok(handle) = UserHandle::decode(digest.into());
    handle
}
