use keyward_core::{CredentialId, Timestamp};

use super::RecentRequest;
use crate::actor::Actor;
use crate::error::ManagementError;
use crate::role::scopes;
use crate::service::Management;
use crate::service::page::{Page, PageRequest, invalid_cursor};
use crate::store::{REQUEST_RETENTION, RequestEntry, RequestPage};

impl Management {
    /// Lists the last requests of a key, newest first: at most 200, of the last 30 days. Needs `usage:read`.
    ///
    /// It is empty unless a service [records](crate::ManagementBuilder::recent_requests) them.
    ///
    /// # Errors
    /// [`ManagementError::NotFound`].
    pub async fn key_requests(
        &self,
        actor: &Actor,
        id: &CredentialId,
        page: &PageRequest,
    ) -> Result<Page<RecentRequest>, ManagementError> {
        self.authorize_key(actor, id, &scopes::USAGE_READ).await?;
        let after = page.after.as_deref().map(|after| position(after).ok_or_else(invalid_cursor)).transpose()?;
        // Written requests are better than none.
        if let Err(error) = self.flush_requests().await {
            keyward_core::log_limited!(warn, %error, "recent requests were not written");
        }
        let limit = page.bounded_limit();
        let since = self.now().as_millis() - REQUEST_RETENTION;
        let mut found = self.0.store.requests(id.as_str(), &RequestPage { since, after, limit: limit + 1 }).await?;
        let has_more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| has_more).map(|last| cursor((last.at, last.number)));
        Ok(Page { items: found.into_iter().map(RecentRequest::from).collect(), next })
    }
}

fn cursor((at, number): (i64, i64)) -> String {
    format!("request.{at}.{number}")
}

fn position(after: &str) -> Option<(i64, i64)> {
    let (at, number) = after.strip_prefix("request.")?.split_once('.')?;
    let position = (at.parse().ok()?, number.parse().ok()?);
    (cursor(position) == after).then_some(position)
}

impl From<RequestEntry> for RecentRequest {
    fn from(entry: RequestEntry) -> Self {
        let RequestEntry { at, method, route, network, outcome, missing, .. } = entry;
        let any_scope_suffices = missing.as_deref().is_some_and(|missing| missing.contains('|'));
        let missing_scopes = missing.iter().flat_map(|missing| missing.split([' ', '|'])).map(str::to_owned).collect();
        Self { at: Timestamp::from_millis(at), method, route, network, outcome, missing_scopes, any_scope_suffices }
    }
}
