use std::fmt;

use serde::{Deserialize, Serializer};
use zeroize::Zeroizing;

/// A key, token, invitation or password. Dropping it erases it from memory.
///
/// It has no `Display`, no `Serialize`, no comparison and a redacted `Debug`.
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
#[cfg_attr(feature = "utoipa", schema(value_type = String, description = "A secret. Only this body contains it."))]
#[serde(transparent)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Creates a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// Returns the text.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Consumes the secret and returns the text.
    #[must_use]
    pub fn expose_once(self) -> Zeroizing<String> {
        self.0
    }
}

pub(crate) fn reveal<S: Serializer>(secret: &Secret, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&secret.0)
}

#[expect(clippy::ref_option, reason = "serde calls it")]
pub(crate) fn reveal_some<S: Serializer>(secret: &Option<Secret>, to: S) -> Result<S::Ok, S::Error> {
    match secret {
        Some(secret) => to.serialize_some(&*secret.0),
        None => to.serialize_none(),
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
