//! The state that a browser keeps.

use axum::response::Response;
use zeroize::Zeroizing;

use super::cookies::{DEVICE, HALF, SESSION, THEME, VISIT};
use super::csrf::token_of;
use super::visitor::Visitor;
use crate::actor::Actor;
use crate::appearance::Theme;
use crate::error::ManagementError;
use crate::records::new_secret;
use crate::service::SignedIn;

const DAY: i64 = 24 * 3_600;

impl Visitor {
    pub(super) fn session(&self) -> Zeroizing<String> {
        Zeroizing::new(self.cookies.get(SESSION).to_owned())
    }

    pub(super) async fn is_signed_in(&self) -> bool {
        self.app.management().session(&self.session(), self.context.clone()).await.is_ok()
    }

    pub(super) fn begin_session(&self, response: &mut Response, signed_in: &SignedIn) {
        self.cookies.set(response, SESSION, &signed_in.session, None);
        self.cookies.set(response, VISIT, "", Some(0));
        self.cookies.set(response, HALF, "", Some(0));
        if let Some(device) = &signed_in.device {
            self.keep_device(response, device);
        }
    }

    /// The state between the password and the code. Without the visit it opens nothing.
    pub(super) fn half_sign_in(&self, response: &mut Response, half: &str) {
        self.cookies.set(response, HALF, half, Some(300));
    }

    pub(super) fn end_session(&self, response: &mut Response) {
        self.cookies.set(response, SESSION, "", Some(0));
    }

    pub(super) async fn end_all_sessions(&self, response: &mut Response, actor: &Actor) {
        self.end_session(response);
        self.renew_device(response, actor).await;
    }

    /// Ending all sessions ends the proofs of devices, too.
    pub(super) async fn renew_device(&self, response: &mut Response, actor: &Actor) {
        match self.app.management().device_proof(actor).await {
            Ok(proof) => self.keep_device(response, &proof),
            Err(error) => {
                keyward_core::log_limited!(warn, %error, "cannot create a device proof: the device will be unknown at its next sign-in")
            }
        }
    }

    pub(super) fn visit_token(&self) -> Result<(String, Option<Zeroizing<String>>), ManagementError> {
        let known = self.cookies.get(VISIT);
        if known.is_empty() {
            let fresh = new_secret("")?;
            Ok((token_of(&fresh)?, Some(fresh)))
        } else {
            Ok((token_of(known)?, None))
        }
    }

    pub(super) fn begin_visit(&self, response: &mut Response, secret: &str) {
        self.cookies.set(response, VISIT, secret, None);
    }

    pub(super) fn keep_theme(&self, response: &mut Response, theme: Theme) {
        self.cookies.set(response, THEME, theme.as_str(), Some(365 * DAY));
    }

    /// Browsers keep a cookie for at most 400 days.
    fn keep_device(&self, response: &mut Response, proof: &str) {
        self.cookies.set(response, DEVICE, proof, Some(400 * DAY));
    }
}
