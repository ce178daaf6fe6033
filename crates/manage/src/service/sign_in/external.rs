use keyward_core::AccountId;
use serde_json::json;

use super::devices::Proven;
use super::sessions::SignedIn;
use super::throttle::Attempt;
use crate::actor::Context;
use crate::error::ManagementError;
use crate::identity_provider::{Claims, IdentityProvider};
use crate::records::{Entity, ExternalIdentity, Member, StoredFactor, StoredUser, User, Versioned};
use crate::role::Role;
use crate::service::audit::{Draft, Target};
use crate::service::email::normal_email;
use crate::service::settings::SignUpPolicy;
use crate::service::{ATTEMPTS, Management, check_name};
use crate::store::{Kind, List, Write};

struct Admitted {
    /// `None` if the user is new.
    before: Option<StoredUser>,
    user: StoredUser,
    writes: Vec<Write>,
    draft: Draft,
}

impl Management {
    /// Returns the identity provider, if any.
    #[must_use]
    pub fn identity_provider(&self) -> Option<&IdentityProvider> {
        self.0.settings.identity_provider.as_ref()
    }

    pub(crate) fn check_attempt(&self, context: &Context) -> Result<(), ManagementError> {
        self.0.throttle.check_address(Attempt::External, context)
    }

    /// New subjects need a verified e-mail address.
    pub(crate) async fn sign_in_external(
        &self,
        context: &Context,
        claims: &Claims,
    ) -> Result<SignedIn, ManagementError> {
        for _ in 0..ATTEMPTS {
            let id = ExternalIdentity::id_of(&claims.issuer, &claims.subject);
            let admitted = match self.get::<ExternalIdentity>(&id).await? {
                Some(link) => self.admit_known(context, claims, &link).await?,
                None => self.admit_new(context, claims).await?,
            };
            let Some(Admitted { before, user, mut writes, draft }) = admitted else {
                self.refuse_external(context, &claims.issuer, "no user matches");
                return Err(ManagementError::NotAdmitted);
            };
            let (secret, session) = self.new_session(context, &user)?;
            writes.push(session.insert()?);
            if let Some(before) = &before {
                let is_known = self.is_known_device(context, before).await?;
                writes.extend(self.mail_of_sign_in(context, before, is_known).await?);
            }
            // On a conflict, everything is checked again.
            if self.commit(writes, draft).await?.is_ok() {
                let device = self.prove_device(context, &user, Proven::ByUser).await;
                return Ok(SignedIn { session: secret, user: User::from(&user), ends_at: session.ends_at, device });
            }
        }
        Err(ManagementError::Stale)
    }

    pub(crate) fn refuse_external(&self, context: &Context, issuer: &str, why: &str) {
        let draft = Draft::anonymous(context, "session.begin", Target::new("user", ""))
            .after(json!({"identity_provider": issuer, "why": why}));
        self.note_refused(draft);
    }

    async fn admit_known(
        &self,
        context: &Context,
        claims: &Claims,
        link: &ExternalIdentity,
    ) -> Result<Option<Admitted>, ManagementError> {
        let Some(known): Option<Versioned<StoredUser>> = self.get(link.user.as_str()).await? else { return Ok(None) };
        if known.disabled_at.is_some() {
            return Ok(None);
        }
        let mut user = StoredUser { last_sign_in_at: Some(self.now()), ..known.value.clone() };
        let mut after = json!({"identity_provider": claims.issuer});
        if user.address_proven_at.is_none() {
            // The user was linked, so a reset link was used since. Its maker may know the password.
            if user.password.take().is_some() {
                user.epoch += 1;
                after["password"] = json!("removed, because the e-mail address was not verified");
            }
            let verified = claims.verified_email.as_deref().and_then(|email| normal_email(email).ok());
            user.address_proven_at = verified.filter(|email| *email == user.email).map(|_| self.now());
        }
        let draft = Draft::anonymous(context, "session.begin", Target::new("user", &user.id)).after(after);
        Ok(Some(Admitted { writes: vec![known.replace(&user)?], before: Some(known.value), user, draft }))
    }

    async fn admit_new(&self, context: &Context, claims: &Claims) -> Result<Option<Admitted>, ManagementError> {
        let Some(email) = claims.verified_email.as_deref().and_then(|email| normal_email(email).ok()) else {
            return Ok(None);
        };
        let mut after = json!({"identity_provider": claims.issuer, "subject": claims.subject, "email": email});
        let Some(known) = self.find_user(&email).await? else {
            return self.add_external(context, claims, email, after).await;
        };
        if known.disabled_at.is_some() {
            return Ok(None);
        }
        // The provider may have given the address to another person. That person does not become this user.
        let links = self.list::<ExternalIdentity>(&List::of(Kind::Link, 100).owner(known.id.as_str())).await?;
        if links.iter().any(|link| link.issuer == claims.issuer) {
            tracing::warn!(user = %known.id, "the identity provider gives the address of a user to another subject");
            return Ok(None);
        }
        let mut user = StoredUser { last_sign_in_at: Some(self.now()), ..known.value.clone() };
        let mut factor = None;
        if user.address_proven_at.is_none() {
            // The password and the second factor may be those of a person who does not own the address. They end, and so do
            // all sessions and tokens.
            (user.password, user.second_factor_at, user.address_proven_at) = (None, None, Some(self.now()));
            user.epoch += 1;
            after["password"] = json!("removed, because the e-mail address was not verified");
            factor = self.get::<StoredFactor>(known.id.as_str()).await?;
        }
        let link = self.new_link(claims, &user);
        let draft = Draft::anonymous(context, "user.link", Target::new("user", &user.id)).after(after);
        let mut writes = vec![known.replace(&user)?, link.insert()?];
        writes.extend(factor.map(|factor| factor.remove()));
        Ok(Some(Admitted { before: Some(known.value), user, writes, draft }))
    }

    async fn add_external(
        &self,
        context: &Context,
        claims: &Claims,
        email: String,
        after: serde_json::Value,
    ) -> Result<Option<Admitted>, ManagementError> {
        if self.0.settings.sign_up == SignUpPolicy::Closed {
            return self.add_invited(context, claims, email, after).await;
        }
        let user = self.new_external(claims, email);
        let account = self.new_account(AccountId::generate(), user.name.clone());
        // The account comes first: without members it does no harm.
        self.put_in_key_store(&account).await?;
        let member: Member = self.new_member(&account.id, &user.id, Role::Owner);
        let link = self.new_link(claims, &user);
        let writes = vec![user.insert()?, account.insert()?, member.insert()?, link.insert()?];
        let draft = Draft::anonymous(context, "user.sign_up", Target::new("user", &user.id)).account(&account.id);
        Ok(Some(Admitted { before: None, user, writes, draft: draft.after(after) }))
    }

    async fn add_invited(
        &self,
        context: &Context,
        claims: &Claims,
        email: String,
        after: serde_json::Value,
    ) -> Result<Option<Admitted>, ManagementError> {
        let mut is_invited = false;
        for invitation in self.invitations_to(&email).await? {
            is_invited |= match self.check_inviter(&invitation).await {
                Ok(_) => true,
                Err(ManagementError::LinkEnded) => false,
                Err(error) => return Err(error),
            };
        }
        if !is_invited {
            return Ok(None);
        }
        let user = self.new_external(claims, email);
        let writes = vec![user.insert()?, self.new_link(claims, &user).insert()?];
        let draft = Draft::anonymous(context, "user.link", Target::new("user", &user.id)).after(after);
        Ok(Some(Admitted { before: None, user, writes, draft }))
    }

    fn new_external(&self, claims: &Claims, email: String) -> StoredUser {
        let name = claims.name.as_deref().and_then(|name| check_name("name", name).ok());
        let name = name.unwrap_or_else(|| email.chars().take(100).collect());
        let now = Some(self.now());
        StoredUser { last_sign_in_at: now, address_proven_at: now, ..self.new_user(email, name, None) }
    }

    fn new_link(&self, claims: &Claims, user: &StoredUser) -> ExternalIdentity {
        ExternalIdentity {
            issuer: claims.issuer.clone(),
            subject: claims.subject.clone(),
            user: user.id.clone(),
            created_at: self.now(),
        }
    }
}
