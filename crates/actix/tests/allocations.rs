//! A warm hit allocates nothing in keyward's code.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

use std::time::{Duration, Instant};

use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, fn_service};
use actix_web::test::TestRequest;
use actix_web::{Error, HttpMessage, HttpResponse};
use keyward_actix::{Auth, Require};
use keyward_core::adapter::{Check, Target, UnknownConnection};
use keyward_core::{AccountRecord, Authenticator, Identity, Keys, MemoryStore, NewKey, Requirement, Scope};

fn request(field: &str) -> ServiceRequest {
    let request = TestRequest::get().uri("/").insert_header(("authorization", field)).to_srv_request();
    // A server has already put something into the map, so it exists.
    request.extensions_mut().insert(0_u8);
    request
}

async fn answer(request: ServiceRequest) -> Result<ServiceResponse, Error> {
    Ok(request.into_response(HttpResponse::Ok().finish()))
}

async fn warm(authenticator: &Authenticator, field: &str) {
    let target = Target { method: "GET", path: "/", preflight: false, connection: &UnknownConnection };
    let begun = Instant::now();
    while let Check::Pending(pending) = authenticator.check(target, [field.as_bytes()]) {
        authenticator.resolve(pending).await.unwrap();
        assert!(begun.elapsed() < Duration::from_secs(60), "the key is never cached");
        actix_web::rt::time::sleep(Duration::from_millis(1)).await;
    }
}

/// The first call in each second also records the use.
async fn count<S, B>(service: &S, field: &str) -> u64
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
{
    let mut least = u64::MAX;
    for _ in 0..100 {
        let request = request(field);
        let mut status = None;
        let counted = allocation_counter::measure(|| {
            let response = futures_util::FutureExt::now_or_never(service.call(request));
            status = Some(response.expect("a warm hit waited").unwrap().status());
        });
        assert_eq!(status.unwrap(), 200);
        least = least.min(counted.count_total);
    }
    least
}

#[actix_web::test]
async fn a_warm_hit_allocates_only_for_the_extensions() {
    let store = MemoryStore::new();
    let keys = Keys::new(store.clone());
    let account = AccountRecord::new("acct_1".parse().unwrap(), "Example Ltd");
    keys.put_account(&account).await.unwrap();
    let issued = keys.issue(NewKey::secret(account.id, "a")).await.unwrap();
    let field = format!("Bearer {}", *issued.key.expose_once());
    let authenticator = Authenticator::builder(store).leave_response_headers().build().unwrap();
    warm(&authenticator, &field).await;

    let bare = count(&fn_service(answer), &field).await;
    let identity = Identity::api_key("key_1".parse().unwrap(), "acct_1".parse().unwrap());
    let inserting = request(&field);
    let insertion = allocation_counter::measure(|| drop(inserting.extensions_mut().insert(identity))).count_total;
    assert_eq!(insertion, 1);

    let auth = Auth::from(authenticator);
    let protected = auth.new_transform(fn_service(answer)).await.unwrap();
    assert_eq!(count(&protected, &field).await, bare + insertion);

    let require = Require::new(Requirement::all_of([Scope::from_static("jobs:write")]));
    let held = auth.new_transform(require.new_transform(fn_service(answer)).await.unwrap()).await.unwrap();
    assert_eq!(count(&held, &field).await, bare + insertion);
}
