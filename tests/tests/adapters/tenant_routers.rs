//! Routers of tenants, whose handlers do not check the account.

use actix_web::{test, web};
use axum::Router;
use axum::routing::get;
use keyward::AuthLayer;
use keyward::axum::{Authenticated, OwnAccount};
use keyward_tests::service::{Demo, call, request};

/// A handler that forgets the check.
async fn notes(caller: Authenticated) -> String {
    caller.account().to_string()
}

#[tokio::test]
async fn a_layer_of_a_nested_router_requires_the_own_account() {
    let demo = Demo::new().await;
    let key = demo.full_key().await;
    let tenant =
        || Router::new().route("/notes", get(notes)).route("/notes/{id}", get(notes)).layer(OwnAccount::layer());
    let with_fallback = tenant().fallback(async || "fallback").layer(OwnAccount::layer());
    let app = Router::new()
        .nest("/accounts/{account}", tenant())
        .nest("/f/{account}", with_fallback)
        .nest("/teams/{team}", tenant())
        .nest("/none", tenant())
        .layer(AuthLayer::new(demo.store.clone()));
    for (path, status) in [
        ("/accounts/acct_1/notes", 200),
        ("/accounts/acct_1/notes/7", 200),
        ("/accounts/acct%5F1/notes", 200),
        ("/accounts/acct_2/notes", 403),
        ("/accounts/acct_2/notes/7", 403),
        ("/accounts/acct_2/unknown", 404),
        ("/f/acct_1/unknown", 200),
        ("/f/acct_2/unknown", 403),
        ("/teams/acct_1/notes", 500),
        ("/none/notes", 500),
    ] {
        let answer = call(&app, request("GET", path, Some(&key))).await;
        assert_eq!(answer.status.as_u16(), status, "{path}");
        assert!(status != 403 || answer.code() == "ACCOUNT_NOT_ALLOWED", "{path}");
        assert!(status != 500 || answer.code() == "INTERNAL_ERROR", "{path}");
    }
    assert_eq!(call(&app, request("GET", "/accounts/acct_1/notes", None)).await.status, 401);
    let open = Router::new().nest("/accounts/{account}", tenant());
    assert_eq!(call(&open, request("GET", "/accounts/acct_1/notes", Some(&key))).await.status, 500);
}

#[actix_web::test]
async fn a_middleware_of_a_scope_requires_the_own_account() {
    use keyward::actix::{Auth, Authenticated, Require};

    async fn notes(caller: Authenticated) -> String {
        caller.account().to_string()
    }
    let demo = Demo::new().await;
    let key = demo.full_key().await;
    let tenant = |path: &str| web::scope(path).route("/notes", web::get().to(notes)).wrap(Require::own_account());
    let app = actix_web::App::new()
        .service(tenant("/accounts/{account}"))
        .service(tenant("/teams/{team}"))
        .service(tenant("/none"))
        .service(web::scope("/outer/{account}").service(tenant("/inner")))
        .wrap(Auth::new(demo.store.clone()));
    let app = test::init_service(app).await;
    for (path, status) in [
        ("/accounts/acct_1/notes", 200),
        ("/accounts/acct%5F1/notes", 200),
        ("/accounts/acct_2/notes", 403),
        ("/accounts/acct_2/unknown", 403),
        ("/teams/acct_1/notes", 500),
        ("/none/notes", 500),
        ("/outer/acct_1/inner/notes", 200),
        ("/outer/acct_2/inner/notes", 403),
    ] {
        let request = test::TestRequest::with_uri(path).insert_header(("authorization", format!("Bearer {key}")));
        let response = test::call_service(&app, request.to_request()).await;
        assert_eq!(response.status().as_u16(), status, "{path}");
    }
}
