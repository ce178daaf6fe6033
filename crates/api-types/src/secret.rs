//! Keys, tokens, invitations and passwords, which nothing prints by accident.

use std::fmt;

use serde::{Deserialize, Serializer};
use zeroize::Zeroizing;

/// A key, a token, an invitation or a password: erased from memory when dropped.
///
/// It has no `Display`, no `Serialize`, no comparison, and a `Debug` that shows nothing of it.
///
/// # Examples
/// ```
/// use keyward_api_types::Secret;
///
/// let secret = Secret::new("correct horse battery");
/// assert_eq!(format!("{secret:?}"), "Secret(<redacted>)");
/// ```
///
/// It cannot be printed or sent off by accident:
/// ```compile_fail
/// println!("{}", keyward_api_types::Secret::new("correct horse battery"));
/// ```
/// ```compile_fail
/// serde_json::to_string(&keyward_api_types::Secret::new("correct horse battery"));
/// ```
#[derive(Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "utoipa", schema(as = Shown, value_type = String, description = "Writes a secret into a body: nothing else shows one."))]
#[serde(transparent)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Makes a secret of a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// Returns the text, to send or check it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns the text, to show it to its owner, and ends this value.
    #[must_use]
    pub fn expose_once(self) -> Zeroizing<String> {
        self.0
    }
}

/// Writes a secret into the message that carries it over the wire.
pub(crate) fn reveal<S: Serializer>(secret: &Secret, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&secret.0)
}

impl From<Zeroizing<String>> for Secret {
    fn from(text: Zeroizing<String>) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(<redacted>)")
    }
}
