//! Ids, which are not secret.
//!
//! # Examples
//! ```
//! use keyward::AccountId;
//!
//! let known: AccountId = "acct_1".parse()?;
//! let new = AccountId::generate();
//! assert!(new != known && new.as_str().starts_with("acct_"));
//! # Ok::<(), keyward::id::IdError>(())
//! ```

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::key::random_base62;

/// The longest id, in bytes.
pub const MAX_ID_LENGTH: usize = 64;

/// The text is no id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid id: expected 1 to 64 visible ASCII characters without spaces")]
pub struct IdError;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        ///
        /// 1 to 64 visible ASCII characters. Cloning up to 23 bytes neither allocates nor counts references.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "SmolStr", into = "SmolStr")]
        pub struct $name(SmolStr);

        impl $name {
            #[doc = concat!("Returns a new random id: `", $prefix, "_` and 16 base62 characters.")]
            ///
            /// # Panics
            /// If the system's random generator fails.
            #[must_use]
            pub fn generate() -> Self {
                let random = random_base62::<16>().expect("the operating system's random generator works");
                let mut text = [0_u8; $prefix.len() + 17];
                text[..$prefix.len()].copy_from_slice($prefix.as_bytes());
                text[$prefix.len()] = b'_';
                text[$prefix.len() + 1..].copy_from_slice(&random);
                Self(SmolStr::new(String::from_utf8_lossy(&text)))
            }

            /// Returns the text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<SmolStr> for $name {
            type Error = IdError;

            fn try_from(text: SmolStr) -> Result<Self, IdError> {
                let fits = !text.is_empty()
                    && text.len() <= MAX_ID_LENGTH
                    && text.bytes().all(|b| b.is_ascii_graphic());
                if fits { Ok(Self(text)) } else { Err(IdError) }
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                SmolStr::new(text).try_into()
            }
        }

        impl From<$name> for SmolStr {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id! {
    /// The id of an API key or access token.
    CredentialId, "key"
}

id! {
    /// The id of an account.
    AccountId, "acct"
}

id! {
    /// The id of a user.
    UserId, "user"
}

id! {
    /// The id of a node: a process with a cache.
    NodeId, "node"
}

/// Not for nodes: comparisons with an empty list would need a type.
macro_rules! equals_text {
    ($($name:ident)+) => {$(
    impl PartialEq<str> for $name {
        fn eq(&self, text: &str) -> bool {
            self.as_str() == text
        }
    }

    impl PartialEq<&str> for $name {
        fn eq(&self, text: &&str) -> bool {
            self.as_str() == *text
        }
    }
    )+};
}

equals_text!(CredentialId AccountId UserId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_visible_ascii_of_bounded_length() {
        for (text, fits) in [
            ("acct_1", true),
            ("9f3c2f2e-6a1f-4c8e-9d5e-0c1d2e3f4a5b", true),
            ("", false),
            ("a b", false),
            ("a\n", false),
            ("é", false),
        ] {
            assert_eq!(text.parse::<AccountId>().is_ok(), fits, "{text:?}");
        }
        assert!("a".repeat(MAX_ID_LENGTH + 1).parse::<AccountId>().is_err());
    }

    #[test]
    fn generated_ids_differ_and_are_held_in_place() {
        let (a, b) = (CredentialId::generate(), CredentialId::generate());
        assert_ne!(a, b);
        assert!(a.as_str().starts_with("key_"));
        assert!(!a.0.is_heap_allocated());
        assert!(!AccountId::generate().0.is_heap_allocated());
    }
}
