//! What a viewer gets for a form that is wrong.

use http::StatusCode;

use super::{Site, routes};
use crate::role::Role;

/// A form that is wrong shows what else the page has, so the rights come first.
#[tokio::test]
async fn the_rights_come_before_the_fields_of_a_form() {
    let mut site = Site::start().await;
    site.session = site.member("operator", "vic@example.com", Role::Viewer).await;
    let mut refused = 0;
    let mut wrong = Vec::new();
    for route in routes() {
        let Some(page) = route.form_path().filter(|page| page.starts_with("/accounts/")) else { continue };
        let (path, page) = (site.filled(route.path()), site.filled(page));
        let is_refused = |status| status == StatusCode::FORBIDDEN || status == StatusCode::NOT_FOUND;
        if !is_refused(site.get(&page).await.0) {
            continue;
        }
        refused += 1;
        let (status, body) = site.post(&path, &[("name", ""), ("email", "nobody"), ("version", "1")]).await;
        if !is_refused(status) {
            wrong.push((path, status, body.len()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(refused >= 8, "{refused}");
    // This form stands on a page that a viewer sees.
    let (status, _) = site.post("/accounts/operator/members", &[("email", "nobody")]).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
}
