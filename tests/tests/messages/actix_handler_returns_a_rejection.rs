//~ `Rejection: ResponseError` is not satisfied
use keyward_tests::messages::{actix_web, keyward};

pub async fn list() -> Result<String, keyward::Rejection> {
    Err(keyward::Rejection::UnknownKey)
}

pub fn route() -> actix_web::Route {
    actix_web::web::get().to(list)
}
