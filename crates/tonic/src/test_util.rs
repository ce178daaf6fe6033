use keyward_testing::TestLayer;

use crate::layer::Grpc;

/// An [`AuthLayer`](crate::AuthLayer) for tests, which authenticates every call as one
/// [`TestIdentity`](keyward_testing::TestIdentity).
///
/// **Never use it in production**: it lets every call in.
///
/// # Examples
/// ```
/// use keyward::testing::TestIdentity;
/// use keyward::tonic::TestAuthLayer;
///
/// let layer = TestAuthLayer::new(TestIdentity::account("acct_1").scopes(["jobs:write"]));
/// # let _ = layer;
/// ```
pub type TestAuthLayer = TestLayer<Grpc>;
