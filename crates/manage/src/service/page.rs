//! Pages of lists.

use crate::error::ManagementError;
use crate::records::{Entity, Versioned};
use crate::store::List;

/// Which page of a list.
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
    /// Behind this: what the page before gave as [`Page::next`]. A cursor of another kind of list is refused.
    pub after: Option<String>,
    /// How many at most; 1 to 500.
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
    /// What is on it.
    pub items: Vec<T>,
    /// Where the next page begins, if there is one.
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

    /// One more than wanted, so that it shows whether there is more.
    ///
    /// A cursor is a kind, a place and an id. The kind has to be the list's: a place in another list is no place in this one. What a list
    /// is narrowed down to is not in the cursor, because it leaves the order as it is.
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

    /// For a list that has one page alone: nothing is behind it, so no cursor of it was ever given out.
    pub(crate) fn only(&self) -> Result<(), ManagementError> {
        self.after.as_ref().map_or(Ok(()), |_| Err(invalid_cursor()))
    }

    /// Cuts what is too much, and says where the next page begins.
    pub(crate) fn page<T: Entity>(
        &self,
        mut items: Vec<Versioned<T>>,
        place: impl Fn(&Versioned<T>) -> (i64, String),
    ) -> Page<Versioned<T>> {
        let more = items.len() > self.bounded_limit();
        items.truncate(self.bounded_limit());
        let last = items.last().filter(|_| more).map(&place);
        Page { items, next: last.map(|(sort, id)| cursor_of(T::KIND.as_str(), sort, &id)) }
    }
}

fn cursor_of(kind: &str, sort: i64, id: &str) -> String {
    format!("{kind}.{sort}.{id}")
}

pub(crate) fn invalid_cursor() -> ManagementError {
    ManagementError::invalid("after", "a cursor that this list gave out as next")
}
