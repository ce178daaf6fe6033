use serde::{Deserialize, Serialize};

/// Query parameters of a list: which page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct PageParams {
    /// Cursor: the `next` of the previous page.
    #[cfg_attr(feature = "utoipa", param(max_length = 300))]
    pub after: Option<String>,
    /// Maximum number of items, 1 to 500. Defaults to 50.
    #[cfg_attr(feature = "utoipa", param(minimum = 1, maximum = 500))]
    pub limit: Option<u16>,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Page<T> {
    /// Items.
    pub data: Vec<T>,
    /// Cursor of the next page, to send as `after`. Null on the last page.
    pub next: Option<String>,
}
