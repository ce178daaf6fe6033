//! Signing in with the identity provider. `state`, `nonce` and the PKCE verifier derive from a secret in a short-lived cookie.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use subtle::ConstantTimeEq;

use crate::dashboard::error::PageError;
use crate::dashboard::site_map::HOME;
use crate::dashboard::visitor::Visitor;
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::identity_provider::{Binding, IdentityProvider, IdentityProviderError};
use crate::records::new_secret;

const COOKIE: &str = "oidc";
pub(super) const CALLBACK: &str = "/login/oidc/callback";
const SECONDS: i64 = 600;
const LONGEST: usize = 1_000;

struct PendingSignIn<'a> {
    secret: &'a str,
    purpose: &'a str,
    began: i64,
    to: String,
}

impl<'a> PendingSignIn<'a> {
    fn read(cookie: &'a str) -> Option<Self> {
        let (secret, purpose) = cookie.split_once('.')?;
        let (began, to) = purpose.split_once('.')?;
        let to = String::from_utf8(hex::decode(to).ok()?).ok()?;
        Some(Self { secret, purpose, began: began.parse().ok()?, to })
    }

    /// The clock of the node that began it may be a minute ahead.
    fn is_good_at(&self, now: i64) -> bool {
        const AHEAD: i64 = -60_000;
        (AHEAD..=SECONDS * 1_000).contains(&now.saturating_sub(self.began))
    }
}

fn purpose(began: i64, to: &str) -> String {
    format!("{began}.{}", hex::encode(if to.len() > LONGEST { HOME } else { to }))
}

fn provider(visitor: &Visitor) -> Result<&IdentityProvider, PageError> {
    visitor.app.management().identity_provider().ok_or_else(|| ManagementError::NotFound("page").into())
}

pub(super) async fn begin(visitor: Visitor) -> Result<Response, PageError> {
    let query = visitor.query();
    let (management, provider) = (visitor.app.management(), provider(&visitor)?);
    let callback = visitor.absolute(CALLBACK)?;
    if visitor.is_signed_in().await {
        return Ok(visitor.go(visitor.safe_redirect(query.get("to"))));
    }
    management.check_attempt(&visitor.context)?;
    let secret = new_secret("")?;
    let purpose = purpose(management.now().as_millis(), visitor.safe_redirect(query.get("to")));
    let binding = Binding::of(&secret, &purpose, callback)?;
    let there = provider.authorize(&binding).await.map_err(|error| page_error(&error))?;
    let mut response = Redirect::to(&there).into_response();
    visitor.cookies.set(&mut response, COOKIE, &format!("{}.{purpose}", *secret), Some(SECONDS));
    Ok(response)
}

pub(super) async fn end(visitor: Visitor) -> Response {
    let mut response = come_back(&visitor).await.into_response();
    // The cookie is valid once, whatever the result.
    visitor.cookies.set(&mut response, COOKIE, "", Some(0));
    response
}

async fn come_back(visitor: &Visitor) -> Result<Response, PageError> {
    let query = visitor.query();
    let (management, provider) = (visitor.app.management(), provider(visitor)?);
    let callback = visitor.absolute(CALLBACK)?;
    management.check_attempt(&visitor.context)?;
    let pending = PendingSignIn::read(visitor.cookies.get(COOKIE)).ok_or_else(PageError::sign_in_over)?;
    if !pending.is_good_at(management.now().as_millis()) {
        return Err(PageError::sign_in_over());
    }
    let binding = Binding::of(pending.secret, pending.purpose, callback)?;
    if !bool::from(query.get("state").as_bytes().ct_eq(binding.state.as_bytes())) {
        return Err(PageError::sign_in_over());
    }
    // RFC 9207: an answer that names an issuer must name the provider.
    if query.has("iss") && query.get("iss") != provider.issuer() {
        management.refuse_external(&visitor.context, provider.issuer(), "the answer names another issuer");
        return Err(PageError::bad_answer());
    }
    if query.has("error") {
        management.refuse_external(&visitor.context, provider.issuer(), "the identity provider refused");
        return Err(PageError::refused_there());
    }
    let claims = match provider.redeem(&binding, query.get("code")).await {
        Ok(claims) => claims,
        Err(error) => {
            management.refuse_external(&visitor.context, provider.issuer(), &error.to_string());
            return Err(page_error(&error));
        }
    };
    let signed_in = management.sign_in_external(&visitor.context, &claims).await?;
    let mut response = visitor.go(visitor.safe_redirect(&pending.to));
    visitor.begin_session(&mut response, &signed_in);
    Ok(response)
}

fn page_error(error: &IdentityProviderError) -> PageError {
    let cause = std::error::Error::source(error);
    keyward_core::log_limited!(warn, %error, cause, "a sign-in with the identity provider failed");
    if error.is_outage() { PageError::provider_is_down() } else { PageError::bad_answer() }
}

impl PageError {
    fn sign_in_over() -> Self {
        let text = words::oidc::THE_SIGN_IN_TOOK_TOO_LONG;
        Self::new(StatusCode::FORBIDDEN, words::shared::SIGN_IN_AGAIN, text).button("/login", words::shared::SIGN_IN)
    }

    fn refused_there() -> Self {
        let text = words::oidc::THE_IDENTITY_PROVIDER_DID;
        Self::new(StatusCode::FORBIDDEN, words::oidc::NOT_SIGNED_IN, text).button("/login", words::shared::SIGN_IN)
    }

    fn bad_answer() -> Self {
        let text = words::oidc::THE_SERVER_COULD_NOT_USE;
        Self::new(StatusCode::FORBIDDEN, words::oidc::NOT_SIGNED_IN, text).button("/login", words::shared::SIGN_IN)
    }

    fn provider_is_down() -> Self {
        let text = words::oidc::THE_SERVER_CANNOT_REACH;
        Self::new(StatusCode::SERVICE_UNAVAILABLE, words::oidc::THE_IDENTITY_PROVIDER_DOES_NOT_ANSWER, text)
            .button("/login", words::shared::SIGN_IN)
            .retry_after(60)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;
    use crate::dashboard::site_map::SiteMap;

    static SITE_MAP: LazyLock<SiteMap> = LazyLock::new(|| SiteMap::of(&crate::dashboard::pages::routes()));

    #[test]
    fn sign_in_ends_after_ten_minutes() {
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
            let pending = PendingSignIn::read(&cookie).unwrap();
            assert_eq!(pending.is_good_at(NOW), is_good, "{cookie}");
        }
        assert!(!PendingSignIn::read("x.-9223372036854775808.2f").unwrap().is_good_at(i64::MAX));
    }

    proptest! {
        #[test]
        fn cookie_never_panics(cookie in ".*", secret in "[a-z.]*", began: i64, to in "[0-9a-f]*", now: i64) {
            for cookie in [cookie, format!("{secret}.{began}.{to}")] {
                if let Some(pending) = PendingSignIn::read(&cookie) {
                    let _ = pending.is_good_at(now);
                    prop_assert!(!SITE_MAP.destination(&pending.to).is_empty());
                }
            }
        }
    }

    #[test]
    fn return_path_is_own_and_fits_a_cookie() {
        let long = format!("/keys?q={}", "x".repeat(LONGEST));
        for (to, back) in [
            ("/audit?action=key.", "/audit?action=key."),
            ("//evil.example", "/keys"),
            ("https://evil.example/keys", "/keys"),
            (&long, "/keys"),
        ] {
            let cookie = format!("secret.{}", purpose(7, SITE_MAP.destination(to)));
            let read = PendingSignIn::read(&cookie).unwrap();
            assert_eq!((read.secret, read.began, read.to.as_str()), ("secret", 7, back));
        }
        for cookie in ["", "secret", "secret.7", "secret.x.2f", "secret.7.zz"] {
            assert!(PendingSignIn::read(cookie).is_none(), "{cookie}");
        }
    }
}
