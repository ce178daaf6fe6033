use std::time::Duration;

use keyward_core::AccountId;
use serde_json::json;

use crate::actor::{Actor, Context};
use crate::error::ManagementError;
use crate::records::{Account, Entity, Member, StoredUser, User};
use crate::role::{Role, scopes};
use crate::service::audit::{DoesNotFit, Draft, Target};
use crate::service::email::normal_email;
use crate::service::settings::SignUpPolicy;
use crate::service::sign_in::Attempt;
use crate::service::{Management, check_name};
use crate::store::{Kind, List, Write};

/// So that it does not reveal known addresses.
const SIGN_UP_TAKES: Duration = Duration::from_millis(300);

/// A user to create.
///
/// # Examples
/// ```
/// let ada = keyward::manage::NewUser::new("ada@example.com", "Ada", "correct horse battery");
/// assert!(!format!("{ada:?}").contains("horse"));
/// ```
#[derive(Clone)]
pub struct NewUser {
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) password: String,
}

impl NewUser {
    /// Describes a user.
    #[must_use]
    pub fn new(email: impl Into<String>, name: impl Into<String>, password: impl Into<String>) -> Self {
        Self { email: email.into(), name: name.into(), password: password.into() }
    }
}

impl std::fmt::Debug for NewUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewUser").field("email", &self.email).finish_non_exhaustive()
    }
}

impl Management {
    /// Returns who can sign up.
    #[must_use]
    pub fn sign_up_policy(&self) -> SignUpPolicy {
        self.0.settings.sign_up
    }

    /// Checks the fields of a new user one by one, for a form that shows all mistakes at once. An invitation has the address.
    ///
    /// Judging a password takes long. So it happens here only for a form that is refused anyway, and counts as its attempt.
    #[cfg(feature = "dashboard")]
    pub(crate) async fn wrong_fields_of_user(
        &self,
        context: &Context,
        email: Option<&str>,
        name: &str,
        password: &str,
    ) -> Result<Vec<ManagementError>, ManagementError> {
        let mut wrong = crate::service::wrong_fields([
            email.map_or(Ok(()), |email| normal_email(email).map(drop)),
            check_name("name", name).map(drop),
            crate::service::sign_in::check_length(password),
        ])?;
        let has_length = !wrong.iter().any(|error| matches!(error, ManagementError::Invalid { field: "password", .. }));
        let attempt = if email.is_some() { Attempt::SignUp } else { Attempt::Link };
        if !wrong.is_empty() && has_length && self.0.throttle.check_address(attempt, context).is_ok() {
            let about = [email.unwrap_or_default(), name];
            wrong.extend(self.0.passwords.check(password, &about).await.err());
        }
        Ok(wrong)
    }

    /// Creates a user and an account. The result does not reveal whether the address was known.
    ///
    /// # Errors
    /// [`ManagementError::SignUpClosed`], [`ManagementError::Throttled`].
    pub async fn sign_up(&self, context: &Context, new: NewUser) -> Result<(), ManagementError> {
        if self.0.settings.sign_up == SignUpPolicy::Closed {
            return Err(ManagementError::SignUpClosed);
        }
        self.require_passwords()?;
        let email = normal_email(&new.email)?;
        let name = check_name("name", &new.name)?;
        self.0.throttle.check_address(Attempt::SignUp, context)?;
        self.0.throttle.check_email(Attempt::SignUp, &email)?;
        self.0.passwords.check(&new.password, &[&email, &name]).await?;
        let password = self.0.passwords.hash(new.password).await?;
        let begun = tokio::time::Instant::now();
        // The write completes even if the caller leaves. Hashing does not, so abandoned requests do not queue.
        let (management, context) = (self.clone(), context.clone());
        Self::run_to_completion(async move { management.write_sign_up(&context, email, name, password).await }).await?;
        tokio::time::sleep_until(begun + SIGN_UP_TAKES).await;
        Ok(())
    }

    async fn write_sign_up(
        &self,
        context: &Context,
        email: String,
        name: String,
        password: String,
    ) -> Result<(), ManagementError> {
        if self.find_user(&email).await?.is_none() {
            let id = AccountId::generate();
            let user = self.new_user(email, name, Some(password));
            let draft = Draft::anonymous(context, "user.sign_up", Target::new("user", &user.id)).account(&id);
            match self.add_with_account(user, id, draft).await {
                Ok(_) | Err(ManagementError::Duplicate(_)) => {}
                Err(error) => return Err(error),
            }
        } else {
            let draft = Draft::anonymous(context, "user.sign_up", Target::new("user", ""));
            self.note_refused(draft);
        }
        Ok(())
    }

    /// Creates an owner of the operator's account, and the account if missing.
    ///
    /// # Errors
    /// [`ManagementError::Duplicate`].
    pub async fn create_owner(&self, actor: &Actor, new: NewUser) -> Result<User, ManagementError> {
        let email = normal_email(&new.email)?;
        let name = check_name("name", &new.name)?;
        self.0.passwords.check(&new.password, &[&email, &name]).await?;
        let password = self.0.passwords.hash(new.password).await?;
        // Only the operator does this, and vouches for the address.
        let user = StoredUser { address_proven_at: Some(self.now()), ..self.new_user(email, name, Some(password)) };
        let operator = self.operator().clone();
        if self.get::<Account>(operator.as_str()).await?.is_some() {
            let held = self.guarded_rights(&actor.principal(), &operator).await?;
            held.rights.require(&scopes::MEMBERS_WRITE)?;
            held.rights.check_role(Role::Owner)?;
            self.confirm_user(actor).await?;
            self.add_to(user, &operator, Role::Owner, actor, held.guards).await
        } else {
            let draft = Draft::new(actor, "user.create", Target::new("user", &user.id)).account(&operator);
            self.add_with_account(user, operator, draft).await
        }
    }

    /// Returns `true` if the operator's account has an owner.
    ///
    /// # Errors
    /// [`ManagementError::Store`].
    pub async fn has_owner(&self) -> Result<bool, ManagementError> {
        let mut list = List::of(Kind::Member, 500).owner(self.operator().as_str());
        loop {
            let members = self.list::<Member>(&list).await?;
            if members.iter().any(|member| member.role == Role::Owner) {
                return Ok(true);
            }
            let Some(last) = members.last() else { return Ok(false) };
            list.after = Some((last.value.sort(), last.value.id()));
        }
    }

    async fn add_with_account(&self, user: StoredUser, id: AccountId, draft: Draft) -> Result<User, ManagementError> {
        let name = if id == *self.operator() { "Operator".to_owned() } else { user.name.clone() };
        let account = self.new_account(id, name);
        // The account comes first: without members it does no harm, but an owner needs it.
        self.put_in_key_store(&account).await?;
        let member = self.new_member(&account.id, &user.id, Role::Owner);
        let writes = vec![user.insert()?, account.insert()?, member.insert()?];
        let draft = draft.after(User::from(&user));
        match self.commit(writes, draft).await? {
            Ok(()) => Ok(User::from(&user)),
            Err(DoesNotFit(0)) => Err(ManagementError::Duplicate("user")),
            Err(_) => Err(ManagementError::Stale),
        }
    }

    pub(crate) async fn add_to(
        &self,
        user: StoredUser,
        account: &AccountId,
        role: Role,
        actor: &Actor,
        guards: Vec<Write>,
    ) -> Result<User, ManagementError> {
        let member = self.new_member(account, &user.id, role);
        let draft = Draft::new(actor, "user.create", Target::new("user", &user.id))
            .account(account)
            .after(json!({"user": User::from(&user), "role": role}));
        let writes = [vec![user.insert()?, member.insert()?], guards].concat();
        match self.commit(writes, draft).await? {
            Ok(()) => Ok(User::from(&user)),
            Err(DoesNotFit(0 | 1)) => Err(ManagementError::Duplicate("user")),
            Err(_) => Err(ManagementError::Stale),
        }
    }
}
