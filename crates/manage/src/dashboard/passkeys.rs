//! Where passkeys work, and the answers of browsers.

use super::error::FormErrors;
use super::form::Form;
use super::visitor::Visitor;
use super::words;
use crate::error::ManagementError;
use crate::origin::PublicUrl;
use crate::proof::ShownProof;
use crate::service::{PasskeyAnswer, Proof, RelyingParty};

impl Visitor {
    /// Browsers bind a passkey to the host of the page. It is that of the public URL, or this machine, and never just what a request
    /// names. Fails with the reason, for the page.
    pub(super) fn passkey_place(&self) -> Result<RelyingParty, String> {
        if self.cookies.is_framed() {
            return Err(words::passkeys::NOT_IN_A_FRAME.to_owned());
        }
        let url = match &self.app.settings().public_url {
            Some(url) if url.is_of(&self.host) => url.clone(),
            Some(url) => return Err(words::passkeys::only_under(&url.to_string())),
            None => PublicUrl::of_loopback(&self.host, self.cookies.is_secure())
                .ok_or_else(|| words::passkeys::NO_PUBLIC_URL.to_owned())?,
        };
        match url.host_name() {
            #[cfg(feature = "passkeys")]
            Some(host) => Ok(RelyingParty { host: host.to_owned(), origin: url.to_string() }),
            #[cfg(not(feature = "passkeys"))]
            Some(_) => Err(words::passkeys::NOT_IN_THIS_PROGRAM.to_owned()),
            None if url.is_loopback() => Err(words::passkeys::not_under_an_address(&url.at_localhost())),
            None => Err(words::passkeys::THE_PUBLIC_URL_IS_AN_ADDRESS.to_owned()),
        }
    }
}

/// A form has the answer of a browser, or else a code.
pub(super) fn proof<'a>(form: &'a Form, binding: &'a str, place: Option<&'a RelyingParty>) -> Proof<'a> {
    match place {
        Some(place) if is_passkey(form) => Proof::Passkey(PasskeyAnswer {
            challenge: form.get("challenge"),
            text: form.get("passkey"),
            binding,
            place,
        }),
        _ => Proof::Code(form.get("code")),
    }
}

/// The proof in a form, for operations that ask a user to confirm them.
pub(super) fn shown(form: &Form, place: Option<RelyingParty>) -> Option<ShownProof> {
    match place {
        Some(place) if is_passkey(form) => {
            let (challenge, text) = (form.get("challenge").to_owned(), form.get("passkey").to_owned());
            Some(ShownProof::Passkey { challenge, text, place })
        }
        _ => form.filled("code").map(ShownProof::Code),
    }
}

/// A refused proof, in the words of what was shown.
pub(super) fn field_error(form: &Form, error: &ManagementError) -> FormErrors {
    match error {
        ManagementError::WrongCode | ManagementError::CodeRequired if is_passkey(form) => {
            FormErrors::of("passkey", words::passkeys::THE_PASSKEY_WAS_NOT_ACCEPTED)
        }
        error => FormErrors::from(error),
    }
}

fn is_passkey(form: &Form) -> bool {
    form.has("passkey")
}
