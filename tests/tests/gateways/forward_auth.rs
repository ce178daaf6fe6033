use axum::Router;
use axum::body::Body;
use http::Request;
use keyward::Authenticator;
use keyward::gateway::{IDENTITY_HEADERS, forward_auth};
use keyward_tests::service::{Answer, Broken, Demo, call};

async fn ask(router: &Router, path: &str, fields: &[(&str, &str)]) -> Answer {
    let request = fields.iter().fold(Request::get(path), |request, (name, value)| request.header(*name, *value));
    call(router, request.body(Body::empty()).unwrap()).await
}

const METHOD: (&str, &str) = ("x-forwarded-method", "GET");
const URI: (&str, &str) = ("x-forwarded-uri", "/v1/resources");

/// Kong's `anonymous` admitted every failed request, even when Kong itself answered 500.
#[tokio::test]
async fn optional_key_that_fails_is_not_anonymous() {
    let demo = Demo::new().await;
    let good = format!("Bearer {}", demo.restricted_key("resources:read").await);
    let unscoped = format!("Bearer {}", demo.restricted_key("other:read").await);
    let router = forward_auth(Authenticator::builder(demo.store.clone()).optional().build().unwrap());
    let (open, scoped) = ("/forward-auth", "/forward-auth?scope=resources:read");
    for (path, field, status, account) in [
        (open, None, 200, ""),
        (scoped, None, 401, ""),
        (open, Some(&*good), 200, "acct_1"),
        (scoped, Some(&*good), 200, "acct_1"),
        (scoped, Some(&*unscoped), 403, ""),
        (open, Some("Bearer nonsense"), 401, ""),
        (open, Some("Bearer kw_live_00000000000000000000000000"), 401, ""),
        (open, Some("Bearer"), 401, ""),
        (open, Some("Basic YTpi"), 401, ""),
        (open, Some("Bearer a, Bearer b"), 400, ""),
    ] {
        let fields: Vec<_> = [METHOD, URI].into_iter().chain(field.map(|field| ("authorization", field))).collect();
        let answer = ask(&router, path, &fields).await;
        assert_eq!(answer.status, status, "{path}, {field:?}: {answer:?}");
        // An accepted answer has all of these headers, so they overwrite a client's. A refusal has none.
        let there = IDENTITY_HEADERS.iter().filter(|name| answer.headers.contains_key(*name)).count();
        assert_eq!(there, if status == 200 { 6 } else { 0 }, "{path}, {field:?}: {answer:?}");
        assert_eq!(answer.header("keyward-account"), account, "{path}, {field:?}");
    }
    for broken in [Broken::Unavailable, Broken::Hangs, Broken::Corrupt] {
        let router = forward_auth(Authenticator::builder(broken).optional().build().unwrap());
        for path in [open, scoped] {
            let answer = ask(&router, path, &[METHOD, URI, ("authorization", &good)]).await;
            assert!(answer.status.is_server_error(), "{path}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn contradictory_gateway_headers_are_refused() {
    let demo = Demo::new().await;
    let good = format!("Bearer {}", demo.restricted_key("resources:read").await);
    let router = forward_auth(Authenticator::new(demo.store.clone()));
    let good = ("authorization", &*good);
    for (fields, status) in [
        (&[METHOD, URI][..], 200),
        (&[METHOD, ("x-original-uri", "/v1/resources?a=?//../b")], 200),
        (&[METHOD, URI, ("x-original-uri", "/health")], 400),
        (&[METHOD, URI, ("x-forwarded-uri", "/health")], 400),
        (&[METHOD, URI, ("x-original-uri", "/v1/resources?")], 400),
        (&[METHOD, URI, ("x-original-method", "POST")], 400),
        (&[METHOD, ("x-forwarded-method", "get"), URI], 400),
        (&[METHOD, ("x-forwarded-uri", "/v1/resources, /health")], 400),
        (&[METHOD, ("x-forwarded-uri", "http://example.com/v1/resources")], 400),
        (&[METHOD, ("x-forwarded-uri", "//example.com/v1/resources")], 400),
        (&[METHOD, ("x-forwarded-uri", "/v1/resources#/health")], 400),
        (&[METHOD, ("x-forwarded-uri", "/v1/resources%0a")], 400),
        (&[METHOD, ("x-forwarded-uri", "")], 400),
        (&[METHOD, ("x-forwarded-uri", "*")], 400),
        (&[METHOD, ("x-rewrite-url", "/v1/resources")], 500),
        (&[METHOD, ("x_forwarded_uri", "/v1/resources")], 500),
        (&[URI], 500),
        (&[], 500),
    ] {
        let fields = [fields, &[good]].concat();
        let answer = ask(&router, "/forward-auth?scope=resources:read", &fields).await;
        assert_eq!(answer.status, status, "{:?}: {answer:?}", &fields[..fields.len() - 1]);
    }
    // A configuration mistake in the gateway admits no request either.
    for query in [
        "?scope=resources",
        "?scopes=resources:read",
        "?scope=resources:read&x=y",
        "?scope=%ff",
        "?scope=",
        "?scope",
        "?scope=,",
        "?scope=a:b&scope=",
        "?resources:read",
    ] {
        let answer = ask(&router, &format!("/forward-auth{query}"), &[METHOD, URI, good]).await;
        assert_eq!(answer.status, 500, "{query}: {answer:?}");
    }
}

/// A preflight carries no identity.
#[tokio::test]
async fn preflight_passes_only_if_enabled_and_without_scopes() {
    const OPTIONS: (&str, &str) = ("x-forwarded-method", "OPTIONS");
    const ORIGIN: (&str, &str) = ("origin", "https://app.example.com");
    const WANTED: (&str, &str) = ("access-control-request-method", "GET");
    let demo = Demo::new().await;
    let builder = || Authenticator::builder(demo.store.clone());
    let chosen = forward_auth(builder().pass_preflight().build().unwrap());
    let not_chosen = forward_auth(builder().build().unwrap());
    for (router, path, fields, status) in [
        (&chosen, "/forward-auth", &[OPTIONS, URI, ORIGIN, WANTED][..], 200),
        (&chosen, "/forward-auth?scope=resources:read", &[OPTIONS, URI, ORIGIN, WANTED], 401),
        (&chosen, "/forward-auth", &[METHOD, URI, ORIGIN, WANTED], 401),
        (&chosen, "/forward-auth", &[OPTIONS, URI, ORIGIN], 401),
        (&not_chosen, "/forward-auth", &[OPTIONS, URI, ORIGIN, WANTED], 401),
    ] {
        let answer = ask(router, path, fields).await;
        assert_eq!(answer.status, status, "{path}, {fields:?}: {answer:?}");
        assert_eq!(answer.header("keyward-account"), "", "{path}, {fields:?}");
    }
}

/// Even if the key has become valid in the meantime.
#[tokio::test]
async fn refusal_endpoint_never_admits() {
    let demo = Demo::new().await;
    let good = format!("Bearer {}", demo.full_key().await);
    let router = forward_auth(Authenticator::new(demo.store.clone()));
    for (fields, status) in [(&[METHOD, URI, ("authorization", &*good)][..], 503), (&[METHOD, URI], 401)] {
        let answer = ask(&router, "/forward-auth/refusal?scope=resources:read", fields).await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
}
