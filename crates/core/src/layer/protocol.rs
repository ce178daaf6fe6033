//! The differences between protocols.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::net::IpAddr;

use bytes::Bytes;
use http::header::{ACCESS_CONTROL_REQUEST_METHOD, ORIGIN};
use http::{Extensions, HeaderMap, Method, Request, Response};

use crate::authenticate::Authenticator;
use crate::connection::{Connection, PeerAddress, TlsTransport};
use crate::per_thread::Share;
use crate::rejection::Rejection;
use crate::render::{Presentation, Refusal};

/// How requests are read. See [`Respond`].
pub trait Protocol {
    /// Returns `true` for a CORS preflight.
    fn is_preflight(method: &Method, headers: &HeaderMap) -> bool;

    /// Returns the peer's address, if known. Defaults to [`PeerAddress`].
    fn peer(extensions: &Extensions) -> Option<IpAddr> {
        extensions.get::<PeerAddress>().map(|peer| peer.0.ip())
    }

    /// Returns the pattern of the request's route, such as `/v1/videos/{id}`, if it is known. Defaults to unknown.
    ///
    /// It is recorded, so it must not be the path, which may hold personal data.
    fn route<'r>(path: &'r str, extensions: &'r Extensions) -> Option<&'r str> {
        let _ = (path, extensions);
        None
    }

    /// Returns `true` if the server terminated TLS. Defaults to [`TlsTransport`].
    fn is_tls(extensions: &Extensions) -> bool {
        extensions.get::<TlsTransport>().is_some()
    }
}

/// How refusals are written and responses of type `R` finished.
///
/// # Examples
/// ```
/// use http::{HeaderMap, Method, Response};
/// use keyward::adapter::{AuthService, Protocol, Respond};
/// use keyward::render::Refusal;
/// use keyward::{Authenticator, MemoryStore};
/// use tower::{ServiceExt, service_fn};
///
/// struct Numbers;
///
/// impl Protocol for Numbers {
///     fn is_preflight(_: &Method, _: &HeaderMap) -> bool {
///         false
///     }
/// }
///
/// impl Respond<Response<u16>> for Numbers {
///     type Kept = ();
///
///     fn keep(_: &Authenticator, _authenticated: bool) {}
///
///     fn finish((): &(), _: &mut Response<u16>) {}
///
///     fn refuse(authenticator: &Authenticator, refusal: &Refusal) -> Response<u16> {
///         // Counts and reports the refusal, too.
///         let written = authenticator.refuse(refusal);
///         Response::new(written.status().as_u16())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let inner = service_fn(async |_: http::Request<()>| Ok::<_, std::convert::Infallible>(Response::new(0)));
/// let service = AuthService::<_, Numbers>::new(inner, Authenticator::new(MemoryStore::new()));
/// assert_eq!(service.oneshot(http::Request::new(())).await.unwrap().into_body(), 401);
/// # }
/// ```
pub trait Respond<R>: Protocol {
    /// The state of an admitted request, in every future.
    type Kept;

    /// Creates the state. `authenticated` is `false` without a credential.
    fn keep(authenticator: &Authenticator, authenticated: bool) -> Self::Kept;

    /// Finishes an inner response.
    fn finish(kept: &Self::Kept, response: &mut R);

    /// Writes a refusal. Call [`Authenticator::refuse`], which counts and reports it.
    fn refuse(authenticator: &Authenticator, refusal: &Refusal) -> R;
}

/// How a layer inside of an `AuthLayer` writes refusals, as responses of type `R`.
///
/// The response carries the [`Refusal`] in its extensions. The `AuthLayer` writes it again, and counts and reports it.
pub trait RespondInside<R> {
    /// Writes a refusal.
    fn refuse_inside(refusal: Refusal) -> R;
}

/// A writer of refusals without the authenticator, for [`Respond::Kept`]. It takes one word.
pub struct RefusalWriter(Share<Presentation>);

impl RefusalWriter {
    /// Creates the writer of `authenticator`.
    #[inline]
    #[must_use]
    pub fn new(authenticator: &Authenticator) -> Self {
        Self(authenticator.presentation().share())
    }

    /// Writes, counts and reports a refusal, as [`Authenticator::refuse`] does.
    #[must_use]
    pub fn refuse(&self, refusal: &Refusal) -> Response<Bytes> {
        self.0.refuse(refusal)
    }

    /// Returns the rejection to write, as [`Authenticator::explain`] does.
    #[must_use]
    pub fn explain<'r>(&self, rejection: &'r Rejection) -> Cow<'r, Rejection> {
        self.0.explain(rejection).map_or(Cow::Borrowed(rejection), Cow::Owned)
    }
}

impl fmt::Debug for RefusalWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefusalWriter").finish_non_exhaustive()
    }
}

/// HTTP with [`PeerAddress`] and [`TlsTransport`] extensions.
#[derive(Clone, Copy, Debug)]
pub struct Http;

impl Protocol for Http {
    fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
        method == Method::OPTIONS && headers.contains_key(ORIGIN) && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
    }
}

impl<B: From<Bytes>> Respond<Response<B>> for Http {
    type Kept = HttpKept;

    #[inline]
    fn keep(authenticator: &Authenticator, authenticated: bool) -> HttpKept {
        HttpKept { presentation: authenticator.presentation().share(), authenticated }
    }

    #[inline]
    fn finish(kept: &HttpKept, response: &mut Response<B>) {
        // A refusal by an extractor or an inner layer is written here, in this layer's format.
        if let Some(refusal) = response.extensions_mut().remove::<Refusal>() {
            *response = kept.presentation.refuse(&refusal).map(B::from);
            return;
        }
        kept.presentation.finish(response, kept.authenticated);
    }

    fn refuse(authenticator: &Authenticator, refusal: &Refusal) -> Response<B> {
        authenticator.refuse(refusal).map(B::from)
    }
}

impl<B: From<Bytes>> RespondInside<Response<B>> for Http {
    fn refuse_inside(refusal: Refusal) -> Response<B> {
        refusal.into_response()
    }
}

/// The state of [`Http`].
pub struct HttpKept {
    presentation: Share<Presentation>,
    authenticated: bool,
}

impl fmt::Debug for HttpKept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpKept").field("authenticated", &self.authenticated).finish_non_exhaustive()
    }
}

/// The connection in a request's extensions.
///
/// # Examples
/// ```
/// use http::Request;
/// use keyward::adapter::{Connection, Http, RequestConnection};
/// use keyward::PeerAddress;
///
/// let request = Request::get("/").extension(PeerAddress(([192, 0, 2, 7], 49_152).into())).body(())?;
/// assert_eq!(RequestConnection::<Http, _>::new(&request).peer(), Some([192, 0, 2, 7].into()));
/// # Ok::<(), http::Error>(())
/// ```
pub struct RequestConnection<'a, P, B> {
    request: &'a Request<B>,
    protocol: PhantomData<fn() -> P>,
}

impl<'a, P, B> RequestConnection<'a, P, B> {
    /// Creates the connection of `request`.
    #[must_use]
    pub fn new(request: &'a Request<B>) -> Self {
        Self { request, protocol: PhantomData }
    }
}

impl<P, B> fmt::Debug for RequestConnection<'_, P, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestConnection").finish_non_exhaustive()
    }
}

impl<P: Protocol, B> Connection for RequestConnection<'_, P, B> {
    fn peer(&self) -> Option<IpAddr> {
        P::peer(self.request.extensions())
    }

    fn is_tls(&self) -> bool {
        P::is_tls(self.request.extensions())
    }

    fn visit(&self, name: &str, visitor: &mut dyn FnMut(&[u8])) {
        self.request.visit(name, visitor);
    }
}
