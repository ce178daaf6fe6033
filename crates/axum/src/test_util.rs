use keyward_testing::TestLayer;

use crate::layer::Axum;

/// An [`AuthLayer`](crate::AuthLayer) for tests, which authenticates every request as one
/// [`TestIdentity`](keyward_testing::TestIdentity).
///
/// **Never use it in production**: it lets every request in.
///
/// # Examples
/// ```
/// use axum::{Router, body::Body, http::Request, routing::get};
/// use keyward::axum::{OwnAccount, TestAuthLayer};
/// use keyward::testing::TestIdentity;
/// use tower::ServiceExt as _;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let app = Router::new()
///     .route("/accounts/{account}", get(async |_: OwnAccount| "yours"))
///     .layer(TestAuthLayer::new(TestIdentity::account("acct_1")));
/// let of_another = Request::get("/accounts/acct_2").body(Body::empty())?;
/// assert_eq!(app.oneshot(of_another).await?.status(), 403);
/// # Ok(()) }
/// ```
pub type TestAuthLayer = TestLayer<Axum>;
