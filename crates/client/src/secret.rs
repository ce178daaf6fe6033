//! What must not be shown: keys, tokens, invitations and passwords.

use std::fmt;

use serde::Deserialize;
use zeroize::Zeroizing;

/// A key, a token, an invitation or a password: erased from memory when dropped.
///
/// It has no `Display`, no `Serialize`, no comparison, and a `Debug` that shows nothing of it.
///
/// # Examples
/// ```
/// use keyward_client::Secret;
///
/// let secret = Secret::new("correct horse battery");
/// assert_eq!(format!("{secret:?}"), "Secret(<redacted>)");
/// ```
///
/// It cannot be printed or sent off by accident:
/// ```compile_fail
/// println!("{}", keyward_client::Secret::new("correct horse battery"));
/// ```
#[derive(Deserialize)]
#[serde(transparent)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// This text, which is a secret from here on.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text, for whoever has to send or check it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Gives the text out, to be shown to its owner, and with that ends this value.
    #[must_use]
    pub fn expose_once(self) -> Zeroizing<String> {
        self.0
    }
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
