use crate::error::ManagementError;
use crate::records::{Entity, Versioned};
use crate::store::List;

/// The end of a count for a page of the dashboard. A count of one more stands for more.
#[cfg(feature = "dashboard")]
pub(crate) const MOST_COUNTED: u64 = 10_000;

/// Selects a page.
///
/// # Examples
/// ```
/// use keyward::manage::PageRequest;
///
/// let first = PageRequest::default();
/// let next = PageRequest { after: Some("account.1772366400000.acct_1".into()), limit: 10 };
/// # let _ = (first, next);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// [`Page::next`] of the same list's previous page.
    pub after: Option<String>,
    /// Maximum number of items, 1 to 500.
    pub limit: usize,
}

impl Default for PageRequest {
    fn default() -> Self {
        Self { after: None, limit: 50 }
    }
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Cursor of the next page, if any.
    pub next: Option<String>,
}

impl<T> Page<T> {
    pub(crate) fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(change).collect(), next: self.next }
    }
}

impl PageRequest {
    pub(crate) fn bounded_limit(&self) -> usize {
        self.limit.clamp(1, 500)
    }

    pub(crate) fn apply(&self, mut list: List) -> Result<List, ManagementError> {
        if let Some(after) = &self.after {
            let own = after.strip_prefix(list.kind.as_str()).and_then(|rest| rest.strip_prefix('.'));
            let parsed = own.and_then(|own| own.split_once('.'));
            let parsed = parsed.and_then(|(sort, id)| Some((sort.parse().ok()?, id.to_owned())));
            let fits = |(sort, id): &(i64, String)| {
                id.len() <= 200
                    && !id.chars().any(char::is_control)
                    && *after == cursor_of(list.kind.as_str(), *sort, id)
            };
            list.after = Some(parsed.filter(fits).ok_or_else(invalid_cursor)?);
        }
        list.limit = self.bounded_limit() + 1;
        Ok(list)
    }

    pub(crate) fn require_first(&self) -> Result<(), ManagementError> {
        self.after.as_ref().map_or(Ok(()), |_| Err(invalid_cursor()))
    }

    pub(crate) fn page<T: Entity>(&self, mut items: Vec<Versioned<T>>) -> Page<Versioned<T>> {
        let more = items.len() > self.bounded_limit();
        items.truncate(self.bounded_limit());
        let last = items.last().filter(|_| more);
        let next = last.map(|last| cursor_of(T::KIND.as_str(), last.value.sort(), &last.value.id()));
        Page { items, next }
    }
}

fn cursor_of(kind: &str, sort: i64, id: &str) -> String {
    format!("{kind}.{sort}.{id}")
}

pub(crate) fn invalid_cursor() -> ManagementError {
    ManagementError::invalid("after", "unknown cursor: expected the `next` of a page of this list")
}
