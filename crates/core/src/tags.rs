//! Tags of keys.
//!
//! # Examples
//! ```
//! use keyward::tags::Tags;
//!
//! let tags = Tags::new(["team:search", "production"])?;
//! assert!(tags.contains("production"));
//! assert!(Tags::new(["two words"]).is_err());
//! # Ok::<(), keyward::tags::TagError>(())
//! ```

use std::fmt;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// The longest tag, in bytes.
pub const MAX_TAG_LENGTH: usize = 64;

/// The most tags of a key.
pub const MAX_TAGS: usize = 20;

/// Why texts are no tags.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TagError {
    /// This text is no tag.
    #[error("invalid tag `{0}`: expected 1 to {MAX_TAG_LENGTH} visible ASCII characters without spaces and commas")]
    Invalid(String),
    /// There are this many.
    #[error("{0} tags are too many: expected at most {MAX_TAGS}")]
    TooMany(usize),
}

/// A sorted set of tags.
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<SmolStr>", into = "Vec<SmolStr>")]
pub struct Tags(Box<[SmolStr]>);

impl Tags {
    /// Creates a set. Repeated tags count once.
    ///
    /// # Errors
    /// [`TagError`].
    pub fn new(tags: impl IntoIterator<Item = impl Into<SmolStr>>) -> Result<Self, TagError> {
        let mut tags: Vec<SmolStr> = tags.into_iter().map(Into::into).collect();
        if let Some(invalid) = tags.iter().find(|tag| !is_tag(tag)) {
            return Err(TagError::Invalid(invalid.chars().take(MAX_TAG_LENGTH + 1).collect()));
        }
        tags.sort_unstable();
        tags.dedup();
        if tags.len() > MAX_TAGS {
            return Err(TagError::TooMany(tags.len()));
        }
        Ok(Self(tags.into()))
    }

    /// Returns `true` if the set has this tag.
    #[must_use]
    pub fn contains(&self, tag: &str) -> bool {
        self.0.binary_search_by(|own| own.as_str().cmp(tag)).is_ok()
    }

    /// Returns `true` if the set has all tags of `other`.
    #[must_use]
    pub fn includes(&self, other: &Self) -> bool {
        other.iter().all(|tag| self.contains(tag))
    }

    /// Returns the tags in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(SmolStr::as_str)
    }

    /// Returns `true` without tags.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn is_tag(text: &str) -> bool {
    (1..=MAX_TAG_LENGTH).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic() && b != b',')
}

impl fmt::Debug for Tags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl fmt::Display for Tags {
    /// Writes the tags, separated by commas.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.join(", "))
    }
}

impl TryFrom<Vec<SmolStr>> for Tags {
    type Error = TagError;

    fn try_from(tags: Vec<SmolStr>) -> Result<Self, TagError> {
        Self::new(tags)
    }
}

impl From<Tags> for Vec<SmolStr> {
    fn from(tags: Tags) -> Self {
        tags.0.into_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_bounded_in_number_and_length() {
        let numbered = |count: usize| (0..count).map(|number| format!("tag-{number}"));
        assert!(Tags::new(numbered(MAX_TAGS)).is_ok());
        assert_eq!(Tags::new(numbered(MAX_TAGS + 1)), Err(TagError::TooMany(MAX_TAGS + 1)));
        assert!(Tags::new(["a".repeat(MAX_TAG_LENGTH)]).is_ok());
        for text in ["", "a b", "a,b", "é", "a\n"] {
            assert_eq!(Tags::new([text]), Err(TagError::Invalid(text.to_owned())));
        }
        assert!(Tags::new(["a".repeat(MAX_TAG_LENGTH + 1)]).is_err());
    }

    #[test]
    fn tags_are_a_set() {
        let tags = Tags::new(["b", "a", "b"]).unwrap();
        assert_eq!(tags.to_string(), "a, b");
        assert_eq!(tags, serde_json::from_str(r#"["a","b"]"#).unwrap());
        assert!(tags.includes(&Tags::new(["b"]).unwrap()) && !tags.includes(&Tags::new(["c"]).unwrap()));
        assert!(tags.includes(&Tags::default()));
    }
}
