//! `Authorization` fields, one a line.

use std::sync::LazyLock;

use keyward::adapter::{Check, Credential, CredentialFault, MAX_TOKEN_LENGTH, Target, UnknownConnection};
use keyward::key::{Hasher, KeyFault, KeyFormat, Pepper};
use keyward::{Authenticator, MemoryStore, Rejection};
use sha2::{Digest as _, Sha256};

static AUTHENTICATOR: LazyLock<Authenticator> = LazyLock::new(|| Authenticator::new(MemoryStore::new()));
static PEPPERED: LazyLock<Hasher> = LazyLock::new(|| Hasher::peppered([Pepper::new("p", PEPPER).unwrap()]).unwrap());
const PEPPER: [u8; 32] = *b"32 bytes from a secret manager!!";

/// Checks the credential, the digest and the reported fault, and that an authenticator agrees with its parts.
pub fn header(data: &[u8]) {
    let fields: Vec<&[u8]> = if data.is_empty() { Vec::new() } else { crate::lines(data).collect() };
    let credential = Credential::from_fields(fields.iter().copied());
    match (&credential, slow_token(&fields)) {
        (Ok(credential), Some(token)) => assert_eq!(credential.token(), token),
        (Err(fault), None) => assert!(is_there(*fault, &fields), "{fault}"),
        (read, expected) => panic!("{:?} for {expected:?}", read.err()),
    }

    let expected = match credential.map(|credential| (credential, KeyFormat::default().parse(credential.token()))) {
        Err(fault) => Some(Rejection::from(fault)),
        Ok((_, Err(KeyFault::Checksum))) => Some(Rejection::ChecksumMismatch),
        Ok((_, Err(_))) => Some(Rejection::MalformedKey),
        Ok((credential, Ok(key))) => {
            assert_eq!(*Hasher::default().digest(&key).as_bytes(), *Sha256::digest(credential.token()));
            assert_eq!(PEPPERED.digest(&key).as_bytes().as_slice(), slow_hmac(credential.token()));
            None
        }
    };
    let target = Target { method: "GET", path: "/", preflight: false, connection: &UnknownConnection };
    let verdict = match AUTHENTICATOR.check(target, fields.iter().copied()) {
        Check::Done(verdict) => Some(verdict.expect_err("no request passes without the store")),
        Check::Pending(_) => None,
    };
    assert_eq!(verdict.map(|verdict| verdict.reason()), expected.map(|expected| expected.reason()));
}

fn slow_token(fields: &[&[u8]]) -> Option<Vec<u8>> {
    let [field] = fields else { return None };
    // Every byte becomes a character of Latin-1, so that the field can be handled as text.
    let text: String = field.iter().copied().map(char::from).collect();
    let words: Vec<&str> = text.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
    let [scheme, token] = words[..] else { return None };
    let fits = |c: char| c.is_ascii_alphanumeric() || "-._~+/=".contains(c);
    let is_one = scheme.eq_ignore_ascii_case("bearer") && token.chars().all(fits) && token.len() <= MAX_TOKEN_LENGTH;
    is_one.then(|| token.into())
}

fn is_there(fault: CredentialFault, fields: &[&[u8]]) -> bool {
    let has = |found: fn(u8) -> bool| fields.iter().any(|field| field.iter().any(|&byte| found(byte)));
    let words: Vec<&[u8]> = fields
        .iter()
        .flat_map(|field| field.split(|byte| matches!(byte, b' ' | b'\t')))
        .filter(|word| !word.is_empty())
        .collect();
    let is_bearer = words.first().is_some_and(|word| word.eq_ignore_ascii_case(b"bearer"));
    match fault {
        CredentialFault::Missing => fields.is_empty(),
        CredentialFault::SeveralFields => fields.len() > 1,
        CredentialFault::OtherScheme => !words.is_empty() && !is_bearer,
        CredentialFault::Empty => words.is_empty() || (is_bearer && words.len() == 1),
        CredentialFault::List => has(|byte| byte == b','),
        CredentialFault::Quoted => has(|byte| b"\"'`<>".contains(&byte) || !byte.is_ascii()),
        CredentialFault::WhiteSpace => words.len() > 2 || has(|byte| b"\\%".contains(&byte) || !byte.is_ascii()),
        CredentialFault::Control => has(|byte| byte.is_ascii_control()),
        CredentialFault::NonAscii => has(|byte| !byte.is_ascii()),
        CredentialFault::TooLong => fields.concat().len() > MAX_TOKEN_LENGTH,
        CredentialFault::Character => is_bearer && words.len() == 2,
        _ => false,
    }
}

/// RFC 2104.
fn slow_hmac(text: &[u8]) -> Vec<u8> {
    let mut block = [0_u8; 64];
    block[..PEPPER.len()].copy_from_slice(&PEPPER);
    let (inner, outer) = (block.map(|byte| byte ^ 0x36), block.map(|byte| byte ^ 0x5c));
    let hashed = Sha256::digest([&inner, text].concat());
    Sha256::digest([outer.as_slice(), &hashed].concat()).to_vec()
}
