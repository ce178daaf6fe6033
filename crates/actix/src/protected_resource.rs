use actix_web::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_TYPE};
use actix_web::{HttpResponse, Resource, web};
use keyward_core::ProtectedResource;

/// Creates a service that answers with this metadata (RFC 9728) on [its path](ProtectedResource::path), also to pages of other
/// origins.
///
/// Add it to the `App`. A scope would serve another path.
///
/// # Examples
/// ```
/// use actix_web::App;
/// use keyward::actix::{Auth, protected_resource};
/// use keyward::{Authenticator, MemoryStore, ProtectedResource};
///
/// let resource = ProtectedResource::new("https://api.example.com")?.authorization_server("https://login.example.com")?;
/// let authenticator = Authenticator::builder(MemoryStore::new()).protected_resource(&resource).build()?;
/// let app = App::new().wrap(Auth::from(authenticator)).service(protected_resource(&resource));
/// # let _ = app;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn protected_resource(resource: &ProtectedResource) -> Resource {
    let body = resource.json().to_string();
    let answer = move || {
        let answer = HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, "application/json"))
            .insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
            .body(body.clone());
        std::future::ready(answer)
    };
    web::resource(resource.path()).route(web::get().to(answer.clone())).route(web::head().to(answer))
}
