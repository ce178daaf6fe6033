//! What a user shows as the second factor.

/// The proof of a sign-in or a change.
#[derive(Clone, Copy)]
pub(crate) enum Proof<'a> {
    /// A code of the app, or a recovery code.
    Code(&'a str),
    #[cfg(feature = "dashboard")]
    Passkey(PasskeyAnswer<'a>),
}

/// The answer of a browser to a [`PasskeyRequest`].
#[cfg(feature = "dashboard")]
#[derive(Clone, Copy)]
pub(crate) struct PasskeyAnswer<'a> {
    pub(crate) challenge: &'a str,
    /// JSON of the browser.
    pub(crate) text: &'a str,
    /// What the challenge was sealed for.
    pub(crate) binding: &'a str,
    pub(crate) place: &'a RelyingParty,
}

/// Asks a browser for a passkey.
#[cfg(feature = "dashboard")]
pub(crate) struct PasskeyRequest {
    /// JSON for the browser.
    pub(crate) options: String,
    pub(crate) challenge: String,
}

/// Where passkeys work. A program without the feature `passkeys` can make no value.
#[cfg(feature = "dashboard")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RelyingParty {
    /// The RP ID.
    pub(crate) host: String,
    /// The only origin whose pages may use them.
    #[cfg(feature = "passkeys")]
    pub(crate) origin: String,
    #[cfg(not(feature = "passkeys"))]
    pub(crate) never: std::convert::Infallible,
}

/// A proof that came with a request.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum ShownProof {
    Code(String),
    #[cfg(feature = "dashboard")]
    Passkey {
        challenge: String,
        text: String,
        place: RelyingParty,
    },
}

impl std::fmt::Debug for ShownProof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ShownProof")
    }
}

impl ShownProof {
    /// A session answers only what it was asked.
    #[cfg_attr(not(feature = "dashboard"), allow(unused_variables, reason = "codes have no binding"))]
    pub(crate) fn bound_to<'a>(&'a self, binding: &'a str) -> Proof<'a> {
        match self {
            Self::Code(code) => Proof::Code(code),
            #[cfg(feature = "dashboard")]
            Self::Passkey { challenge, text, place } => {
                Proof::Passkey(PasskeyAnswer { challenge, text, binding, place })
            }
        }
    }
}

impl Proof<'_> {
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Code(code) => code.trim().is_empty(),
            #[cfg(feature = "dashboard")]
            Self::Passkey(answer) => answer.text.is_empty(),
        }
    }
}
