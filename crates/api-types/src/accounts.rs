use keyward_core::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::lifetimes::EffectiveLifetimes;
use crate::members::Role;
use crate::strict::present;

/// An account, and the caller's role in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Account {
    /// Id.
    #[cfg_attr(feature = "utoipa", schema(value_type = String))]
    pub id: AccountId,
    /// Display name.
    pub name: String,
    /// Plan, if any.
    pub plan: Option<String>,
    /// Additional features.
    #[serde(default)]
    pub features: Vec<String>,
    /// Time of the suspension, if suspended.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, format = DateTime))]
    pub suspended_at: Option<Timestamp>,
    /// Creation time.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = DateTime))]
    pub created_at: Timestamp,
    /// Lifetimes of new keys, from the account, its plan and the server. Null in lists.
    #[serde(default)]
    pub lifetimes: Option<EffectiveLifetimes>,
    /// Whether members need a second factor. Null in lists.
    #[serde(default)]
    pub requires_second_factor: Option<bool>,
    /// Role of the calling user in the account, if any.
    pub role: Option<Role>,
    /// Version, for updates. Each change increments it.
    pub version: u64,
}

/// Query parameters of the list of accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct AccountFilter {
    /// Whether to list every account of the deployment, for the operator, instead of the caller's own.
    #[cfg_attr(feature = "utoipa", param(required = false))]
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
    /// Cursor: the `next` of the previous page.
    #[cfg_attr(feature = "utoipa", param(max_length = 300))]
    pub after: Option<String>,
    /// Maximum number of items, 1 to 500. Defaults to 50.
    #[cfg_attr(feature = "utoipa", param(minimum = 1, maximum = 500))]
    pub limit: Option<u16>,
}

/// An account to create.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateAccount {
    /// Display name.
    #[cfg_attr(feature = "utoipa", schema(min_length = 1, max_length = 100))]
    pub name: String,
}

/// Changes to an account. Omitted fields stay.
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
    schema(description = "Changes to an account. Omitted fields stay.")
)]
#[serde(deny_unknown_fields)]
pub struct UpdateAccount {
    /// New name.
    #[cfg_attr(feature = "utoipa", schema(min_length = 1, max_length = 100))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// New plan, or null for none. For the operator.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, max_length = 100))]
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub plan: Option<Option<String>>,
    /// New features. For the operator.
    #[cfg_attr(feature = "utoipa", schema(max_items = 50))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub features: Option<Vec<String>>,
    /// Whether all keys of the account are refused. For the operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspended: Option<bool>,
    /// Whether members need a second factor. For owners, with an access token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requires_second_factor: Option<bool>,
}
