#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use std::sync::Arc;
use std::time::{Duration, Instant};

use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod, CoreIdTokenClaims, CoreJwsSigningAlgorithm,
    CoreProviderMetadata, CoreResponseType, CoreTokenResponse, CoreUserInfoClaims,
};
use openidconnect::{
    AccessTokenHash, AuthType, AuthorizationCode, ClaimsVerificationError, CsrfToken, DiscoveryError, Nonce,
    OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope,
    SignatureVerificationError, TokenResponse, UserInfoError,
};

use super::{Binding, IdentityProvider, IdentityProviderError as Error};
use crate::outbound::{AskError, is_loopback};

const MAX_AGE: Duration = Duration::from_secs(600);
/// Limits requests for unknown keys.
const KEY_REFRESH: Duration = Duration::from_secs(1);
const BACKOFF: Duration = Duration::from_secs(2);
/// OpenID Connect Core 1.0 section 2.
const LONGEST_SUBJECT: usize = 255;
/// The provider chooses parts of a reason, and the audit log keeps it.
const LONGEST_REASON: usize = 300;

/// Neither `none` nor a shared secret.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

#[derive(Default)]
pub(super) struct Known {
    description: Option<(Arc<CoreProviderMetadata>, Instant)>,
    failed: Option<Instant>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claims {
    pub(crate) issuer: String,
    pub(crate) subject: String,
    pub(crate) verified_email: Option<String>,
    pub(crate) name: Option<String>,
}

impl IdentityProvider {
    pub(super) async fn description(&self, older_than: Option<Duration>) -> Result<Arc<CoreProviderMetadata>, Error> {
        let mut known = self.known.lock().await;
        let keep = older_than.unwrap_or(MAX_AGE);
        if let Some((description, at)) = &known.description
            && at.elapsed() < keep
        {
            return Ok(Arc::clone(description));
        }
        if known.failed.is_some_and(|at| at.elapsed() < BACKOFF) {
            return Err(Error::Unreachable("it did not answer a moment ago".into()));
        }
        let found = CoreProviderMetadata::discover_async(self.issuer.clone(), &self.http).await;
        let found = found.map_err(Error::from).and_then(|found| self.check_description(found));
        known.failed = found.as_ref().is_err_and(Error::is_outage).then(Instant::now);
        let found = Arc::new(found?);
        known.description = Some((Arc::clone(&found), Instant::now()));
        Ok(found)
    }

    fn check_description(&self, found: CoreProviderMetadata) -> Result<CoreProviderMetadata, Error> {
        let lacks = |what: &str| Error::Description(what.to_owned());
        if found.token_endpoint().is_none() {
            return Err(lacks("it has no token endpoint"));
        }
        let code = CoreResponseType::Code;
        if !found.response_types_supported().iter().any(|types| types.len() == 1 && types.contains(&code)) {
            return Err(lacks("it has no authorization code flow"));
        }
        if !found.id_token_signing_alg_values_supported().iter().any(|known| ALGORITHMS.contains(known)) {
            return Err(lacks("it does not sign ID tokens with a public key"));
        }
        // The browser goes there. The HTTP client enforces https for this program's own requests.
        let url = found.authorization_endpoint().url();
        if url.scheme() != "https" && !(self.issuer.url().scheme() == "http" && is_loopback(url)) {
            return Err(lacks("its authorization endpoint is not https"));
        }
        Ok(found)
    }

    pub(crate) async fn authorize(&self, binding: &Binding) -> Result<String, Error> {
        let description = self.description(None).await?;
        let client =
            CoreClient::from_provider_metadata(CoreProviderMetadata::clone(&description), self.client_id.clone(), None)
                .set_redirect_uri(redirect(binding)?);
        let (state, nonce) = (binding.state.to_string(), binding.nonce.to_string());
        let verifier = PkceCodeVerifier::new(binding.verifier.to_string());
        let (url, ..) = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, || CsrfToken::new(state), || Nonce::new(nonce))
            .add_scope(Scope::new("email".to_owned()))
            .add_scope(Scope::new("profile".to_owned()))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
            .url();
        Ok(url.into())
    }

    pub(crate) async fn redeem(&self, binding: &Binding, code: &str) -> Result<Claims, Error> {
        let description = self.description(None).await?;
        let tokens = self.exchange(&description, binding, code).await?;
        let nonce = Nonce::new(binding.nonce.to_string());
        let claims = match self.verify(&description, &tokens, &nonce) {
            Err(ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey)) => {
                // The provider may have rotated its keys.
                let description = self.description(Some(KEY_REFRESH)).await?;
                self.verify(&description, &tokens, &nonce)
            }
            verdict => verdict,
        };
        let claims = claims.map_err(|error| Error::Token(shortened(error.to_string() + &source(&error))))?;
        let mut found = Claims {
            issuer: self.issuer().to_owned(),
            subject: claims.subject().to_string(),
            verified_email: verified(claims.email(), claims.email_verified()),
            name: claims.name().and_then(|name| name.get(None)).map(|name| name.to_string()),
        };
        // Many providers keep ID tokens short and return the rest here.
        if (found.verified_email.is_none() || found.name.is_none()) && description.userinfo_endpoint().is_some() {
            let client = self.client(&description);
            let request = client
                .user_info(tokens.access_token().clone(), Some(claims.subject().clone()))
                .map_err(|error| Error::Description(error.to_string()))?;
            let more: CoreUserInfoClaims = request.request_async(&self.http).await.map_err(of_user_info)?;
            found.verified_email = found.verified_email.or_else(|| verified(more.email(), more.email_verified()));
            found.name =
                found.name.or_else(|| more.name().and_then(|name| name.get(None)).map(|name| name.to_string()));
        }
        Ok(found)
    }

    async fn exchange(
        &self,
        description: &CoreProviderMetadata,
        binding: &Binding,
        code: &str,
    ) -> Result<CoreTokenResponse, Error> {
        let client = self.client(description).set_redirect_uri(redirect(binding)?);
        let request = client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .map_err(|error| Error::Description(error.to_string()))?
            .set_pkce_verifier(PkceCodeVerifier::new(binding.verifier.to_string()));
        request.request_async(&self.http).await.map_err(|error| match error {
            RequestTokenError::ServerResponse(refusal) => Error::Refused(shortened(refusal.error().to_string())),
            RequestTokenError::Request(error) => Error::of_http(error),
            RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
                Error::Refused("its response has no tokens".to_owned())
            }
        })
    }

    fn verify(
        &self,
        description: &CoreProviderMetadata,
        tokens: &CoreTokenResponse,
        nonce: &Nonce,
    ) -> Result<CoreIdTokenClaims, ClaimsVerificationError> {
        let other = |what: &str| ClaimsVerificationError::Other(what.to_owned());
        let client = self.client(description);
        let verifier = client.id_token_verifier().set_allowed_algs(ALGORITHMS);
        let token = tokens.id_token().ok_or_else(|| other("the response has no ID token"))?;
        let claims = token.claims(&verifier, nonce)?;
        check_subject(claims.subject()).map_err(ClaimsVerificationError::Other)?;
        // Section 3.1.3.7, step 5, which openidconnect leaves out.
        if let Some(party) = claims.authorized_party().filter(|party| **party != self.client_id) {
            return Err(other(&format!(
                "its claim `azp` is `{}`: expected the client id `{}`",
                **party, *self.client_id
            )));
        }
        if let Some(hash) = claims.access_token_hash() {
            let signing = token.signing_alg().map_err(|error| other(&error.to_string()))?;
            let key = token.signing_key(&verifier).map_err(ClaimsVerificationError::SignatureVerification)?;
            let own = AccessTokenHash::from_token(tokens.access_token(), signing, key);
            if own.map_err(|error| other(&error.to_string()))? != *hash {
                return Err(other("it is for another access token"));
            }
        }
        Ok(claims.clone())
    }

    fn client(&self, description: &CoreProviderMetadata) -> Discovered {
        let client =
            CoreClient::from_provider_metadata(description.clone(), self.client_id.clone(), self.client_secret.clone());
        // OpenID Connect Discovery 1.0 section 3: the default is client_secret_basic.
        let methods = description.token_endpoint_auth_methods_supported();
        let in_body = methods.is_some_and(|methods| {
            methods.contains(&CoreClientAuthMethod::ClientSecretPost)
                && !methods.contains(&CoreClientAuthMethod::ClientSecretBasic)
        });
        client.set_auth_type(if in_body { AuthType::RequestBody } else { AuthType::BasicAuth })
    }
}

type Discovered = CoreClient<
    openidconnect::EndpointSet,
    openidconnect::EndpointNotSet,
    openidconnect::EndpointNotSet,
    openidconnect::EndpointNotSet,
    openidconnect::EndpointMaybeSet,
    openidconnect::EndpointMaybeSet,
>;

fn redirect(binding: &Binding) -> Result<RedirectUrl, Error> {
    RedirectUrl::new(binding.redirect.clone()).map_err(|error| Error::Description(error.to_string()))
}

fn check_subject(subject: &str) -> Result<(), String> {
    let is_plain = |c: char| c.is_ascii_graphic() || c == ' ';
    if (1..=LONGEST_SUBJECT).contains(&subject.len()) && subject.chars().all(is_plain) {
        return Ok(());
    }
    Err(format!(
        "its claim `sub` has {} characters: expected 1 to {LONGEST_SUBJECT} ASCII characters without control characters",
        subject.chars().count()
    ))
}

fn shortened(mut reason: String) -> String {
    if let Some((end, _)) = reason.char_indices().nth(LONGEST_REASON) {
        reason.truncate(end);
        reason.push('…');
    }
    reason
}

fn verified(email: Option<&openidconnect::EndUserEmail>, is_verified: Option<bool>) -> Option<String> {
    email.filter(|_| is_verified == Some(true)).map(|email| email.to_string())
}

fn source(error: &dyn std::error::Error) -> String {
    error.source().map(|cause| format!(": {cause}")).unwrap_or_default()
}

impl Error {
    fn of_http(error: AskError) -> Self {
        match error {
            AskError::TooLarge => Self::Description(error.to_string()),
            other => Self::Unreachable(Box::new(other)),
        }
    }
}

impl From<DiscoveryError<AskError>> for Error {
    fn from(error: DiscoveryError<AskError>) -> Self {
        match error {
            DiscoveryError::Request(error) => Self::of_http(error),
            DiscoveryError::Response(status, ..) => {
                Self::Description(format!("its discovery document could not be fetched (status {status})"))
            }
            DiscoveryError::Parse(error) => Self::Description(error.to_string()),
            DiscoveryError::UrlParse(error) => Self::Description(error.to_string()),
            other => Self::Description(other.to_string()),
        }
    }
}

fn of_user_info(error: UserInfoError<AskError>) -> Error {
    match error {
        UserInfoError::Request(error) => Error::of_http(error),
        UserInfoError::ClaimsVerification(error) => Error::Token(shortened(error.to_string())),
        UserInfoError::Response(status, ..) => {
            Error::Refused(format!("it returned no user information (status {status})"))
        }
        other => Error::Refused(shortened(other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subject_has_the_bounds_of_openid_connect() {
        for (subject, fits) in [
            ("248289761001", true),
            ("auth0|5f7c8ec7c33c6c004bbafe82", true),
            ("a b", true),
            (&"s".repeat(255), true),
            (&"s".repeat(256), false),
            (&"s".repeat(100_000), false),
            ("", false),
            ("Zoë", false),
            ("a\nb", false),
            ("a\u{7f}", false),
        ] {
            assert_eq!(check_subject(subject).is_ok(), fits, "{subject:.20}");
        }
        let refusal = check_subject(&"é".repeat(300)).unwrap_err();
        assert!(refusal.contains("has 300 characters: expected 1 to 255"), "{refusal}");
    }

    #[test]
    fn reason_is_bounded_between_characters() {
        assert_eq!(shortened("é".repeat(300)), "é".repeat(300));
        assert_eq!(shortened("é".repeat(200_000)), "é".repeat(300) + "…");
    }
}
