//! What is in the management service's records.

use std::net::IpAddr;

pub use keyward_api_types::User;
use keyward_core::id::UserId;
use keyward_core::store::StoreError;
use keyward_core::{AccountId, CredentialId, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use smol_str::SmolStr;
use zeroize::Zeroizing;

use crate::actor::ActorName;
use crate::error::ManagementError;
use crate::role::Role;
use crate::store::{Kind, Record, Write};

/// What can be kept as a record.
pub(crate) trait Entity: Serialize + DeserializeOwned {
    const KIND: Kind;
    fn id(&self) -> String;
    /// Its place in lists: when it ends, if it does and says nothing else.
    fn sort(&self) -> i64 {
        self.expires_at().map_or(0, Timestamp::as_millis)
    }
    fn owner(&self) -> String {
        String::new()
    }
    fn subject(&self) -> String {
        String::new()
    }
    fn key(&self) -> Option<String> {
        None
    }
    fn expires_at(&self) -> Option<Timestamp> {
        None
    }

    fn to_record(&self, version: u64) -> Result<Record, ManagementError> {
        Ok(Record {
            kind: Self::KIND,
            id: self.id(),
            owner: self.owner(),
            subject: self.subject(),
            key: self.key(),
            sort: self.sort(),
            expires_at: self.expires_at(),
            version,
            body: serde_json::to_string(self).map_err(|_| ManagementError::Internal)?,
        })
    }

    fn insert(&self) -> Result<Write, ManagementError> {
        Ok(Write::Insert(self.to_record(1)?))
    }
}

/// A record as it was read.
///
/// # Examples
/// ```
/// use keyward::manage::{Plan, Versioned};
///
/// let plan = Versioned { value: Plan::new("Pro").with_key_limit(100), version: 3 };
/// assert_eq!(plan.key_limit, Some(100));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned<T> {
    /// What it holds.
    pub value: T,
    /// Goes up by one whenever it is changed.
    pub version: u64,
}

impl<T> std::ops::Deref for Versioned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

#[allow(private_bounds, reason = "what it has is for this crate alone")]
impl<T: Entity> Versioned<T> {
    pub(crate) fn of(record: &Record) -> Result<Self, StoreError> {
        let value = serde_json::from_str(&record.body).map_err(StoreError::corrupt)?;
        Ok(Self { value, version: record.version })
    }

    /// Writes `value` in its place.
    pub(crate) fn replace(&self, value: &T) -> Result<Write, ManagementError> {
        Ok(Write::Replace(value.to_record(self.version)?))
    }

    pub(crate) fn remove(&self) -> Write {
        Write::Remove { kind: T::KIND, id: self.value.id(), version: self.version }
    }

    /// Leaves it as it is, on condition that no other writer has changed it.
    pub(crate) fn expect(&self) -> Write {
        Write::Expect { kind: T::KIND, id: self.value.id(), version: self.version }
    }
}

/// An account, as the management service has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// What people call it.
    pub name: String,
    /// Its plan, if it has one.
    pub plan: Option<SmolStr>,
    /// What it may use besides.
    #[serde(default)]
    pub features: Vec<SmolStr>,
    /// Since when it is suspended, if it is.
    pub suspended_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Entity for Account {
    const KIND: Kind = Kind::Account;
    fn id(&self) -> String {
        self.id.to_string()
    }
    fn sort(&self) -> i64 {
        self.created_at.as_millis()
    }
}

/// A user as they are stored.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredUser {
    pub(crate) id: UserId,
    /// In lower case.
    pub(crate) email: String,
    pub(crate) name: String,
    /// In PHC format; none before it was chosen.
    pub(crate) password: Option<String>,
    /// Sessions and tokens of another epoch have ended.
    pub(crate) epoch: u64,
    pub(crate) created_at: Timestamp,
    pub(crate) last_sign_in_at: Option<Timestamp>,
    /// Since when the address is proved to be theirs, by mail or by an identity provider. Until then it is unproven, whatever wrote the record.
    #[serde(default)]
    pub(crate) address_proven_at: Option<Timestamp>,
    /// Since when they cannot sign in, if they cannot.
    #[serde(default)]
    pub(crate) disabled_at: Option<Timestamp>,
    /// The networks that they last signed in from with their password, the latest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) known_networks: Vec<IpAddr>,
}

impl Entity for StoredUser {
    const KIND: Kind = Kind::User;
    fn id(&self) -> String {
        self.id.to_string()
    }
    fn sort(&self) -> i64 {
        self.created_at.as_millis()
    }
    fn key(&self) -> Option<String> {
        Some(self.email.clone())
    }
}

impl From<&StoredUser> for User {
    fn from(user: &StoredUser) -> Self {
        Self {
            id: user.id.clone(),
            email: user.email.clone(),
            email_verified: user.address_proven_at.is_some(),
            name: user.name.clone(),
            created_at: user.created_at,
            last_sign_in_at: user.last_sign_in_at,
            disabled_at: user.disabled_at,
        }
    }
}

/// A user's role in an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The account.
    pub account: AccountId,
    /// The user.
    pub user: UserId,
    /// What they are in it.
    pub role: Role,
    /// Since when.
    pub created_at: Timestamp,
}

impl Member {
    pub(crate) fn id_of(account: &AccountId, user: &UserId) -> String {
        // Neither id has a space in it.
        format!("{account} {user}")
    }
}

impl Entity for Member {
    const KIND: Kind = Kind::Member;
    fn id(&self) -> String {
        Self::id_of(&self.account, &self.user)
    }
    fn sort(&self) -> i64 {
        self.created_at.as_millis()
    }
    fn owner(&self) -> String {
        self.account.to_string()
    }
    fn subject(&self) -> String {
        self.user.to_string()
    }
}

/// What a user is called by an identity provider, by which they sign in.
#[cfg(feature = "oidc")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ExternalIdentity {
    pub(crate) issuer: String,
    pub(crate) subject: String,
    pub(crate) user: UserId,
    pub(crate) created_at: Timestamp,
}

#[cfg(feature = "oidc")]
impl ExternalIdentity {
    pub(crate) fn id_of(issuer: &str, subject: &str) -> String {
        // No issuer has a line feed in it.
        digest_of(&format!("{issuer}\n{subject}"))
    }
}

#[cfg(feature = "oidc")]
impl Entity for ExternalIdentity {
    const KIND: Kind = Kind::Link;
    fn id(&self) -> String {
        Self::id_of(&self.issuer, &self.subject)
    }
    fn sort(&self) -> i64 {
        self.created_at.as_millis()
    }
    fn owner(&self) -> String {
        self.user.to_string()
    }
}

/// A session, by its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredSession {
    pub(crate) digest: String,
    pub(crate) user: UserId,
    pub(crate) epoch: u64,
    pub(crate) created_at: Timestamp,
    pub(crate) last_seen_at: Timestamp,
    /// When it ends however much it is used.
    pub(crate) ends_at: Timestamp,
    /// When it ends if it is not used.
    pub(crate) idle_at: Timestamp,
    pub(crate) address: Option<String>,
    pub(crate) user_agent: Option<String>,
}

impl Entity for StoredSession {
    const KIND: Kind = Kind::Session;
    fn id(&self) -> String {
        self.digest.clone()
    }
    fn sort(&self) -> i64 {
        self.created_at.as_millis()
    }
    fn owner(&self) -> String {
        self.user.to_string()
    }
    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.ends_at.min(self.idle_at))
    }
}

/// The tokens that began with one sign-in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Family {
    pub(crate) id: String,
    pub(crate) user: UserId,
    pub(crate) account: AccountId,
    pub(crate) epoch: u64,
    pub(crate) created_at: Timestamp,
    pub(crate) ends_at: Timestamp,
    pub(crate) revoked_at: Option<Timestamp>,
}

impl Entity for Family {
    const KIND: Kind = Kind::Family;
    fn id(&self) -> String {
        self.id.clone()
    }
    fn sort(&self) -> i64 {
        self.created_at.as_millis()
    }
    fn owner(&self) -> String {
        self.user.to_string()
    }
    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.ends_at)
    }
}

/// An access token, by its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AccessToken {
    pub(crate) digest: String,
    pub(crate) id: CredentialId,
    pub(crate) family: String,
    pub(crate) ends_at: Timestamp,
}

impl Entity for AccessToken {
    const KIND: Kind = Kind::Access;
    fn id(&self) -> String {
        self.digest.clone()
    }
    fn key(&self) -> Option<String> {
        Some(self.id.to_string())
    }
    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.ends_at)
    }
}

/// A refresh token, by its digest. It is kept after its use, so that a second use shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RefreshToken {
    pub(crate) digest: String,
    pub(crate) family: String,
    pub(crate) ends_at: Timestamp,
    pub(crate) used_at: Option<Timestamp>,
}

impl Entity for RefreshToken {
    const KIND: Kind = Kind::Refresh;
    fn id(&self) -> String {
        self.digest.clone()
    }
    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.ends_at)
    }
}

/// An invitation into one account. Until its holder accepts it, there is no membership.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Invitation {
    pub(crate) id: String,
    /// The digest of the link's secret.
    pub(crate) digest: String,
    pub(crate) account: AccountId,
    /// The address that was invited, as users have it.
    pub(crate) email: String,
    pub(crate) role: Role,
    pub(crate) invited_by: ActorName,
    pub(crate) created_at: Timestamp,
    pub(crate) ends_at: Timestamp,
}

impl Invitation {
    /// One invitation for each account and address.
    pub(crate) fn id_of(account: &AccountId, email: &str) -> String {
        let digest = digest_of(&format!("{account}\n{email}"));
        format!("inv_{}", digest.chars().take(24).collect::<String>())
    }
}

impl Entity for Invitation {
    const KIND: Kind = Kind::Invitation;
    fn id(&self) -> String {
        self.id.clone()
    }
    fn sort(&self) -> i64 {
        self.created_at.as_millis()
    }
    fn owner(&self) -> String {
        self.account.to_string()
    }
    fn subject(&self) -> String {
        self.email.clone()
    }
    fn key(&self) -> Option<String> {
        Some(self.digest.clone())
    }
    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.ends_at)
    }
}

/// How a link for another password came into being.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ResetOrigin {
    /// It was mailed to the user's address, so its use proves the address.
    Mailed,
    /// An actor made it, whose authority is compared again when it is used.
    MadeBy(ActorName),
}

/// A link with which a user chooses another password, by its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PasswordReset {
    pub(crate) digest: String,
    pub(crate) user: UserId,
    /// The user's epoch when it was made.
    pub(crate) epoch: u64,
    pub(crate) origin: ResetOrigin,
    /// The user's memberships and roles when it was made, as a hash.
    pub(crate) memberships: String,
    pub(crate) ends_at: Timestamp,
}

impl Entity for PasswordReset {
    const KIND: Kind = Kind::PasswordReset;
    fn id(&self) -> String {
        self.digest.clone()
    }
    fn owner(&self) -> String {
        self.user.to_string()
    }
    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.ends_at)
    }
}

/// A plan: what an account that has it may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Its name, which identities carry.
    pub name: SmolStr,
    /// What people are told of it.
    #[serde(default)]
    pub description: String,
    /// How many active keys an account may have; the management service's own limit without this.
    #[serde(default)]
    pub key_limit: Option<u32>,
}

impl Plan {
    /// A plan without a limit of its own.
    #[must_use]
    pub fn new(name: impl Into<SmolStr>) -> Self {
        Self { name: name.into(), description: String::new(), key_limit: None }
    }

    /// With so many active keys at most.
    #[must_use]
    pub fn with_key_limit(mut self, keys: u32) -> Self {
        self.key_limit = Some(keys);
        self
    }
}

impl Entity for Plan {
    const KIND: Kind = Kind::Plan;
    fn id(&self) -> String {
        self.name.to_string()
    }
}

/// The keys of an account that are being made at this moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PendingKeys {
    pub(crate) account: AccountId,
    pub(crate) keys: Vec<(CredentialId, Timestamp)>,
}

impl Entity for PendingKeys {
    const KIND: Kind = Kind::Making;
    fn id(&self) -> String {
        self.account.to_string()
    }
}

/// A new 256-bit secret as text, behind this prefix.
pub(crate) fn new_secret(prefix: &str) -> Result<Zeroizing<String>, ManagementError> {
    let mut random = Zeroizing::new([0_u8; 32]);
    getrandom::fill(&mut *random).map_err(|_| ManagementError::Internal)?;
    let digits = Zeroizing::new(hex::encode(*random));
    Ok(Zeroizing::new(format!("{prefix}{}", *digits)))
}

/// What is stored of a secret of 256 random bits.
pub(crate) fn digest_of(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

/// A new id that is nobody's secret.
pub(crate) fn new_id(prefix: &str) -> Result<String, ManagementError> {
    let mut random = [0_u8; 12];
    getrandom::fill(&mut random).map_err(|_| ManagementError::Internal)?;
    Ok(format!("{prefix}_{}", hex::encode(random)))
}
