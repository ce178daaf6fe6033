//! Pages of lists.

use crate::error::DeskError;
use crate::store::List;

/// Which page of a list.
///
/// # Examples
/// ```
/// use keyward_manage::PageRequest;
///
/// let first = PageRequest::default();
/// let next = PageRequest { after: Some("1772366400000.acct_1".into()), limit: 10 };
/// # let _ = (first, next);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// Behind this: what the page before gave as [`Page::next`].
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
    pub(crate) fn apply(&self, mut list: List) -> Result<List, DeskError> {
        if let Some(after) = &self.after {
            let parsed = after.split_once('.').and_then(|(sort, id)| Some((sort.parse().ok()?, id.to_owned())));
            let fits = |(_, id): &(i64, String)| id.len() <= 200 && !id.chars().any(char::is_control);
            list.after =
                Some(parsed.filter(fits).ok_or(DeskError::invalid("after", "a cursor that was given out as next"))?);
        }
        list.limit = self.bounded_limit() + 1;
        Ok(list)
    }

    /// Cuts what is too much, and says where the next page begins.
    pub(crate) fn page<T>(&self, mut items: Vec<T>, cursor: impl Fn(&T) -> (i64, String)) -> Page<T> {
        let more = items.len() > self.bounded_limit();
        items.truncate(self.bounded_limit());
        let next = items.last().filter(|_| more).map(&cursor).map(|(sort, id)| format!("{sort}.{id}"));
        Page { items, next }
    }
}
