//! The end of streams when a service stops.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

use keyward_core::adapter::{Admission, Target, UnknownConnection};
use keyward_core::{AccountRecord, Authenticator, KeyWatch, Keys, MemoryStore, NewKey};

async fn watched() -> (Authenticator, KeyWatch, String) {
    let store = MemoryStore::new();
    let keys = Keys::new(store.clone());
    let account = AccountRecord::new("acct_1".parse().unwrap(), "Example Ltd");
    keys.put_account(&account).await.unwrap();
    let issued = keys.issue(NewKey::secret(account.id, "stream")).await.unwrap();
    let field = format!("Bearer {}", *issued.key.expose_once());
    let authenticator = Authenticator::new(store);
    let Admission::Identity(caller) = authenticator.authenticate([field.as_bytes()]).await.unwrap() else { panic!() };
    let target = Target { method: "GET", path: "/events", preflight: false, connection: &UnknownConnection };
    let watch = authenticator.watch(&caller, target, [field.as_bytes()]).unwrap();
    (authenticator, watch, field)
}

#[tokio::test]
async fn streams_end_before_and_at_shutdown_and_requests_are_answered() {
    let (authenticator, mut watch, field) = watched().await;
    let mut other = watch.clone();
    let stream = tokio::spawn(async move { other.refused().await });
    tokio::task::yield_now().await;
    authenticator.end_streams();
    let refused = stream.await.unwrap();
    assert_eq!(
        (refused.status().as_u16(), refused.code(), refused.reason()),
        (503, "SERVICE_UNAVAILABLE", "shutting_down")
    );

    // A stream that opens late ends, too. Its request and its checks are answered.
    assert_eq!(watch.refused().await.reason(), "shutting_down");
    assert_eq!(watch.check().await, Ok(()));
    assert!(authenticator.authenticate([field.as_bytes()]).await.is_ok());

    let (authenticator, mut watch, _) = watched().await;
    let stream = tokio::spawn(async move { watch.refused().await });
    authenticator.shutdown().await;
    assert_eq!(stream.await.unwrap().reason(), "shutting_down");
}
