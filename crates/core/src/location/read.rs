//! Reads the one key of a request.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::{Zeroize as _, Zeroizing};

use super::{Locations, subprotocol, without_prefix};
use crate::connection::Connection;
use crate::credential::{Credential, CredentialFault, MAX_TOKEN_LENGTH, is_space, trim};

const SCHEME: &[u8] = b"Bearer ";
const LONGEST: usize = 7 + MAX_TOKEN_LENGTH;
/// Of a decoded Basic credential. Its text is a third longer.
const LONGEST_DECODED: usize = 768;

/// The key as a field of `Authorization`. Erased when dropped, so do not move it.
pub(crate) struct Field {
    bytes: [u8; LONGEST],
    length: usize,
}

impl Field {
    pub(crate) fn empty() -> Self {
        Self { bytes: [0; LONGEST], length: 0 }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    fn set(&mut self, token: &[u8]) -> Result<(), CredentialFault> {
        if token.len() > MAX_TOKEN_LENGTH {
            return Err(CredentialFault::TooLong);
        }
        // A user name of Basic or the rest of a subprotocol. All others are trimmed.
        if trim(token).len() != token.len() {
            return Err(CredentialFault::WhiteSpace);
        }
        self.length = 0;
        for (place, byte) in self.bytes.iter_mut().zip(SCHEME.iter().chain(token)) {
            *place = *byte;
            self.length = self.length.saturating_add(1);
        }
        Ok(())
    }
}

impl Drop for Field {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

/// The content of a request without a fault.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    Key,
    /// A key by HTTP Basic, which browsers remember.
    BasicKey,
    Nothing,
    /// A header or subprotocol is there, but empty.
    Empty,
}

struct Reader<'f> {
    field: &'f mut Field,
    first: Option<Place>,
    fault: Option<CredentialFault>,
    several: Option<CredentialFault>,
    empty: bool,
    empty_authorization: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Authorization,
    Basic,
    Header(usize),
    Subprotocol,
}

impl Locations {
    /// Reads the key into `field`.
    pub(crate) fn read(
        &self,
        connection: &dyn Connection,
        authorization: &mut dyn Iterator<Item = &[u8]>,
        field: &mut Field,
    ) -> Result<Reading, CredentialFault> {
        let mut reader =
            Reader { field, first: None, fault: None, several: None, empty: false, empty_authorization: false };
        if self.bearer || self.basic {
            self.read_authorization(authorization, &mut reader);
        }
        for (number, name) in self.headers.iter().enumerate() {
            connection.visit(name.as_str(), &mut |value| match trim(without_scheme(trim(value))) {
                [] => reader.empty = true,
                token => reader.put(Place::Header(number), Ok(token)),
            });
        }
        if self.subprotocol && is_handshake(connection) {
            let mut entries = 0_usize;
            connection.visit("sec-websocket-protocol", &mut |value| {
                for entry in subprotocol::entries(value).filter(|entry| subprotocol::may_have_key(entry)) {
                    entries = entries.saturating_add(1);
                    match subprotocol::key_of(entry) {
                        None => {}
                        Some([]) => reader.empty = true,
                        Some(token) => reader.put(Place::Subprotocol, Ok(token)),
                    }
                }
            });
            // Empty and misspelled ones count: some gateways remove only one entry before the backend.
            if entries > 1 {
                reader.put(Place::Subprotocol, Err(CredentialFault::SeveralFields));
            }
        }
        reader.outcome()
    }

    fn read_authorization(&self, fields: &mut dyn Iterator<Item = &[u8]>, reader: &mut Reader<'_>) {
        let Some(field) = fields.next() else { return };
        if fields.next().is_some() {
            reader.put(Place::Authorization, Err(CredentialFault::SeveralFields));
            return;
        }
        let encoded = if self.basic { without_prefix(trim(field), b"basic") } else { None };
        if let Some(encoded) = encoded.filter(|rest| rest.first().is_none_or(|&byte| is_space(byte))) {
            reader.put_basic(trim(encoded));
            return;
        }
        match Credential::of_unusual(field) {
            Err(CredentialFault::Empty) => reader.empty_authorization = true,
            Ok(_) if !self.bearer => reader.put(Place::Authorization, Err(CredentialFault::OtherScheme)),
            Ok(credential) => reader.put(Place::Authorization, Ok(credential.token())),
            Err(fault) => reader.put(Place::Authorization, Err(fault)),
        }
    }
}

impl Reader<'_> {
    fn put(&mut self, place: Place, token: Result<&[u8], CredentialFault>) {
        match self.first {
            None => {
                self.first = Some(place);
                self.fault = token.and_then(|token| self.field.set(token)).err();
            }
            Some(first) if first == place => {
                self.several.get_or_insert(CredentialFault::SeveralFields);
            }
            Some(_) => self.several = Some(CredentialFault::SeveralLocations),
        }
    }

    /// RFC 7617 section 2. The decoded bytes are erased.
    fn put_basic(&mut self, encoded: &[u8]) {
        if encoded.is_empty() {
            self.empty_authorization = true;
            return;
        }
        let mut decoded = Zeroizing::new([0; LONGEST_DECODED]);
        let length = match STANDARD.decode_slice(encoded, decoded.as_mut_slice()) {
            Ok(length) => length,
            Err(base64::DecodeSliceError::OutputSliceTooSmall) => {
                return self.put(Place::Basic, Err(CredentialFault::TooLong));
            }
            Err(_) => return self.put(Place::Basic, Err(CredentialFault::Basic)),
        };
        let pair = decoded.get(..length).unwrap_or_default();
        match pair.split_last() {
            // A colon only at the end: the password is empty.
            Some((b':', [])) => self.empty_authorization = true,
            Some((b':', user)) if !user.contains(&b':') => self.put(Place::Basic, Ok(user)),
            _ => self.put(Place::Basic, Err(CredentialFault::Basic)),
        }
    }

    fn outcome(self) -> Result<Reading, CredentialFault> {
        match (self.several.or(self.fault), self.first) {
            (Some(fault), _) => Err(fault),
            (None, Some(Place::Basic)) => Ok(Reading::BasicKey),
            (None, Some(_)) => Ok(Reading::Key),
            (None, None) if self.empty_authorization => Err(CredentialFault::Empty),
            (None, None) if self.empty => Ok(Reading::Empty),
            (None, None) => Ok(Reading::Nothing),
        }
    }
}

/// `Upgrade` ends at every proxy and is absent in HTTP/2 (RFC 8441). This field is in every handshake.
fn is_handshake(connection: &dyn Connection) -> bool {
    let mut is_there = false;
    connection.visit("sec-websocket-version", &mut |_| is_there = true);
    is_there
}

fn without_scheme(value: &[u8]) -> &[u8] {
    match without_prefix(value, b"bearer") {
        Some(rest) if rest.first().is_none_or(|&byte| is_space(byte)) => rest,
        _ => value,
    }
}
