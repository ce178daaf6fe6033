//! Required and granted scopes, which are OAuth scope tokens (RFC 6749 section 3.3).
//!
//! # Examples
//! ```
//! use keyward::{Scope, ScopeSet};
//!
//! const READ: Scope = Scope::from_static("resources:read");
//! let granted: ScopeSet = "resources:* jobs:read".parse()?;
//! assert!(granted.allows(&READ));
//! # Ok::<(), keyward::scope::ScopeError>(())
//! ```

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

mod requirement;

pub use requirement::Requirement;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// The longest scope or grant, in bytes.
pub const MAX_SCOPE_LENGTH: usize = 64;

/// The most grants of a credential.
pub const MAX_GRANTS: usize = 64;

/// Returns the first `most` scopes that are wanted, each once.
///
/// # Examples
/// ```
/// use keyward::Scope;
/// use keyward::scope::first_distinct;
///
/// let required: Vec<Scope> = ["a:read", "b:read", "a:read", "c:read"].map(|scope| scope.parse().unwrap()).into();
/// let found = first_distinct(&required, 2, |_| true);
/// assert_eq!(found, [&required[0], &required[1]]);
/// ```
pub fn first_distinct(scopes: &[Scope], most: usize, is_wanted: impl Fn(&Scope) -> bool) -> Vec<&Scope> {
    let mut found: Vec<&Scope> = Vec::new();
    for scope in scopes {
        if found.len() < most && is_wanted(scope) && !found.contains(&scope) {
            found.push(scope);
        }
    }
    found
}

/// A required scope, `resource:action`.
///
/// # Examples
/// ```
/// use keyward::Scope;
///
/// // In a constant, a malformed scope is a compile error.
/// const READ: Scope = Scope::from_static("resources:read");
/// assert_eq!(READ.as_str(), "resources:read");
/// assert!("resources:*".parse::<Scope>().is_err(), "a requirement is never a wildcard");
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "SmolStr", into = "SmolStr")]
pub struct Scope(SmolStr);

impl Scope {
    /// Creates a scope.
    ///
    /// # Panics
    /// If the literal is not `resource:action`. In a constant this is a compile error.
    #[must_use]
    pub const fn from_static(scope: &'static str) -> Self {
        assert!(matches!(classify(scope.as_bytes()), Some(Shape::Exact)), "invalid scope: expected resource:action");
        Self(SmolStr::new_static(scope))
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A granted scope: `resource:action`, `resource:*` or `*`.
///
/// # Examples
/// ```
/// use keyward::scope::Grant;
/// use keyward::Scope;
///
/// let grant: Grant = "resources:*".parse()?;
/// assert!(grant.covers(&Scope::from_static("resources:read")));
/// assert!(!grant.covers(&Scope::from_static("jobs:write")));
/// # Ok::<(), keyward::scope::ScopeError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "SmolStr", into = "SmolStr")]
pub struct Grant(SmolStr);

impl Grant {
    /// The grant of everything.
    pub const ALL: Self = Self(SmolStr::new_static("*"));

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns `true` if this grant allows `scope`.
    #[must_use]
    pub fn covers(&self, scope: &Scope) -> bool {
        covers(&self.0, &scope.0)
    }

    /// Returns `true` if this grant allows all of `other`.
    #[must_use]
    pub fn includes(&self, other: &Grant) -> bool {
        covers(&self.0, &other.0)
    }
}

fn covers(grant: &str, wanted: &str) -> bool {
    grant == "*" || grant == wanted || grant.strip_suffix('*').is_some_and(|resource| wanted.starts_with(resource))
}

/// A credential's grants, sorted and distinct.
///
/// # Examples
/// ```
/// use keyward::{Scope, ScopeSet};
///
/// let granted: ScopeSet = "resources:read jobs:*".parse()?;
/// assert!(granted.allows(&Scope::from_static("jobs:write")));
/// assert!(!granted.allows(&Scope::from_static("resources:write")));
/// assert_eq!(granted.to_string(), "jobs:* resources:read");
/// # Ok::<(), keyward::scope::ScopeError>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<Grant>", into = "Vec<Grant>")]
pub struct ScopeSet(Box<[Grant]>);

impl ScopeSet {
    /// Creates a set.
    ///
    /// # Errors
    /// [`ScopeError::TooMany`].
    pub fn new(grants: impl IntoIterator<Item = Grant>) -> Result<Self, ScopeError> {
        let mut grants: Vec<Grant> = grants.into_iter().collect();
        grants.sort_unstable();
        grants.dedup();
        if grants.len() > MAX_GRANTS {
            return Err(ScopeError::TooMany);
        }
        Ok(Self(grants.into_boxed_slice()))
    }

    /// Creates a set that grants everything.
    #[must_use]
    pub fn all() -> Self {
        Self(Box::new([Grant::ALL]))
    }

    /// Returns `true` if a grant allows `scope`.
    #[must_use]
    pub fn allows(&self, scope: &Scope) -> bool {
        self.0.iter().any(|grant| grant.covers(scope))
    }

    /// Returns `true` if this set allows all of `other`.
    #[must_use]
    pub fn includes(&self, other: &ScopeSet) -> bool {
        other.0.iter().all(|wanted| self.0.iter().any(|grant| grant.includes(wanted)))
    }

    /// Returns the grants in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Grant> {
        self.0.iter()
    }

    /// Returns `true` without grants.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Why scopes or grants are invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScopeError {
    /// The text breaks the rules.
    #[error(
        "invalid scope: expected resource:action of letters, digits, '_', '.' and '-', at most 64 bytes, for example resources:read"
    )]
    Malformed,
    /// A requirement has a wildcard.
    #[error("invalid scope: a wildcard can be granted, but not required; name the action")]
    Wildcard,
    /// There are more than [`MAX_GRANTS`].
    #[error("too many scopes: expected at most 64")]
    TooMany,
}

#[derive(PartialEq, Eq)]
enum Shape {
    Exact,
    Resource,
    All,
}

const fn classify(bytes: &[u8]) -> Option<Shape> {
    enum Part {
        Start,
        Resource,
        Colon,
        Action,
    }

    if matches!(bytes, [b'*']) {
        return Some(Shape::All);
    }
    if bytes.len() > MAX_SCOPE_LENGTH {
        return None;
    }
    let (mut part, mut rest) = (Part::Start, bytes);
    while let [byte, tail @ ..] = rest {
        part = match (byte, part) {
            (b':', Part::Resource) => Part::Colon,
            (b'*', Part::Colon) => return if tail.is_empty() { Some(Shape::Resource) } else { None },
            (b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-', part) => match part {
                Part::Start | Part::Resource => Part::Resource,
                Part::Colon | Part::Action => Part::Action,
            },
            _ => return None,
        };
        rest = tail;
    }
    if matches!(part, Part::Action) { Some(Shape::Exact) } else { None }
}

impl TryFrom<SmolStr> for Scope {
    type Error = ScopeError;

    fn try_from(text: SmolStr) -> Result<Self, ScopeError> {
        match classify(text.as_bytes()) {
            Some(Shape::Exact) => Ok(Self(text)),
            Some(_) => Err(ScopeError::Wildcard),
            None => Err(ScopeError::Malformed),
        }
    }
}

impl TryFrom<SmolStr> for Grant {
    type Error = ScopeError;

    fn try_from(text: SmolStr) -> Result<Self, ScopeError> {
        classify(text.as_bytes()).map(|_| Self(text)).ok_or(ScopeError::Malformed)
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        SmolStr::new(text).try_into()
    }
}

impl FromStr for Grant {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        SmolStr::new(text).try_into()
    }
}

impl FromStr for ScopeSet {
    type Err = ScopeError;

    /// Reads space-separated grants (RFC 6749 section 3.3).
    fn from_str(text: &str) -> Result<Self, ScopeError> {
        Self::new(text.split_ascii_whitespace().map(Grant::from_str).collect::<Result<Vec<_>, _>>()?)
    }
}

impl TryFrom<Vec<Grant>> for ScopeSet {
    type Error = ScopeError;

    fn try_from(grants: Vec<Grant>) -> Result<Self, ScopeError> {
        Self::new(grants)
    }
}

impl From<Scope> for Grant {
    fn from(scope: Scope) -> Self {
        Self(scope.0)
    }
}

impl From<Scope> for SmolStr {
    fn from(scope: Scope) -> Self {
        scope.0
    }
}

impl From<Grant> for SmolStr {
    fn from(grant: Grant) -> Self {
        grant.0
    }
}

impl From<ScopeSet> for Vec<Grant> {
    fn from(set: ScopeSet) -> Self {
        set.0.into_vec()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, grant) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            f.write_str(grant.as_str())?;
        }
        Ok(())
    }
}

impl fmt::Debug for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_requirement_is_exact_and_a_grant_may_be_wider() {
        for (text, scope, grant) in [
            ("resources:read", true, true),
            ("a.b-c_d:E9", true, true),
            ("resources:*", false, true),
            ("*", false, true),
            ("", false, false),
            ("resources", false, false),
            ("resources:", false, false),
            (":read", false, false),
            ("*:read", false, false),
            ("resources:**", false, false),
            ("res*:read", false, false),
            ("resources:re*", false, false),
            ("a:b:c", false, false),
            ("resources:read ", false, false),
            ("ré:read", false, false),
            ("a:\"b\"", false, false),
        ] {
            assert_eq!(text.parse::<Scope>().is_ok(), scope, "scope {text:?}");
            assert_eq!(text.parse::<Grant>().is_ok(), grant, "grant {text:?}");
        }
        let long = format!("a:{}", "b".repeat(MAX_SCOPE_LENGTH));
        assert!(long.parse::<Grant>().is_err());
    }

    #[test]
    fn grants_cover_what_they_name_and_no_more() {
        for (granted, wanted, covered) in [
            ("*", "resources:read", true),
            ("resources:*", "resources:read", true),
            ("resources:*", "resources2:read", false),
            ("resources:read", "resources:read", true),
            ("resources:read", "resources:reads", false),
            ("resources:read", "resources:write", false),
            ("", "resources:read", false),
        ] {
            let set: ScopeSet = granted.parse().unwrap();
            assert_eq!(set.allows(&wanted.parse().unwrap()), covered, "{granted} {wanted}");
        }
    }

    #[test]
    fn grants_include_only_what_they_allow() {
        let holds =
            |held: &str, wanted: &str| held.parse::<ScopeSet>().unwrap().includes(&wanted.parse::<ScopeSet>().unwrap());
        assert!(holds("*", "*"));
        assert!(holds("a:*", "a:* a:read"));
        assert!(!holds("a:*", "*"));
        assert!(!holds("a:read a:write", "a:*"));
    }
}
