use std::future::{Ready, ready};
use std::ops::{Deref, DerefMut};

use actix_web::dev::Payload;
use actix_web::http::header::{AUTHORIZATION, HeaderValue};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use keyward_core::adapter::Target;
use keyward_core::policy::Policy;
use keyward_core::{Authenticator, Rejection};

use crate::auth::Seen;
use crate::auth_rejection::AuthRejection;
use crate::extract::required;

/// The credential of an open stream: see [`keyward_core::KeyWatch`].
///
/// The `App` holds the [`Authenticator`] of [`Auth`](crate::Auth) as [`Data`]. Without it, the handler answers 500 and
/// logs an error.
///
/// # Examples
/// ```
/// use actix_web::web::{self, Bytes, Data};
/// use actix_web::{App, Error, HttpResponse};
/// use futures_util::{StreamExt, stream};
/// use keyward::actix::{Auth, KeyWatch};
/// use keyward::{Authenticator, MemoryStore};
///
/// async fn events(mut watch: KeyWatch) -> HttpResponse {
///     let events = stream::repeat_with(|| Ok::<_, Error>(Bytes::from_static(b"data: tick\n\n")));
///     let until_refused = events.take_until(Box::pin(async move { watch.refused().await }));
///     HttpResponse::Ok().content_type("text/event-stream").streaming(until_refused)
/// }
///
/// let authenticator = Authenticator::new(MemoryStore::new());
/// let app = App::new()
///     .app_data(Data::new(authenticator.clone()))
///     .wrap(Auth::from(authenticator))
///     .route("/events", web::get().to(events));
/// # let _ = app;
/// ```
#[derive(Clone, Debug)]
pub struct KeyWatch(keyward_core::KeyWatch);

impl KeyWatch {
    /// Adds a policy, as [`keyward_core::KeyWatch::requiring`] does.
    #[must_use]
    pub fn requiring(self, policy: impl Policy) -> Self {
        Self(self.0.requiring(policy))
    }

    /// Returns the watch.
    #[must_use]
    pub fn into_inner(self) -> keyward_core::KeyWatch {
        self.0
    }
}

impl Deref for KeyWatch {
    type Target = keyward_core::KeyWatch;

    fn deref(&self) -> &keyward_core::KeyWatch {
        &self.0
    }
}

impl DerefMut for KeyWatch {
    fn deref_mut(&mut self) -> &mut keyward_core::KeyWatch {
        &mut self.0
    }
}

impl FromRequest for KeyWatch {
    type Error = AuthRejection;
    type Future = Ready<Result<Self, AuthRejection>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(watch(request).map(Self).map_err(|rejection| AuthRejection::new(rejection, request.headers())))
    }
}

fn watch(request: &HttpRequest) -> Result<keyward_core::KeyWatch, Rejection> {
    let identity = required(request)?;
    let Some(authenticator) = request.app_data::<Data<Authenticator>>() else {
        let (method, path) = (request.method(), request.path());
        tracing::error!(%method, path, "request refused: the handler asks for a KeyWatch, but the App has no Authenticator; add App::app_data(Data::new(authenticator))");
        return Err(Rejection::NotConfigured);
    };
    let target = Target {
        method: request.method().as_str(),
        path: request.path(),
        preflight: false,
        connection: &Seen(request),
    };
    authenticator.watch(&identity, target, request.headers().get_all(AUTHORIZATION).map(HeaderValue::as_bytes))
}

#[cfg(test)]
mod tests {
    use actix_web::test::{TestRequest, call_service, init_service};
    use actix_web::{App, web};
    use keyward_core::MemoryStore;

    use super::*;
    use crate::Auth;

    #[actix_web::test]
    async fn an_app_without_the_authenticator_answers_500_and_never_an_unwatched_stream() {
        async fn events(_: KeyWatch) -> &'static str {
            "events"
        }
        let store = MemoryStore::new();
        let keys = keyward_core::Keys::new(store.clone());
        let account = keyward_core::AccountRecord::new("acct_1".parse().unwrap(), "Example Ltd");
        keys.put_account(&account).await.unwrap();
        let key = keys.issue(keyward_core::NewKey::secret(account.id, "a")).await.unwrap().key.expose_once();
        let authenticator = Authenticator::new(store);
        let call = async |with_data: bool| {
            let app = App::new().wrap(Auth::from(authenticator.clone())).route("/", web::get().to(events));
            let app = if with_data { app.app_data(Data::new(authenticator.clone())) } else { app };
            let service = init_service(app).await;
            let request = TestRequest::get().insert_header(("authorization", format!("Bearer {}", *key)));
            call_service(&service, request.to_request()).await.status().as_u16()
        };
        assert_eq!((call(true).await, call(false).await), (200, 500));
    }
}
