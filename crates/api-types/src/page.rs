//! Lists, page by page.

use serde::{Deserialize, Serialize};

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = Listed))]
pub struct Page<T> {
    /// The items of the page.
    pub data: Vec<T>,
    /// What to send as `after` for the next page; null at the end.
    pub next: Option<String>,
}
