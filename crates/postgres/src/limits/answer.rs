use tokio::time::timeout;

use crate::error::{Error, QueryError};
use crate::store::PostgresStore;

/// The server ends a slow statement, but nothing ends the wait for a server that has stopped.
pub(super) async fn answer<T>(
    store: &PostgresStore,
    query: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    timeout(store.0.finds.answer_timeout(), query).await.unwrap_or(Err(Error::Query(QueryError::Silent)))
}
