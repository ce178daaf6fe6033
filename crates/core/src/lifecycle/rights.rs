//! The comparison of a key's rights with those of the caller that gives them.

use std::fmt;

use ipnet::IpNet;

use super::NewKey;
use crate::clock::Timestamp;
use crate::endpoint::Endpoint;
use crate::id::UserId;
use crate::identity::Identity;
use crate::key::{KeyKind, Mode};
use crate::scope::ScopeSet;
use crate::store::KeyRecord;

/// The rights that a key has, or that a caller may give to keys.
///
/// # Examples
/// ```
/// use keyward::NewKey;
/// use keyward::lifecycle::KeyRights;
///
/// let reader = NewKey::restricted("acct_1".parse()?, "reader", "notes:read".parse()?);
/// let secret = NewKey::secret("acct_1".parse()?, "everything");
/// assert!(KeyRights::of_new(&secret).covers(&KeyRights::of_new(&reader)).is_ok());
/// assert!(KeyRights::of_new(&reader).covers(&KeyRights::of_new(&secret)).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct KeyRights {
    /// The kind.
    pub kind: KeyKind,
    /// The mode, or `None` for both.
    pub mode: Option<Mode>,
    /// The scopes.
    pub scopes: ScopeSet,
    /// The networks, or all if empty.
    pub networks: Vec<IpNet>,
    /// The endpoints, or all if empty.
    pub endpoints: Vec<Endpoint>,
    /// The expiry time, if any.
    pub expires_at: Option<Timestamp>,
    /// The users.
    pub users: KeyUsers,
}

/// The users that a key belongs to, or that a caller's keys may belong to. Handlers take a key's user for the caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum KeyUsers {
    /// No user.
    #[default]
    None,
    /// This user, or none.
    One(UserId),
    /// Every user.
    All,
}

impl KeyUsers {
    fn of(user: Option<&UserId>) -> Self {
        user.cloned().map_or(Self::None, Self::One)
    }

    fn covers(&self, wanted: &Self) -> bool {
        *wanted == Self::None || *self == Self::All || self == wanted
    }
}

/// A right that a caller lacks, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingRight(String);

impl MissingRight {
    pub(super) fn later_than(end: Timestamp) -> Self {
        Self(format!("an expiry after {end}"))
    }
}

impl fmt::Display for MissingRight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl KeyRights {
    /// Returns the rights of a caller.
    #[must_use]
    pub fn of_identity(caller: &Identity) -> Self {
        Self {
            // An access token belongs to a user, whom no kind limits.
            kind: caller.kind().key_kind().unwrap_or(KeyKind::Secret),
            mode: Some(caller.mode()),
            scopes: caller.scopes().clone(),
            networks: caller.networks().to_vec(),
            endpoints: caller.endpoints().to_vec(),
            expires_at: caller.expires_at(),
            users: KeyUsers::of(caller.user()),
        }
    }

    /// Returns the rights of a stored key.
    #[must_use]
    pub fn of_record(key: &KeyRecord) -> Self {
        // Exhaustive: a new field must be compared, or listed as one that gives no rights.
        let KeyRecord {
            kind,
            mode,
            scopes,
            endpoints,
            networks,
            expires_at,
            user,
            // The caller compares it.
            account: _,
            id: _,
            name: _,
            digest: _,
            hashed_with: _,
            hint: _,
            metadata: _,
            tags: _,
            created_at: _,
            created_by: _,
            // These only take rights away.
            not_before: _,
            disabled_at: _,
            revoked_at: _,
            compromised_at: _,
            revocation: _,
            last_used_at: _,
            last_used_from: _,
            rotated_from: _,
            rotated_to: _,
            version: _,
        } = key;
        Self {
            kind: *kind,
            mode: Some(*mode),
            scopes: scopes.clone(),
            networks: networks.clone(),
            endpoints: endpoints.clone(),
            expires_at: *expires_at,
            users: KeyUsers::of(user.as_ref()),
        }
    }

    /// Returns the rights of a key to issue.
    #[must_use]
    pub fn of_new(key: &NewKey) -> Self {
        let NewKey {
            kind,
            mode,
            scopes,
            endpoints,
            networks,
            expires_at,
            user,
            account: _,
            created_by: _,
            name: _,
            not_before: _,
            metadata: _,
            tags: _,
        } = key;
        Self {
            kind: *kind,
            mode: Some(*mode),
            scopes: scopes.clone(),
            networks: networks.clone(),
            endpoints: endpoints.clone(),
            expires_at: *expires_at,
            users: KeyUsers::of(user.as_ref()),
        }
    }

    /// Returns `true` if the caller sees and changes keys of this mode.
    #[must_use]
    pub fn reaches(&self, mode: Mode) -> bool {
        self.mode.is_none_or(|own| own == mode)
    }

    /// Checks that a caller with these rights may give `wanted` to a key. The key has the mode of the caller.
    ///
    /// # Errors
    /// The first right that exceeds these.
    pub fn check_key(&self, wanted: &Self) -> Result<(), MissingRight> {
        self.check_mode(wanted)?;
        self.covers(wanted)
    }

    /// Checks that a caller with these rights sees keys of the mode of `wanted`.
    ///
    /// # Errors
    /// The mode.
    pub fn check_mode(&self, wanted: &Self) -> Result<(), MissingRight> {
        match wanted.mode {
            Some(mode) if !self.reaches(mode) => Err(MissingRight(format!("the mode {mode}"))),
            _ => Ok(()),
        }
    }

    /// Compares `wanted` with these rights in every dimension.
    ///
    /// # Errors
    /// The first right that exceeds them.
    pub fn covers(&self, wanted: &Self) -> Result<(), MissingRight> {
        // Exhaustive: a dimension that is not compared does not compile.
        let Self { kind, mode, scopes, networks, endpoints, expires_at, users } = wanted;
        let Self {
            kind: own_kind,
            mode: own_mode,
            scopes: own_scopes,
            networks: own_networks,
            endpoints: own_endpoints,
            expires_at: own_end,
            users: own_users,
        } = self;
        let refuse = |what: String| Err(MissingRight(what));
        // Live authority includes test authority, but not the reverse.
        if *own_mode == Some(Mode::Test) && *mode != Some(Mode::Test) {
            return refuse(format!("the mode {}", Mode::Live));
        }
        if rank(*kind) > rank(*own_kind) {
            return refuse(format!("the kind {kind}"));
        }
        if let Some(scope) = scopes.iter().find(|grant| !own_scopes.iter().any(|held| held.includes(grant))) {
            return refuse(format!("the scope {}", scope.as_str()));
        }
        let is_within = |network: &IpNet| own_networks.iter().any(|own| own.contains(network));
        if !own_networks.is_empty() && (networks.is_empty() || !networks.iter().all(is_within)) {
            return refuse(format!("networks other than {}", list(own_networks)));
        }
        let is_included = |endpoint: &Endpoint| own_endpoints.iter().any(|own| own.includes(endpoint));
        if !own_endpoints.is_empty() && (endpoints.is_empty() || !endpoints.iter().all(is_included)) {
            return refuse(format!("endpoints other than {}", list(own_endpoints)));
        }
        if let KeyUsers::One(user) = users
            && !own_users.covers(users)
        {
            return refuse(format!("keys of the user {user}"));
        }
        if !own_users.covers(users) {
            return refuse("keys of every user".to_owned());
        }
        match (own_end, expires_at) {
            (Some(own), None) => refuse(format!("no expiry, or one after {own}")),
            (Some(own), Some(end)) if end > own => Err(MissingRight::later_than(*own)),
            _ => Ok(()),
        }
    }
}

fn rank(kind: KeyKind) -> u8 {
    match kind {
        KeyKind::Publishable => 0,
        KeyKind::Restricted => 1,
        KeyKind::Secret => 2,
    }
}

fn list<T: ToString>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
