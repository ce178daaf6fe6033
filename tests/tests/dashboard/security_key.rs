//! A security key in software, which gives answers that no browser gives.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{DerSignature, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const HAS_CREDENTIAL: u8 = 0x40;

#[derive(Clone)]
pub(crate) struct SecurityKey {
    key: SigningKey,
    pub(crate) id: Vec<u8>,
    pub(crate) counter: u32,
}

/// What an answer states. A test changes a part of it.
#[derive(Clone)]
pub(crate) struct Claim {
    pub(crate) kind: &'static str,
    pub(crate) challenge: String,
    pub(crate) origin: String,
    pub(crate) cross_origin: bool,
    pub(crate) host: String,
    pub(crate) flags: u8,
    /// The id of the credential, if it is not the own one.
    pub(crate) id: Option<Vec<u8>>,
    pub(crate) signature_of: Option<Vec<u8>>,
}

impl Claim {
    /// The honest answer of a browser at this origin.
    pub(crate) fn honest(options: &Value, origin: &str) -> Self {
        let is_new = options.get("rp").is_some();
        let host = if is_new { &options["rp"]["id"] } else { &options["rpId"] };
        Self {
            kind: if is_new { "webauthn.create" } else { "webauthn.get" },
            challenge: options["challenge"].as_str().unwrap().to_owned(),
            origin: origin.to_owned(),
            cross_origin: false,
            host: host.as_str().unwrap().to_owned(),
            flags: USER_PRESENT | USER_VERIFIED | if is_new { HAS_CREDENTIAL } else { 0 },
            id: None,
            signature_of: None,
        }
    }

    fn client_data(&self) -> Vec<u8> {
        let (kind, challenge, origin) = (self.kind, &self.challenge, &self.origin);
        let cross_origin = self.cross_origin;
        format!(r#"{{"type":"{kind}","challenge":"{challenge}","origin":"{origin}","crossOrigin":{cross_origin}}}"#)
            .into_bytes()
    }

    fn authenticator_data(&self, counter: u32) -> Vec<u8> {
        let mut data = Sha256::digest(self.host.as_bytes()).to_vec();
        data.push(self.flags);
        data.extend(counter.to_be_bytes());
        data
    }
}

impl SecurityKey {
    /// Each number is another one.
    pub(crate) fn new(number: u8) -> Self {
        let key = SigningKey::from_slice(&[number; 32]).unwrap();
        Self { key, id: vec![number; 32], counter: 0 }
    }

    pub(crate) fn make(&mut self, claim: &Claim) -> String {
        self.counter += 1;
        let mut data = claim.authenticator_data(self.counter);
        data.extend([0; 16]);
        data.extend(u16::try_from(self.id.len()).unwrap().to_be_bytes());
        data.extend(&self.id);
        // RFC 9052: an EC2 key on P-256, for ES256.
        let point = self.key.verifying_key().to_sec1_point(false);
        data.extend([0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20]);
        data.extend(point.x().unwrap());
        data.extend([0x22, 0x58, 0x20]);
        data.extend(point.y().unwrap());
        let mut object = vec![0xa3, 0x63];
        object.extend(b"fmt\x64none\x67attStmt\xa0\x68authData\x58");
        object.push(u8::try_from(data.len()).unwrap());
        object.extend(data);
        self.answer(
            claim,
            &json!({
                "clientDataJSON": encoded(&claim.client_data()),
                "attestationObject": encoded(&object),
                "transports": ["usb"],
            }),
        )
    }

    pub(crate) fn sign(&mut self, claim: &Claim) -> String {
        self.counter += 1;
        let data = claim.authenticator_data(self.counter);
        let mut signed = data.clone();
        signed.extend(Sha256::digest(claim.client_data()));
        let signature: DerSignature = self.key.sign(claim.signature_of.as_deref().unwrap_or(&signed));
        self.answer(
            claim,
            &json!({
                "clientDataJSON": encoded(&claim.client_data()),
                "authenticatorData": encoded(&data),
                "signature": encoded(signature.as_bytes()),
            }),
        )
    }

    fn answer(&self, claim: &Claim, response: &Value) -> String {
        let id = encoded(claim.id.as_ref().unwrap_or(&self.id));
        let answer =
            json!({"id": id, "rawId": id, "type": "public-key", "response": response, "clientExtensionResults": {}});
        answer.to_string()
    }
}

fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
