//~ `Jobs` is no scope
//~ define it with `keyward::scopes! { pub JobsWrite = "jobs:write"; }`
use keyward_tests::messages::keyward;

keyward::scopes! { pub JobsRead = "jobs:read"; }

pub struct Jobs;

pub async fn list(_: keyward::axum::Scoped<keyward::AllOf<(JobsRead, Jobs)>>) {}
