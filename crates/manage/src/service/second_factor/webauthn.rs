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
use crate::proof::RelyingParty;
use crate::records::{StoredPasskey, StoredUser};

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

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use keyward_core::Timestamp;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    /// The generator of P-256, which is a valid public key.
    const X: &str = "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296";
    const Y: &str = "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";

    fn here() -> RelyingParty {
        RelyingParty { host: "keys.example.com".to_owned(), origin: "https://keys.example.com".to_owned() }
    }

    fn user(email: &str) -> StoredUser {
        StoredUser {
            id: UserId::generate(),
            email: email.to_owned(),
            name: "Ada".to_owned(),
            password: None,
            epoch: 0,
            created_at: Timestamp::from_millis(0),
            last_sign_in_at: None,
            address_proven_at: None,
            disabled_at: None,
            second_factor_at: None,
            known_networks: Vec::new(),
        }
    }

    fn encoded(bytes: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn client_data(asked: &Ceremony, kind: &str) -> Vec<u8> {
        let options: Value = serde_json::from_str(&asked.options).unwrap();
        json!({"type": kind, "challenge": options["challenge"], "origin": here().origin, "crossOrigin": false})
            .to_string()
            .into_bytes()
    }

    fn authenticator_data(flags: u8) -> Vec<u8> {
        [&*Sha256::digest(here().host), &[flags, 0, 0, 0, 1]].concat()
    }

    fn attestation() -> Vec<u8> {
        let (x, y) = (hex::decode(X).unwrap(), hex::decode(Y).unwrap());
        let id = [&[0; 16][..], &[0, 16], &[7; 16]].concat();
        let key = [&b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20"[..], &x, b"\x22\x58\x20", &y].concat();
        let data = [authenticator_data(0x45), id, key].concat();
        [&b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58"[..], &[u8::try_from(data.len()).unwrap()], &data]
            .concat()
    }

    fn answer(response: &Value) -> String {
        let id = encoded(&[7; 16]);
        json!({"id": id, "rawId": id, "type": "public-key", "response": response, "clientExtensionResults": {}})
            .to_string()
    }

    fn registration(client_data: &[u8], attestation: &[u8]) -> String {
        let (data, object) = (encoded(client_data), encoded(attestation));
        answer(&json!({"clientDataJSON": data, "attestationObject": object, "transports": ["usb"]}))
    }

    fn assertion(client_data: &[u8], data: &[u8], signature: &[u8]) -> String {
        let (client, data, signature) = (encoded(client_data), encoded(data), encoded(signature));
        answer(&json!({"clientDataJSON": client, "authenticatorData": data, "signature": signature}))
    }

    fn passkey(made: MadePasskey) -> StoredPasskey {
        StoredPasskey {
            id: "passkey_1".to_owned(),
            name: "Key".to_owned(),
            host: here().host,
            credential: made.credential,
            transports: made.transports,
            key: made.key,
            state: made.state,
            created_at: Timestamp::from_millis(0),
            last_used_at: None,
        }
    }

    #[test]
    fn any_address_can_have_a_passkey() {
        for email in
            ["ada@example.com", "a+b@example.com", "ärger@example.com", "\"a b\"@example.com", "\u{a0}@example.com"]
        {
            let asked = here().ask_to_make(&user(email), &[]).unwrap();
            let options: Value = serde_json::from_str(&asked.options).unwrap();
            assert_eq!(options["rp"]["id"], "keys.example.com", "{email}");
            assert_eq!(options["attestation"], "none");
            assert_eq!(options["authenticatorSelection"]["userVerification"], "preferred");
            assert_eq!(options["authenticatorSelection"]["residentKey"], "discouraged");
        }
    }

    #[test]
    fn a_passkey_is_asked_for_under_its_host_only() {
        let (here, user) = (here(), user("ada@example.com"));
        let asked = here.ask_to_make(&user, &[]).unwrap();
        let made =
            here.made(&asked.state, &registration(&client_data(&asked, "webauthn.create"), &attestation())).unwrap();
        let known = [passkey(made)];
        let other = RelyingParty { host: "other.example.com".to_owned(), ..here.clone() };
        assert!(here.ask_to_use(&known).unwrap().is_some());
        assert!(other.ask_to_use(&known).unwrap().is_none());
        assert!(here.ask_to_use(&[]).unwrap().is_none());
    }

    fn changed(bytes: &[u8], place: usize, byte: u8, cut: bool) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        let place = place.checked_rem(bytes.len()).unwrap_or_default();
        bytes[place] ^= byte;
        bytes.truncate(if cut { place } else { bytes.len() });
        bytes
    }

    proptest! {
        #[test]
        fn no_answer_panics(text in ".*", place: usize, byte: u8, cut: bool, signature: Vec<u8>) {
            let (here, user) = (here(), user("ada@example.com"));
            let asked = here.ask_to_make(&user, &[]).unwrap();
            let client = client_data(&asked, "webauthn.create");
            let made = here.made(&asked.state, &registration(&client, &attestation())).unwrap();
            let changed_attestation = changed(&attestation(), place, byte, cut);
            let _ = here.made(&asked.state, &registration(&client, &changed_attestation));
            let _ = here.made(&asked.state, &registration(&changed(&client, place, byte, cut), &attestation()));
            prop_assert!(here.made(&asked.state, &text).is_err());
            let _ = here.made(&signature, &text);

            let known = [passkey(made)];
            let asked = here.ask_to_use(&known).unwrap().unwrap();
            let (client, data) = (client_data(&asked, "webauthn.get"), authenticator_data(0x05));
            for answer in [
                text.clone(),
                assertion(&client, &data, &signature),
                assertion(&changed(&client, place, byte, cut), &data, &signature),
                assertion(&client, &changed(&data, place, byte, cut), &signature),
            ] {
                prop_assert!(here.used(&user.id, &known, &asked.state, &answer).is_err());
            }
            prop_assert!(here.used(&user.id, &known, &signature, &text).is_err());
        }
    }
}
