use std::fmt;
use std::marker::PhantomData;

use keyward_api_types::Page;
use serde::de::DeserializeOwned;

use crate::client::Client;
use crate::error::ClientError;
use crate::request::Request;

/// A list that is read page by page.
///
/// # Examples
/// ```no_run
/// # async fn example(client: &keyward_client::Client) -> Result<(), keyward_client::ClientError> {
/// use keyward_client::KeyFilter;
///
/// let keys = client.walk_keys(&KeyFilter::default()).all().await?;
/// # Ok(()) }
/// ```
pub struct Walk<'a, T> {
    client: &'a Client,
    request: Box<AskFor>,
    next: Next,
    of: PhantomData<fn() -> T>,
}

type AskFor = dyn Fn(Option<&str>) -> Request + Send + Sync;

enum Next {
    First,
    Behind(String),
    Nothing,
}

impl<'a, T: DeserializeOwned> Walk<'a, T> {
    pub(crate) fn new(client: &'a Client, request: impl Fn(Option<&str>) -> Request + Send + Sync + 'static) -> Self {
        Self { client, request: Box::new(request), next: Next::First, of: PhantomData }
    }

    /// Returns the next page, or `None` after the last. After an error, the next call asks for the same page.
    ///
    /// # Errors
    /// Those of the list.
    pub async fn next_page(&mut self) -> Result<Option<Vec<T>>, ClientError> {
        let after = match &self.next {
            Next::First => None,
            Next::Behind(after) => Some(after.as_str()),
            Next::Nothing => return Ok(None),
        };
        let page: Page<T> = self.client.ask((self.request)(after)).await?;
        // A cycle would never end.
        if page.next.is_some() && page.next.as_deref() == after {
            return Err(ClientError::Unexpected { status: 200, why: "a page refers to itself as the next one" });
        }
        self.next = page.next.map_or(Next::Nothing, Next::Behind);
        Ok(Some(page.data))
    }

    /// Returns all remaining items.
    ///
    /// # Errors
    /// Those of the list.
    pub async fn all(self) -> Result<Vec<T>, ClientError> {
        self.at_most(usize::MAX).await
    }

    /// Returns at most this many of the remaining items.
    ///
    /// # Errors
    /// Those of the list.
    pub async fn at_most(mut self, wanted: usize) -> Result<Vec<T>, ClientError> {
        let mut found = Vec::new();
        while found.len() < wanted
            && let Some(page) = self.next_page().await?
        {
            found.extend(page);
        }
        found.truncate(wanted);
        Ok(found)
    }
}

impl<T> fmt::Debug for Walk<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Walk").finish_non_exhaustive()
    }
}
