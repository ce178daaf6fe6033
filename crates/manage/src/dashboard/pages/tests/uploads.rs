//! Forms with a file.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::{Body, to_bytes};
use axum::response::Response;
use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use http::header::{CONTENT_TYPE, COOKIE, HOST};
use http::{Request, StatusCode};
use tower::ServiceExt as _;

use super::{Site, routes};
use crate::dashboard::words;
use crate::role::Role;

impl Site {
    /// Sends a form without an end. Returns how often it was read, too.
    async fn upload(&self, path: &str, session: &str) -> (Response, usize) {
        let read = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&read);
        let chunks = stream::repeat_with(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            Ok::<_, axum::Error>(Bytes::from_static(&[b'a'; 8_192]))
        });
        let response = self.send_stream(path, session, Body::from_stream(chunks.take(10_000))).await;
        (response, read.load(Ordering::Relaxed))
    }

    async fn send_stream(&self, path: &str, session: &str, body: Body) -> Response {
        let request = Request::post(path)
            .header(HOST, "localhost")
            .header(COOKIE, format!("keyward_session={session}"))
            .header(CONTENT_TYPE, "multipart/form-data; boundary=b");
        self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap()
    }
}

#[tokio::test]
async fn a_stranger_makes_the_server_read_no_file() {
    let site = Site::start().await;
    let customer = site.member(&site.customer, "bob@example.com", Role::Owner).await;
    let mut paths = 0;
    for route in routes().into_iter().filter(|route| route.has_file()) {
        paths += 1;
        let path = site.filled(route.path());
        for (session, expected) in [("", StatusCode::UNAUTHORIZED), (customer.as_str(), StatusCode::NOT_FOUND)] {
            let (response, read) = site.upload(&path, session).await;
            assert_eq!((response.status(), read), (expected, 0), "{path}");
        }
        // Not even the operator's form may be endless.
        let (response, read) = site.upload(&path, &site.session).await;
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE, "{path}");
        assert!(read < 20, "{path} read {read} chunks");
    }
    assert!(paths > 0);
}

#[tokio::test]
async fn few_files_are_read_at_once() {
    let site = Site::start().await;
    let path = "/settings/appearance";
    let send =
        || site.send_stream(path, &site.session, Body::from_stream(stream::pending::<Result<Bytes, axum::Error>>()));
    // All wait for their first byte, except the one that finds no place.
    let mut sent: Vec<_> = (0..5).map(|_| Box::pin(send())).collect();
    let refused = loop {
        if let Some(refused) = sent.iter_mut().find_map(|sent| sent.now_or_never()) {
            break refused;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    let body = to_bytes(refused.into_body(), usize::MAX).await.unwrap();
    assert!(String::from_utf8_lossy(&body).contains(&format!("<h1>{}</h1>", words::errors::TOO_MANY_FILES)));
}
