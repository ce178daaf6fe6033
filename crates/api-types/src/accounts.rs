//! Accounts.

use keyward_core::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::members::Role;
use crate::strict::present;

/// An account, and what the caller is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = AccountView))]
pub struct Account {
    /// Its id.
    #[cfg_attr(feature = "utoipa", schema(value_type = String))]
    pub id: AccountId,
    /// What people call it.
    pub name: String,
    /// Its plan, if it has one.
    pub plan: Option<String>,
    /// What it may use besides.
    #[serde(default)]
    pub features: Vec<String>,
    /// Since when it is suspended, if it is.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, format = DateTime))]
    pub suspended_at: Option<Timestamp>,
    /// When it was made.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = DateTime))]
    pub created_at: Timestamp,
    /// The caller's role, if it is a user who belongs to it.
    pub role: Option<Role>,
    /// Goes up by one with each change; for updates.
    pub version: u64,
}

/// An account that is to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateAccount {
    /// What people call it.
    #[cfg_attr(feature = "utoipa", schema(min_length = 1, max_length = 100))]
    pub name: String,
}

/// What to change in an account. What is left out stays.
///
/// # Examples
/// ```
/// use keyward_api_types::UpdateAccount;
///
/// let update = UpdateAccount { plan: Some(None), ..UpdateAccount::default() };
/// assert_eq!(serde_json::to_string(&update)?, r#"{"plan":null}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "utoipa",
    derive(utoipa::ToSchema),
    schema(description = "What to change in an account. What is left out stays.")
)]
#[serde(deny_unknown_fields)]
pub struct UpdateAccount {
    /// Another name.
    #[cfg_attr(feature = "utoipa", schema(min_length = 1, max_length = 100))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A plan, or null for none; for the operator alone.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, max_length = 100))]
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub plan: Option<Option<String>>,
    /// For the operator alone.
    #[cfg_attr(feature = "utoipa", schema(max_items = 50))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub features: Option<Vec<String>>,
    /// Whether all of its keys are refused; for the operator alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspended: Option<bool>,
}
