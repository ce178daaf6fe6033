use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use ipnet::IpNet;
use serde_json::{Map, Value};
use smol_str::SmolStr;

use crate::clock::Timestamp;
use crate::endpoint::Endpoint;
use crate::id::{AccountId, CredentialId, UserId};
use crate::key::{KeyKind, Mode};
use crate::network::Network;
use crate::scope::{Scope, ScopeSet};
use crate::tags::Tags;

/// The kind of a credential.
///
/// # Examples
/// ```
/// use keyward::key::KeyKind;
/// use keyward::CredentialKind;
///
/// assert_eq!(CredentialKind::ApiKey(KeyKind::Secret).key_kind(), Some(KeyKind::Secret));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CredentialKind {
    /// An API key of this kind.
    ApiKey(KeyKind),
    /// A user's access token.
    AccessToken,
}

impl CredentialKind {
    /// Returns the key's kind, if a key.
    #[must_use]
    pub fn key_kind(self) -> Option<KeyKind> {
        match self {
            Self::ApiKey(kind) => Some(kind),
            Self::AccessToken => None,
        }
    }
}

/// The caller and its rights, in the request's extensions. Cloning it allocates nothing.
///
/// # Examples
/// ```
/// use keyward::{AccountId, CredentialId, Identity, Scope};
///
/// let identity = Identity::api_key("key_1".parse::<CredentialId>()?, "acct_1".parse::<AccountId>()?)
///     .with_scopes("resources:read".parse()?);
/// assert!(identity.allows(&Scope::from_static("resources:read")));
/// assert!(!identity.allows(&Scope::from_static("resources:write")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Identity {
    id: CredentialId,
    account: AccountId,
    /// An `Option` is twice the size.
    expires_at: i64,
    profile: Shared,
}

/// The properties that many keys have in common.
#[derive(Clone, Debug, PartialEq)]
struct Profile {
    kind: CredentialKind,
    mode: Mode,
    scopes: ScopeSet,
    plan: Option<SmolStr>,
    user: Option<UserId>,
    features: Box<[SmolStr]>,
    endpoints: Box<[Endpoint]>,
    networks: Box<[IpNet]>,
    metadata: Map<String, Value>,
    tags: Tags,
    listener: ScopeListener,
}

/// Hears of required scopes that an identity has.
pub(crate) type OnScopes = dyn Fn(&Identity, &[Scope]) + Send + Sync;

/// Weak, because profiles are kept for ever.
#[derive(Clone, Default)]
struct ScopeListener(Option<Weak<OnScopes>>);

impl Identity {
    /// Creates a secret live key without rights, plan or expiry.
    #[must_use]
    pub fn api_key(id: CredentialId, account: AccountId) -> Self {
        Self {
            id,
            account,
            expires_at: i64::MAX,
            profile: Shared::new(Profile::of(CredentialKind::ApiKey(KeyKind::Secret))),
        }
    }

    /// Creates a live access token without rights, plan or expiry.
    #[must_use]
    pub fn access_token(id: CredentialId, account: AccountId, user: UserId) -> Self {
        let mut profile = Profile::of(CredentialKind::AccessToken);
        profile.user = Some(user);
        Self { id, account, expires_at: i64::MAX, profile: Shared::new(profile) }
    }

    /// Sets the key's kind.
    #[must_use]
    pub fn with_kind(self, kind: KeyKind) -> Self {
        let kind = CredentialKind::ApiKey(kind);
        if self.kind() == kind { self } else { self.with_profile(|profile| profile.kind = kind) }
    }

    /// Sets the mode.
    #[must_use]
    pub fn with_mode(self, mode: Mode) -> Self {
        if self.mode() == mode { self } else { self.with_profile(|profile| profile.mode = mode) }
    }

    /// Sets the granted scopes.
    #[must_use]
    pub fn with_scopes(self, scopes: ScopeSet) -> Self {
        self.with_profile(|profile| profile.scopes = scopes)
    }

    /// Sets the plan.
    #[must_use]
    pub fn with_plan(self, plan: impl Into<SmolStr>) -> Self {
        self.with_profile(|profile| profile.plan = Some(plan.into()))
    }

    /// Sets the features.
    #[must_use]
    pub fn with_features(self, features: impl IntoIterator<Item = SmolStr>) -> Self {
        self.with_profile(|profile| profile.features = features.into_iter().collect())
    }

    /// Sets the allowed endpoints, or all if empty.
    #[must_use]
    pub fn with_endpoints(self, endpoints: impl IntoIterator<Item = Endpoint>) -> Self {
        self.with_profile(|profile| profile.endpoints = endpoints.into_iter().collect())
    }

    /// Sets the allowed networks, or all if empty.
    #[must_use]
    pub fn with_networks(self, networks: impl IntoIterator<Item = IpNet>) -> Self {
        self.with_profile(|profile| {
            profile.networks = networks.into_iter().map(|network| Network::from(network).into()).collect()
        })
    }

    /// Sets the expiry time.
    #[must_use]
    pub fn with_expiry(mut self, at: Timestamp) -> Self {
        self.expires_at = at.as_millis();
        self
    }

    /// Sets the provider's data.
    #[must_use]
    pub fn with_metadata(self, metadata: Map<String, Value>) -> Self {
        self.with_profile(|profile| profile.metadata = metadata)
    }

    /// Sets the tags.
    #[must_use]
    pub fn with_tags(self, tags: Tags) -> Self {
        self.with_profile(|profile| profile.tags = tags)
    }

    /// Sets the user that a key belongs to.
    #[must_use]
    pub fn with_user(self, user: UserId) -> Self {
        self.with_profile(|profile| profile.user = Some(user))
    }

    /// Returns the credential's id.
    #[must_use]
    pub fn id(&self) -> &CredentialId {
        &self.id
    }

    /// Returns the owning account.
    #[must_use]
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// Returns the user of an access token, or the user that a key belongs to.
    #[must_use]
    pub fn user(&self) -> Option<&UserId> {
        self.profile.get().user.as_ref()
    }

    /// Returns the credential's kind.
    #[must_use]
    pub fn kind(&self) -> CredentialKind {
        self.profile.get().kind
    }

    /// Returns the mode.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.profile.get().mode
    }

    /// Returns the granted scopes.
    #[must_use]
    pub fn scopes(&self) -> &ScopeSet {
        &self.profile.get().scopes
    }

    /// Returns `true` if the grants allow `scope`.
    #[must_use]
    pub fn allows(&self, scope: &Scope) -> bool {
        self.scopes().allows(scope)
    }

    /// Returns the plan, if any.
    #[must_use]
    pub fn plan(&self) -> Option<&str> {
        self.profile.get().plan.as_deref()
    }

    /// Returns `true` if the account has it.
    #[must_use]
    pub fn has_feature(&self, feature: &str) -> bool {
        self.profile.get().features.iter().any(|has| has == feature)
    }

    /// Returns the allowed endpoints, or none for all.
    #[must_use]
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.profile.get().endpoints
    }

    /// Returns the allowed networks, or none for all.
    #[must_use]
    pub fn networks(&self) -> &[IpNet] {
        &self.profile.get().networks
    }

    /// Returns the expiry time, if any.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        (self.expires_at != i64::MAX).then(|| Timestamp::from_millis(self.expires_at))
    }

    /// Returns the provider's data.
    #[must_use]
    pub fn metadata(&self) -> &Map<String, Value> {
        &self.profile.get().metadata
    }

    /// Returns the tags.
    #[must_use]
    pub fn tags(&self) -> &Tags {
        &self.profile.get().tags
    }

    /// Reports scopes that it is required to have, and has, to `listener`, as long as that one is kept.
    ///
    /// The profile has the listener, so that a cache hit pays nothing for it.
    #[must_use]
    pub(crate) fn reporting_to(self, listener: &Arc<OnScopes>) -> Self {
        self.with_profile(|profile| profile.listener = ScopeListener(Some(Arc::downgrade(listener))))
    }

    /// Ends [`reporting_to`](Self::reporting_to), for checks that are not of a new request.
    #[must_use]
    pub(crate) fn unreported(self) -> Self {
        let is_reported = self.profile.get().listener.0.is_some();
        if is_reported { self.with_profile(|profile| profile.listener = ScopeListener(None)) } else { self }
    }

    /// Tells the listener, if any, that the identity has enough of these scopes.
    #[inline]
    pub(crate) fn report_granted(&self, required: &[Scope]) {
        if let Some(listener) = &self.profile.get().listener.0 {
            self.tell(listener, required);
        }
    }

    #[cold]
    fn tell(&self, listener: &Weak<OnScopes>, required: &[Scope]) {
        if let Some(listener) = listener.upgrade()
            && !required.is_empty()
        {
            listener(self, required);
        }
    }

    fn with_profile(mut self, change: impl FnOnce(&mut Profile)) -> Self {
        let mut profile = self.profile.get().clone();
        change(&mut profile);
        self.profile = Shared::new(profile);
        self
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("id", &self.id)
            .field("account", &self.account)
            .field("user", &self.user())
            .field("kind", &self.kind())
            .field("mode", &self.mode())
            .field("scopes", self.scopes())
            .field("plan", &self.plan())
            .field("expires_at", &self.expires_at())
            .finish_non_exhaustive()
    }
}

impl Profile {
    fn of(kind: CredentialKind) -> Self {
        Self {
            kind,
            mode: Mode::Live,
            scopes: ScopeSet::default(),
            plan: None,
            user: None,
            features: Box::default(),
            endpoints: Box::default(),
            networks: Box::default(),
            metadata: Map::new(),
            tags: Tags::default(),
            listener: ScopeListener::default(),
        }
    }
}

/// Identities are equal, whoever hears of them.
impl PartialEq for ScopeListener {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl fmt::Debug for ScopeListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopeListener").finish_non_exhaustive()
    }
}

/// Without contended reference counts, up to [`MAX_INTERNED`].
#[derive(Clone, Debug)]
enum Shared {
    Interned(&'static Profile),
    Counted(Arc<Profile>),
}

/// A profile with a [`ScopeListener`] is one more.
const MAX_INTERNED: usize = 2_048;

type Interned = HashMap<InternKey, &'static Profile>;
type InternKey = (
    CredentialKind,
    Mode,
    ScopeSet,
    Option<SmolStr>,
    Box<[SmolStr]>,
    Box<[Endpoint]>,
    Box<[IpNet]>,
    Tags,
    Option<usize>,
);

impl Shared {
    fn new(profile: Profile) -> Self {
        static INTERNED: LazyLock<Mutex<Interned>> = LazyLock::new(Mutex::default);
        if profile.user.is_some() || !profile.metadata.is_empty() {
            return Self::Counted(Arc::new(profile));
        }
        let mut interned = INTERNED.lock().unwrap_or_else(PoisonError::into_inner);
        let full = interned.len() >= MAX_INTERNED;
        let key = (
            profile.kind,
            profile.mode,
            profile.scopes.clone(),
            profile.plan.clone(),
            profile.features.clone(),
            profile.endpoints.clone(),
            profile.networks.clone(),
            profile.tags.clone(),
            // A weak listener keeps its address.
            profile.listener.0.as_ref().map(|listener| listener.as_ptr().cast::<()>().addr()),
        );
        match interned.get(&key) {
            Some(known) => Self::Interned(known),
            None if full => Self::Counted(Arc::new(profile)),
            None => {
                let kept: &'static Profile = Box::leak(Box::new(profile));
                interned.insert(key, kept);
                Self::Interned(kept)
            }
        }
    }

    fn get(&self) -> &Profile {
        match self {
            Self::Interned(profile) => profile,
            Self::Counted(profile) => profile,
        }
    }
}

impl PartialEq for Shared {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity() -> Identity {
        Identity::api_key("key_1".parse().unwrap(), "acct_1".parse().unwrap())
    }

    #[test]
    fn an_identity_is_small_enough_for_a_million_in_the_cache() {
        assert!(size_of::<Identity>() <= 72, "{}", size_of::<Identity>());
    }

    #[test]
    fn equal_profiles_are_shared_unless_they_have_metadata() {
        let plain = identity().with_scopes("a:read".parse().unwrap()).with_plan("Pro");
        assert!(matches!(plain.profile, Shared::Interned(_)));
        let own = plain.clone().with_metadata(Map::from_iter([("team".to_owned(), "a".into())]));
        assert!(matches!(own.profile, Shared::Counted(_)));
        assert_eq!(own.metadata()["team"], "a");
        assert_eq!((own.plan(), own.scopes()), (plain.plan(), plain.scopes()));
    }

    #[test]
    fn granted_scopes_are_reported_while_the_listener_is_kept() {
        const READ: Scope = Scope::from_static("a:read");
        let heard = Arc::new(Mutex::new(Vec::new()));
        let listener = |name: &'static str| -> Arc<OnScopes> {
            let heard = Arc::clone(&heard);
            Arc::new(move |_, required| heard.lock().unwrap().push((name, required.to_vec())))
        };
        let (first, second) = (listener("first"), listener("second"));
        let plain = identity().with_scopes("a:read".parse().unwrap());
        let (to_first, to_second) = (plain.clone().reporting_to(&first), plain.clone().reporting_to(&second));
        assert_eq!(plain, to_first);
        assert!(matches!(to_first.profile, Shared::Interned(_)));
        for identity in [&plain, &to_first, &to_second, &to_first.clone().unreported()] {
            identity.report_granted(&[READ]);
            identity.report_granted(&[]);
        }
        drop(first);
        to_first.report_granted(&[READ]);
        assert_eq!(*heard.lock().unwrap(), [("first", vec![READ]), ("second", vec![READ])]);
    }
}
