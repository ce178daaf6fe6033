//! Signing in with the identity provider: there and back.
//!
//! What binds the two halves is a secret in a short-lived cookie. `state`, `nonce` and the PKCE verifier follow from it, so a link or an
//! answer of one browser is worth nothing in another, and nothing has to be kept on the server.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use axum::response::Response;
use http::StatusCode;
use subtle::ConstantTimeEq;

use super::failure::Failure;
use super::web::{self, Visitor};
use crate::error::ManagementError;
use crate::identity_provider::{Binding, IdentityProvider, IdentityProviderError};
use crate::records::new_secret;

const COOKIE: &str = "oidc";
/// Below the dashboard's own path: what the provider has to know.
const CALLBACK: &str = "/login/oidc/callback";
/// How long somebody may take at the provider.
const SECONDS: i64 = 600;
/// The longest way back that is kept, so that it fits a cookie.
const LONGEST: usize = 1_000;

/// A sign-in that is under way, as its cookie has it.
struct UnderWay<'a> {
    secret: &'a str,
    /// When it began and where it is to go, over both of which the secret is bound.
    purpose: &'a str,
    began: i64,
    to: String,
}

impl<'a> UnderWay<'a> {
    fn read(cookie: &'a str) -> Option<Self> {
        let (secret, purpose) = cookie.split_once('.')?;
        let (began, to) = purpose.split_once('.')?;
        let to = String::from_utf8(hex::decode(to).ok()?).ok()?;
        Some(Self { secret, purpose, began: began.parse().ok()?, to })
    }

    /// Returns `true` if it began within the last ten minutes. The clock of the node that began it may be a minute ahead.
    fn is_good_at(&self, now: i64) -> bool {
        const AHEAD: i64 = -60_000;
        (AHEAD..=SECONDS * 1_000).contains(&now.saturating_sub(self.began))
    }
}

fn purpose(began: i64, to: &str) -> String {
    let to = web::safe_redirect(to);
    format!("{began}.{}", hex::encode(if to.len() > LONGEST { "/keys" } else { to }))
}

fn provider(visitor: &Visitor) -> Result<&IdentityProvider, Failure> {
    visitor.app.management().identity_provider().ok_or_else(|| ManagementError::NotFound("page").into())
}

/// Sends somebody to the provider.
pub(super) async fn begin(visitor: Visitor) -> Result<Response, Failure> {
    let query = visitor.query();
    let (management, provider) = (visitor.app.management(), provider(&visitor)?);
    let callback = visitor.absolute(CALLBACK)?;
    if management.session(&visitor.session(), visitor.context.clone()).await.is_ok() {
        return Ok(visitor.go(web::safe_redirect(query.get("to"))));
    }
    management.check_attempt(&visitor.context)?;
    let secret = new_secret("")?;
    let purpose = purpose(management.now().as_millis(), query.get("to"));
    let binding = Binding::of(&secret, &purpose, callback)?;
    let there = provider.authorize(&binding).await.map_err(|error| failure(&error))?;
    let mut response = web::leave(&there)?;
    visitor.set_cookie(&mut response, COOKIE, &format!("{}.{purpose}", *secret), Some(SECONDS));
    Ok(response)
}

/// Takes somebody in who comes back from the provider.
pub(super) async fn end(visitor: Visitor) -> Response {
    let mut response = match come_back(&visitor).await {
        Ok(response) => response,
        Err(failure) => failure.page(&visitor).await,
    };
    // Good for one time, whatever came of it.
    visitor.set_cookie(&mut response, COOKIE, "", Some(0));
    response
}

async fn come_back(visitor: &Visitor) -> Result<Response, Failure> {
    let query = visitor.query();
    let (management, provider) = (visitor.app.management(), provider(visitor)?);
    let callback = visitor.absolute(CALLBACK)?;
    management.check_attempt(&visitor.context)?;
    let under_way = UnderWay::read(visitor.cookie(COOKIE)).ok_or_else(Failure::sign_in_over)?;
    if !under_way.is_good_at(management.now().as_millis()) {
        return Err(Failure::sign_in_over());
    }
    let binding = Binding::of(under_way.secret, under_way.purpose, callback)?;
    if !bool::from(query.get("state").as_bytes().ct_eq(binding.state.as_bytes())) {
        return Err(Failure::sign_in_over());
    }
    // RFC 9207: an answer that says whose it is has to be the provider's.
    if query.has("iss") && query.get("iss") != provider.issuer() {
        management.refuse_external(&visitor.context, provider.issuer(), "the answer is of another issuer");
        return Err(Failure::bad_answer());
    }
    if query.has("error") {
        management.refuse_external(&visitor.context, provider.issuer(), "the identity provider said no");
        return Err(Failure::said_no());
    }
    let claims = match provider.redeem(&binding, query.get("code")).await {
        Ok(claims) => claims,
        Err(error) => {
            management.refuse_external(&visitor.context, provider.issuer(), &error.to_string());
            return Err(failure(&error));
        }
    };
    let signed_in = management.sign_in_external(&visitor.context, &claims).await?;
    let mut response = visitor.go(web::safe_redirect(&under_way.to));
    visitor.begin_session(&mut response, &signed_in);
    Ok(response)
}

fn failure(error: &IdentityProviderError) -> Failure {
    let cause = std::error::Error::source(error);
    keyward_core::log_limited!(warn, %error, cause, "nobody could sign in with the identity provider");
    if error.is_outage() { Failure::provider_is_down() } else { Failure::bad_answer() }
}

impl Failure {
    fn sign_in_over() -> Self {
        let text = "It took too long, was begun in another browser or in another tab, or your browser keeps no cookies. Begin again.";
        Self::new(StatusCode::FORBIDDEN, "Sign in again", text).way("/login", "Sign in")
    }

    fn said_no() -> Self {
        let text = "You were not signed in at the identity provider. Begin again, or ask who runs it.";
        Self::new(StatusCode::FORBIDDEN, "Not signed in", text).way("/login", "Sign in")
    }

    fn bad_answer() -> Self {
        let text = "What the identity provider answered could not be used, so nobody was signed in. Begin again; if that does not help, \
                    the server has written down why.";
        Self::new(StatusCode::FORBIDDEN, "Not signed in", text).way("/login", "Sign in")
    }

    fn provider_is_down() -> Self {
        let text = "The identity provider cannot be reached at the moment, so nobody can sign in with it. Try again in a minute.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "The identity provider does not answer", text)
            .way("/login", "Sign in")
            .retry_after(60)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_sign_in_ends_whenever_its_cookie_says_it_began() {
        const NOW: i64 = 1_800_000_000_000;
        for (began, is_good) in [
            (NOW, true),
            (NOW - 600_000, true),
            (NOW - 600_001, false),
            (NOW + 60_000, true),
            (NOW + 60_001, false),
            (0, false),
            (i64::MIN, false),
            (i64::MAX, false),
        ] {
            let cookie = format!("x.{began}.2f");
            let under_way = UnderWay::read(&cookie).unwrap();
            assert_eq!(under_way.is_good_at(NOW), is_good, "{cookie}");
        }
        assert!(!UnderWay::read("x.-9223372036854775808.2f").unwrap().is_good_at(i64::MAX));
    }

    proptest! {
        #[test]
        fn no_cookie_makes_a_panic(cookie in ".*", secret in "[a-z.]*", began: i64, to in "[0-9a-f]*", now: i64) {
            for cookie in [cookie, format!("{secret}.{began}.{to}")] {
                if let Some(under_way) = UnderWay::read(&cookie) {
                    let _ = under_way.is_good_at(now);
                    prop_assert!(!web::safe_redirect(&under_way.to).is_empty());
                }
            }
        }
    }

    #[test]
    fn the_way_back_is_an_own_one_and_fits_a_cookie() {
        let long = format!("/keys?q={}", "x".repeat(LONGEST));
        for (to, back) in [
            ("/audit?action=key.", "/audit?action=key."),
            ("//evil.example", "/keys"),
            ("https://evil.example/keys", "/keys"),
            (&long, "/keys"),
        ] {
            let cookie = format!("secret.{}", purpose(7, to));
            let read = UnderWay::read(&cookie).unwrap();
            assert_eq!((read.secret, read.began, read.to.as_str()), ("secret", 7, back));
        }
        for cookie in ["", "secret", "secret.7", "secret.x.2f", "secret.7.zz"] {
            assert!(UnderWay::read(cookie).is_none(), "{cookie}");
        }
    }
}
